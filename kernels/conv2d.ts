/**
 * Two-dimensional convolution (cross-correlation, as in PyTorch), without bias: that is added by the elementwise op
 * that follows, which is fused into the write-out.
 *
 * @module
 */

import { convTile } from "./conv_tile.ts";
import { convCases, convCost, convShape, convWindow } from "./conv_window.ts";
import type { Call, Kernel, Op } from "./op.ts";

const kernel: Kernel = {
  params({ inputs: [x, weight], output, attrs }: Call) {
    const { stride, padding, groups } = convWindow("conv2d", attrs);
    const [images, , inHeight, inWidth] = x;
    const [o, inChannels, kernelHeight, kernelWidth] = weight;
    const [, , outHeight, outWidth] = output;
    const weightIn = kernelHeight * kernelWidth;
    const weightOut = inChannels * weightIn;
    const outChannels = o / groups;
    const weightGroup = outChannels * weightOut;
    return {
      ...{ images, groups, stride, padding, kernelHeight, kernelWidth, weightGroup, weightOut, weightIn },
      ...{ inChannels, inHeight, inWidth, outChannels, outHeight, outWidth },
    };
  },
  wgsl: ({ inputs: [, [, , kh, kw]], output, attrs }) =>
    convTile({ output, ...convWindow("conv2d", attrs), kernel: [kh, kw], transposed: false, picture: 0 }),
  gpujs: function (x, weight) {
    const j = this.thread.x % this.constants.outWidth;
    const i = Math.floor(this.thread.x / this.constants.outWidth) % this.constants.outHeight;
    const plane = Math.floor(this.thread.x / (this.constants.outWidth * this.constants.outHeight));
    const o = plane % (this.constants.groups * this.constants.outChannels);
    const n = Math.floor(plane / (this.constants.groups * this.constants.outChannels));
    const first = (n * this.constants.groups + Math.floor(o / this.constants.outChannels)) * this.constants.inChannels;
    let total = 0;
    for (let c = 0; c < this.constants.inChannels; c++) {
      for (let r = 0; r < this.constants.kernelHeight; r++) {
        const row = i * this.constants.stride + r - this.constants.padding;
        if (row >= 0 && row < this.constants.inHeight) {
          for (let s = 0; s < this.constants.kernelWidth; s++) {
            const column = j * this.constants.stride + s - this.constants.padding;
            if (column >= 0 && column < this.constants.inWidth) {
              total += x[((first + c) * this.constants.inHeight + row) * this.constants.inWidth + column] *
                weight[
                  o * this.constants.weightOut + c * this.constants.weightIn + r * this.constants.kernelWidth + s
                ];
            }
          }
        }
      }
    }
    return total;
  },
};

/**
 * Convolution: x [N, C, H, W] and weight [O, C / groups, kh, kw] give [N, O, OH, OW]. Attributes: `stride` (default 1),
 * `padding` (0), `groups` (1). VJP: its two gradient ops.
 */
export const conv2d: Op = {
  name: "conv2d",
  shape: ([x, weight], attrs) => convShape("conv2d", x, weight, convWindow("conv2d", attrs)),
  vjp({ b, inputs: [x, weight], attrs, grad, needs }) {
    const window = { ...convWindow("conv2d", attrs) };
    const [, , h, w] = x.shape;
    const [, , kh, kw] = weight.shape;
    return [
      needs[0] ? b.op("conv2dInputGrad", [weight, grad], { ...window, inputSize: [h, w] }) : undefined,
      needs[1] ? b.op("conv2dWeightGrad", [x, grad], { ...window, kernelSize: [kh, kw] }) : undefined,
    ];
  },
  cost: ({ inputs: [x, weight], output }) => convCost(x, weight, output),
  kernel,
  samples: convCases.map(({ x, weight, window, bench }) => ({
    inputs: [{ shape: x }, { shape: weight }],
    attrs: { ...window },
    abs: 1e-4,
    bench,
  })),
};
