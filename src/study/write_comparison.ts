/**
 * Writes a comparison: one page, one Markdown file, one CSV file.
 *
 * @module
 */

import { join, relative } from "node:path";
import { csvCell } from "../data/forms/csv.ts";
import { isFile } from "../data/paths.ts";
import { writeAtomic } from "../files.ts";
import { comparePage } from "../report/page/compare_page.ts";
import { markdownOf, type TextTable } from "../report/tables.ts";
import type { Comparison } from "./compare.ts";
import { metricsTable, numbersTable, pairsTable, settingsTable } from "./compare_tables.ts";
import { verdictOf } from "./verdict.ts";

/** A comparison as Markdown. */
export function comparisonMarkdown(comparison: Comparison, summary: readonly string[] = verdictOf(comparison)): string {
  const tables = [metricsTable, pairsTable, settingsTable].map((table) => table(comparison));
  return [...summary, "", ...tables.filter(({ rows }) => rows.length > 0).map(markdownOf)].join("\n");
}

/** A table as CSV: a header and a line for each row. */
export function csvOf({ heads, rows }: TextTable): string {
  return [heads, ...rows].map((cells) => `${cells.map(csvCell).join()}\n`).join("");
}

/**
 * Writes `report.html`, `comparison.md` and `comparison.csv`.
 *
 * @param folder Where; it is made.
 * @param comparison The comparison.
 * @param title What the page is called.
 * @returns Path of the page.
 * @throws UserError when ECharts could be neither found nor fetched.
 */
export async function writeComparison(folder: string, comparison: Comparison, title = "Comparison"): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  const links: { name: string; href: string }[] = [];
  for (const { name, record } of comparison.runs) {
    const page = join(record.path, "report.html");
    if (await isFile(page)) links.push({ name, href: encodeURI(relative(folder, page).replaceAll("\\", "/")) });
  }
  const page = join(folder, "report.html");
  await writeAtomic(join(folder, "comparison.md"), comparisonMarkdown(comparison));
  await writeAtomic(join(folder, "comparison.csv"), csvOf(numbersTable(comparison)));
  const text = await comparePage({
    title,
    summary: verdictOf(comparison),
    tables: [metricsTable, pairsTable, settingsTable].map((table) => table(comparison)),
    runs: comparison.runs.map(({ name, record }) => ({ name, records: record.log })),
    links,
  });
  await writeAtomic(page, text);
  return page;
}
