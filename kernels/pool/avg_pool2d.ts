/**
 * Average pooling over square windows of [N, C, H, W] and its gradient. Padding counts as zeros in the average, which
 * is PyTorch's default (`count_include_pad=True`). Global average pooling is `mean` over H and W.
 *
 * @module
 */

import {
  byImage,
  bytesOf,
  type Call,
  defineOp,
  type Kernel,
  type KernelOp,
  linearGrid,
  type OpSample,
  sizeOf,
} from "../op.ts";
import {
  type PoolAttrs,
  type PoolGradAttrs,
  poolGradShape,
  poolShape,
  type PoolWindow,
  poolWindow,
  reachOf,
} from "./pooling.ts";
import forwardCode from "./avg_pool2d.wgsl" with { type: "text" };
import gradCode from "./avg_pool2d_grad.wgsl" with { type: "text" };

const prelude = (window: PoolWindow) =>
  `const KERNEL = ${window.kernel}u;
const STRIDE = ${window.stride}u;
const PADDING = ${window.padding}u;
const REACH = ${reachOf(window)}u;
`;

/** Both kernels of a pooling of pictures [planes, height, width] to [planes, outHeight, outWidth]. */
function kernelOf(
  code: string,
  picture: (call: Call<PoolAttrs>) => readonly number[],
  pooled: (call: Call<PoolAttrs>) => readonly number[],
  gpujs: Kernel<PoolAttrs>["gpujs"],
): Kernel<PoolAttrs> {
  return {
    params(call) {
      const window = poolWindow("avgPool2d", call.attrs);
      const [n, c, height, width] = picture(call);
      const [, , outHeight, outWidth] = pooled(call);
      return { planes: n * c, height, width, outHeight, outWidth, ...window, reach: reachOf(window) };
    },
    prologue: [0],
    wgsl: (call) => ({
      code: prelude(poolWindow("avgPool2d", call.attrs)) + code,
      reads: ["f32"],
      writes: "f32",
      // Each invocation reads from one plane of the input only.
      runs: { 0: call.inputs[0][2] * call.inputs[0][3] },
      grid: linearGrid(sizeOf(call.output), 64),
    }),
    gpujs,
  };
}

const forward = kernelOf(forwardCode, (call) => call.inputs[0], (call) => call.output, function (x) {
  const j = this.thread.x % this.constants.outWidth;
  const i = Math.floor(this.thread.x / this.constants.outWidth) % this.constants.outHeight;
  const plane = Math.floor(this.thread.x / (this.constants.outWidth * this.constants.outHeight));
  let total = 0;
  for (let r = 0; r < this.constants.kernel; r++) {
    for (let s = 0; s < this.constants.kernel; s++) {
      const row = i * this.constants.stride + r - this.constants.padding;
      const column = j * this.constants.stride + s - this.constants.padding;
      if (row >= 0 && row < this.constants.height && column >= 0 && column < this.constants.width) {
        total += x[(plane * this.constants.height + row) * this.constants.width + column];
      }
    }
  }
  return total / (this.constants.kernel * this.constants.kernel);
});

const backward = kernelOf(gradCode, (call) => call.output, (call) => call.inputs[0], function (dout) {
  const column = this.thread.x % this.constants.width + this.constants.padding;
  const row = Math.floor(this.thread.x / this.constants.width) % this.constants.height + this.constants.padding;
  const plane = Math.floor(this.thread.x / (this.constants.width * this.constants.height));
  let total = 0;
  for (let di = 0; di <= this.constants.reach; di++) {
    for (let dj = 0; dj <= this.constants.reach; dj++) {
      const i = Math.floor(row / this.constants.stride) - di;
      const j = Math.floor(column / this.constants.stride) - dj;
      if (
        i >= 0 && i < this.constants.outHeight && j >= 0 && j < this.constants.outWidth &&
        row - i * this.constants.stride < this.constants.kernel &&
        column - j * this.constants.stride < this.constants.kernel
      ) {
        total += dout[(plane * this.constants.outHeight + i) * this.constants.outWidth + j];
      }
    }
  }
  return total / (this.constants.kernel * this.constants.kernel);
});

const cases = [
  { shape: [2, 3, 4, 6], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 5, 7], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 7, 6], kernel: 3, stride: 2, padding: 1 },
  { shape: [1, 1, 5, 5], kernel: 3, stride: 1, padding: 1 },
  { shape: [1, 1, 8, 9], kernel: 2, stride: 3, padding: 1 },
] as const;

const forwardSamples: readonly OpSample<PoolAttrs>[] = [
  ...cases.map(({ shape, ...attrs }): OpSample<PoolAttrs> => ({ inputs: [{ shape }], attrs })),
  { inputs: [{ shape: [32, 32, 64, 64] }], attrs: { kernel: 2, stride: 2, padding: 0 }, bench: true },
];

const gradSamples: readonly OpSample<PoolGradAttrs>[] = forwardSamples.map(({ inputs: [x], attrs, bench }) => ({
  inputs: [{ shape: poolShape("avgPool2d", x.shape, poolWindow("avgPool2d", attrs!)) }],
  attrs: { ...attrs!, height: x.shape[2], width: x.shape[3] },
  bench,
}));

/**
 * Mean over windows: [N, C, H, W] to [N, C, OH, OW]. Attributes: `kernel`, `stride` (default `kernel`), `padding`
 * (default 0). VJP: each window spreads its gradient, divided by kernel², over what it covers.
 */
export const avgPool2d: KernelOp = defineOp<PoolAttrs>({
  kind: "kernel",
  name: "avgPool2d",
  shape: ([x], attrs) => poolShape("avgPool2d", x, poolWindow("avgPool2d", attrs)),
  vjp: ({ b, inputs: [x], grad, attrs }) => [
    b.op("avgPool2dGrad", [grad], { ...attrs, height: x.shape[2], width: x.shape[3] }),
  ],
  cost: (call) => ({ flops: sizeOf(call.output) * call.attrs.kernel ** 2, bytes: bytesOf(call) }),
  cuts: () => byImage(1),
  precision: { result: "half" },
  kernel: forward,
  samples: forwardSamples,
});

/**
 * Gradient of {@link avgPool2d}: dout [N, C, OH, OW] gives dx [N, C, H, W]. Attributes: those of the pooling, and
 * `height` and `width` of x. It is linear: its VJP is the pooling.
 */
export const avgPool2dGrad: KernelOp = defineOp<PoolGradAttrs>({
  kind: "kernel",
  name: "avgPool2dGrad",
  shape: ([dout], attrs) => poolGradShape("avgPool2dGrad", [dout], attrs),
  vjp: ({ b, grad, attrs: { kernel, stride, padding } }) => [
    b.op("avgPool2d", [grad], {
      kernel,
      ...(stride === undefined ? {} : { stride }),
      ...(padding === undefined ? {} : { padding }),
    }),
  ],
  cost: (call) => ({ flops: sizeOf(call.inputs[0]) * call.attrs.kernel ** 2, bytes: bytesOf(call) }),
  cuts: () => byImage(1),
  precision: { result: "half" },
  kernel: backward,
  samples: gradSamples,
});
