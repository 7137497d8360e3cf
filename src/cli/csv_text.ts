/**
 * CSV for people and spreadsheets.
 *
 * @module
 */

import { stringify } from "@std/csv";
import { marked } from "../data/forms/csv.ts";
import { escaped } from "../data/names.ts";

/**
 * Rows as CSV; what a spreadsheet would run as a formula gets a `'` in front, and control codes, which a terminal would
 * obey, become `\u{…}`.
 */
export function csvText(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map((row) => row.map((cell) => marked(escaped(cell)))), { headers: false });
}
