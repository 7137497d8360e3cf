/**
 * Products of each position of a feature map with the K × K positions around it: what attention in a sliding window is
 * made of (Ramachandran et al., "Stand-alone self-attention in vision models", 2019; Hu et al., "Local relation
 * networks for image recognition", 2019). As compositions they would store the map K² times.
 *
 * A plane n is a head of a picture, or a group of channels. The map that is looked at has its border already: of
 * [height, width], position (i, j) of [outHeight, outWidth] sees the K × K positions from (stride · i, stride · j) on.
 * Three ops are each other's gradients:
 *
 *     scores  s[n, rc, i, j] = Σ_d  q[n, d, i, j] · k[n, d, i + r, j + c]
 *     sum     y[n, d, i, j]  = Σ_rc s[n, rc, i, j] · v[n, d, i + r, j + c]
 *     spread  x[n, d, h, w]  = Σ_rc s[n, rc, h − r, w − c] · y[n, d, h − r, w − c]
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
  type Shape,
  shapesText,
  sizeOf,
} from "../op.ts";
import scoresCode from "./local_scores.wgsl" with { type: "text" };
import sumCode from "./local_sum.wgsl" with { type: "text" };
import spreadCode from "./local_spread.wgsl" with { type: "text" };

/** Attributes: side K of the window, and the step between windows. */
type LocalAttrs = { readonly kernel: number; readonly stride: number };
/** Of the spreading also the sides of its result. */
type SpreadAttrs = LocalAttrs & { readonly height: number; readonly width: number };

/** Windows along an axis. */
const windowsIn = (size: number, { kernel, stride }: LocalAttrs) => Math.floor((size - kernel) / stride) + 1;

/** Throws unless attributes are whole numbers. */
function checkWindow(name: string, { kernel, stride }: LocalAttrs): void {
  if (![kernel, stride].every((size) => Number.isInteger(size) && size >= 1)) {
    throw new RangeError(`Cannot ${name} with kernel ${kernel} and stride ${stride}: give whole numbers from 1`);
  }
}

/** Throws unless the windows of a map [height, width] are the positions of another. */
function checkMaps(name: string, shapes: readonly Shape[], attrs: LocalAttrs, out: Shape, map: Shape): void {
  checkWindow(name, attrs);
  const fits = shapes.every((shape) => shape.length === 4 && shape[0] === shapes[0][0]) &&
    [2, 3].every((axis) => map[axis] >= attrs.kernel && windowsIn(map[axis], attrs) === out[axis]);
  if (!fits) {
    throw new TypeError(
      `Cannot ${name} ${shapesText(shapes)} with kernel ${attrs.kernel} and stride ${attrs.stride}: it takes maps ` +
        `[N, …, H, W] of which one has the windows of the other`,
    );
  }
}

/** What all three kernels know, from the shapes of the side that sees and of the side that is seen. */
function paramsOf(seeing: Shape, [planes, depth, height, width]: Shape, { kernel, stride }: LocalAttrs) {
  return { planes, depth, height, width, outHeight: seeing[2], outWidth: seeing[3], kernel, stride };
}

/** A kernel of one invocation an element. */
function kernelOf<A extends LocalAttrs>(
  code: string,
  params: (call: Call<A>) => Record<string, number>,
  gpujs: Kernel<A>["gpujs"],
): Kernel<A> {
  return {
    params,
    wgsl: (call) => ({
      code: `const K = ${call.attrs.kernel}u;\nconst STRIDE = ${call.attrs.stride}u;\n${code}`,
      reads: ["f32", "f32"],
      writes: "f32",
      grid: linearGrid(sizeOf(call.output), 64),
    }),
    gpujs,
  };
}

const scores = kernelOf<LocalAttrs>(
  scoresCode,
  ({ inputs: [q, k], attrs }) => paramsOf(q, k, attrs),
  function (q, k) {
    const pixels = this.constants.outHeight * this.constants.outWidth;
    const taps = this.constants.kernel * this.constants.kernel;
    const pixel = this.thread.x % pixels;
    const tap = Math.floor(this.thread.x / pixels) % taps;
    const plane = Math.floor(this.thread.x / (pixels * taps));
    const h = this.constants.stride * Math.floor(pixel / this.constants.outWidth) +
      Math.floor(tap / this.constants.kernel);
    const w = this.constants.stride * (pixel % this.constants.outWidth) + tap % this.constants.kernel;
    let total = 0;
    for (let d = 0; d < this.constants.depth; d++) {
      const channel = plane * this.constants.depth + d;
      total += q[channel * pixels + pixel] *
        k[(channel * this.constants.height + h) * this.constants.width + w];
    }
    return total;
  },
);

