/**
 * 3×3 weights as Winograd's tiles and back (see `winograd.ts`): U[:, o, c] = G · w[o, c] · Gᵀ, and dw[o, c] = Gᵀ ·
 * dU[:, o, c] · G.
 *
 * @module
 */

import { linearMap, transposed } from "./linear_map.ts";
import {
  bytesOf,
  type Call,
  defineOp,
  type Kernel,
  type KernelOp,
  type OpSample,
  type Shape,
  shapesText,
  sizeOf,
  type Wgsl,
} from "../op.ts";
import { range, readRow, tiledMain, tileGrid } from "../writing/tile.ts";
import { type Filtering, filterings } from "./tile_transforms.ts";

/** Attributes: side of the output tiles; `again` keeps equal calls apart. */
type WinogradAttrs = { readonly tile: 2 | 4; readonly again: boolean };

const TAPS = 9;

/** Elements of a tile of n × n. */
const planesOf = ({ g }: Filtering): number => g.length ** 2;

/** Pairs of channels (o, c) that one invocation takes. */
const lanesOf = (pairs: number): 1 | 4 => pairs % 4 === 0 ? 4 : 1;

/** From the 3×3 numbers of an invocation's pairs, as they stand one behind the other, to the tiles, or back. */
function transform(filtering: Filtering, pairs: number, toTiles: boolean): Wgsl {
  const { g } = filtering;
  const planes = planesOf(filtering);
  const lanes = lanesOf(pairs);
  const view = lanes === 4 ? "vec4f" : "f32";
  const [matrix, from] = toTiles ? [g, 3] : [transposed(g), g.length];
  const taps = readRow("w", "load0", "group * 36u", range(lanes * TAPS), 0);
  const load = toTiles
    ? (lanes === 4 ? [...taps.lines] : range(TAPS).map((t) => `let w${t} = load0(group * ${TAPS}u + ${t}u);`))
    : range(planes).map((q) => `let u${q} = load0(${q}u * (p.pairs / ${lanes}u) + group);`);
  /** Row r, column s of what pair `lane` comes from. */
  const source = (r: number, s: number, lane: number) =>
    toTiles
      ? lanes === 4 ? taps.at(TAPS * lane + 3 * r + s) : `w${3 * r + s}`
      : `u${g.length * r + s}${lanes === 4 ? `[${lane}]` : ""}`;
  /** For each pair its columns transformed, then its rows. */
  const pairsOf = range(lanes).map((lane) => {
    const columns = range(from).map((s) =>
      linearMap(`t${lane}_${s}`, matrix, range(from).map((r) => source(r, s, lane)))
    );
    const rows = matrix.map((_, a) => linearMap(`v${lane}_${a}`, matrix, columns.map(({ results }) => results[a])));
    return {
      lines: [...columns, ...rows].flatMap(({ lines }) => lines),
      results: rows.flatMap(({ results }) => results),
    };
  });
  const wide = (values: readonly string[]) => lanes === 4 ? `vec4f(${values.join(", ")})` : values[0];
  const results = pairsOf.flatMap((pair) => pair.results);
  const writes = toTiles
    ? range(planes).map((q) =>
      `emit(${q}u * (p.pairs / ${lanes}u) + group, ${wide(pairsOf.map((pair) => pair.results[q]))});`
    )
    : range(TAPS).map((q) => `emit(group * ${TAPS}u + ${q}u, ${wide(results.slice(lanes * q, lanes * (q + 1)))});`);
  return {
    code: tiledMain([["group", `(p.pairs / ${lanes}u)`]], [
      ...load,
      ...pairsOf.flatMap(({ lines }) => lines),
      ...writes,
    ]),
    reads: [view],
    writes: view,
    grid: tileGrid(pairs / lanes),
  };
}

const pairsIn = (weight: Shape): number => sizeOf(weight) / TAPS;

/** The filtering of a call's attribute `tile`. */
const filteringOf = ({ attrs }: Pick<Call<WinogradAttrs>, "attrs">): Filtering => filterings[attrs.tile];

const paramsOf = ({ g }: Filtering, weight: Shape) => ({ pairs: pairsIn(weight), side: g.length });
const table = (call: Call<WinogradAttrs>) => filteringOf(call).g.flat();

