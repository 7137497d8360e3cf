/**
 * Gradient of a convolution with respect to its input; also known as transposed convolution.
 *
 * @module
 */

import { convTile } from "./conv_tile.ts";
import { checkConvGrad, convCases, convCost, convShape, convWindow, sizePair } from "./conv_window.ts";
import { type Attrs, type Call, type Kernel, type Op, type Shape, shapesText } from "./op.ts";

const NAME = "conv2dInputGrad";

function shape([weight, dout]: readonly Shape[], attrs: Attrs): Shape {
  if (weight.length !== 4 || dout.length !== 4) {
    throw new TypeError(
      `Cannot ${NAME} ${shapesText([weight, dout])}: it takes [O, C / groups, kh, kw] and [N, O, OH, OW]`,
    );
  }
  const window = convWindow(NAME, attrs);
  const dx = [dout[0], weight[1] * window.groups, ...sizePair(NAME, "inputSize", attrs.inputSize)];
  checkConvGrad(NAME, dx, weight, dout, window);
  return dx;
}

const kernel: Kernel = {
  // `in` is dout and `out` is dx: the sum runs over the O / groups channels of dout.
  params({ inputs: [weight, dout], output, attrs }: Call) {
    const { stride, padding, groups } = convWindow(NAME, attrs);
    const [images, o, inHeight, inWidth] = dout;
    const [, outChannels, kernelHeight, kernelWidth] = weight;
    const [, , outHeight, outWidth] = output;
    const weightOut = kernelHeight * kernelWidth;
    const weightIn = outChannels * weightOut;
    const inChannels = o / groups;
    const weightGroup = inChannels * weightIn;
    return {
      ...{ images, groups, stride, padding, kernelHeight, kernelWidth, weightGroup, weightOut, weightIn },
      ...{ inChannels, inHeight, inWidth, outChannels, outHeight, outWidth },
    };
  },
  wgsl: ({ inputs: [[, , kh, kw]], output, attrs }) =>
    convTile({ output, ...convWindow(NAME, attrs), kernel: [kh, kw], transposed: true, picture: 1 }),
  gpujs: function (weight, dout) {
    const x = this.thread.x % this.constants.outWidth;
    const y = Math.floor(this.thread.x / this.constants.outWidth) % this.constants.outHeight;
    const plane = Math.floor(this.thread.x / (this.constants.outWidth * this.constants.outHeight));
    const c = plane % this.constants.outChannels;
    // Of image and group: both tensors have groups right after images.
    const run = Math.floor(plane / this.constants.outChannels);
    const start = (run % this.constants.groups) * this.constants.weightGroup + c * this.constants.weightOut;
    let total = 0;
    for (let o = 0; o < this.constants.inChannels; o++) {
      for (let r = 0; r < this.constants.kernelHeight; r++) {
        const below = y + this.constants.padding - r;
        const i = Math.floor(below / this.constants.stride);
        if (i >= 0 && i < this.constants.inHeight && i * this.constants.stride === below) {
          for (let s = 0; s < this.constants.kernelWidth; s++) {
            const right = x + this.constants.padding - s;
            const j = Math.floor(right / this.constants.stride);
            if (j >= 0 && j < this.constants.inWidth && j * this.constants.stride === right) {
              const row = (run * this.constants.inChannels + o) * this.constants.inHeight + i;
              total += dout[row * this.constants.inWidth + j] *
                weight[start + o * this.constants.weightIn + r * this.constants.kernelWidth + s];
            }
          }
        }
      }
    }
    return total;
  },
};

/**
 * dx [N, C, H, W] of a convolution from weight [O, C / groups, kh, kw] and dout [N, O, OH, OW]. Attributes: the
 * convolution's `stride`, `padding`, `groups`, and `inputSize` [H, W], which dout leaves open. It is linear in both:
 * its VJP is the weight's gradient and the convolution.
 */
export const conv2dInputGrad: Op = {
  name: NAME,
  shape,
  vjp({ b, inputs: [weight, dout], attrs, grad, needs }) {
    const window = { ...convWindow(NAME, attrs) };
    const [, , kh, kw] = weight.shape;
    return [
      needs[0] ? b.op("conv2dWeightGrad", [grad, dout], { ...window, kernelSize: [kh, kw] }) : undefined,
      needs[1] ? b.op("conv2d", [grad, weight], window) : undefined,
    ];
  },
  cost: ({ inputs: [weight, dout], output }) => convCost(output, weight, dout),
  kernel,
  samples: convCases.map(({ x, weight, window, bench }) => ({
    inputs: [{ shape: weight }, { shape: convShape("conv2d", x, weight, window) }],
    attrs: { ...window, inputSize: x.slice(2) },
    abs: 1e-4,
    bench,
  })),
};
