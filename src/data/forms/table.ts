/**
 * Label files as tables: a CSV with a header, or CelebA's text form (a count, the attribute names, then a line a
 * picture). Errors carry file:line:column.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { csvRows, readText, unmarked } from "./csv.ts";
import { printable } from "../names.ts";

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
}

/**
 * Reads a CSV file with a header.
 *
 * @param path The file.
 * @returns The table.
 * @throws {UserError} If it is not UTF-8, is ragged or badly quoted, has no rows or a column name twice.
 */
export async function readCsvTable(path: string): Promise<Table> {
  const rows = csvRows(await readText(path), path);
  const first = rows.next().value;
  if (first === undefined) {
    throw new UserError(`${printable(path)} is empty: expected a header and a row for each picture`);
  }
  const header = first.cells.map((cell) => unmarked(cell).trim());
  const twice = header.findIndex((name, i) => header.indexOf(name) !== i);
  if (twice !== -1) {
    throw new UserError(
      `${printable(path)}:1:${first.columns[twice]}: column ${printable(header[twice])} is there twice`,
    );
  }
  if (header.length === 1 && /[;\t]/.test(header[0])) {
    throw new UserError(`${printable(path)}:1: cells are separated by semicolons or tabs; save the file with commas`);
  }
  const columns = header.map((): string[] => []);
  const places: { line: number; columns: readonly number[] }[] = [];
  for (const { cells, line, columns: starts } of rows) {
    cells.forEach((cell, c) => columns[c].push(unmarked(cell)));
    places.push({ line, columns: starts });
  }
  return table(path, header, columns, (row, column) => `${places[row].line}:${places[row].columns[column]}`);
}

/**
 * Reads CelebA's text form: the number of pictures, the names of the attributes, then a line a picture with its name
 * first. The partition file has neither of the two first lines.
 *
 * @param path The file.
 * @param names Column names after the picture's, for a file without them.
 * @returns The table; its first column is called `image_id`, as in the CSV form.
 * @throws {UserError} If the count or a row does not fit.
 */
export async function readCelebaTable(path: string, names?: readonly string[]): Promise<Table> {
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
    cells.forEach((cell, c) => columns[c].push(cell));
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
  return { path, header, columns, length, fault };
}

/** How label files write yes and no. */
const flags: ReadonlyMap<string, 0 | 1> = new Map([
  ["1", 1],
  ["0", 0],
  ["-1", 0],
  ["true", 1],
  ["false", 0],
  ["yes", 1],
  ["no", 0],
]);

/**
 * Reads a column of yes and no: 1 or 0, 1 or −1, true or false, yes or no.
 *
 * @param table The table.
 * @param column The column's name.
 * @returns 1 or 0 for each row.
 * @throws {UserError} If a cell is something else or empty, with its place.
 */
export function flagColumn(table: Table, column: string): Int8Array {
  const c = table.header.indexOf(column);
  return Int8Array.from(table.columns[c], (cell, row) => {
    const flag = flags.get(cell.trim().toLowerCase());
    if (flag !== undefined) return flag;
    const given = cell.trim() === "" ? "is empty" : `is "${printable(cell)}"`;
    throw table.fault(row, c, `${printable(column)} ${given}; expected 1 or 0, 1 or -1, true or false, yes or no`);
  });
}

/**
 * Whether every cell of a column is a yes or a no.
 *
 * @param table The table.
 * @param column The column's name.
 * @returns True if {@link flagColumn} reads it.
 */
export function isFlagColumn(table: Table, column: string): boolean {
  return table.columns[table.header.indexOf(column)].every((cell) => flags.has(cell.trim().toLowerCase()));
}

/**
 * Reads a column of names.
 *
 * @param table The table.
 * @param column The column's name.
 * @returns The names as they stand.
 * @throws {UserError} If a cell is empty, with its place.
 */
export function nameColumn(table: Table, column: string): readonly string[] {
  const c = table.header.indexOf(column);
  const empty = table.columns[c].findIndex((cell) => cell.trim() === "");
  if (empty !== -1) throw table.fault(empty, c, `${printable(column)} is empty; every picture needs one`);
  return table.columns[c];
}

/**
 * Refuses a picture that is listed twice.
 *
 * @param table The table.
 * @param column The column of file names.
 * @throws {UserError} At the second row, naming the first.
 */
export function refuseDoubles(table: Table, column: string): void {
  const c = table.header.indexOf(column);
  const first = new Map<string, number>();
  table.columns[c].forEach((file, row) => {
    const before = first.get(file);
    if (before !== undefined) {
      throw table.fault(row, c, `${printable(file)} is listed twice (first as picture ${before + 1}); remove one row`);
    }
    first.set(file, row);
  });
}
