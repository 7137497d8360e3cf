/**
 * Matrix product: C[m, n] = Σ over k of A[m, k] · B[k, n], batched, either operand transposed.
 *
 * One invocation computes a tile of C. At each step it loads four columns of its rows of A and four rows of its columns
 * of B, four neighbours at a time wherever they begin (`readRow`). It multiplies every pair. A 16 × 16 tile, for
 * example, is 1,024 products for 32 loads.
 *
 * Layouts: element (m, k) of A stands at batch · aBatch + m · aM + k · aK. Element (k, n) of B stands at
 * batch · bBatch + k · bK + n · bN. C is [batches, M, N].
 * Grid: one invocation a tile; column of tiles fastest, then row, batch, split.
 *
 * @module
 */

import {
  bytesOf,
  type Call,
  type Cut,
  defineOp,
  type Kernel,
  type KernelOp,
  type OpSample,
  type Shape,
  shapesText,
  sizeOf,
  type Target,
  type Tensor,
  type VjpContext,
  type Wgsl,
} from "../op.ts";
import { type Sides, sidesOf, tileNames } from "../writing/candidates.ts";
import { stagedMatmul } from "./matmul_staged.ts";
import { isStaged, stagedByRules, stagedCandidates, withStaged } from "../writing/staged_tile.ts";
import { splitKNames, splitLowering } from "./split_k.ts";
import { evenTile, fmaChain, plus, range, readRow, tiledMain, tileGrid, tilesIn, writeOut } from "../writing/tile.ts";
import { block, f32, u32, type Value } from "../writing/block.ts";

/** Attributes of a product: is an operand stored with its last two axes swapped? */
export type MatmulAttrs = { readonly transposeA?: boolean; readonly transposeB?: boolean };

/** A product, or one whose sum is cut into so many parts that lie side by side. */
export type ProductCall = Call<MatmulAttrs & { readonly splits?: number }>;

const isTransposed = (attrs: MatmulAttrs): { a: boolean; b: boolean } => ({
  a: attrs.transposeA === true,
  b: attrs.transposeB === true,
});

/** [M, K] of the left operand and [K, N] of the right one, and the batch axes. */
function sizesOf([a, b]: readonly Shape[], attrs: MatmulAttrs) {
  const transposed = isTransposed(attrs);
  const fail = (why: string): never => {
    const sides = `${transposed.a ? ", A transposed" : ""}${transposed.b ? ", B transposed" : ""}`;
    throw new TypeError(`Cannot matmul ${shapesText([a, b])}${sides}: ${why}`);
  };
  if (a.length < 2 || b.length < 2) fail("it takes two axes at least");
  const matrix = (shape: Shape, isTurned: boolean) => {
    const [rows, columns] = shape.slice(-2);
    return isTurned ? [columns, rows] : [rows, columns];
  };
  const [m, k] = matrix(a, transposed.a);
  const [inner, n] = matrix(b, transposed.b);
  if (k !== inner) fail(`the inner sizes ${k} and ${inner} differ`);
  const [aBatch, bBatch] = [a.slice(0, -2), b.slice(0, -2)];
  if (aBatch.length > 0 && bBatch.length > 0 && shapesText([aBatch]) !== shapesText([bBatch])) {
    fail("the batch axes differ; they are equal, or one operand has none");
  }
  return { m, k, n, batch: aBatch.length > 0 ? aBatch : bBatch };
}

/** Does a matrix serve all batches of A? Then they are one product with the rows of all of them. */
function isShared(a: Shape, b: Shape, attrs: MatmulAttrs): boolean {
  return a.length > 2 && b.length === 2 && !isTransposed(attrs).a;
}

/** The numbers of the kernel. */
export function matmulParams({ inputs, attrs }: Call<MatmulAttrs>): Record<string, number> {
  const { m: rows, k, n, batch } = sizesOf(inputs, attrs);
  const transposed = isTransposed(attrs);
  const [a, b] = inputs;
  const [m, batches] = isShared(a, b, attrs) ? [rows * sizeOf(batch), 1] : [rows, sizeOf(batch)];
  return {
    ...{ m, k, n, batches },
    ...{ aM: transposed.a ? 1 : k, aK: transposed.a ? m : 1, aBatch: a.length > 2 ? m * k : 0 },
    ...{ bN: transposed.b ? k : 1, bK: transposed.b ? 1 : n, bBatch: b.length > 2 ? k * n : 0 },
  };
}

/** Tiles that keep every core of a processor busy; below, smaller tiles. */
const ENOUGH_TILES = 64;

