/**
 * Reads and writes CSV (RFC 4180). The reader keeps the line and column of every cell, so that an error can say where
 * it is. The writer keeps cells from being run as formulas by a spreadsheet. The reader undoes that.
 *
 * `@std/csv` writes the tables of `eval`, but does not read here. It gives cells without their places, and a label that
 * is wrong is found after the parsing.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { printable } from "../names.ts";

/** One record of a CSV file. */
export interface CsvRow {
  /** Line on which the record begins, from 1. */
  readonly line: number;
  /** The cells, without quotes. */
  readonly cells: readonly string[];
  /** Column at which each cell begins in its line, from 1. */
  readonly columns: readonly number[];
}

/**
 * Reads records one by one; empty lines are passed over. Every record must have as many cells as the first.
 *
 * @param text The file's text, without a byte-order mark.
 * @param file The file's name, for errors.
 * @returns The records, the header first.
 * @throws {UserError} If a quote is misplaced or a record has too few or too many cells, with file:line:column.
 *
 * @example
 * ```ts
 * import { csvRows } from "./csv.ts";
 *
 * for (const { cells } of csvRows("file,label\na.png,cat\n", "labels.csv")) console.log(cells);
 * ```
 */
export function* csvRows(text: string, file: string): Generator<CsvRow, void> {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\r|$)/y;
  let expected = -1;
  let line = 1;
  let lineStart = 0;
  for (let at = 0; at < text.length;) {
    const row = { line, cells: [] as string[], columns: [] as number[] };
    for (let separator = ","; separator === ",";) {
      cell.lastIndex = at;
      const column = at - lineStart + 1;
      const match = cell.exec(text);
      if (match === null) {
        throw new UserError(
          `${
            printable(file)
          }:${line}:${column}: a quote is misplaced or never closed; double quotes inside a quoted cell`,
        );
      }
      const [whole, quoted, plain] = match;
      separator = match[3];
      row.cells.push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain);
      row.columns.push(column);
      for (const newline of whole.matchAll(/\r?\n|\r/g)) {
        line++;
        lineStart = at + newline.index + newline[0].length;
      }
      at += whole.length;
    }
    if (row.cells.length === 1 && row.cells[0] === "") continue;
    if (expected === -1) expected = row.cells.length;
    if (row.cells.length !== expected) {
      const column = row.columns[Math.min(expected, row.cells.length - 1)];
      throw new UserError(
        `${
          printable(file)
        }:${row.line}:${column}: this row has ${row.cells.length} cells, but the header has ${expected}`,
      );
    }
    yield row;
  }
}

/**
 * Reads a text file as UTF-8 without its byte-order mark.
 *
 * @param path The file.
 * @returns Its text.
 * @throws {UserError} If it is not UTF-8.
 */
export async function readText(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(`Cannot read ${printable(path)}: it is not UTF-8 text; save it as UTF-8`);
  }
}

/** A cell that a spreadsheet would run as a formula, or that already begins with our mark. */
const formula = /^'*[=+\-@\t\r]/;

/**
 * A value as a CSV cell: quoted where needed, and with `'` before what a spreadsheet would run as a formula.
 *
 * @param value The value.
 * @returns The cell. {@link unmarked} gives the value back.
 */
export function csvCell(value: string): string {
  const cell = marked(value);
  return /[",\r\n]/.test(cell) || cell !== cell.trim() ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/**
 * A value with `'` before what a spreadsheet would run as a formula.
 *
 * @param value The value.
 * @returns The value itself where it is harmless. {@link unmarked} gives it back.
 */
export function marked(value: string): string {
  return formula.test(value) ? `'${value}` : value;
}

/**
 * Takes back the mark that {@link marked} puts before formulas.
 *
 * @param cell A cell as read.
 * @returns The value as it was written.
 */
export function unmarked(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}
