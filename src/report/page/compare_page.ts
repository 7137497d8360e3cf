/**
 * The page of a comparison: tables, curves over each other, the runs' own pages.
 *
 * @module
 */
import type { Chart } from "../chart.ts";
import { type OverlaidRun, overlayChart, quantities } from "../overlay.ts";
import type { TextTable } from "../tables.ts";
import { Html, html, type Part, tableOf } from "./html.ts";
import { figureOf, pageOf } from "./page.ts";

/** A comparison. */
export interface ComparePage {
  /** What the page is called. */
  readonly title: string;
  /** What was found, in sentences. */
  readonly summary: readonly string[];
  /** Tables below it. */
  readonly tables: readonly TextTable[];
  /** Runs whose curves are drawn over each other. */
  readonly runs: readonly OverlaidRun[];
  /** Further charts, with their captions. */
  readonly charts?: readonly { readonly name: string; readonly chart: Chart; readonly caption: string }[];
  /** Pages of the runs, relative to this one. */
  readonly links?: readonly { readonly name: string; readonly href: string }[];
}

/** A cell, with what stands in brackets below its value: tables of intervals are wide. */
function cellOf(text: string, c: number): Part {
  const [, value, range] = (c > 0 && /^(\S+) (\(.*)$/.exec(text)) || [];
  return range === undefined ? text : html`${value}<br><span class="soft">${range}</span>`;
}

/**
 * A table on a page, under its title; nothing where it has no rows.
 *
 * @param table The table.
 * @param level Of the heading.
 */
export function tableSection(table: TextTable, level: 2 | 3 = 2): Html {
  if (table.rows.length === 0) return html``;
  const heading = level === 2 ? html`<h2>${table.title}</h2>` : html`<h3>${table.title}</h3>`;
  return html`${heading}
${tableOf(table.heads, table.rows.map((row) => row.map(cellOf)), table.title)}`;
}

/**
 * The page of a comparison.
 *
 * @param comparison What is compared.
 * @returns The text of one HTML file.
 * @throws {UserError} When ECharts could be neither found nor fetched.
 */
export async function comparePage(
  { title, summary, tables, runs, charts = [], links = [] }: ComparePage,
): Promise<string> {
  const drawn = new Map<string, Chart>();
  const figures: Html[] = [];
  const overlays = quantities.map((quantity) => ({
    name: `${quantity.type}-${quantity.key}`,
    chart: overlayChart(quantity, runs),
    caption: `${quantity.title} of each run`,
  }));
  for (const { name, chart, caption } of [...charts, ...overlays]) {
    if (!chart) continue;
    drawn.set(name, chart);
    figures.push(await figureOf(name, chart, caption));
  }
  const body = html`<header><p class="soft">Fovea</p>
<h1>${title}</h1>
${
    summary.map((line) =>
      html`
        <p>${line}</p>
      `
    )
  }</header>
${tables.map((table) => tableSection(table))}<h2>Charts</h2>
<div class="charts">
${figures}</div>
${
    links.length > 0 && html`
      <h2>Runs</h2>
      <ul>${links.map(({ name, href }) =>
        html`
          <li><a href="${href}">${name}</a></li>
        `
      )}</ul>
    `
  }`;
  return await pageOf({ title, body, charts: drawn });
}