/** Tiles that occupy a card: thousands of invocations hide what they wait for. */
const ENOUGH_ON_CARD = 8192;

/** Values of k in a step of the loop. */
export const STEP = 4;

/** Sides worth timing: on a GPU the accumulators of larger tiles would spill. */
const SIDES = { processor: [16, 8, 4, 2], gpu: [8, 4, 2] } as const;

/**
 * The largest side of at most `most` that covers `size` with the least waste: whole fours where the size is, so that
 * rows begin where a four does.
 */
const even = (size: number, most: number): number =>
  size % 4 === 0 && most % 4 === 0 ? 4 * evenTile(size / 4, most / 4) : evenTile(size, most);

/**
 * Tile of C [rows, columns] by the heuristic: of the largest side of which there are enough, cut to what covers C with
 * the least waste. The 256 accumulators of the largest would spill on a GPU, and on all but cards the 64 of 8×8 with
 * their operands.
 */
function tileOf({ m, n, batches }: Record<string, number>, { isSoftware, gpuKind }: Target): Sides {
  const tiles = (side: number) => batches * Math.ceil(m / side) * Math.ceil(n / side);
  const larger = isSoftware ? [16, 8] : gpuKind === "discrete" ? [8] : [];
  const enough = isSoftware ? ENOUGH_TILES : ENOUGH_ON_CARD;
  const side = larger.find((side) => tiles(side) >= enough && m > side / 2 && n > side / 2) ?? 4;
  return [even(m, side), even(n, side)];
}

/**
 * `16x8`: rows and columns of C that an invocation keeps in registers. A GPU also has `staged …`, which come first
 * where there is enough to stage (`staged_tile.ts`).
 */
export function matmulCandidates(call: ProductCall, target: Target): string[] {
  const sizes = matmulParams(call);
  const sides = SIDES[target.isSoftware ? "processor" : "gpu"];
  const others = sides.flatMap((rows) => sides.map((columns) => [even(sizes.m, rows), even(sizes.n, columns)]));
  const { m, n, batches } = sizes;
  const times = batches * (call.attrs.splits ?? 1);
  const registers = tileNames(tileOf(sizes, target), others);
  return withStaged(stagedByRules(m, n, times, target), stagedCandidates(m, n, target), registers);
}

/** An operand of a tile and how it is loaded. */
interface ProductOperand {
  readonly name: "a" | "b";
  /** WGSL function that reads it. */
  readonly load: string;
  /** WGSL of its first row (A) or column (B) in the tile, and of their number in the whole. */
  readonly first: string;
  readonly size: string;
  /** Rows or columns in the tile. */
  readonly count: number;
  /** WGSL of the distance of rows (or columns) that lie `alongK` in memory, or else of values of k. */
  readonly lead: string;
  readonly alongK: boolean;
  /** Does every run of neighbours begin where a four does? */
  readonly isAligned: boolean;
}

/** Lines that define `<name><q>_<i>`: row (or column) i of the tile at k + q; 0 past the last k where `isRagged`. */
function loadOperand(
  { name, load, first, size, count, lead, alongK, isAligned }: ProductOperand,
  isRagged: boolean,
): string[] {
  const phase = isAligned ? 0 : undefined;
  const define = (q: number, i: number, value: string) =>
    `let ${name}${q}_${i} = ${isRagged ? `select(0.0, ${value}, has${q})` : value};`;
  if (alongK) {
    return range(count).flatMap((i) => {
      // Past the edge the last one is read again; what it gives is not written.
      const start = `let ${name}At${i} = ${name}Start + min(${plus(first, i)}, ${size} - 1u) * ${lead} + k;`;
      const row = readRow(`${name}${i}`, load, `${name}At${i}`, range(STEP), phase);
      return [start, ...row.lines, ...range(STEP).map((q) => define(q, i, row.at(q)))];
    });
  }
  return range(STEP).flatMap((q) => {
    // Past the edge stand other numbers, or none; what they give is not written.
    const start = `let ${name}At${q} = ${name}Start + (${plus("k", q)}) * ${lead} + ${first};`;
    const row = readRow(`${name}${q}`, load, `${name}At${q}`, range(count), phase);
    return [start, ...row.lines, ...range(count).map((i) => define(q, i, row.at(i)))];
  });
}

