/**
 * What names and cells of a label file mean: yes and no, classes, and what programs write where there is no value.
 *
 * @module
 */

import { option, UserError } from "../../errors.ts";
import { counted, printable } from "../names.ts";
import type { Table } from "./table.ts";

/** A column's name as names that mean the same have it: `Image ID`, `image_id`, `ImageId`. */
export function folded(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]/g, "");
}

/** A row of a label file that was left out. */
export interface LeftOutRow {
  /** The picture that it names; where it names none, the row's line. */
  readonly file: string;
  /** Why, in words that follow the name: `has no label`. */
  readonly reason: string;
}

/**
 * Says which rows were left out.
 *
 * @param rows The rows.
 * @returns One line; none where there are no rows.
 */
export function leftOutLines(rows: readonly LeftOutRow[]): string[] {
  if (rows.length === 0) return [];
  const named = rows.slice(0, 3).map(({ file, reason }) => `${printable(file)} ${reason}`).join(", ");
  return [`${counted(rows.length, "row")} left out: ${named}${rows.length > 3 ? ` and ${rows.length - 3} more` : ""}`];
}

/** The rows of a table that cannot be used, with the first fault of each: refused, or left out and named. */
export class RowFaults {
  readonly #faults = new Map<number, { readonly error: UserError; readonly reason: string }>();
  readonly #table: Table;
  readonly #nameOf: (row: number) => string;

  /**
   * Begins with no fault.
   *
   * @param table The table.
   * @param nameOf What a row names.
   */
  constructor(table: Table, nameOf: (row: number) => string) {
    this.#table = table;
    this.#nameOf = nameOf;
  }

  /** Rows without a fault, ascending. */
  get good(): number[] {
    return Array.from({ length: this.#table.length }, (_, row) => row).filter((row) => !this.#faults.has(row));
  }

  /** Notes a fault of a row, unless it has one. */
  add(row: number, error: UserError, reason: string): void {
    if (!this.#faults.has(row)) this.#faults.set(row, { error, reason });
  }

  /** Notes that a cell is wrong. */
  addCell(row: number, column: number, fault: string, reason: string = fault): void {
    this.add(row, this.#table.fault(row, column, fault), reason);
  }

  /**
   * Refuses the first row that has a fault.
   *
   * @throws {UserError} With its place, the lines of other such rows, and how to go on without them.
   */
  refuse(): void {
    const rows = [...this.#faults.keys()].sort((a, b) => a - b);
    if (rows.length === 0) return;
    const lines = rows.slice(1, 4).map((row) => this.#table.lineOf(row));
    const beyond = rows.length > 4 ? ` and ${rows.length - 4} more` : "";
    const others = lines.length === 0 ? "" : ` (${rows.length} such rows; see also line ${lines.join(", ")}${beyond})`;
    const first = this.#faults.get(rows[0])!.error.textWith(option);
    throw new UserError(`${first}${others}; or set ${option("skipBroken")} to leave such rows out`);
  }

  /** The rows with a fault, ascending. */
  leftOut(): LeftOutRow[] {
    const rows = [...this.#faults.keys()].sort((a, b) => a - b);
    return rows.map((row) => ({
      file: this.#nameOf(row) || `line ${this.#table.lineOf(row)}`,
      reason: this.#faults.get(row)!.reason,
    }));
  }
}

/** How label files write yes and no; `-1` is CelebA's no. Numbers may have a decimal point or comma. */
const flags: ReadonlyMap<string, 0 | 1> = new Map([
  ["1", 1],
  ["0", 0],
  ["-1", 0],
  ["true", 1],
  ["false", 0],
  ["yes", 1],
  ["no", 0],
]);

/** A cell without a decimal point: `1.0` is 1. */
const whole = (cell: string): string => cell.trim().toLowerCase().replace(/^\+?(-?\d)[.,]0+$/, "$1");

/**
 * Reads a column of yes and no: 1 or 0, 1 or −1, 1.0 or 0.0, true or false, yes or no.
 *
 * @param table The table.
 * @param column The column's name.
 * @param faults Is told of the cells that are something else; without it the first one is refused.
 * @returns 1 or 0 for each row.
 * @throws {UserError} If a cell is something else or empty, with its place; if a column has −1 beside 0.
 */
export function flagColumn(table: Table, column: string, faults?: RowFaults): Int8Array {
  const c = table.header.indexOf(column);
  const cells = table.columns[c].map(whole);
  const minus = cells.indexOf("-1");
  if (minus !== -1 && cells.includes("0")) {
    throw table.fault(
      minus,
      c,
      `${printable(column)} has -1 beside 0: it may mean no or not known; write 1 and 0 only`,
    );
  }
  return Int8Array.from(cells, (cell, row) => {
    const flag = flags.get(cell);
    if (flag !== undefined) return flag;
    const given = cell === "" ? "is empty" : `is "${printable(table.columns[c][row])}"`;
    const fault = `${printable(column)} ${given}; expected 1 or 0, 1 or -1, true or false, yes or no`;
    if (faults === undefined) throw table.fault(row, c, fault);
    faults.addCell(row, c, fault, `has no 1 or 0 as ${printable(column)}`);
    return 0;
  });
}

/** Whether a cell is a yes or a no. */
export function isFlag(cell: string): boolean {
  return flags.has(whole(cell));
}

/**
 * Whether a column is of yes and no: whether every cell that has a value is one.
 *
 * @param table The table.
 * @param column The column's name.
 * @returns True if {@link flagColumn} reads it but for cells that are empty or missing.
 */
export function isFlagColumn(table: Table, column: string): boolean {
  const cells = table.columns[table.header.indexOf(column)].filter((cell) => cell.trim() !== "" && !isMissing(cell));
  return cells.length > 0 && cells.every(isFlag);
}

/** What programs write where a value is missing: what pandas reads as missing, in its letter case. */
const missing: ReadonlySet<string> = new Set([
  ..."NaN -NaN nan -nan NA N/A n/a <NA> NULL Null null None NaT".split(" "),
  ..."#N/A #NA #NULL! 1.#IND -1.#IND 1.#QNAN -1.#QNAN".split(" "),
]);

/**
 * Whether a text is what programs write for a missing value, such as `NaN`.
 *
 * @param cell The text.
 * @returns True if so.
 */
export function isMissing(cell: string): boolean {
  return missing.has(cell.trim());
}

/**
 * Notes the rows without a name: those that are empty, and those that hold what programs write for a missing value.
 *
 * @param table The table.
 * @param column The column of names.
 * @param faults Is told of them.
 * @param meant Whether a text like `NA` is a name all the same.
 */
export function noteNameless(table: Table, column: string, faults: RowFaults, meant: (cell: string) => boolean): void {
  const c = table.header.indexOf(column);
  table.columns[c].forEach((cell, row) => {
    if (cell.trim() === "") {
      faults.addCell(row, c, `${printable(column)} is empty; every picture needs one`, `has no ${printable(column)}`);
    } else if (isMissing(cell) && !meant(cell)) {
      const fault = `${printable(column)} is "${printable(cell)}", which programs write where there is no value; ` +
        `if it is a name, set ${option("allowNa")}`;
      faults.addCell(
        row,
        c,
        fault,
        `has ${printable(cell)} as ${printable(column)}, a missing value unless option allowNa is set`,
      );
    }
  });
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
