/**
 * Tables of the bench: printed as Markdown, kept as JSON.
 *
 * @module
 */

/** A figure with its unit, or a word. */
export type Cell = string | number | undefined;

/** One item's result. */
export interface Table {
  /** What was measured, and of what. */
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** What the reader has to know: targets, what was left out and why. */
  readonly notes?: readonly string[];
  /** Is it folded away where Markdown can be folded? */
  readonly isLong?: boolean;
}

/** Three digits. */
export function figure(value: Cell): string {
  if (value === undefined) return "–";
  if (typeof value === "string") return value;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 4));
}

/** `0.82` as `82%`. */
export const percent = (share: number): string => `${Math.round(100 * share)}%`;

/** The table as Markdown. */
export function markdown({ title, columns, rows, notes = [], isLong = false }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map((cell) => figure(cell).replaceAll("|", "\\|")))];
  const widths = columns.map((_, c) => Math.max(...cells.map((row) => row[c].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, c) => c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])).join(" | ")} |`;
  const rule = `|${widths.map((width, c) => c === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`).join("|")}|`;
  const table = [line(cells[0]), rule, ...cells.slice(1).map(line), ...notes.flatMap((note) => ["", note])];
  const text = isLong
    ? [`<details><summary>${title}</summary>`, "", ...table, "", "</details>"]
    : [`## ${title}`, "", ...table];
  return text.join("\n");
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}
