/**
 * What the page and the test that opens it both know.
 *
 * @module
 */

import type { Picture } from "../../src/data/pictures/decode.ts";
import type { Resizing } from "../../src/data/pictures/resize.ts";

/** What a line of the page's console begins with. */
export const MARK = "fovea: ";

/** What the page says of one part of its work; the last is called `end`. */
export interface Part {
  /** Of what. */
  readonly name: string;
  /** What was found. */
  readonly values?: readonly number[];
  /** What was thrown instead. */
  readonly error?: string;
  /** How long it took. */
  readonly seconds?: number;
}

/** A picture whose neighbouring pixels differ. */
export function picture(): Picture {
  const [width, height] = [23, 17];
  return { width, height, channels: 3, data: Uint8Array.from({ length: 3 * width * height }, (_, i) => i * 89) };
}

/** How the page resizes it. */
export const RESIZING: Resizing = { imageSize: 8, square: 8, interpolation: "bicubic" };
