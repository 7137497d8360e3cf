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
import { refuseLong } from "../../files.ts";
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

/** What stands between the cells of a record; a blank stands for a run of blanks. */
export type Separator = "," | ";" | "\t" | " ";

/** What ends a cell that is not quoted, or shows that a quote is misplaced. */
const ends: Readonly<Record<Separator, RegExp>> = {
  ",": /[",\r\n]/g,
  ";": /[";\r\n]/g,
  "\t": /["\t\r\n]/g,
  " ": /[" \t\r\n]/g,
};

/**
 * Reads records one by one; empty lines are passed over. Blanks around a cell that is not quoted are not its own.
 *
 * @param text The file's text, without a byte-order mark.
 * @param file The file's name, for errors.
 * @param separator What stands between cells.
 * @returns The records, the header first. They may have different numbers of cells.
 * @throws {UserError} If a quote is misplaced, with file:line:column.
 *
 * @example
 * ```ts
 * import { csvRows } from "./csv.ts";
 *
 * for (const { cells } of csvRows("file,label\na.png,cat\n", "labels.csv")) console.log(cells);
 * ```
 */
export function* csvRows(text: string, file: string, separator: Separator = ","): Generator<CsvRow, void> {
  const isBlank = (c: string | undefined) => c !== separator && c !== "\r" && c !== "\n" && c?.trim() === "";
  const end = new RegExp(ends[separator]);
  let at = 0;
  let line = 1;
  let lineStart = 0;
  const misplaced = (begin: number) =>
    new UserError(
      `${printable(file)}:${line}:${begin - lineStart + 1}: a quote is misplaced or never closed; ` +
        "double quotes inside a quoted cell",
    );
  const skipBlanks = () => {
    while (isBlank(text[at]) || (separator === " " && (text[at] === " " || text[at] === "\t"))) at++;
  };
  /** Reads a quoted cell, which begins at `at`. */
  const quoted = (): string => {
    const begin = at;
    let close = text.indexOf('"', at + 1);
    while (close !== -1 && text[close + 1] === '"') close = text.indexOf('"', close + 2);
    if (close === -1) throw misplaced(begin);
    at = close + 1;
    const value = text.slice(begin + 1, close);
    const wasBlank = isBlank(text[at]) || text[at] === " ";
    skipBlanks();
    const isEnd = at === text.length || text[at] === separator || text[at] === "\r" || text[at] === "\n";
    if (!isEnd && !(separator === " " && wasBlank)) throw misplaced(begin);
    for (const newline of value.matchAll(/\r\n|\r|\n/g)) {
      line++;
      lineStart = begin + 1 + newline.index + newline[0].length;
    }
    return value.replaceAll('""', '"');
  };
  const plain = (): string => {
    end.lastIndex = at;
    const begin = at;
    at = end.exec(text)?.index ?? text.length;
    if (text[at] === '"') throw misplaced(begin);
    return text.slice(begin, at).trim();
  };
  while (at < text.length) {
    const row = { line, cells: [] as string[], columns: [] as number[] };
    for (let goesOn = true; goesOn;) {
      skipBlanks();
      row.columns.push(at - lineStart + 1);
      row.cells.push(text[at] === '"' ? quoted() : plain());
      if (separator === " ") skipBlanks();
      const after = text[at];
      goesOn = after !== undefined && after !== "\r" && after !== "\n";
      if (goesOn && separator !== " ") at++;
    }
    if (at < text.length) {
      at += text[at] === "\r" && text[at + 1] === "\n" ? 2 : 1;
      line++;
      lineStart = at;
    }
    if (row.cells.length > 1 || row.cells[0] !== "") yield row;
  }
}

/** Records by which a file's separator is chosen. */
const LOOKED_AT = 50;

/**
 * What stands between the cells of a file: the separator that gives its first records the same number of cells, two or
 * more. Where several do, the one that leaves a file's name whole; then the comma, the semicolon, the tab, blanks.
 *
 * @param text The file's text.
 * @param blanks Whether runs of blanks may separate, as in the lists of some trainers.
 * @returns The separator; a comma where nothing separates.
 */
export function separatorOf(text: string, blanks = false): Separator {
  const candidates: readonly Separator[] = blanks ? [",", ";", "\t", " "] : [",", ";", "\t"];
  const found = candidates.flatMap((separator) => {
    const rows = firstRows(text, separator);
    const [first] = rows;
    if (first === undefined || first.length < 2) return [];
    const isEven = rows.every(({ length }) => length === first.length);
    const namesFile = rows.at(-1)!.some((cell) => /^[^,;\t]+\.\w{2,5}$/.test(cell));
    return [{ separator, rank: (isEven ? 2 : 0) + (namesFile ? 1 : 0) }];
  });
  return found.reduce<typeof found[number] | undefined>(
    (best, next) => best === undefined || next.rank > best.rank ? next : best,
    undefined,
  )?.separator ?? ",";
}

function firstRows(text: string, separator: Separator): (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  try {
    for (const { cells } of csvRows(text, "", separator)) {
      rows.push(cells);
      if (rows.length === LOOKED_AT) break;
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return rows.length > 1 ? rows : [];
  }
  return rows;
}

/**
 * Reads a text file without its byte-order mark: UTF-8, or UTF-16 where the mark says so, as spreadsheets write it.
 *
 * @param path The file.
 * @returns Its text.
 * @throws {UserError} If it is neither.
 */
export async function readText(path: string): Promise<string> {
  await refuseLong(path);
  const bytes = await Deno.readFile(path);
  const [first, second] = bytes;
  const encoding = first === 0xff && second === 0xfe
    ? "utf-16le"
    : first === 0xfe && second === 0xff
    ? "utf-16be"
    : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
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
