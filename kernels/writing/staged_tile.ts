/**
 * Writes products whose operands are staged through workgroup memory, for GPUs. The invocations of a workgroup load a
 * tile of each operand together and wait for each other. Each then multiplies its own rows and columns of the tile. A
 * number of either operand comes from memory once for a whole row of invocations. Of what the operands are the writer
 * knows nothing: a matrix product and the three passes of a convolution hand over how four by four numbers of an
 * operand are read.
 *
 * Workgroup memory holds both tiles as fours along rows (A) and along columns (B), k by k. Invocation (x, y) has the
 * fours x, x + X, … of the columns and y, y + Y, … of the rows, so that neighbours read and write neighbouring fours.
 * On a software adapter this is slow: workgroup memory costs what other memory costs there, and a barrier thousands of
 * products.
 *
 * Grid: one workgroup a tile; column of tiles fastest, then row, then what the product adds.
 *
 * Matrix products and the three passes of a convolution come in two families: tiles of one invocation, in registers
 * alone (`matmul.ts`, `conv_tile.ts`, `conv2d_weight_grad.ts`), and, for GPUs, these. Which the heuristic takes depends
 * on the kind of GPU (`Target.gpuKind`). A tile is staged where both sides are 64 or more and there are enough
 * workgroups, 8×8 a thread on cards and 4×4 elsewhere. On Apple's GPUs it is 4×4 in registers, as jax-js has it. Nobody
 * has measured these heuristics here: they are from what tfjs, ONNX Runtime, llama.cpp, gpu.cpp and jax-js do and
 * report, and the tuner corrects them.
 *
 * Subgroups are used nowhere: Deno 2.9.6 gives no adapter the feature, and its WGSL compiler refuses `enable
 * subgroups`, on Vulkan too.
 *
 * @module
 */

import { type Sides, sidesOf } from "./candidates.ts";
import { type GpuKind, linearGrid, type Target } from "../op.ts";
import { plus, range, type TileCounts, tilesIn, workgroupMain, writeOut } from "./tile.ts";
import { block, bool, u32, type Value, vec4f } from "./block.ts";

/** Sizes of a staged product. */
export interface StagedTile {
  /** Rows and columns that a workgroup computes. */
  readonly rows: number;
  readonly columns: number;
  /** Values of k that are staged at once. */
  readonly depth: number;
  /** Rows and columns of one invocation; whole fours. */
  readonly ownRows: number;
  readonly ownColumns: number;
}

/**
 * Names of the tiles worth timing: rows, columns and depth of a workgroup's, then rows and columns of an invocation's.
 * All are within the 256 invocations and 16 KiB of workgroup memory that WebGPU promises.
 */
export const STAGED: readonly string[] = [
  "staged 64x64x16 8x8",
  "staged 64x64x32 4x4",
  "staged 128x64x16 8x4",
  "staged 128x128x16 8x8",
  "staged 32x32x32 4x4",
  "staged 32x64x16 4x4",
];

/** All of them, the smallest first: for what has no tile of one invocation. */
export const LEAST_STAGED_FIRST: readonly string[] = [
  "staged 32x32x32 4x4",
  ...STAGED.filter((name) => name !== "staged 32x32x32 4x4"),
];

/** Shorter sides are not worth staging: most of the smallest tile would be past the edge. */
const LEAST_SIDE = 24;

/** Names of the tiles worth timing for a product of so many rows and columns; none on a software adapter. */
export function stagedCandidates(rows: number, columns: number, { isSoftware }: Target): readonly string[] {
  return isSoftware || Math.min(rows, columns) < LEAST_SIDE ? [] : STAGED;
}

/** A tile that the heuristic takes where it gives so many workgroups: fewer would leave cores idle. */
interface StagedRule {
  readonly tile: string;
  readonly workgroups: number;
}

/** Eight by eight a thread, in a workgroup of 64: gpu.cpp's and llama.cpp's first tile on cards. */
const LARGE = "staged 64x64x16 8x8";

/** Four by four a thread, in a workgroup of 64: what tfjs and ONNX Runtime take on every GPU, and llama.cpp now. */
const SMALL = "staged 32x32x32 4x4";

/**
 * By kind, the best first. On what shares a chip with a processor, 64 accumulators and their operands spill. Apple's
 * GPUs read through a cache that is as near as workgroup memory. jax-js reaches over 7 TFLOP/s on an M4 Max in
 * registers alone, 4×4 a thread and four values of k unrolled, as `matmul.ts` has it. gpu.cpp reaches a quarter of an
 * M1 Max's peak with the large tile.
 */
const BY_KIND: Readonly<Record<GpuKind | "unknown", readonly StagedRule[]>> = {
  discrete: [{ tile: LARGE, workgroups: 128 }, { tile: SMALL, workgroups: 64 }],
  integrated: [{ tile: SMALL, workgroups: 32 }],
  apple: [],
  unknown: [{ tile: SMALL, workgroups: 64 }],
};

/** Shorter sides are not staged by the heuristic. */
const RULES_SIDE = 64;

