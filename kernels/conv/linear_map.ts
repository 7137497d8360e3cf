/**
 * Writes WGSL that multiplies a small constant matrix by a vector of variables, as the transforms of Winograd's
 * convolutions do.
 *
 * Their matrices come of points ±p, so that rows, or columns, are pairs that differ in signs alone. What a pair shares
 * is computed once. Of two such columns, the sum and the difference of their variables are taken first. Two such rows
 * are the sum and the difference of two parts.
 *
 * @module
 */

import { range } from "../writing/tile.ts";

/** A matrix, by rows. */
export type Matrix = readonly (readonly number[])[];

/** Its columns as rows. */
export const transposed = (matrix: Matrix): Matrix => matrix[0].map((_, column) => matrix.map((row) => row[column]));

/** WGSL of a number: a literal that cannot be an integer. */
const literal = (value: number): string => Number.isInteger(value) ? `${value}.0` : `${value}`;

/** WGSL of Σ factor · value. */
function weightedSum(terms: readonly (readonly [factor: number, value: string])[]): string {
  const [first, ...rest] = terms.filter(([factor]) => factor !== 0).sort(([a], [b]) => b - a);
  if (!first) return "0.0";
  const product = (factor: number, value: string) => factor === 1 ? value : `${literal(factor)} * ${value}`;
  const start = first[0] < 0 ? `-${product(-first[0], first[1])}` : product(first[0], first[1]);
  return rest.reduce((sum, [f, value]) => `${sum} ${f < 0 ? "-" : "+"} ${product(Math.abs(f), value)}`, start);
}

/** Pairs of rows that are alike but for signs: equal at some places other than 0, opposite at others. */
function pairsOf(rows: Matrix): [number, number][] {
  const pairs: [number, number][] = [];
  const taken = new Set<number>();
  const areAlike = (a: readonly number[], b: readonly number[]): boolean =>
    a.every((value, k) => Math.abs(value) === Math.abs(b[k])) && a.some((value, k) => value !== 0 && value === b[k]) &&
    a.some((value, k) => value !== 0 && value === -b[k]);
  for (const i of rows.keys()) {
    const j = rows.findIndex((row, k) => k > i && !taken.has(k) && areAlike(rows[i], row));
    if (taken.has(i) || j < 0) continue;
    taken.add(i).add(j);
    pairs.push([i, j]);
  }
  return pairs;
}

/** The columns in pairs, as sums and differences of their variables. */
function pairColumns(name: string, matrix: Matrix, values: readonly string[]): Written & { matrix: Matrix } {
  const columns = transposed(matrix).map((column) => [...column]);
  const results = [...values];
  const lines = pairsOf(columns).flatMap(([i, j], k) => {
    const [a, b] = [columns[i], columns[j]];
    [results[i], results[j]] = [`${name}p${k}`, `${name}m${k}`];
    columns[i] = a.map((value, row) => value === b[row] ? value : 0);
    columns[j] = a.map((value, row) => value === b[row] ? 0 : value);
    return [
      `let ${name}p${k} = ${values[i]} + ${values[j]};`,
      `let ${name}m${k} = ${values[i]} - ${values[j]};`,
    ];
  });
  return { lines, results, matrix: transposed(columns) };
}

/** WGSL of a product. */
export interface Written {
  /** Lines that compute it. */
  readonly lines: readonly string[];
  /** WGSL of each number of it. */
  readonly results: readonly string[];
}

/**
 * WGSL of `matrix` · `values`.
 *
 * @param name Goes before the names of the variables that it declares.
 * @param values WGSL of numbers that is as cheap to repeat as a variable.
 */
export function linearMap(name: string, matrix: Matrix, values: readonly string[]): Written {
  const { lines, results: columns, matrix: paired } = pairColumns(name, matrix, values);
  const sumOf = (row: readonly number[]) => weightedSum(row.map((factor, k) => [factor, columns[k]]));
  const sums = paired.map(sumOf);
  const shared = pairsOf(paired).flatMap(([i, j], k) => {
    const [a, b] = [paired[i], paired[j]];
    sums[i] = `${name}e${k} + ${name}o${k}`;
    sums[j] = `${name}e${k} - ${name}o${k}`;
    return [
      `let ${name}e${k} = ${sumOf(a.map((value, column) => value === b[column] ? value : 0))};`,
      `let ${name}o${k} = ${sumOf(a.map((value, column) => value === b[column] ? 0 : value))};`,
    ];
  });
  return {
    lines: [...lines, ...shared, ...sums.map((sum, row) => `let ${name}r${row} = ${sum};`)],
    results: range(matrix.length).map((row) => `${name}r${row}`),
  };
}
