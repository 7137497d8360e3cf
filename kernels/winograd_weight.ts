/**
 * 3×3 weights as Winograd's 4×4 tiles and back (see `winograd.ts`): U[:, o, c] = G · w[o, c] · Gᵀ, and dw[o, c] = Gᵀ · dU[:, o, c] · G.
 *
 * @module
 */

import { bytesOf, type Call, type Kernel, type Op, type Shape, shapesText, sizeOf, type Wgsl } from "./op.ts";
import { range, readRow, tiledMain, tileGrid } from "./tile.ts";

/** G of F(2, 3): 4 × 3. */
const G: readonly (readonly number[])[] = [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]];

const TAPS = 9;
const PLANES = 16;

/** WGSL of Σ factor · value. */
const weightedSum = (terms: readonly (readonly [factor: number, value: string])[]): string =>
  terms.filter(([factor]) => factor !== 0)
    .map(([factor, value]) => factor === 1 ? value : `${factor} * ${value}`).join(" + ");

/** Pairs of channels (o, c) that one invocation takes. */
const lanesOf = (pairs: number): 1 | 4 => pairs % 4 === 0 ? 4 : 1;

/** From the 3×3 numbers of an invocation's pairs, as they stand one behind the other, to the tiles, or back. */
function transform(pairs: number, toTiles: boolean): Wgsl {
  const lanes = lanesOf(pairs);
  const view = lanes === 4 ? "vec4f" : "f32";
  const [from, to] = toTiles ? [3, 4] : [4, 3];
  const factor = (out: number, inner: number) => toTiles ? G[out][inner] : G[inner][out];
  const taps = readRow("w", "load0", "group * 36u", range(lanes * TAPS), 0);
  const load = toTiles
    ? (lanes === 4 ? [...taps.lines] : range(TAPS).map((t) => `let w${t} = load0(group * ${TAPS}u + ${t}u);`))
    : range(PLANES).map((q) => `let u${q} = load0(${q}u * (p.pairs / ${lanes}u) + group);`);
  /** Row r, column s of what pair `lane` comes from. */
  const source = (r: number, s: number, lane: number) =>
    toTiles
      ? lanes === 4 ? taps.at(TAPS * lane + 3 * r + s) : `w${3 * r + s}`
      : `u${4 * r + s}${lanes === 4 ? `[${lane}]` : ""}`;
  const body = range(lanes).flatMap((lane) => [
    ...range(to).flatMap((a) =>
      range(from).map((s) =>
        `let t${lane}_${a}_${s} = ${weightedSum(range(from).map((r) => [factor(a, r), source(r, s, lane)]))};`
      )
    ),
    ...range(to).flatMap((a) =>
      range(to).map((b) =>
        `let v${lane}_${to * a + b} = ${weightedSum(range(from).map((s) => [factor(b, s), `t${lane}_${a}_${s}`]))};`
      )
    ),
  ]);
  const wide = (values: readonly string[]) => lanes === 4 ? `vec4f(${values.join(", ")})` : values[0];
  const writes = toTiles
    ? range(PLANES).map((q) =>
      `emit(${q}u * (p.pairs / ${lanes}u) + group, ${wide(range(lanes).map((lane) => `v${lane}_${q}`))});`
    )
    : range(TAPS).map((q) =>
      `emit(group * ${TAPS}u + ${q}u, ${
        wide(range(lanes).map((k) => `v${Math.floor((lanes * q + k) / TAPS)}_${(lanes * q + k) % TAPS}`))
      });`
    );
  return {
    code: tiledMain([["group", `(p.pairs / ${lanes}u)`]], [...load, ...body, ...writes]),
    reads: [view],
    writes: view,
    grid: tileGrid(pairs / lanes),
  };
}

const pairsIn = (weight: Shape): number => sizeOf(weight) / TAPS;

/** For gpu.js, which has no tables: a row of 2 · G is a number in base 4. */
const paramsOf = (weight: Shape): Record<string, number> => {
  const digits = (row: readonly number[]) => row.reduceRight((number, value) => number * 4 + 2 * value + 1, 0);
  return { pairs: pairsIn(weight), ...Object.fromEntries(G.map((row, a) => [`row${a}`, digits(row)])) };
};

