/**
 * Writes a comparison: one page, one Markdown file, one CSV file.
 *
 * @module
 */

import { join, relative } from "node:path";
import { csvCell } from "../data/forms/csv.ts";
import { isFile } from "../data/paths.ts";
import { makeFolder, writeAtomic } from "../files.ts";
import { comparePage } from "../report/page/compare_page.ts";
import type { Link } from "../report/page/html.ts";
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

/** Links to the pages of runs that have one, relative to a folder. */
export async function linksTo(
  runs: readonly { readonly name: string; readonly path: string }[],
  folder: string,
): Promise<Link[]> {
  const links: Link[] = [];
  for (const { name, path } of runs) {
    const page = join(path, "report.html");
    if (await isFile(page)) links.push({ name, href: encodeURI(relative(folder, page).replaceAll("\\", "/")) });
  }
  return links;
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
  await makeFolder(folder);
  const page = join(folder, "report.html");
  await writeAtomic(join(folder, "comparison.md"), comparisonMarkdown(comparison));
  await writeAtomic(join(folder, "comparison.csv"), csvOf(numbersTable(comparison)));
  const text = await comparePage({
    title,
    summary: verdictOf(comparison),
    tables: [metricsTable, pairsTable, settingsTable].map((table) => table(comparison)),
    runs: comparison.runs.map(({ name, record }) => ({ name, records: record.log })),
    links: await linksTo(comparison.runs.map(({ name, record: { path } }) => ({ name, path })), folder),
  });
  await writeAtomic(page, text);
  return page;
}
