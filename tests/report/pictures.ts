/**
 * Looks at the pixels of pictures that reports draw.
 *
 * @module
 */

import { decodePng } from "../../src/data/pictures/png.ts";
import type { Color } from "../../src/report/canvas.ts";

/** A decoded picture. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 4]`. */
  readonly data: Uint8Array;
}

/** Where a colour is: how many pixels have it, and the middle of the box around them. */
export interface Found {
  readonly count: number;
  readonly x: number;
  readonly y: number;
}

/** Decodes a picture that was encoded. */
export async function pictureOf(png: Promise<Uint8Array>): Promise<Picture> {
  return decodePng(await png);
}

/** Pixels of exactly this colour. */
export function find({ width, data }: Picture, [r, g, b]: Color): Found {
  const xs: number[] = [];
  const ys: number[] = [];
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] !== r || data[at + 1] !== g || data[at + 2] !== b) continue;
    xs.push(at / 4 % width);
    ys.push(Math.floor(at / 4 / width));
  }
  const middle = (all: number[]) => all.reduce((sum, value) => sum + value, 0) / all.length;
  return { count: xs.length, x: middle(xs), y: middle(ys) };
}

/** Colour of a pixel. */
export function pixel({ width, data }: Picture, x: number, y: number): Color {
  const [r, g, b] = data.subarray((y * width + x) * 4);
  return [r, g, b];
}