/** A smaller tile is taken where a larger one computes so many times as much, past the edges. */
const LARGE_GAIN = 1.25;

/** No tile is taken that computes so many times as much as is wanted. */
const MOST_WASTE = 1.5;

/**
 * The staged tile that the heuristic takes for a product of so many rows and columns, `times` over. It is undefined for
 * tiles in registers alone: on processors, where a side is short, or where there would be too few workgroups.
 */
export function stagedByRules(
  rows: number,
  columns: number,
  times: number,
  { isSoftware, gpuKind }: Target,
): string | undefined {
  if (isSoftware || Math.min(rows, columns) < RULES_SIDE) return undefined;
  const able = BY_KIND[gpuKind ?? "unknown"].flatMap(({ tile, workgroups }) => {
    const sides = stagedTile(tile);
    const tiles = Math.ceil(rows / sides.rows) * Math.ceil(columns / sides.columns);
    const waste = tiles * sides.rows * sides.columns / (rows * columns);
    return times * tiles >= workgroups && waste <= MOST_WASTE ? [{ tile, waste }] : [];
  });
  return able.find(({ waste }) => able.every((other) => waste <= LARGE_GAIN * other.waste))?.tile;
}

/**
 * Names of a product's tiles: what the heuristic takes comes first.
 *
 * @param byRules The staged tile by the heuristic, if there is one.
 * @param registers Tiles in registers alone, the heuristic's first.
 */
export function withStaged(
  byRules: string | undefined,
  staged: readonly string[],
  [register, ...registers]: readonly string[],
): string[] {
  const first = byRules === undefined ? [register] : [byRules, register];
  return [...first, ...staged.filter((tile) => tile !== byRules), ...registers];
}

/** Is this the name of a staged tile? */
export const isStaged = (candidate: string): boolean => candidate.startsWith("staged ");

/**
 * The tile called so.
 *
 * @throws RangeError when the name is of none.
 */
export function stagedTile(candidate: string): StagedTile {
  const [, whole = "", own = ""] = candidate.split(" ");
  const [rows, columns, depth]: Sides = sidesOf(whole, 3);
  const [ownRows, ownColumns]: Sides = sidesOf(own, 2);
  return { rows, columns, depth, ownRows, ownColumns };
}

/** How an operand is read. Rows stand for columns where it is the right one. */
export interface StagedOperand {
  /**
   * WGSL lines that come once, before the loop over k: what depends on the rows alone. `first` is the first of four
   * rows.
   */
  readonly prepare?: (name: string, first: string) => readonly string[];
  /**
   * WGSL lines that define `<name>0` … `<name>3`, vec4f: four rows from `first` on, at `k`, k + 1, k + 2 and k + 3. At
   * k past the end they are 0; rows past the edge are any numbers.
   */
  readonly load: (name: string, first: string, k: string) => readonly string[];
}

/** A product to be written. */
export interface StagedProduct {
  readonly tile: StagedTile;
  readonly a: StagedOperand;
  readonly b: StagedOperand;
  /** WGSL of the number of rows and columns. */
  readonly rows: string;
  readonly columns: string;
  /** Further coordinates of a tile and WGSL of their number, the fastest first: batches, groups, splits. */
  readonly counts: TileCounts;
  /** WGSL lines before anything is loaded. */
  readonly setup: readonly string[];
  /**
   * Is the sum so long that runs of it are added up by themselves before they meet the sum? That takes as many
   * registers again, for a fraction of the rounding error.
   */
  readonly inBlocks: boolean;
  /** WGSL of the first k and of the one past the last. */
  readonly from: string;
  readonly to: string;
  /** WGSL that writes the vec4f `value` of four columns from `column` on, which may reach past the edge. */
  readonly write: (row: string, column: string, value: string) => string;
}

/** Depths of a run. */
const BLOCK = 8;

/** Workgroups for so many rows and columns, `times` over. */
export function stagedGrid(
  { rows, columns }: StagedTile,
  m: number,
  n: number,
  times: number,
): [number, number, number] {
  return linearGrid(times * Math.ceil(m / rows) * Math.ceil(n / columns), 1);
}

