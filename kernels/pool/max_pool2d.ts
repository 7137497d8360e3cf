/**
 * Max pooling over square windows of [N, C, H, W] and its gradient, by PyTorch's rules. Padding never wins. Of equal
 * maxima the first in row-major order takes the gradient. A NaN in the window is its maximum.
 *
 * The backward pass finds the maxima again. Where windows overlap it does so as positions in their windows, and then
 * gathers: each is searched once and not once for every element that it covers. Where they do not, one pass searches
 * and writes.
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
  type OpSample,
  sizeOf,
  type Wgsl,
} from "../op.ts";
import { areDisjoint } from "./max_pool2d_disjoint_grad.ts";
import {
  findMaximum,
  forwardSamples,
  inFours,
  poolParams,
  readPlane,
  RUN,
  searchCost,
  WINS,
  writeRun,
} from "./max_search.ts";
import {
  type PoolAttrs,
  type PoolGradAttrs,
  poolGradShape,
  poolShape,
  type PoolWindow,
  poolWindow,
  reachOf,
} from "./pooling.ts";
import { plus, range, tiledMain, tileGrid, tilesIn } from "../writing/tile.ts";
import { block, bool, u32 } from "../writing/block.ts";

/** The search for maxima: their values, or where they are. */
function searchWgsl({ inputs: [x], output, attrs }: Call<PoolAttrs>, wanted: "value" | "position"): Wgsl {
  const window = poolWindow("maxPool2d", attrs);
  const { kernel, stride, padding } = window;
  const [n, c, outHeight, outWidth] = output;
  const places = range((RUN - 1) * stride + kernel);
  const rows = range(kernel).map((r) => readPlane(`r${r}`, "load0", `row${r} + left`, places, x, -padding & 3));
  const body = [
    `let base = plane * p.height * p.width;`,
    `enter0(base${inFours(x) ? " / 4u" : ""});`,
    `let left = run * ${RUN * stride}u - ${padding}u;`,
    // Before the picture a position wraps to a huge number: one comparison covers both sides.
    ...(padding === 0 ? [] : places.map((k) => `let hasX${k} = ${plus("left", k)} < p.width;`)),
    ...rows.flatMap((row, r) => [
      `let y${r} = i * ${stride}u + ${r}u - ${padding}u;`,
      ...(padding === 0 ? [] : [`let hasY${r} = y${r} < p.height;`]),
      `let row${r} = base + y${r} * p.width;`,
      ...row.lines,
      ...places.map((k) => `let x${r}_${k} = ${row.at(k)};`),
    ]),
    ...range(RUN).flatMap((q) => findMaximum(q, window)),
    ...writeRun(
      "(plane * p.outHeight + i)",
      `run * ${RUN}u`,
      "p.outWidth",
      outWidth % 4 === 0,
      range(RUN).map((q) => wanted === "value" ? `best${q}` : `at${q}`),
    ),
  ];
  const runs = Math.ceil(outWidth / RUN);
  return {
    code: `${WINS}
${tiledMain([["run", tilesIn("p.outWidth", RUN)], ["i", "p.outHeight"], ["plane", "p.planes"]], body)}`,
    reads: [inFours(x) ? "vec4f" : "f32"],
    writes: outWidth % 4 === 0 ? "vec4f" : "f32",
    runs: { 0: x[2] * x[3] },
    grid: tileGrid(n * c * outHeight * runs),
  };
}