/** The kernel for these sizes; with the attribute `splits`, of as many runs of k, each with an output of its own. */
export function matmulWgsl(
  call: ProductCall,
  target: Target,
  candidate = matmulCandidates(call, target)[0],
): Wgsl {
  const { m, n, k, batches, aBatch, bBatch } = matmulParams(call);
  const splits = call.attrs.splits;
  const transposed = isTransposed(call.attrs);
  if (isStaged(candidate)) {
    const { a: transposeA, b: transposeB } = isTransposed(call.attrs);
    return stagedMatmul({ m, n, k, batches, aBatch, bBatch, transposeA, transposeB, splits }, candidate);
  }
  const [rows, columns] = sidesOf(candidate, 2);
  const isRagged = k % STEP !== 0;
  const lanes = n % 4 === 0 && columns % 4 === 0 ? 4 : 1;
  const outputs = range(rows).flatMap((i) => range(columns).map((j) => ({ i, j, name: `c${i}_${j}` })));
  const product = (at: Value<"u32">): string[] => [
    ...(isRagged ? range(STEP).map((q) => `let has${q} = ${plus(`${at}`, q)} < p.k;`) : []),
    ...loadOperand({
      ...{ name: "a", load: "load0", first: "m0", size: "p.m", count: rows },
      ...(transposed.a ? { lead: "p.aK", alongK: false } : { lead: "p.aM", alongK: true }),
      isAligned: (transposed.a ? m : k) % 4 === 0 && aBatch % 4 === 0 && (!transposed.a || rows % 4 === 0),
    }, isRagged),
    ...loadOperand({
      ...{ name: "b", load: "load1", first: "n0", size: "p.n", count: columns },
      ...(transposed.b ? { lead: "p.bN", alongK: true } : { lead: "p.bK", alongK: false }),
      isAligned: (transposed.b ? k : n) % 4 === 0 && bBatch % 4 === 0 && (transposed.b || columns % 4 === 0),
    }, isRagged),
    ...outputs.map(({ i, j, name }) =>
      `${name} = ${fmaChain(name, range(STEP).map((q) => [`a${q}_${i}`, `b${q}_${j}`]))};`
    ),
  ];
  const body = block((w) => {
    w.let("m0", u32(`mTile * ${rows}u`));
    w.let("n0", u32(`nTile * ${columns}u`));
    w.let("aStart", u32("batch * p.aBatch"));
    w.let("bStart", u32("batch * p.bBatch"));
    for (const { name } of outputs) w.var(name, f32("0.0"));
    const span = splits === undefined ? { to: u32("p.k") } : {
      from: u32("split * p.perSplit"),
      to: w.let("end", u32("min((split + 1u) * p.perSplit, p.k)")),
    };
    w.for("k", { ...span, by: STEP }, (at) => w.line(...product(at)));
    w.line(...writeOut(outputs.map(({ name }) => name), [columns], lanes, (index, value) =>
      `{
        let i = ${index};
        let row = m0 + i / ${columns}u;
        let column = n0 + i % ${columns}u;
        if (row < p.m && column < p.n) {
          emit(((${
        splits === undefined ? "batch" : "(split * p.batches + batch)"
      } * p.m + row) * p.n + column) / ${lanes}u, ${value});
        }
      }`));
  });
  return {
    code: tiledMain([
      ["nTile", tilesIn("p.n", columns)],
      ["mTile", tilesIn("p.m", rows)],
      ["batch", "p.batches"],
      ...(splits === undefined ? [] : [["split", "p.splits"] as const]),
    ], body),
    reads: ["vec4f", "vec4f"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: tileGrid((splits ?? 1) * batches * Math.ceil(m / rows) * Math.ceil(n / columns)),
  };
}

const kernel: Kernel<MatmulAttrs> = {
  params: matmulParams,
  candidates: matmulCandidates,
  wgsl: matmulWgsl,
  gpujs: function (a, b) {
    const n = this.thread.x % this.constants.n;
    const m = Math.floor(this.thread.x / this.constants.n) % this.constants.m;
    const batch = Math.floor(this.thread.x / (this.constants.n * this.constants.m));
    const aStart = batch * this.constants.aBatch + m * this.constants.aM;
    const bStart = batch * this.constants.bBatch + n * this.constants.bN;
    let total = 0;
    for (let k = 0; k < this.constants.k; k++) {
      total += a[aStart + k * this.constants.aK] * b[bStart + k * this.constants.bK];
    }
    return total;
  },
};

/**
 * dA = dC · Bᵀ and dB = Aᵀ · dC, each arranged so that it is one product of stored tensors. An operand without batch
 * axes served every batch: its gradient is their sum.
 */
function vjp({ b, inputs: [x, y], attrs, grad, needs }: VjpContext<MatmulAttrs>): (Tensor | undefined)[] {
  const { a: transposeA, b: transposeB } = isTransposed(attrs);
  const dx = () =>
    transposeA
      ? b.matmul(y, grad, { transposeA: transposeB, transposeB: true })
      : b.matmul(grad, y, { transposeB: !transposeB });
  const dy = () => {
    // Rows of all batches in one: the sum over batches is then part of the product.
    const rows = (tensor: Tensor) =>
      isShared(x.shape, y.shape, attrs)
        ? b.reshape(tensor, [sizeOf(tensor.shape.slice(0, -1)), tensor.shape.at(-1)!])
        : tensor;
    return transposeB
      ? b.matmul(rows(grad), rows(x), { transposeA: true, transposeB: transposeA })
      : b.matmul(rows(x), rows(grad), { transposeA: !transposeA });
  };
  return [needs[0] ? b.sumTo(dx(), x.shape) : undefined, needs[1] ? b.sumTo(dy(), y.shape) : undefined];
}

/** By batch; by rows of A, by columns of B, and by what is summed over, where it is one product. */
function cuts({ inputs, output, attrs }: Call<MatmulAttrs>): readonly Cut[] {
  const [a, b] = inputs;
  if (output.length > 2) return [{ inputs: [a.length > 2 ? 0 : undefined, b.length > 2 ? 0 : undefined], output: 0 }];
  const transposed = isTransposed(attrs);
  const [aRows, aInner] = transposed.a ? [1, 0] : [0, 1];
  const [bInner, bColumns] = transposed.b ? [1, 0] : [0, 1];
  return [
    { inputs: [aRows, undefined], output: 0 },
    { inputs: [undefined, bColumns], output: 1 },
    { inputs: [aInner, bInner], output: "sum" },
  ];
}

const sample = (a: Shape, b: Shape, attrs: MatmulAttrs = {}, bench = false): OpSample<MatmulAttrs> => ({
  inputs: [{ shape: a }, { shape: b }],
  attrs,
  abs: 1e-4,
  bench,
});

/**
 * Matrix product: a [..., M, K] and b [..., K, N] give [..., M, N]. Attributes: `transposeA`, `transposeB` (default
 * false) say that an operand is stored with its last two axes swapped. Batch axes are equal, or one operand has none.
 */
export const matmul: KernelOp = defineOp<MatmulAttrs>({
  kind: "kernel",
  name: "matmul",
  shape(inputs, attrs) {
    const { m, n, batch } = sizesOf(inputs, attrs);
    return [...batch, m, n];
  },
  vjp,
  isProduct: true,
  cost(call) {
    return { flops: 2 * sizeOf(call.output) * sizesOf(call.inputs, call.attrs).k, bytes: bytesOf(call) };
  },
  cuts,
  precision: { result: "half" },
  kernel,
  alternatives: {
    names: ({ inputs, output, attrs }) => splitKNames(output, sizesOf(inputs, attrs).k),
    lowering: (name) => splitLowering(name, matmul.shape),
  },
  samples: [
    sample([3, 5], [5, 7]),
    sample([8, 12], [12, 16]),
    sample([1, 1], [1, 1]),
    sample([6, 1], [1, 5]),
    sample([4, 9], [4, 6], { transposeA: true }),
    sample([5, 8], [6, 8], { transposeB: true }),
    sample([8, 5], [12, 8], { transposeA: true, transposeB: true }),
    // Enough tiles for the largest.
    sample([132, 8], [8, 124]),
    sample([65, 6], [6, 67]),
    // Rows that begin anywhere, and a last step that is not whole.
    sample([3, 17, 7], [3, 7, 49]),
    sample([3, 7, 17], [3, 49, 7], { transposeA: true, transposeB: true }),
    sample([3, 4, 8], [3, 8, 12]),
    sample([2, 2, 3, 5], [2, 2, 7, 5], { transposeB: true }),
    sample([3, 4, 8], [8, 12]),
    sample([3, 8, 5], [8, 6], { transposeA: true }),
    sample([4, 8], [3, 8, 5]),
    sample([1024, 1024], [1024, 1024], {}, true),
    sample([32, 8192], [128, 8192], { transposeB: true }, true),
    sample([32, 128], [128, 8192], {}, true),
    sample([32, 128], [32, 8192], { transposeA: true }, true),
    sample([32, 512], [1000, 512], { transposeB: true }, true),
    sample([32, 128], [5, 128], { transposeB: true }, true),
  ],
});
