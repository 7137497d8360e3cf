/**
 * The gradient of max pooling where windows are disjoint: one pass over the pictures, which searches each window and
 * writes all that is under it.
 *
 * @module
 */

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
import { byImage, bytesOf, type Call, defineOp, type Kernel, type KernelOp, type OpSample, type Wgsl } from "../op.ts";
import { type PoolAttrs, poolGradShape, poolShape, type PoolWindow, poolWindow } from "./pooling.ts";
import { plus, range, tiledMain, tileGrid, tilesIn } from "../writing/tile.ts";
import { block, bool, u32 } from "../writing/block.ts";

const DISJOINT_GRAD = "maxPool2dDisjointGrad";

/** Do windows lie side by side, from the picture's corner on? */
export const areDisjoint = ({ kernel, stride, padding }: PoolWindow): boolean => kernel === stride && padding === 0;

/**
 * The gradient where windows do not overlap: one invocation searches RUN windows side by side and writes all that is
 * under them.
 */
function disjointGradWgsl({ inputs: [x, dout], attrs }: Call<PoolAttrs>): Wgsl {
  const window = poolWindow(DISJOINT_GRAD, attrs);
  const { kernel } = window;
  const [n, c, height, width] = x;
  const places = range(RUN * kernel);
  const rows = range(kernel).map((r) => readPlane(`r${r}`, "load0", `row${r} + left`, places, x, 0));
  const slopes = readPlane("g", "load1", "line + first", range(RUN), dout, 0);
  const fours = (index: string, isWide: boolean) => isWide ? `${index} / 4u` : index;
  const body = [
    "let base = plane * p.height * p.width;",
    `enter0(${fours("base", inFours(x))});`,
    `enterEmit(${fours("base", width % 4 === 0)});`,
    `let first = run * ${RUN}u;`,
    `let left = run * ${RUN * kernel}u;`,
    ...rows.flatMap((row, r) => [
      `let row${r} = base + (i * ${kernel}u + ${r}u) * p.width;`,
      ...row.lines,
      ...places.map((k) => `let x${r}_${k} = ${row.at(k)};`),
    ]),
    ...range(RUN).flatMap((q) => findMaximum(q, window)),
    "let line = (plane * p.outHeight + i) * p.outWidth;",
    ...slopes.lines,
    // What no whole window covers gets nothing.
    ...range(RUN).map((q) =>
      `let g${q} = select(0.0, ${slopes.at(q)}, i < p.outHeight && ${plus("first", q)} < p.outWidth);`
    ),
    ...range(kernel).flatMap((r) =>
      block((w) => {
        const y = w.let(`y${r}`, u32(`i * ${kernel}u + ${r}u`));
        const values = places.map((k) => {
          const q = Math.floor(k / kernel);
          return `select(0.0, g${q}, at${q} == ${r * kernel + k % kernel}.0)`;
        });
        w.if(bool(`${y} < p.height`), () => {
          w.line(...writeRun(`(plane * p.height + ${y})`, "left", "p.width", width % 4 === 0, values));
        });
      })
    ),
  ];
  return {
    code: `${WINS}
${
      tiledMain(
        [["run", tilesIn("p.width", RUN * kernel)], ["i", tilesIn("p.height", kernel)], ["plane", "p.planes"]],
        body,
      )
    }`,
    reads: [inFours(x) ? "vec4f" : "f32", inFours(dout) ? "vec4f" : "f32"],
    writes: width % 4 === 0 ? "vec4f" : "f32",
    runs: { 0: height * width },
    emitRun: height * width,
    grid: tileGrid(n * c * Math.ceil(height / kernel) * Math.ceil(width / (RUN * kernel))),
  };
}

const disjointBackward: Kernel<PoolAttrs> = {
  params: ({ inputs: [x, dout], attrs }) => poolParams(x, dout, attrs),
  prologue: [0, 1],
  wgsl: disjointGradWgsl,
  gpujs: function (x, dout) {
    const column = this.thread.x % this.constants.width;
    const row = Math.floor(this.thread.x / this.constants.width) % this.constants.height;
    const plane = Math.floor(this.thread.x / (this.constants.width * this.constants.height));
    const i = Math.floor(row / this.constants.kernel);
    const j = Math.floor(column / this.constants.kernel);
    let slope = 0;
    if (i < this.constants.outHeight && j < this.constants.outWidth) {
      const top = (plane * this.constants.height + i * this.constants.kernel) * this.constants.width;
      let best = x[top + j * this.constants.kernel];
      let at = 0;
      for (let r = 0; r < this.constants.kernel; r++) {
        for (let s = 0; s < this.constants.kernel; s++) {
          const value = x[top + r * this.constants.width + j * this.constants.kernel + s];
          if (value > best || value !== value) {
            best = value;
            at = r * this.constants.kernel + s;
          }
        }
      }
      if (at === (row % this.constants.kernel) * this.constants.kernel + column % this.constants.kernel) {
        slope = dout[(plane * this.constants.outHeight + i) * this.constants.outWidth + j];
      }
    }
    return slope;
  },
};

const disjointSamples: readonly OpSample<PoolAttrs>[] = forwardSamples
  .filter(({ attrs }) => areDisjoint(poolWindow(DISJOINT_GRAD, attrs!)))
  .map(({ inputs: [x], attrs, bench }) => ({
    inputs: [x, { shape: poolShape(DISJOINT_GRAD, x.shape, poolWindow(DISJOINT_GRAD, attrs!)) }],
    attrs,
    bench,
    noGrad: [0, 1],
  }));

/**
 * Gradient of {@link maxPool2d} where its windows lie side by side: x [N, C, H, W] and dout [N, C, OH, OW] give dx [N,
 * C, H, W]. Attributes: those of the pooling. It has no VJP.
 */
export const maxPool2dDisjointGrad: KernelOp = defineOp<PoolAttrs>({
  kind: "kernel",
  name: DISJOINT_GRAD,
  shape([x, dout], attrs) {
    const window = poolWindow(DISJOINT_GRAD, attrs);
    const { kernel, stride, padding } = window;
    if (!areDisjoint(window)) {
      throw new RangeError(
        `Cannot ${DISJOINT_GRAD} with kernel ${kernel}, stride ${stride}, padding ${padding}: windows lie side by side`,
      );
    }
    return poolGradShape(DISJOINT_GRAD, [dout], { ...attrs, height: x[2], width: x[3] });
  },
  cost: (call) => ({ flops: searchCost({ ...call, output: call.inputs[1] }).flops, bytes: bytesOf(call) }),
  cuts: () => byImage(2, [0, 1]),
  precision: { result: "half" },
  kernel: disjointBackward,
  samples: disjointSamples,
});
