/**
 * Looks at charts: their options, and the pixels of their pictures.
 *
 * @module
 */

import { decodePng } from "../../src/data/pictures/png.ts";
import type { Chart } from "../../src/report/chart.ts";

/** A decoded picture. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 4]`. */
  readonly data: Uint8Array;
}

/** Decodes a picture that was encoded. */
export function pictureOf(png: Uint8Array): Picture {
  return decodePng(png);
}

/** How many pixels have exactly this colour, `#20262e`. */
export function count({ data }: Picture, color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === r && data[at + 1] === g && data[at + 2] === b) found++;
  }
  return found;
}

/** Where a colour is first, from the top and from the left. */
export function first({ width, data }: Picture, color: string): { x: number; y: number } {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] === r && data[at + 1] === g && data[at + 2] === b) {
      return { x: at / 4 % width, y: Math.floor(at / 4 / width) };
    }
  }
  throw new Error(`No pixel has the colour ${color}`);
}

/** The option of a chart, as its parts are looked at. */
// deno-lint-ignore no-explicit-any -- plain data of any depth
export function optionOf(chart: Chart): any {
  const copy = JSON.parse(JSON.stringify(chart.option));
  return copy;
}
