/**
 * A contact sheet: small pictures with what a model says of them, grouped by that. It needs no script.
 *
 * @module
 */

import style from "./contact.css" with { type: "text" };
import { Html, html, paragraphs } from "./html.ts";
import { pageOf } from "./page.ts";

/** A picture on the sheet. */
export interface ContactPicture {
  /** Where it is. */
  readonly file: string;
  /** What is said of it, with probabilities. */
  readonly said: string;
  /** Is it among those of which the model is least sure? */
  readonly isDoubtful: boolean;
  /** The picture, small: a JPEG file. */
  readonly jpeg: Uint8Array;
}

/** Pictures of which the same is said. */
export interface ContactGroup {
  /** What is said of them. */
  readonly name: string;
  /** How many they are, with those that are not shown. */
  readonly count: number;
  /** Those that are shown, the least sure first. */
  readonly pictures: readonly ContactPicture[];
}

/** A contact sheet. */
export interface ContactPage {
  /** What it is called. */
  readonly title: string;
  /** What is on it, in sentences. */
  readonly summary: readonly string[];
  /** The groups. */
  readonly groups: readonly ContactGroup[];
  /** Side of the pictures in pixels. */
  readonly side: number;
  /** Files that could not be read, with the reason. */
  readonly faults: readonly string[];
}

/** More groups are not listed at the top. */
const MOST_LINKS = 40;

/** Faults that are listed. */
const MOST_FAULTS = 100;

/**
 * The page of a contact sheet.
 *
 * @param sheet What is on it.
 * @returns The text of one HTML file.
 */
export async function contactPage({ title, summary, groups, side, faults }: ContactPage): Promise<string> {
  const links = groups.length > 1 && groups.length <= MOST_LINKS
    ? groups.map(({ name, count }, g) =>
      html`
        <a href="#group-${g + 1}">${name} (${count})</a>
      `
    )
    : [];
  const sections = groups.map(({ name, count, pictures }, g) => {
    const left = count - pictures.length;
    return html`
      <section id="group-${g + 1}"><h2>${name} <span class="soft">${count.toLocaleString("en")}</span></h2>
      ${left > 0 && html`
        <p class="soft">The ${pictures.length.toLocaleString("en")} least sure are shown.</p>
      `}<ul class="sheet">
      ${pictures.map((picture) => cell(picture, side))}</ul></section>
    `;
  });
  const body = html`
    <header><p class="soft">Fovea · contact sheet</p>
    <h1>${title}</h1>
    <nav>${links}</nav>
    ${paragraphs(summary)}</header>
    ${sections}${faults.length > 0 && html`
      <h2>Not read</h2>
      <ul>${faults.slice(0, MOST_FAULTS).map((fault) => html`<li>${fault}</li>`)}</ul>
      ${faults.length > MOST_FAULTS && html`<p class="soft">… and ${faults.length - MOST_FAULTS} more.</p>`}
    `}
  `;
  return await pageOf({ title, body, charts: new Map(), style });
}

function cell({ file, said, isDoubtful, jpeg }: ContactPicture, side: number): Html {
  const kind = new Html(isDoubtful ? ' class="doubt"' : "");
  return html`
    <li${kind}><img alt="" loading="lazy" decoding="async" width="${side}" height="${side}"
    src="data:image/jpeg;base64,${jpeg.toBase64()}"><b>${said}</b>${isDoubtful && html`
      <span class="bad">least sure</span>
    `}<span class="soft">${file}</span></li>
  `;
}
