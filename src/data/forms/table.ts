/**
 * Label files as tables: a CSV with a header, or CelebA's text form (a count, the attribute names, then a line a
 * picture). Errors carry file:line:column.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { type CsvRow, csvRows, readText, unmarked } from "./csv.ts";
import { printable } from "../names.ts";
import type { OnProgress } from "../store/scan.ts";

/** Rows after which it is told how far the reading is. */
const ROWS_TOLD = 4096;

/** A table of text cells, by column. */
export interface Table {
  /** The file. */
  readonly path: string;
  /** Names of the columns. */
  readonly header: readonly string[];
  /** Cells of each column. */
  readonly columns: readonly (readonly string[])[];
  /** How many rows. */
  readonly length: number;
  /**
   * Makes an error that names a cell.
   *
   * @param row The row, from 0.
   * @param column The column, from 0.
   * @param fault What is wrong, and what to do.
   * @returns The error, to be thrown.
   */
  fault(row: number, column: number, fault: string): UserError;
  /**
   * Where a row is in the file.
   *
   * @param row The row, from 0.
   * @returns The line on which it begins, from 1.
   */
  lineOf(row: number): number;
}

/**
 * Reads a CSV file with a header, as programs write them: commas, and as many cells in every row.
 *
 * @param path The file.
 * @returns The table.
 * @throws {UserError} If it is not UTF-8, is ragged or badly quoted, has no rows or a column name twice.
 */
export async function readCsvTable(path: string): Promise<Table> {
  const { table, faults } = tableOf(path, [...csvRows(await readText(path), path)]);
  const [fault] = faults.values();
  if (fault !== undefined) throw fault;
  return table;
}

/**
 * A table of records.
 *
 * @param path The file.
 * @param records What {@link csvRows} read.
 * @param names Names of the columns, where the first record is no header.
 * @returns The table, and what is wrong with rows that have too few or too many cells, by row.
 * @throws {UserError} If there are no rows, or a column name is there twice.
 */
export function tableOf(
  path: string,
  records: readonly CsvRow[],
  names?: readonly string[],
): { table: Table; faults: Map<number, UserError> } {
  const [first] = records;
  if (first === undefined) {
    throw new UserError(`${printable(path)} is empty: expected a header and a row for each picture`);
  }
  const header = names ?? headerOf(first);
  const twice = header.findIndex((name, i) => header.indexOf(name) !== i);
  if (twice !== -1) {
    throw new UserError(
      `${printable(path)}:${first.line}:${first.columns[twice]}: column ${printable(header[twice])} is there twice`,
    );
  }
  const columns = header.map((): string[] => []);
  const rows: { line: number; columns: readonly number[] }[] = [];
  const faults = new Map<number, UserError>();
  for (const { cells, line, columns: starts } of names === undefined ? records.slice(1) : records) {
    // What a spreadsheet leaves below and beside a table is empty.
    if (cells.every((cell) => cell === "") && cells.length > 1) continue;
    const isRagged = cells.length < header.length || cells.slice(header.length).some((cell) => cell !== "");
    if (isRagged) {
      const column = starts[Math.min(header.length, cells.length - 1)];
      const fault = `this row has ${cells.length} cells, but the header has ${header.length}`;
      faults.set(rows.length, new UserError(`${printable(path)}:${line}:${column}: ${fault}`));
    }
    columns.forEach((column, c) => column.push(unmarked(cells[c] ?? "")));
    rows.push({ line, columns: starts });
  }
  const place = (row: number, column: number) => `${rows[row].line}:${rows[row].columns[column] ?? 1}`;
  return { table: table(path, header, columns, place), faults };
}

/** Names of the columns: one without a name, as pandas writes its index, is called `unnamed 1`. */
function headerOf({ cells }: CsvRow): string[] {
  const end = cells.findLastIndex((cell) => cell.trim() !== "") + 1;
  return cells.slice(0, Math.max(1, end)).map((cell, i) => unmarked(cell).trim() || `unnamed ${i + 1}`);
}