const weightKernel: Kernel = {
  params: ({ inputs: [weight] }: Call) => paramsOf(weight),
  wgsl: ({ inputs: [weight] }) => transform(pairsIn(weight), true),
  gpujs: function (weight) {
    const pair = this.thread.x % this.constants.pairs;
    const plane = Math.floor(this.thread.x / this.constants.pairs);
    const a = Math.floor(plane / 4);
    const b = plane % 4;
    let down = this.constants.row0;
    if (a === 1) down = this.constants.row1;
    if (a === 2) down = this.constants.row2;
    if (a === 3) down = this.constants.row3;
    let total = 0;
    for (let r = 0; r < 3; r++) {
      let across = this.constants.row0;
      if (b === 1) across = this.constants.row1;
      if (b === 2) across = this.constants.row2;
      if (b === 3) across = this.constants.row3;
      for (let s = 0; s < 3; s++) {
        total += 0.25 * ((down % 4) - 1) * ((across % 4) - 1) * weight[pair * 9 + 3 * r + s];
        across = Math.floor(across / 4);
      }
      down = Math.floor(down / 4);
    }
    return total;
  },
};

const weightGradKernel: Kernel = {
  params: ({ output }: Call) => paramsOf(output),
  wgsl: ({ output }) => transform(pairsIn(output), false),
  gpujs: function (tiles) {
    const tap = this.thread.x % 9;
    const pair = Math.floor(this.thread.x / 9);
    const down = Math.pow(4, Math.floor(tap / 3));
    const across = Math.pow(4, tap % 3);
    let total = 0;
    for (let a = 0; a < 4; a++) {
      let rowA = this.constants.row0;
      if (a === 1) rowA = this.constants.row1;
      if (a === 2) rowA = this.constants.row2;
      if (a === 3) rowA = this.constants.row3;
      for (let b = 0; b < 4; b++) {
        let rowB = this.constants.row0;
        if (b === 1) rowB = this.constants.row1;
        if (b === 2) rowB = this.constants.row2;
        if (b === 3) rowB = this.constants.row3;
        const factor = ((Math.floor(rowA / down) % 4) - 1) * ((Math.floor(rowB / across) % 4) - 1);
        total += 0.25 * factor * tiles[(4 * a + b) * this.constants.pairs + pair];
      }
    }
    return total;
  },
};

/** [O, C] of the weights that are tried: whole fours of pairs, and not. */
const cases: readonly (readonly [number, number])[] = [[4, 3], [3, 3], [1, 1]];

/**
 * Weights [O, C, 3, 3] as tiles [16, O, C]. Attribute `again` keeps the same tiles of two passes apart. VJP: `winogradWeightGrad`.
 */
export const winogradWeight: Op = {
  name: "winogradWeight",
  shape([weight]) {
    if (weight.length !== 4 || weight[2] !== 3 || weight[3] !== 3) {
      throw new TypeError(`Cannot winogradWeight ${shapesText([weight])}: it takes [O, C, 3, 3]`);
    }
    return [PLANES, weight[0], weight[1]];
  },
  vjp: ({ b, grad }) => [b.op("winogradWeightGrad", [grad])],
  cost: (call) => ({ flops: 56 * pairsIn(call.inputs[0]), bytes: bytesOf(call) }),
  cuts: () => [{ inputs: [0], output: 1 }],
  kernel: weightKernel,
  samples: [...cases, [512, 512]].map(([o, c]) => ({
    inputs: [{ shape: [o, c, 3, 3] }],
    attrs: { again: false },
    bench: o === 512,
  })),
};

/** The transpose of {@link winogradWeight}: tiles [16, O, C] give [O, C, 3, 3]. VJP: `winogradWeight`. */
export const winogradWeightGrad: Op = {
  name: "winogradWeightGrad",
  shape([tiles]) {
    if (tiles.length !== 3 || tiles[0] !== PLANES) {
      throw new TypeError(`Cannot winogradWeightGrad ${shapesText([tiles])}: it takes [16, O, C]`);
    }
    return [tiles[1], tiles[2], 3, 3];
  },
  vjp: ({ b, grad }) => [b.op("winogradWeight", [grad], { again: false })],
  cost: (call) => ({ flops: 56 * pairsIn(call.output), bytes: bytesOf(call) }),
  cuts: () => [{ inputs: [1], output: 0 }],
  kernel: weightGradKernel,
  samples: [...cases, [512, 512]].map(([o, c]) => ({ inputs: [{ shape: [PLANES, o, c] }], bench: o === 512 })),
};
