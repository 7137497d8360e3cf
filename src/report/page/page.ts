/**
 * A whole page in one file. It reads without script and without a network, in light and dark, on paper and on a phone.
 * With script its charts answer to the mouse. It loads nothing, and its content security policy says so.
 *
 * @module
 */
import { type Chart } from "../chart.ts";
import { echartsText, svgOf } from "../draw.ts";
import { Html, html, scriptJson } from "./html.ts";
import script from "./charts.js" with { type: "text" };
import style from "./page.css" with { type: "text" };

/** A page's content. */
export interface Page {
  /** What the browser's tab shows. */
  readonly title: string;
  /** What stands in it. */
  readonly body: Html;
  /** Its charts by name, each of which a {@link figureOf} shows. */
  readonly charts: ReadonlyMap<string, Chart>;
  /** More style of one's own. */
  readonly style?: string;
  /** More script of one's own, run after the charts'. */
  readonly script?: string;
  /** Where the page may connect to; default nowhere. */
  readonly connects?: "'self'";
}

/** A chart that is wider than this cannot be read in half of a page's width. */
const HALF = 1410;

/**
 * A place for a chart: a picture of it, which script replaces by the chart itself.
 *
 * @param name Its name among the page's charts.
 * @param chart The chart.
 * @param caption What is said below it; also what a reader that sees no pictures reads.
 * @param isWide Does it take the page's whole width among others? Default where it could not be read in half of it.
 */
export async function figureOf(
  name: string,
  chart: Chart,
  caption: string,
  isWide: boolean = chart.width > HALF,
): Promise<Html> {
  const svg = new TextEncoder().encode(await svgOf(chart)).toBase64();
  return html`
    <figure${new Html(isWide ? ' class="wide"' : "")} data-chart="chart-${name}">
      <img alt="${caption}" width="${chart.width}" height="${chart.height}" src="data:image/svg+xml;base64,${svg}">
      <figcaption>${caption}</figcaption>
      </figure>
  `;
}

/** A chart with what is said below it. */
export interface NamedChart {
  /** Its name, which no other chart of the page has: letters, digits and dashes. */
  readonly name: string;
  /** The chart. */
  readonly chart: Chart;
  /** What is said below it. */
  readonly caption: string;
  /** Does it take the page's whole width? Default where it could not be read in half of it. */
  readonly isWide?: boolean;
}

/**
 * Places for charts, one after the other.
 *
 * @param charts The charts.
 * @param drawn Keeps them, for {@link Page.charts}.
 */
export async function figuresOf(charts: readonly NamedChart[], drawn: Map<string, Chart>): Promise<Html[]> {
  const figures: Html[] = [];
  for (const { name, chart, caption, isWide } of charts) {
    drawn.set(name, chart);
    figures.push(await figureOf(name, chart, caption, isWide));
  }
  return figures;
}

/**
 * A picture of pixels.
 *
 * @param png Its file.
 * @param alt What it shows.
 */
export function imageOf(png: Uint8Array, alt: string): Html {
  return html`
    <figure><img alt="${alt}" src="data:image/png;base64,${png.toBase64()}"></figure>
  `;
}

/**
 * The page's text.
 *
 * @param page Its content.
 * @throws {UserError} When ECharts could be neither found nor fetched.
 */
export async function pageOf(
  { title, body, charts, style: ownStyle = "", script: own = "", connects }: Page,
): Promise<string> {
  const library = charts.size > 0 ? await echartsText() : "";
  const scripts = [library, charts.size > 0 ? script : "", own].filter((text) => text !== "");
  const hashes = await Promise.all(scripts.map(hashOf));
  const policy = [
    "default-src 'none'",
    "img-src data:",
    "style-src 'unsafe-inline'",
    `script-src ${hashes.length > 0 ? hashes.join(" ") : "'none'"}`,
    ...(connects ? [`connect-src ${connects}`] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="${policy}">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title}</title>
        <style>
    ${new Html(style)}${new Html(ownStyle)}</style>
      </head>
      <body>
    ${body}${Array.from(
      charts,
      ([name, chart]) =>
        html`
          <script type="application/json" id="chart-${name}">${scriptJson(chart)}</script>
        `,
    )}${scripts.map((text) =>
      html`
        <script>${new Html(text)}</script>
      `
    )}</body>
    </html>
  `.text;
}

/** What a content security policy calls a script. */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}
