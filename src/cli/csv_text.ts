/**
 * CSV for people and spreadsheets.
 *
 * @module
 */

import { stringify } from "@std/csv";
import { marked } from "../data/forms/csv.ts";

/** Rows as CSV; what a spreadsheet would run as a formula gets a `'` in front. */
export function csvText(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map((row) => row.map(marked)), { headers: false });
}
