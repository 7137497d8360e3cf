/**
 * The kernel of convolution and of its gradient with respect to the input, which are one sum over a window:
 *
 *     out[n, o, i, j] = Σ over c, r, s of x[n, c, y(i, r), x(j, s)] · taps[c, r, s, o]
 *
 * They differ in y and x (`transposed`), and in the order of the weight's axes: `conv2d` and `conv2dInputGrad` lay it
 * out as taps, with the output channels innermost, so that a tap's channels are read together. That costs little: a
 * weight is small beside the pictures.
 *
 * @module
 */

import { convCandidates, convTile } from "./conv_tile.ts";
import { type ConvAttrs, type ConvTile, convWindow, sizePair } from "./conv_window.ts";
import {
  type Builder,
  byImage,
  bytesOf,
  type Call,
  defineOp,
  type Kernel,
  type KernelOp,
  type OpSample,
  type Shape,
  shapesText,
  sizeOf,
  type Tensor,
} from "../op.ts";

/** Attributes: the convolution's, whether it is a gradient's, and [OH, OW]. */
type ConvolveAttrs = ConvAttrs & { readonly transposed: boolean; readonly outputSize: readonly number[] };

/**
 * A weight [O, C / groups, kh, kw] as taps.
 *
 * @param inner The axis that becomes the innermost: `O` / groups for a convolution, `C` / groups for the input's
 *   gradient.
 * @returns [groups, C / groups, kh, kw, O / groups], or [groups, O / groups, kh, kw, C / groups].
 */
export function tapsOf(b: Builder, weight: Tensor, groups: number, inner: "O" | "C"): Tensor {
  const [o, perGroup, kh, kw] = weight.shape;
  // Of one channel the order is the same.
  if (inner === "O" && o === groups) return b.reshape(weight, [groups, perGroup, kh, kw, 1]);
  if (inner === "C" && perGroup === 1) return b.reshape(weight, [groups, o / groups, kh, kw, 1]);
  const grouped = b.reshape(weight, [groups, o / groups, perGroup, kh, kw]);
  return b.permute(grouped, inner === "O" ? [0, 2, 3, 4, 1] : [0, 1, 3, 4, 2]);
}

function shape([x, taps]: readonly Shape[], attrs: ConvolveAttrs): Shape {
  const [groups, inChannels, , , outChannels] = taps;
  if (x.length !== 4 || taps.length !== 5 || x[1] !== groups * inChannels) {
    throw new TypeError(`Cannot convolve ${shapesText([x, taps])}: it takes [N, G · I, H, W] and [G, I, kh, kw, J]`);
  }
  return [x[0], groups * outChannels, ...sizePair("convolve", "outputSize", attrs.outputSize)];
}

/** A call as the writer of tiles sees it. */
function tiled(
  { inputs: [[, , , inWidth], [groups, inChannels, kh, kw]], output, attrs }: Call<ConvolveAttrs>,
): ConvTile {
  const { stride, padding } = convWindow("convolve", attrs);
  const transposed = attrs.transposed === true;
  return { output, inChannels, inWidth, groups, stride, padding, kernel: [kh, kw], transposed };
}

