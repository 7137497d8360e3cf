/**
 * The matrix product with operands staged through workgroup memory (`staged_tile.ts`).
 *
 * Layouts: as in `matmul.ts`.
 *
 * @module
 */

import type { Wgsl } from "../op.ts";
import { stagedGrid, type StagedOperand, stagedProduct, stagedTile } from "../writing/staged_tile.ts";
import { plus, range, readRow } from "../writing/tile.ts";

/** Sizes of a product, known when the kernel is written. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches: number;
  /** Numbers of a batch; 0 where one matrix serves all. */
  readonly aBatch: number;
  readonly bBatch: number;
  /** Is the operand stored with its last two axes swapped? */
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** Runs of k, each of `p.perSplit` values, with an output each; undefined for one sum. */
  readonly splits?: number;
}

/** How a matrix lies in memory. */
export interface MatrixLayout {
  /** WGSL function that reads it. */
  readonly load: string;
  /** WGSL of the index of its first number. */
  readonly start: string;
  /** WGSL of the number of rows, and of the distance of rows that lie `alongK` in memory, or else of values of k. */
  readonly rows: string;
  readonly lead: string;
  readonly alongK: boolean;
  /** Does every run of neighbours begin where a four does? */
  readonly isAligned: boolean;
  /** May k be past the WGSL variable `end`? */
  readonly isRagged: boolean;
}

/** A matrix as an operand of a staged product. */
export function stagedMatrix(
  { load, start, rows, lead, alongK, isAligned, isRagged }: MatrixLayout,
): StagedOperand {
  const phase = isAligned ? 0 : undefined;
  const define = (name: string, q: number, values: readonly string[]): string => {
    const four = `vec4f(${values.join(", ")})`;
    return `let ${name}${q} = ${isRagged ? `select(vec4f(), ${four}, ${plus("k", q)} < end)` : four};`;
  };
  return {
    load(name, first, k) {
      if (alongK) {
        const read = range(4).map((i) => {
          // Past the edge the last one is read again; what it gives is not written.
          const at = `let ${name}At${i} = ${start} + min(${plus(first, i)}, ${rows} - 1u) * ${lead} + ${k};`;
          return { at, row: readRow(`${name}r${i}`, load, `${name}At${i}`, range(4), phase) };
        });
        return [
          ...read.flatMap(({ at, row }) => [at, ...row.lines]),
          ...range(4).map((q) => define(name, q, read.map(({ row }) => row.at(q)))),
        ];
      }
      return range(4).flatMap((q) => {
        // Past the edge stand other numbers, or none; what they give is not written.
        const at = `let ${name}At${q} = ${start} + (${plus(k, q)}) * ${lead} + ${first};`;
        const row = readRow(`${name}r${q}`, load, `${name}At${q}`, range(4), phase);
        return [at, ...row.lines, define(name, q, range(4).map(row.at))];
      });
    },
  };
}

/** The kernel for these sizes with the tile called `candidate`. */
export function stagedMatmul(product: Product, candidate: string): Wgsl {
  const { m, n, k, batches, aBatch, bBatch, transposeA, transposeB, splits } = product;
  const tile = stagedTile(candidate);
  const isRagged = splits !== undefined || k % tile.depth !== 0;
  const lanes = n % 4 === 0 ? 4 : 1;
  const plane = splits === undefined ? "batch" : "(split * p.batches + batch)";
  const code = stagedProduct({
    tile,
    a: stagedMatrix({
      ...{ load: "load0", start: "aStart", rows: "p.m", isRagged },
      ...(transposeA ? { lead: "p.aK", alongK: false } : { lead: "p.aM", alongK: true }),
      isAligned: (transposeA ? m : k) % 4 === 0 && aBatch % 4 === 0,
    }),
    b: stagedMatrix({
      ...{ load: "load1", start: "bStart", rows: "p.n", isRagged },
      ...(transposeB ? { lead: "p.bN", alongK: true } : { lead: "p.bK", alongK: false }),
      isAligned: (transposeB ? k : n) % 4 === 0 && bBatch % 4 === 0,
    }),
    rows: "p.m",
    columns: "p.n",
    counts: [["batch", "p.batches"], ...(splits === undefined ? [] : [["split", "p.splits"] as const])],
    setup: [
      "let aStart = batch * p.aBatch;",
      "let bStart = batch * p.bBatch;",
      `let end = ${splits === undefined ? "p.k" : "min((split + 1u) * p.perSplit, p.k)"};`,
    ],
    // As the tiles in registers do.
    inBlocks: false,
    from: splits === undefined ? "0u" : "split * p.perSplit",
    to: "end",
    write: (row, column, value) => {
      const at = `(${plane} * p.m + ${row}) * p.n + ${column}`;
      if (lanes === 4) return `emit((${at}) / 4u, ${value});`;
      return range(4).map((j) => `if (${plus(column, j)} < p.n) { emit(${plus(at, j)}, ${value}[${j}]); }`).join("\n");
    },
  });
  return {
    code,
    reads: ["vec4f", "vec4f"],
    writes: lanes === 4 ? "vec4f" : "f32",
    grid: stagedGrid(tile, m, n, batches * (splits ?? 1)),
  };
}
