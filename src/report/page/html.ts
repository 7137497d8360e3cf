/**
 * HTML as a tagged template that escapes what is put into it, so that no class or file name can be markup.
 *
 * @module
 */
import { escapedForPage } from "../../printable.ts";

/** Markup that is safe to be put into markup. */
export class Html {
  /** The text. */
  readonly text: string;

  /**
   * Takes a text as markup, as it is.
   *
   * @param text Markup of one's own making; never anything that was read.
   */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may be put into {@link html}. */
export type Part = string | number | Html | undefined | null | false | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Escapes a text for markup and for quoted attributes. Control and direction-changing characters are shown as their
 * codes.
 *
 * @param text The text as found.
 */
export function escapeHtml(text: string): string {
  // Lines of a text may end; all else that controls is shown.
  return text.split("\n").map(escapedForPage).join("\n").replaceAll(/[&<>"']/g, (character) => entities[character]);
}

function textOf(part: Part): string {
  if (part === undefined || part === null || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return escapeHtml(String(part));
}

/**
 * Markup with parts in it: texts and numbers are escaped, markup is not, lists are joined, and what is missing is
 * nothing.
 *
 * @example
 * ```ts
 * import { html } from "./html.ts";
 *
 * html`<td>${"<script>"}</td>`.text; // "<td>&lt;script&gt;</td>"
 * ```
 */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + textOf(parts[i - 1]) + string));
}

/**
 * A value as JSON that a script element may hold: nothing in it ends the element.
 *
 * @param value Plain data.
 */
export function scriptJson(value: unknown): Html {
  const json = JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return new Html(json);
}

/** Lines as paragraphs; those that are said by the way are softer. */
export function paragraphs(lines: readonly string[], tone?: "soft"): Html {
  return html`${lines.map((line) => tone === undefined ? html`<p>${line}</p>` : html`<p class="${tone}">${line}</p>`)}`;
}

/** A link to another page. */
export interface Link {
  /** What it is called. */
  readonly name: string;
  /** Where it is, relative to this page. */
  readonly href: string;
}

/** Links, one below the other. */
export function linkList(links: readonly Link[]): Html {
  return html`<ul>${links.map(({ name, href }) => html`<li><a href="${href}">${name}</a></li>`)}</ul>`;
}

/** A row of a table: its cells, the first of which may head the row. */
export type Row = readonly Part[];

/**
 * A table with a row of heads. Numbers stand at the right, texts at the left.
 *
 * @param heads What the columns are.
 * @param rows The rows; the first cell of each heads it.
 * @param name What the table is called, for those who cannot see it.
 * @param holds What the cells hold after the first of each row.
 */
export function tableOf(
  heads: readonly Part[],
  rows: readonly Row[],
  name: string,
  holds: "numbers" | "texts" = "numbers",
): Html {
  const kind = new Html(holds === "numbers" ? ' class="n"' : ' class="text"');
  return html`
    <div class="scroll">
      <table aria-label="${name}">
        <thead>
          <tr>${heads.map((head, c) => html`<th${c === 0 ? "" : kind} scope="col">${head}</th>`)}</tr>
        </thead>
        <tbody>${rows.map((row) =>
          html`
            <tr>${row.map((cell, c) =>
              c === 0 ? html`<th scope="row">${cell}</th>` : html`<td${kind}>${cell}</td>`
            )}</tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}