const kernel: Kernel<ConvolveAttrs> = {
  params({ inputs: [x, taps], output, attrs }: Call<ConvolveAttrs>) {
    const { stride, padding } = convWindow("convolve", attrs);
    const [images, , inHeight, inWidth] = x;
    const [groups, inChannels, kernelHeight, kernelWidth, outChannels] = taps;
    const [, , outHeight, outWidth] = output;
    return {
      ...{ images, groups, stride, padding, kernelHeight, kernelWidth, transposed: attrs.transposed ? 1 : 0 },
      ...{ inChannels, inHeight, inWidth, outChannels, outHeight, outWidth },
      // For compensated sums: a number that compilers do not know.
      one: 1,
    };
  },
  candidates: (call, target) => convCandidates(tiled(call), target),
  wgsl: (call, target, candidate) => convTile(tiled(call), target, candidate),
  gpujs: function (x, taps) {
    const j = this.thread.x % this.constants.outWidth;
    const i = Math.floor(this.thread.x / this.constants.outWidth) % this.constants.outHeight;
    const plane = Math.floor(this.thread.x / (this.constants.outWidth * this.constants.outHeight));
    const o = plane % this.constants.outChannels;
    // Of image and group: both tensors have groups right after images.
    const run = Math.floor(plane / this.constants.outChannels);
    const group = run % this.constants.groups;
    let total = 0;
    for (let c = 0; c < this.constants.inChannels; c++) {
      for (let r = 0; r < this.constants.kernelHeight; r++) {
        let row = i * this.constants.stride + r - this.constants.padding;
        if (this.constants.transposed === 1) {
          const below = i + this.constants.padding - r;
          row = Math.floor(below / this.constants.stride);
          if (row * this.constants.stride !== below) {
            row = -1;
          }
        }
        if (row >= 0 && row < this.constants.inHeight) {
          for (let s = 0; s < this.constants.kernelWidth; s++) {
            let column = j * this.constants.stride + s - this.constants.padding;
            if (this.constants.transposed === 1) {
              const right = j + this.constants.padding - s;
              column = Math.floor(right / this.constants.stride);
              if (column * this.constants.stride !== right) {
                column = -1;
              }
            }
            if (column >= 0 && column < this.constants.inWidth) {
              const tap = ((group * this.constants.inChannels + c) * this.constants.kernelHeight + r) *
                  this.constants.kernelWidth + s;
              total += x[
                ((run * this.constants.inChannels + c) * this.constants.inHeight + row) * this.constants.inWidth +
                column
              ] * taps[tap * this.constants.outChannels + o];
            }
          }
        }
      }
    }
    return total;
  },
};

const samples: readonly OpSample<ConvolveAttrs>[] = [
  {
    inputs: [{ shape: [2, 3, 6, 7] }, { shape: [1, 3, 3, 3, 5] }],
    attrs: { stride: 1, padding: 1, transposed: false, outputSize: [6, 7] },
    abs: 1e-4,
    noGrad: [0, 1],
  },
  {
    inputs: [{ shape: [1, 4, 3, 4] }, { shape: [2, 2, 3, 3, 4] }],
    attrs: { stride: 2, padding: 1, transposed: true, outputSize: [6, 8] },
    abs: 1e-4,
    noGrad: [0, 1],
  },
  // Depthwise: rows of whole fours, and a gradient whose rows begin anywhere.
  {
    inputs: [{ shape: [2, 2, 9, 8] }, { shape: [2, 1, 3, 3, 1] }],
    attrs: { stride: 1, padding: 1, transposed: false, outputSize: [9, 8] },
    abs: 1e-4,
    noGrad: [0, 1],
  },
  {
    inputs: [{ shape: [1, 3, 5, 6] }, { shape: [3, 1, 3, 3, 1] }],
    attrs: { stride: 2, padding: 1, transposed: true, outputSize: [10, 11] },
    abs: 1e-4,
    noGrad: [0, 1],
  },
  ...[false, true].map((transposed): OpSample<ConvolveAttrs> => ({
    inputs: [{ shape: [32, 32, 32, 32] }, { shape: [1, 32, 3, 3, 64] }],
    attrs: { stride: 1, padding: 1, transposed, outputSize: [32, 32] },
    noGrad: [0, 1],
    bench: true,
  })),
];

/**
 * x [N, G · I, H, W] and taps [G, I, kh, kw, J] give [N, G · J, OH, OW]. Attributes: `stride`, `padding`, `transposed`,
 * and `outputSize` [OH, OW]. It has no VJP: the ops that are made of it have.
 */
export const convolve: KernelOp = defineOp<ConvolveAttrs>({
  kind: "kernel",
  name: "convolve",
  shape,
  cost: (call) => {
    const [, inChannels, kh, kw] = call.inputs[1];
    const products = call.attrs.transposed
      ? sizeOf(call.inputs[0]) * sizeOf(call.inputs[1].slice(2))
      : sizeOf(call.output) * inChannels * kh * kw;
    return { flops: 2 * products, bytes: bytesOf(call) };
  },
  cuts: () => byImage(2),
  precision: { result: "half" },
  kernel,
  samples,
});
