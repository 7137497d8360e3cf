/**
 * Max pooling over square windows of [N, C, H, W] and its gradient, by PyTorch's rules: padding never wins, of equal
 * maxima the first in row-major order takes the gradient, and a NaN in the window is its maximum.
 *
 * The backward pass finds the maxima again, as positions in their windows, and then gathers: where windows overlap,
 * each is searched once and not once for every element that it covers.
 *
 * @module
 */

import {
  type Attrs,
  byImage,
  bytesOf,
  type Call,
  type Kernel,
  linearGrid,
  type Op,
  type Sample,
  type Shape,
  sizeOf,
} from "./op.ts";
import { poolGradShape, poolShape, type PoolWindow, poolWindow, reachOf } from "./pooling.ts";
import searchCode from "./max_pool2d.wgsl" with { type: "text" };
import gradCode from "./max_pool2d_grad.wgsl" with { type: "text" };

const prelude = (window: PoolWindow) =>
  `const KERNEL = ${window.kernel}u;
const STRIDE = ${window.stride}u;
const PADDING = ${window.padding}u;
`;

/** Parameters of both kernels, for pictures x and what is pooled from them. */
function params(x: Shape, pooled: Shape, attrs: Attrs): Record<string, number> {
  const window = poolWindow("maxPool2d", attrs);
  const [n, c, height, width] = x;
  return { planes: n * c, height, width, outHeight: pooled[2], outWidth: pooled[3], ...window };
}

/**
 * The search for maxima: their values (`position` 0) or where they are (1), a parameter, so that both share a pipeline.
 * NaN is recognised by its bits in WGSL: compilers take `x != x` for false.
 */
const search = (position: 0 | 1): Kernel => ({
  params: ({ inputs: [x], output, attrs }) => ({ ...params(x, output, attrs), position }),
  prologue: [0],
  wgsl: (call) => ({
    code: prelude(poolWindow("maxPool2d", call.attrs)) + searchCode,
    reads: ["f32"],
    writes: "f32",
    runs: { 0: call.inputs[0][2] * call.inputs[0][3] },
    grid: linearGrid(sizeOf(call.output), 64),
  }),
  gpujs: function (x) {
    const j = this.thread.x % this.constants.outWidth;
    const i = Math.floor(this.thread.x / this.constants.outWidth) % this.constants.outHeight;
    const plane = Math.floor(this.thread.x / (this.constants.outWidth * this.constants.outHeight));
    const top = i * this.constants.stride - this.constants.padding;
    const left = j * this.constants.stride - this.constants.padding;
    let best = x[(plane * this.constants.height + Math.max(top, 0)) * this.constants.width + Math.max(left, 0)];
    let at = (Math.max(top, 0) - top) * this.constants.kernel + Math.max(left, 0) - left;
    for (let r = 0; r < this.constants.kernel; r++) {
      for (let s = 0; s < this.constants.kernel; s++) {
        const row = top + r;
        const column = left + s;
        if (row >= 0 && row < this.constants.height && column >= 0 && column < this.constants.width) {
          const value = x[(plane * this.constants.height + row) * this.constants.width + column];
          if (value > best || value !== value) {
            best = value;
            at = r * this.constants.kernel + s;
          }
        }
      }
    }
    return this.constants.position === 1 ? at : best;
  },
});

/** WGSL of `cell`: where in the cell each window's maximum lies, then the cell's elements. */
function cellWgsl(reach: number): string {
  const windows = Array.from({ length: (reach + 1) ** 2 }, (_, k) => [Math.floor(k / (reach + 1)), k % (reach + 1)]);
  // A maximum outside the cell is at an r or s that wraps around, or is STRIDE or more, and meets no element.
  const reads = windows.map(([di, dj], k) =>
    `  var r${k} = STRIDE;
  var s${k} = STRIDE;
  var grad${k} = 0.0;
  if (a - ${di}u < p.outHeight && b - ${dj}u < p.outWidth) {
    let window = (plane * p.outHeight + a - ${di}u) * p.outWidth + b - ${dj}u;
    let at = u32(load0(window));
    r${k} = at / KERNEL - ${di}u * STRIDE;
    s${k} = at % KERNEL - ${dj}u * STRIDE;
    grad${k} = load1(window);
  }
`
  );
  const total = windows.map((_, k) => `select(0.0, grad${k}, r == r${k} && s == s${k})`).join(" + ");
  return `fn cell(plane: u32, a: u32, b: u32) {
${reads.join("")}  for (var r = 0u; r < STRIDE; r++) {
    for (var s = 0u; s < STRIDE; s++) {
      let row = a * STRIDE + r - PADDING;
      let column = b * STRIDE + s - PADDING;
      if (row < p.height && column < p.width) {
        emit((plane * p.height + row) * p.width + column, ${total});
      }
    }
  }
}
`;
}

const cellsOf = (size: number, { stride, padding }: PoolWindow) => Math.ceil((size + padding) / stride);

