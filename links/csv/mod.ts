/**
 * Stand-in for `jsr:@std/csv` on hosts that cannot reach JSR: the same code from npm, which comes without types,
 * under the types of the original.
 *
 * @module
 */

import * as std from "npm:deno-std@1.4.0/csv/mod.js";

/** How {@link parse} reads. */
export interface ParseOptions {
  /** Between fields; default `","`. */
  separator?: string;
  /** Lines that start with this character are left out; default none. */
  comment?: string;
  /** Drop white space before a field; default false. */
  trimLeadingSpace?: boolean;
  /** Allow quotes inside fields; default false. */
  lazyQuotes?: boolean;
  /** Fields of every row: positive for so many, 0 for as many as the first row has, negative for any number. */
  fieldsPerRecord?: number;
  /** The first row is a header; default false. */
  skipFirstRow?: boolean;
  /** Names of the columns, instead of a header's. */
  columns?: readonly string[];
}

/** Rows as records when the columns have names, else as arrays. */
export type ParseResult<T extends ParseOptions> = T extends { columns: readonly (infer C extends string)[] }
  ? Record<C, string>[]
  : T extends { skipFirstRow: true } ? Record<string, string>[]
  : T extends ParseOptions & { columns?: undefined; skipFirstRow?: false } ? string[][]
  : Record<string, string>[] | string[][];

/** Types of {@link parse}. */
interface Parse {
  (input: string): string[][];
  <const T extends ParseOptions>(input: string, options: T): ParseResult<T>;
}
/** Reads CSV; SyntaxError names line and column. */
export const parse: Parse = std.parse;

/** How {@link CsvParseStream} reads. */
export type CsvParseStreamOptions = ParseOptions;

/** Reads CSV as a stream: text in, one row out at a time. */
export const CsvParseStream: new <const T extends CsvParseStreamOptions | undefined = undefined>(
  options?: T,
) => TransformStream<string, T extends ParseOptions ? ParseResult<T>[number] : string[]> = std.CsvParseStream;

/** One property of an object, or the way to it. */
export type PropertyAccessor = number | string;

/** A column: the property it shows, and its title where that differs. */
export type Column =
  | PropertyAccessor
  | readonly PropertyAccessor[]
  | { header?: string; prop: PropertyAccessor | readonly PropertyAccessor[] };

/** A row that {@link stringify} writes. */
export type DataItem = Readonly<Record<string, unknown>> | readonly unknown[];

/** How {@link stringify} writes. */
export interface StringifyOptions {
  /** Write a row of column titles; default true. */
  headers?: boolean;
  /** Between fields; default `","`. */
  separator?: string;
  /** Columns in their order; needed when rows are objects. */
  columns?: readonly Column[];
  /** Start with a byte-order mark; default false. */
  bom?: boolean;
}

/** Writes CSV with CRLF line ends. */
export const stringify: (data: readonly DataItem[], options?: StringifyOptions) => string = std.stringify;
