/**
 * Pictures as points: a scatter whose points are coloured by class and show their picture. Without script it is a
 * drawing with a key; with it points answer to the mouse, pictures can stand in their places, and classes be hidden.
 *
 * @module
 */

import { lines } from "../palette.ts";
import style from "./embedding.css" with { type: "text" };
import script from "./embedding.js" with { type: "text" };
import { Html, html, paragraphs, scriptJson } from "./html.ts";
import { pageOf } from "./page.ts";

/** A picture in the plane. */
export interface EmbeddedPicture {
  /** Where it is. */
  readonly file: string;
  /** Across, in any unit. */
  readonly x: number;
  /** Down, in the same unit. */
  readonly y: number;
  /** Place of its class among the classes, by which it is coloured. */
  readonly class: number;
  /** What is said of it. */
  readonly said: string;
  /** Is that wrong? */
  readonly isWrong: boolean;
  /** The picture, small: a JPEG file. */
  readonly jpeg: Uint8Array;
}

/** What is on the page. */
export interface EmbeddingPage {
  /** What it is called. */
  readonly title: string;
  /** What is on it, in sentences. */
  readonly summary: readonly string[];
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** The pictures. */
  readonly pictures: readonly EmbeddedPicture[];
}

/** Sides of the drawing, and the room around the points. */
const WIDTH = 1100;
const HEIGHT = 760;
const MARGIN = 24;

/** Radius of a point. */
const RADIUS = 4.5;

/**
 * The page of an embedding.
 *
 * @returns The text of one HTML file.
 */
export async function embeddingPage({ title, summary, classes, pictures }: EmbeddingPage): Promise<string> {
  const place = placesOf(pictures);
  const present = classes.map((_, c) => pictures.filter((picture) => picture.class === c).length);
  const key = classes.map((name, c) =>
    present[c] > 0 && html`
      <li><button type="button" data-class="${c}" aria-pressed="true"><svg width="18" height="18" viewBox="-9 -9 18 18">${markOf(
        c,
        0,
        0,
        7,
      )}</svg>${name} <span class="soft">${present[c]}</span></button></li>
    `
  );
  const points = pictures.map((picture, i) => {
    const [x, y] = place(picture);
    return html`
      <g data-i="${i}" ${new Html(picture.isWrong ? ' class="wrong"' : "")}>${markOf(picture.class, x, y, RADIUS)}</g>
    `;
  });
  const facts = pictures.map((picture) => {
    const { file, said, class: own, isWrong, jpeg } = picture;
    const [x, y] = place(picture);
    return { file, said, class: own, isWrong, x, y, jpeg: jpeg.toBase64() };
  });
  const body = html`
    <header><p class="soft">Fovea · embedding</p>
    <h1>${title}</h1>
    ${paragraphs(summary)}</header>
    <ul class="key">${key}</ul>
    <p class="tools" hidden><label><input type="checkbox" id="pictures"> pictures in their places</label>
    <button type="button" id="whole">show all</button>
    <span class="soft">The wheel or a pinch enlarges, dragging moves.</span></p>
    <div id="plane">
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">${points}</svg>
      <div id="tip" hidden><img alt=""><b></b><span></span><span class="soft"></span></div>
    </div>
    <script type="application/json" id="facts">${scriptJson({ classes, pictures: facts })}</script>
  `;
  return await pageOf({ title, body, charts: new Map(), style, script });
}

/** Coordinates in the drawing: both axes in one scale, in the middle. */
function placesOf(pictures: readonly EmbeddedPicture[]): (picture: EmbeddedPicture) => [x: number, y: number] {
  const [xs, ys] = [pictures.map(({ x }) => x), pictures.map(({ y }) => y)];
  const bounds = (values: readonly number[]) => [
    values.reduce((least, value) => Math.min(least, value), Infinity),
    values.reduce((most, value) => Math.max(most, value), -Infinity),
  ];
  const [[left, right], [top, bottom]] = [bounds(xs), bounds(ys)];
  const scale = Math.min(
    (WIDTH - 2 * MARGIN) / Math.max(right - left, 1e-9),
    (HEIGHT - 2 * MARGIN) / Math.max(bottom - top, 1e-9),
  );
  const at = (value: number, least: number, most: number, size: number) =>
    Math.round(10 * (size / 2 + (value - (least + most) / 2) * scale)) / 10;
  return ({ x, y }) => [at(x, left, right, WIDTH), at(y, top, bottom, HEIGHT)];
}

/** Shapes, which tell classes of one colour apart: circle, square, diamond, triangle. */
const shapes: readonly ((r: number) => string)[] = [
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  (r) => `M${-0.88 * r} ${-0.88 * r}h${1.76 * r}v${1.76 * r}h${-1.76 * r}z`,
  (r) => `M0 ${-1.25 * r}L${1.25 * r} 0L0 ${1.25 * r}L${-1.25 * r} 0z`,
  (r) => `M0 ${-1.2 * r}L${1.15 * r} ${0.9 * r}H${-1.15 * r}z`,
];

/** The mark of a class: its own colour, and after eight of them another shape. */
function markOf(index: number, x: number, y: number, r: number): Html {
  const { color } = lines[index % lines.length];
  const shape = shapes[Math.floor(index / lines.length) % shapes.length];
  return html`
    <path transform="translate(${x} ${y})" fill="${color}" d="${shape(r)}" />
  `;
}
