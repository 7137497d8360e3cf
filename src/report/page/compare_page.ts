/**
 * The page of a comparison: tables, curves over each other, the runs' own pages.
 *
 * @module
 */
import type { Chart } from "../chart.ts";
import { type OverlaidRun, overlayChart, quantities } from "../overlay.ts";
import type { TextTable } from "../tables.ts";
import { Html, html, type Link, linkList, paragraphs, type Part, tableOf } from "./html.ts";
import { figuresOf, type NamedChart, pageOf } from "./page.ts";

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
  readonly charts?: readonly NamedChart[];
  /** Pages of the runs, relative to this one. */
  readonly links?: readonly Link[];
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
  const overlays = quantities.flatMap((quantity): NamedChart[] => {
    const chart = overlayChart(quantity, runs);
    const { type, key, title } = quantity;
    return chart ? [{ name: `${type}-${key}`, chart, caption: `${title} of each run` }] : [];
  });
  const figures = await figuresOf([...charts, ...overlays], drawn);
  const body = html`<header><p class="soft">Fovea</p>
<h1>${title}</h1>
${paragraphs(summary)}</header>
${tables.map((table) => tableSection(table))}<h2>Charts</h2>
<div class="charts">
${figures}</div>
${
    links.length > 0 && html`
      <h2>Runs</h2>
      ${linkList(links)}
    `
  }`;
  return await pageOf({ title, body, charts: drawn });
}