const weightedSum = kernelOf<LocalAttrs>(
  sumCode,
  ({ inputs: [s, v], attrs }) => paramsOf(s, v, attrs),
  function (s, v) {
    const pixels = this.constants.outHeight * this.constants.outWidth;
    const pixel = this.thread.x % pixels;
    const channel = Math.floor(this.thread.x / pixels);
    const plane = Math.floor(channel / this.constants.depth);
    const h = this.constants.stride * Math.floor(pixel / this.constants.outWidth);
    const w = this.constants.stride * (pixel % this.constants.outWidth);
    let total = 0;
    for (let r = 0; r < this.constants.kernel; r++) {
      for (let c = 0; c < this.constants.kernel; c++) {
        const tap = (plane * this.constants.kernel + r) * this.constants.kernel + c;
        total += s[tap * pixels + pixel] *
          v[(channel * this.constants.height + h + r) * this.constants.width + w + c];
      }
    }
    return total;
  },
);

const spreading = kernelOf<SpreadAttrs>(
  spreadCode,
  ({ inputs: [s], output, attrs }) => paramsOf(s, output, attrs),
  function (s, y) {
    const pixels = this.constants.outHeight * this.constants.outWidth;
    const w = this.thread.x % this.constants.width;
    const h = Math.floor(this.thread.x / this.constants.width) % this.constants.height;
    const channel = Math.floor(this.thread.x / (this.constants.width * this.constants.height));
    const plane = Math.floor(channel / this.constants.depth);
    let total = 0;
    for (let r = 0; r < this.constants.kernel; r++) {
      for (let c = 0; c < this.constants.kernel; c++) {
        const i = Math.floor((h - r) / this.constants.stride);
        const j = Math.floor((w - c) / this.constants.stride);
        if (
          i >= 0 && i < this.constants.outHeight && j >= 0 && j < this.constants.outWidth &&
          i * this.constants.stride === h - r && j * this.constants.stride === w - c
        ) {
          const pixel = i * this.constants.outWidth + j;
          const tap = (plane * this.constants.kernel + r) * this.constants.kernel + c;
          total += s[tap * pixels + pixel] * y[channel * pixels + pixel];
        }
      }
    }
    return total;
  },
);

/** Planes, depth, sides of the map with its border, K and stride. */
const cases = [
  { planes: 2, depth: 3, height: 7, width: 8, kernel: 3, stride: 1 },
  { planes: 1, depth: 2, height: 6, width: 9, kernel: 3, stride: 2 },
  { planes: 3, depth: 1, height: 4, width: 5, kernel: 2, stride: 1 },
  { planes: 2, depth: 2, height: 3, width: 4, kernel: 1, stride: 1 },
  { planes: 1, depth: 4, height: 8, width: 11, kernel: 5, stride: 3 },
  { planes: 1, depth: 9, height: 11, width: 26, kernel: 7, stride: 1 },
  { planes: 64, depth: 8, height: 62, width: 62, kernel: 7, stride: 1, bench: true },
] as const;

/** Samples from the shapes of the two operands. */
function samplesOf<A>(
  shapesOf: (
    shapes: Readonly<Record<"seeing" | "seen" | "weights", Shape>>,
    attrs: SpreadAttrs,
  ) => [a: Shape, b: Shape, attrs: A],
): OpSample<A>[] {
  return cases.map(({ planes, depth, height, width, kernel, stride, ...rest }) => {
    const attrs = { kernel, stride, height, width };
    const out = [height, width].map((size) => windowsIn(size, attrs));
    const shapes = {
      seeing: [planes, depth, ...out],
      seen: [planes, depth, height, width],
      weights: [planes, kernel ** 2, ...out],
    };
    const [a, b, given] = shapesOf(shapes, attrs);
    return { inputs: [{ shape: a }, { shape: b }], attrs: given, ...rest };
  });
}

const windowOf = ({ kernel, stride }: LocalAttrs): LocalAttrs => ({ kernel, stride });

/** The spreading over a map of such sides. */
const over = (attrs: LocalAttrs, [, , height, width]: Shape): SpreadAttrs => ({ ...windowOf(attrs), height, width });

/** What one call costs: a multiply-add for each element of the larger side and each of what is summed. */
const costOf = (call: Call<LocalAttrs>, elements: number) => ({
  flops: 2 * elements * call.attrs.kernel ** 2,
  bytes: bytesOf(call),
});