const weightKernel: Kernel<WinogradAttrs> = {
  params: (call) => paramsOf(filteringOf(call), call.inputs[0]),
  wgsl: (call) => transform(filteringOf(call), pairsIn(call.inputs[0]), true),
  table,
  gpujs: function (weight, g) {
    const pair = this.thread.x % this.constants.pairs;
    const plane = Math.floor(this.thread.x / this.constants.pairs);
    const a = Math.floor(plane / this.constants.side);
    const b = plane % this.constants.side;
    let total = 0;
    for (let r = 0; r < 3; r++) {
      for (let s = 0; s < 3; s++) {
        total += g[3 * a + r] * g[3 * b + s] * weight[pair * 9 + 3 * r + s];
      }
    }
    return total;
  },
};

const weightGradKernel: Kernel<WinogradAttrs> = {
  params: (call) => paramsOf(filteringOf(call), call.output),
  wgsl: (call) => transform(filteringOf(call), pairsIn(call.output), false),
  table,
  gpujs: function (tiles, g) {
    const tap = this.thread.x % 9;
    const pair = Math.floor(this.thread.x / 9);
    const r = Math.floor(tap / 3);
    const s = tap % 3;
    let total = 0;
    for (let a = 0; a < this.constants.side; a++) {
      for (let b = 0; b < this.constants.side; b++) {
        total += g[3 * a + r] * g[3 * b + s] * tiles[(this.constants.side * a + b) * this.constants.pairs + pair];
      }
    }
    return total;
  },
};

/** [O, C] of the weights that are tried: whole fours of pairs, and not. */
const cases: readonly (readonly [number, number])[] = [[4, 3], [3, 3], [1, 1]];
const BENCH: readonly [number, number] = [512, 512];

/** A sample of each filtering for each size. */
const samplesOf = (inputOf: (filtering: Filtering, o: number, c: number) => Shape): OpSample<WinogradAttrs>[] =>
  Object.values(filterings).flatMap((filtering) =>
    [...cases, BENCH].map(([o, c]) => ({
      inputs: [{ shape: inputOf(filtering, o, c) }],
      attrs: { tile: filtering.tile, again: false },
      bench: o === BENCH[0],
    }))
  );

const costOf = (call: Call<WinogradAttrs>, weight: Shape) => {
  const { length } = filteringOf(call).g;
  return { flops: 2 * (9 * length + 3 * length ** 2) * pairsIn(weight), bytes: bytesOf(call) };
};

/**
 * Weights [O, C, 3, 3] as tiles [n², O, C], n = tile + 2. Attributes: `tile`, 2 or 4; `again`, which keeps the same
 * tiles of two passes apart. VJP: `winogradWeightGrad`.
 */
export const winogradWeight: KernelOp = defineOp<WinogradAttrs>({
  kind: "kernel",
  name: "winogradWeight",
  shape([weight], attrs) {
    if (weight.length !== 4 || weight[2] !== 3 || weight[3] !== 3) {
      throw new TypeError(`Cannot winogradWeight ${shapesText([weight])}: it takes [O, C, 3, 3]`);
    }
    return [planesOf(filteringOf({ attrs })), weight[0], weight[1]];
  },
  vjp: ({ b, attrs, grad }) => [b.op("winogradWeightGrad", [grad], attrs)],
  cost: (call) => costOf(call, call.inputs[0]),
  cuts: () => [{ inputs: [0], output: 1 }],
  precision: { result: "full" },
  kernel: weightKernel,
  samples: samplesOf((_, o, c) => [o, c, 3, 3]),
});

/**
 * The transpose of {@link winogradWeight}: tiles [n², O, C] give [O, C, 3, 3]. Attributes: as its. VJP:
 * `winogradWeight`.
 */
export const winogradWeightGrad: KernelOp = defineOp<WinogradAttrs>({
  kind: "kernel",
  name: "winogradWeightGrad",
  shape([tiles], attrs) {
    const planes = planesOf(filteringOf({ attrs }));
    if (tiles.length !== 3 || tiles[0] !== planes) {
      throw new TypeError(`Cannot winogradWeightGrad ${shapesText([tiles])}: it takes [${planes}, O, C]`);
    }
    return [tiles[1], tiles[2], 3, 3];
  },
  vjp: ({ b, attrs, grad }) => [b.op("winogradWeight", [grad], attrs)],
  cost: (call) => costOf(call, call.output),
  cuts: () => [{ inputs: [1], output: 0 }],
  precision: { result: "half", operands: "full" },
  kernel: weightGradKernel,
  samples: samplesOf((filtering, o, c) => [planesOf(filtering), o, c]),
});
