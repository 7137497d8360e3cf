/**
 * The page of a study: a section for each task, with what is best, tables and charts, and the runs' own pages.
 *
 * @module
 */
import type { Chart } from "../chart.ts";
import type { TextTable } from "../tables.ts";
import { tableSection } from "./compare_page.ts";
import { Html, html } from "./html.ts";
import { figureOf, pageOf } from "./page.ts";

/** A chart with what is said below it. */
export interface NamedChart {
  /** Its name, which no other chart of the page has: letters, digits and dashes. */
  readonly name: string;
  /** The chart. */
  readonly chart: Chart;
  /** What is said below it. */
  readonly caption: string;
}

/** What was found for one task. */
export interface StudySection {
  /** What it is called. */
  readonly title: string;
  /** What is best, by how much, and whether that holds. */
  readonly summary: readonly string[];
  /** Tables that are shown. */
  readonly tables: readonly TextTable[];
  /** Tables that are shown on request. */
  readonly details: readonly TextTable[];
  /** Charts, under headings. */
  readonly charts: readonly { readonly heading: string; readonly charts: readonly NamedChart[] }[];
}

/** A study. */
export interface StudyPage {
  /** What it is called. */
  readonly title: string;
  /** How far it is, and what should be known of its figures. */
  readonly notes: readonly string[];
  /** A section for each task. */
  readonly sections: readonly StudySection[];
  /** Pages of its runs, relative to this one. */
  readonly links: readonly { readonly name: string; readonly href: string }[];
}

/**
 * The page of a study.
 *
 * @param study What was found.
 * @returns The text of one HTML file.
 * @throws {UserError} When ECharts could be neither found nor fetched.
 */
export async function studyPage({ title, notes, sections, links }: StudyPage): Promise<string> {
  const drawn = new Map<string, Chart>();
  const figuresOf = async (charts: readonly NamedChart[]): Promise<Html[]> => {
    const figures: Html[] = [];
    for (const { name, chart, caption } of charts) {
      drawn.set(name, chart);
      figures.push(await figureOf(name, chart, caption));
    }
    return figures;
  };
  const parts: Html[] = [];
  for (const [s, section] of sections.entries()) {
    const charts: Html[] = [];
    for (const group of section.charts) {
      if (group.charts.length === 0) continue;
      charts.push(html`
        <h3>${group.heading}</h3>
        <div class="charts">
        ${await figuresOf(group.charts)}</div>
      `);
    }
    parts.push(html`
      <section id="section-${s + 1}"><h2>${section.title}</h2>
      ${section.summary.map((line) =>
        html`
          <p>${line}</p>
        `
      )}${section.tables.map((table) => tableSection(table, 3))}${charts}${section.details.filter(({ rows }) =>
        rows.length > 0
      ).map((table) =>
        html`
          <details><summary>${table.title}</summary>${tableSection(table, 3)}</details>
        `
      )}</section>
    `);
  }
  const body = html`
    <header><p class="soft">Fovea · study</p>
    <h1>${title}</h1>
    <nav>${sections.map((section, s) =>
      html`
        <a href="#section-${s + 1}">${section.title}</a>
      `
    )}<a href="#runs">Runs</a></nav>
    ${notes.map((line) =>
      html`
        <p class="soft">${line}</p>
      `
    )}</header>
    ${parts}<h2 id="runs">Runs</h2>
    <ul>${links.map(({ name, href }) =>
      html`
        <li><a href="${href}">${name}</a></li>
      `
    )}</ul>
  `;
  return await pageOf({ title, body, charts: drawn });
}
