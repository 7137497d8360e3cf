/**
 * Small constant matrices times vectors of variables, as `kernels/conv/linear_map.ts` shares their sums, on four
 * numbers at once.
 *
 * @module
 */

import { linearMap, type Matrix } from "../../../../../kernels/conv/linear_map.ts";
import { readInfix } from "../infix.ts";
import { print } from "../language.ts";
import type { WatModule } from "../module.ts";
import { type Locals, set } from "../wat.ts";

/** Lines that compute `matrix` · locals, and the locals that hold it. */
export function matrixTimes(
  module: WatModule,
  locals: Locals,
  name: string,
  matrix: Matrix,
  values: readonly string[],
): { readonly lines: readonly string[]; readonly results: readonly string[] } {
  const { lines, results } = linearMap(name, matrix, values);
  return {
    results,
    lines: lines.map((line) => {
      const [, local, source] = /^let (\w+) = (.*);$/.exec(line)!;
      locals.add("v128", local);
      return set(local, print(module, readInfix(source)));
    }),
  };
}

/** The same of both axes of a square of locals: `matrix` · square · `matrix`ᵀ, row by row. */
export function transformSquare(
  module: WatModule,
  locals: Locals,
  matrix: Matrix,
  square: readonly (readonly string[])[],
): { readonly lines: readonly string[]; readonly rows: readonly (readonly string[])[] } {
  const columns = square[0].map((_, s) => matrixTimes(module, locals, `c${s}_`, matrix, square.map((row) => row[s])));
  const rows = matrix.map((_, a) =>
    matrixTimes(module, locals, `w${a}_`, matrix, columns.map(({ results }) => results[a]))
  );
  return {
    lines: [...columns, ...rows].flatMap(({ lines }) => lines),
    rows: rows.map(({ results }) => results),
  };
}