const backward: Kernel = {
  params: ({ inputs: [at], output, attrs }) => {
    const window = poolWindow("maxPool2dGrad", attrs);
    return {
      ...params(output, at, attrs),
      cellRows: cellsOf(output[2], window),
      cellColumns: cellsOf(output[3], window),
      reach: reachOf(window),
    };
  },
  prologue: [0, 1],
  wgsl: ({ output: [n, c, height, width], attrs }) => {
    const window = poolWindow("maxPool2dGrad", attrs);
    return {
      code: prelude(window) + cellWgsl(reachOf(window)) + gradCode,
      reads: ["f32", "f32"],
      writes: "f32",
      emitRun: height * width,
      grid: linearGrid(n * c * cellsOf(height, window) * cellsOf(width, window), 64),
    };
  },
  gpujs: function (at, dout) {
    const column = this.thread.x % this.constants.width + this.constants.padding;
    const row = Math.floor(this.thread.x / this.constants.width) % this.constants.height + this.constants.padding;
    const plane = Math.floor(this.thread.x / (this.constants.width * this.constants.height));
    let total = 0;
    for (let di = 0; di <= this.constants.reach; di++) {
      for (let dj = 0; dj <= this.constants.reach; dj++) {
        const i = Math.floor(row / this.constants.stride) - di;
        const j = Math.floor(column / this.constants.stride) - dj;
        const r = row - i * this.constants.stride;
        const s = column - j * this.constants.stride;
        if (
          i >= 0 && i < this.constants.outHeight && j >= 0 && j < this.constants.outWidth &&
          r < this.constants.kernel && s < this.constants.kernel
        ) {
          const window = (plane * this.constants.outHeight + i) * this.constants.outWidth + j;
          if (at[window] === r * this.constants.kernel + s) {
            total += dout[window];
          }
        }
      }
    }
    return total;
  },
};

/** Windows that do not overlap, that overlap, that leave a border or gaps uncovered, with and without padding. */
const cases = [
  { shape: [2, 3, 4, 6], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 5, 7], kernel: 2, stride: 2, padding: 0 },
  { shape: [1, 2, 7, 6], kernel: 3, stride: 2, padding: 1 },
  { shape: [1, 2, 7, 7], kernel: 3, stride: 2, padding: 0 },
  { shape: [1, 1, 5, 5], kernel: 3, stride: 1, padding: 1 },
  { shape: [1, 1, 8, 9], kernel: 2, stride: 3, padding: 1 },
] as const;

const forwardSamples: readonly Sample[] = [
  ...cases.map(({ shape, ...attrs }): Sample => ({ inputs: [{ shape, values: "distinct" }], attrs })),
  { inputs: [{ shape: [32, 32, 64, 64] }], attrs: { kernel: 2, stride: 2, padding: 0 }, bench: true },
  { inputs: [{ shape: [4, 64, 112, 112] }], attrs: { kernel: 3, stride: 2, padding: 1 }, bench: true },
];

const gradSamples: readonly Sample[] = forwardSamples.map(({ inputs: [x], attrs, bench }) => {
  const shape = poolShape("maxPool2d", x.shape, poolWindow("maxPool2d", attrs!));
  return {
    inputs: [{ shape, values: "integer", below: (attrs!.kernel as number) ** 2 }, { shape }],
    attrs: { ...attrs, height: x.shape[2], width: x.shape[3] },
    bench,
    noGrad: [0, 1],
  };
});

const searchCost = (call: Call) => ({
  flops: sizeOf(call.output) * (call.attrs.kernel as number) ** 2,
  bytes: bytesOf(call),
});

/**
 * Maximum over windows: [N, C, H, W] to [N, C, OH, OW]. Attributes: `kernel`, `stride` (default `kernel`), `padding`
 * (default 0). VJP: each window's gradient goes to its first maximum.
 */
export const maxPool2d: Op = {
  name: "maxPool2d",
  shape: ([x], attrs) => poolShape("maxPool2d", x, poolWindow("maxPool2d", attrs)),
  vjp: ({ b, inputs: [x], grad, attrs }) => [
    b.op("maxPool2dGrad", [b.op("maxPool2dPosition", [x], attrs), grad], {
      ...attrs,
      height: x.shape[2],
      width: x.shape[3],
    }),
  ],
  cost: searchCost,
  cuts: () => byImage(1),
  kernel: search(0),
  samples: forwardSamples,
};

/** Where {@link maxPool2d} finds its values: r · kernel + s of the first maximum, counted in its window. It has no VJP. */
export const maxPool2dPosition: Op = {
  name: "maxPool2dPosition",
  shape: ([x], attrs) => poolShape("maxPool2dPosition", x, poolWindow("maxPool2dPosition", attrs)),
  cost: searchCost,
  cuts: () => byImage(1),
  kernel: search(1),
  samples: forwardSamples.map((sample) => ({ ...sample, abs: 0, rel: 0, noGrad: [0] })),
};

/**
 * Gradient of {@link maxPool2d}: positions and dout [N, C, OH, OW] give dx [N, C, H, W]. Attributes: those of the pooling,
 * and `height` and `width` of x. It has no VJP.
 */
export const maxPool2dGrad: Op = {
  name: "maxPool2dGrad",
  shape: ([at, dout], attrs) => poolGradShape("maxPool2dGrad", [at, dout], attrs),
  cost: (call) => ({ flops: 2 * sizeOf(call.output), bytes: bytesOf(call) }),
  cuts: () => byImage(2, [0, 1]),
  kernel: backward,
  samples: gradSamples,
};