/** The kernel's text. */
export function stagedProduct(product: StagedProduct): string {
  const { tile, from, to, write, inBlocks } = product;
  const across = tile.columns / tile.ownColumns;
  const down = tile.rows / tile.ownRows;
  const size = across * down;
  const rowFours = range(tile.ownRows / 4);
  const columnFours = range(tile.ownColumns / 4);
  const sums = range(tile.ownRows).flatMap((i) => columnFours.map((f) => ({ i, f, name: `c${i}_${f}` })));
  const a = new Stage("a", product.a, "m0", tile.rows, tile.depth, size);
  const b = new Stage("b", product.b, "n0", tile.columns, tile.depth, size);
  const fourSteps = (k: Value<"u32">): string[] =>
    range(4).flatMap((q) => [
      ...rowFours.map((f) =>
        `let a${q}_${f} = staged_a[(${plus(`${k}`, q)}) * ${tile.rows / 4}u + ${plus("y", f * down)}];`
      ),
      ...columnFours.map((f) =>
        `let b${q}_${f} = staged_b[(${plus(`${k}`, q)}) * ${tile.columns / 4}u + ${plus("x", f * across)}];`
      ),
      ...sums.map(({ i, f, name }) =>
        `${name} = fma(vec4f(a${q}_${Math.floor(i / 4)}[${i % 4}]), b${q}_${f}, ${name});`
      ),
    ]);
  const body = block((w) => {
    w.let("m0", u32(`mTile * ${tile.rows}u`));
    w.let("n0", u32(`nTile * ${tile.columns}u`));
    w.let("x", u32(`l % ${across}u`));
    w.let("y", u32(`l / ${across}u`));
    w.line(...product.setup, ...a.prepare(), ...b.prepare());
    for (const { name } of sums) w.var(name, vec4f("vec4f()"));
    if (inBlocks) { for (const { name } of sums) w.var(`${name}Blocks`, vec4f("vec4f()")); }
    const depth = inBlocks ? w.var("depth", u32(0)) : undefined;
    w.for("k0", { from: u32(from), to: u32(to), by: tile.depth }, () => {
      w.line(...a.fill(), ...b.fill(), "workgroupBarrier();");
      w.for("k", { to: u32(tile.depth), by: 4 }, (k) => w.line(...fourSteps(k)));
      w.line("workgroupBarrier();");
      if (!depth) return;
      w.line(`${depth}++;`);
      w.if(bool(`${depth} % ${BLOCK}u == 0u`), () => {
        for (const { name } of sums) w.line(`${name}Blocks += ${name}; ${name} = vec4f();`);
      });
    });
    if (inBlocks) { for (const { name } of sums) w.add(vec4f(name), vec4f(`${name}Blocks`)); }
    w.line(...writeOut(sums.map(({ name }) => name), [columnFours.length], 1, (index, value) =>
      `{
        let own = ${index};
        let i = own / ${columnFours.length}u;
        let row = m0 + (i / 4u * ${down}u + y) * 4u + i % 4u;
        let column = n0 + (own % ${columnFours.length}u * ${across}u + x) * 4u;
        if (row < ${product.rows} && column < ${product.columns}) {
          ${write("row", "column", value)}
        }
      }`));
  });
  const memory = [a, b].map((stage) => stage.declaration).join("\n");
  return `${memory}\n` + workgroupMain(size, [
    ["nTile", tilesIn(product.columns, tile.columns)],
    ["mTile", tilesIn(product.rows, tile.rows)],
    ...product.counts,
  ], body);
}

/** The tile of one operand in workgroup memory. Its blocks of four rows by four k are dealt out to the invocations. */
class Stage {
  readonly declaration: string;
  readonly #name: "a" | "b";
  readonly #operand: StagedOperand;
  readonly #first: string;
  readonly #fours: number;
  readonly #blocks: number;
  readonly #size: number;

  constructor(name: "a" | "b", operand: StagedOperand, first: string, rows: number, depth: number, size: number) {
    this.#name = name;
    this.#operand = operand;
    this.#first = first;
    this.#fours = rows / 4;
    this.#blocks = (rows / 4) * (depth / 4);
    this.#size = size;
    this.declaration = `var<workgroup> staged_${name}: array<vec4f, ${this.#fours * depth}>;`;
  }

  /** Turns in which the invocations take their blocks. */
  get #turns(): number[] {
    return range(Math.ceil(this.#blocks / this.#size));
  }

  /** Each block's place: B is dealt out from the last invocation on, for those that have no block of A. */
  prepare(): string[] {
    const name = this.#name;
    const own = name === "a" ? "l" : `(${this.#size - 1}u - l)`;
    return this.#turns.flatMap((turn) => [
      `let ${name}Block${turn} = ${plus(own, turn * this.#size)};`,
      `let ${name}Four${turn} = ${name}Block${turn} % ${this.#fours}u;`,
      `let ${name}K${turn} = ${name}Block${turn} / ${this.#fours}u * 4u;`,
      `let ${name}First${turn} = ${this.#first} + ${name}Four${turn} * 4u;`,
      ...this.#operand.prepare?.(`${name}${turn}`, `${name}First${turn}`) ?? [],
    ]);
  }

  /** Reads the tile at k0. */
  fill(): string[] {
    const name = this.#name;
    return block((w) => {
      for (const turn of this.#turns) {
        const fill = () => {
          const k = w.let("k", u32(`k0 + ${name}K${turn}`));
          w.line(...this.#operand.load(`${name}${turn}`, `${name}First${turn}`, `${k}`));
          for (const q of range(4)) {
            const at = `(${plus(`${name}K${turn}`, q)}) * ${this.#fours}u + ${name}Four${turn}`;
            w.set(vec4f(`staged_${name}[${at}]`), vec4f(`${name}${turn}${q}`));
          }
        };
        if ((turn + 1) * this.#size <= this.#blocks) w.scope(fill);
        else w.if(bool(`${name}Block${turn} < ${this.#blocks}u`), fill);
      }
    });
  }
}
