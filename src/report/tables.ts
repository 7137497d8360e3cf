/**
 * Tables of texts, as Markdown, as CSV, and for pages.
 *
 * @module
 */
import { printable } from "../printable.ts";

/** A table of texts. */
export interface TextTable {
  /** What it is. */
  readonly title: string;
  /** Heads of its columns. */
  readonly heads: readonly string[];
  /** Its rows, each as long as the heads. */
  readonly rows: readonly (readonly string[])[];
}

/** A text in Markdown, in one line: what would be markup there is escaped. */
export function markdownText(text: string): string {
  return printable(text).replaceAll(/[\\|<>*_`[\]]/g, (character) => `\\${character}`);
}

/**
 * A table in Markdown, with its title as a heading. What would be markup there is escaped.
 *
 * @param table The table.
 */
export function markdownOf({ title, heads, rows }: TextTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(" | ")} |`;
  const rule = `| ${heads.map((_, c) => c === 0 ? "---" : "---:").join(" | ")} |`;
  return [`### ${markdownText(title)}`, "", line(heads), rule, ...rows.map(line), ""].join("\n");
}
