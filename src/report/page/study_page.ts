/**
 * The page of a study: a section for each task, with what is best, tables and charts, and the runs' own pages.
 *
 * @module
 */
import type { Chart } from "../chart.ts";
import type { TextTable } from "../tables.ts";
import { tableSection } from "./compare_page.ts";
import { Html, html, type Link, linkList, paragraphs } from "./html.ts";
import { figuresOf, type NamedChart, pageOf } from "./page.ts";

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
  readonly links: readonly Link[];
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
  const parts: Html[] = [];
  for (const [s, section] of sections.entries()) {
    const charts: Html[] = [];
    for (const group of section.charts) {
      if (group.charts.length === 0) continue;
      charts.push(html`
        <h3>${group.heading}</h3>
        <div class="charts">
        ${await figuresOf(group.charts, drawn)}</div>
      `);
    }
    parts.push(html`
      <section id="section-${s + 1}"><h2>${section.title}</h2>
      ${paragraphs(section.summary)}${section.tables.map((table) => tableSection(table, 3))}${charts}${section.details
        .filter(({ rows }) => rows.length > 0).map((table) =>
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
    ${paragraphs(notes, "soft")}</header>
    ${parts}<h2 id="runs">Runs</h2>
    ${linkList(links)}
  `;
  return await pageOf({ title, body, charts: drawn });
}