/**
 * q [N, D, OH, OW] and k [N, D, H, W] to [N, K², OH, OW]: the product of each position's vector with those of its
 * window. Attributes: `kernel` K and `stride`.
 *
 * VJP: dq = localSum(ds, k), dk = localSpread(ds, q)
 */
export const localScores: KernelOp = defineOp<LocalAttrs>({
  kind: "kernel",
  name: "localScores",
  shape([q, k], attrs): Shape {
    checkMaps("localScores", [q, k], attrs, q, k);
    if (q[1] !== k[1]) throw new TypeError(`Cannot localScores ${shapesText([q, k])}: give both as many channels`);
    return [q[0], attrs.kernel ** 2, q[2], q[3]];
  },
  vjp: ({ b, inputs: [q, k], grad, attrs, needs }) => [
    needs[0] ? b.op("localSum", [grad, k], attrs) : undefined,
    needs[1] ? b.op("localSpread", [grad, q], over(attrs, k.shape)) : undefined,
  ],
  cost: (call) => costOf(call, sizeOf(call.inputs[0])),
  isProduct: true,
  cuts: () => byImage(2, [0, 1]),
  precision: { result: "half" },
  kernel: scores,
  samples: samplesOf(({ seeing, seen }, attrs) => [seeing, seen, windowOf(attrs)]),
});

/**
 * s [N, K², OH, OW] and v [N, D, H, W] to [N, D, OH, OW]: the sum of each window's vectors by its weights. Attributes:
 * `kernel` K and `stride`.
 *
 * VJP: ds = localScores(dy, v), dv = localSpread(s, dy)
 */
export const localSum: KernelOp = defineOp<LocalAttrs>({
  kind: "kernel",
  name: "localSum",
  shape([s, v], attrs): Shape {
    checkMaps("localSum", [s, v], attrs, s, v);
    checkWeights("localSum", [s, v], attrs);
    return [s[0], v[1], s[2], s[3]];
  },
  vjp: ({ b, inputs: [s, v], grad, attrs, needs }) => [
    needs[0] ? b.op("localScores", [grad, v], attrs) : undefined,
    needs[1] ? b.op("localSpread", [s, grad], over(attrs, v.shape)) : undefined,
  ],
  cost: (call) => costOf(call, sizeOf(call.output)),
  isProduct: true,
  cuts: () => byImage(2, [0, 1]),
  precision: { result: "half" },
  kernel: weightedSum,
  samples: samplesOf(({ weights, seen }, attrs) => [weights, seen, windowOf(attrs)]),
});

/**
 * s [N, K², OH, OW] and y [N, D, OH, OW] to [N, D, H, W]: each vector added to the positions of its window, by the
 * window's weights. Attributes: `kernel` K, `stride`, `height` H and `width` W.
 *
 * VJP: ds = localScores(y, dx), dy = localSum(s, dx)
 */
export const localSpread: KernelOp = defineOp<SpreadAttrs>({
  kind: "kernel",
  name: "localSpread",
  shape([s, y], attrs): Shape {
    const map = [s[0], y[1], attrs.height, attrs.width];
    checkMaps("localSpread", [s, y], attrs, s, map);
    checkWeights("localSpread", [s, y], attrs);
    if (`${s.slice(2)}` !== `${y.slice(2)}`) {
      throw new TypeError(`Cannot localSpread ${shapesText([s, y])}: give both as many positions`);
    }
    return map;
  },
  vjp: ({ b, inputs: [s, y], grad, attrs, needs }) => [
    needs[0] ? b.op("localScores", [y, grad], windowOf(attrs)) : undefined,
    needs[1] ? b.op("localSum", [s, grad], windowOf(attrs)) : undefined,
  ],
  cost: (call) => costOf(call, sizeOf(call.inputs[1])),
  isProduct: true,
  cuts: () => byImage(2, [0, 1]),
  precision: { result: "half" },
  kernel: spreading,
  samples: samplesOf(({ weights, seeing }, attrs) => [weights, seeing, attrs]),
});

/** Throws unless there is a weight for each position of a window. */
function checkWeights(name: string, shapes: readonly Shape[], { kernel }: LocalAttrs): void {
  if (shapes[0][1] !== kernel ** 2) {
    throw new TypeError(`Cannot ${name} ${shapesText(shapes)} with kernel ${kernel}: give ${kernel ** 2} weights`);
  }
}