/** The kernel of either search. */
const search = (wanted: "value" | "position"): Kernel<PoolAttrs> => ({
  params: ({ inputs: [x], output, attrs }) => ({
    ...poolParams(x, output, attrs),
    position: wanted === "position" ? 1 : 0,
  }),
  prologue: [0],
  wgsl: (call) => searchWgsl(call, wanted),
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

/** Strips of `size` elements that start where windows do, so that all of the picture is covered. */
const stripsOf = (size: number, { stride, padding }: PoolWindow) => Math.ceil((size + padding) / stride);

/**
 * The gradient, gathered. One invocation writes the elements between the tops of window rows a and a + 1, in the
 * columns of RUN windows. It reads each window that may have its maximum there once.
 */
function gradWgsl({ inputs: [at], output, attrs }: Call<PoolAttrs>): Wgsl {
  const window = poolWindow("maxPool2dGrad", attrs);
  const { kernel, stride, padding } = window;
  const [n, c, height, width] = output;
  const reach = reachOf(window);
  /** The first and last window of a row that are read, counted from the block's own first one. */
  const first = -reach;
  const last = Math.floor((RUN * stride - 1 + padding) / stride);
  const places = range(last - first + 1);
  const windows = range(reach + 1).map((d) => {
    const start = `line${d} + left`;
    const phase = first & 3;
    return {
      at: readPlane(`a${d}`, "load0", start, places, at, phase),
      grad: readPlane(`g${d}`, "load1", start, places, at, phase),
    };
  });
  /** Σ of the gradients of the windows whose maximum is `r` rows and `q` columns into the block. */
  const total = (r: number, q: number): string => {
    const own = Math.floor((q + padding) / stride);
    const terms = range(reach + 1).flatMap((di) =>
      range(reach + 1).flatMap((dj) => {
        const [row, column] = [r + di * stride, q + padding - (own - dj) * stride];
        const k = own - dj - first;
        return row < kernel && column < kernel
          ? [`select(0.0, g${di}_${k}, a${di}_${k} == ${row * kernel + column}.0)`]
          : [];
      })
    );
    return terms.join(" + ") || "0.0";
  };
  const body = [
    `enterEmit(plane * p.height * p.width${width % 4 === 0 ? " / 4u" : ""});`,
    `let left = block * ${RUN}u ${first < 0 ? `- ${-first}u` : ""};`,
    ...places.map((k) => `let hasX${k} = ${plus("left", k)} < p.outWidth;`),
    ...windows.flatMap(({ at, grad }, d) => [
      `let i${d} = a - ${d}u;`,
      `let hasY${d} = i${d} < p.outHeight;`,
      `let line${d} = (plane * p.outHeight + i${d}) * p.outWidth;`,
      ...at.lines,
      ...grad.lines,
      ...places.flatMap((k) => [
        `let a${d}_${k} = ${at.at(k)};`,
        `let g${d}_${k} = select(0.0, ${grad.at(k)}, hasY${d} && hasX${k});`,
      ]),
    ]),
    ...range(stride).flatMap((r) =>
      block((w) => {
        const y = w.let(`y${r}`, u32(`a * ${stride}u + ${r}u - ${padding}u`));
        const sums = range(RUN * stride).map((q) => total(r, q));
        const line = `(plane * p.height + ${y})`;
        w.if(bool(`${y} < p.height`), () => {
          w.line(...writeRun(line, `block * ${RUN * stride}u`, "p.width", width % 4 === 0, sums));
        });
      })
    ),
  ];
  const view = inFours(at) ? "vec4f" : "f32";
  return {
    code: tiledMain([["block", tilesIn("p.width", RUN * stride)], ["a", "p.strips"], ["plane", "p.planes"]], body),
    reads: [view, view],
    writes: width % 4 === 0 ? "vec4f" : "f32",
    emitRun: height * width,
    grid: tileGrid(n * c * stripsOf(height, window) * Math.ceil(width / (RUN * stride))),
  };
}

const backward: Kernel<PoolAttrs> = {
  params: ({ inputs: [at], output, attrs }) => {
    const window = poolWindow("maxPool2dGrad", attrs);
    return { ...poolParams(output, at, attrs), strips: stripsOf(output[2], window), reach: reachOf(window) };
  },
  prologue: [0, 1],
  wgsl: gradWgsl,
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

const gradSamples: readonly OpSample<PoolGradAttrs>[] = forwardSamples.map(({ inputs: [x], attrs, bench }) => {
  const shape = poolShape("maxPool2d", x.shape, poolWindow("maxPool2d", attrs!));
  return {
    inputs: [{ shape, values: "integer", below: attrs!.kernel ** 2 }, { shape }],
    attrs: { ...attrs!, height: x.shape[2], width: x.shape[3] },
    bench,
    noGrad: [0, 1],
  };
});

/**
 * Maximum over windows: [N, C, H, W] to [N, C, OH, OW]. Attributes: `kernel`, `stride` (default `kernel`), `padding`
 * (default 0). VJP: each window's gradient goes to its first maximum.
 */
export const maxPool2d: KernelOp = defineOp<PoolAttrs>({
  kind: "kernel",
  name: "maxPool2d",
  shape: ([x], attrs) => poolShape("maxPool2d", x, poolWindow("maxPool2d", attrs)),
  vjp({ b, inputs: [x], grad, attrs }) {
    if (areDisjoint(poolWindow("maxPool2d", attrs))) return [b.op("maxPool2dDisjointGrad", [x, grad], attrs)];
    const [, , height, width] = x.shape;
    return [b.op("maxPool2dGrad", [b.op("maxPool2dPosition", [x], attrs), grad], { ...attrs, height, width })];
  },
  // Its gradient too: where the maximum is no more than 0, nothing flows back either way.
  commutesWith: ["relu"],
  cost: searchCost,
  cuts: () => byImage(1),
  precision: { result: "half" },
  kernel: search("value"),
  samples: forwardSamples,
});

/**
 * Where {@link maxPool2d} finds its values: r · kernel + s of the first maximum, counted in its window. It has no VJP.
 */
export const maxPool2dPosition: KernelOp = defineOp<PoolAttrs>({
  kind: "kernel",
  name: "maxPool2dPosition",
  shape: ([x], attrs) => poolShape("maxPool2dPosition", x, poolWindow("maxPool2dPosition", attrs)),
  cost: searchCost,
  cuts: () => byImage(1),
  precision: { result: "full" },
  kernel: search("position"),
  samples: forwardSamples.map((sample) => ({ ...sample, abs: 0, rel: 0, noGrad: [0] })),
});

/**
 * Gradient of {@link maxPool2d}: positions and dout [N, C, OH, OW] give dx [N, C, H, W]. Attributes: those of the
 * pooling, and `height` and `width` of x. It has no VJP.
 */
export const maxPool2dGrad: KernelOp = defineOp<PoolGradAttrs>({
  kind: "kernel",
  name: "maxPool2dGrad",
  shape: ([at, dout], attrs) => poolGradShape("maxPool2dGrad", [at, dout], attrs),
  cost: (call) => ({ flops: 2 * sizeOf(call.output), bytes: bytesOf(call) }),
  cuts: () => byImage(2, [0, 1]),
  precision: { result: "half" },
  kernel: backward,
  samples: gradSamples,
});