/**
 * Some rows of a table.
 *
 * @param whole The table.
 * @param rows Their places, ascending.
 * @returns A table of them, whose faults still name lines of the file.
 */
export function rowsOf(whole: Table, rows: readonly number[]): Table {
  if (rows.length === whole.length) return whole;
  const columns = whole.columns.map((cells) => rows.map((row) => cells[row]));
  return {
    ...whole,
    columns,
    length: rows.length,
    fault: (row, column, text) => whole.fault(rows[row], column, text),
    lineOf: (row) => whole.lineOf(rows[row]),
  };
}

/**
 * The rows of several tables, one table after the other, with the columns that all of them have.
 *
 * @param tables At least one.
 * @returns A table of them, whose faults still name their files.
 */
export function joined(tables: readonly Table[]): Table {
  const [first] = tables;
  if (tables.length === 1) return first;
  const header = first.header.filter((name) => tables.every((table) => table.header.includes(name)));
  const places = tables.flatMap((table) => Array.from({ length: table.length }, (_, row) => ({ table, row })));
  const columns = header.map((name) => tables.flatMap((table) => table.columns[table.header.indexOf(name)]));
  return {
    path: first.path,
    header,
    columns,
    length: places.length,
    fault: (row, column, text) => {
      const { table, row: own } = places[row];
      return table.fault(own, table.header.indexOf(header[column]), text);
    },
    lineOf: (row) => places[row].table.lineOf(places[row].row),
  };
}

/**
 * Reads CelebA's text form: the number of pictures, the names of the attributes, then a line a picture with its name
 * first. The partition file has neither of the two first lines.
 *
 * @param path The file.
 * @param names Column names after the picture's, for a file without them.
 * @param onProgress Is told how many lines are read.
 * @returns The table; its first column is called `image_id`, as in the CSV form.
 * @throws {UserError} If the count or a row does not fit.
 */
export async function readCelebaTable(
  path: string,
  names?: readonly string[],
  onProgress?: OnProgress,
): Promise<Table> {
  const lines = (await readText(path)).split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  const before = names === undefined ? 2 : 0;
  const attributes = names ?? (lines[1] ?? "").trim().split(/\s+/);
  if (names === undefined && !/^\s*\d+\s*$/.test(lines[0] ?? "")) {
    throw new UserError(`${printable(path)}:1:1: expected the number of pictures, as in CelebA's list_attr_celeba.txt`);
  }
  const header = ["image_id", ...attributes];
  const columns = header.map((): string[] => []);
  for (let i = before; i < lines.length; i++) {
    const cells = lines[i].trim().split(/\s+/);
    if (cells.length !== header.length) {
      throw new UserError(
        `${printable(path)}:${
          i + 1
        }:1: this row has ${cells.length} cells, but a name and ${attributes.length} values are expected`,
      );
    }
    // Eight million cells are but two texts.
    cells.forEach((cell, c) => columns[c].push(cell === "-1" ? "-1" : cell));
    if (i % ROWS_TOLD === 0) onProgress?.(i, lines.length, "reading labels");
  }
  const count = lines.length - before;
  if (names === undefined && Number(lines[0]) !== count) {
    throw new UserError(
      `${printable(path)}:1:1: says ${lines[0].trim()} pictures, but ${count} rows follow; is the file whole?`,
    );
  }
  const place = (row: number, column: number) => {
    const cells = [...lines[row + before].matchAll(/\S+/g)];
    return `${row + before + 1}:${cells[column].index + 1}`;
  };
  return table(path, header, columns, place);
}

function table(
  path: string,
  header: readonly string[],
  columns: readonly (readonly string[])[],
  place: (row: number, column: number) => string,
): Table {
  const length = columns[0].length;
  if (length === 0) throw new UserError(`${printable(path)} has a header and no rows: expected a row for each picture`);
  const fault = (row: number, column: number, fault: string) =>
    new UserError(`${printable(path)}:${place(row, column)}: ${fault}`);
  return { path, header, columns, length, fault, lineOf: (row) => Number(place(row, 0).split(":")[0]) };
}
