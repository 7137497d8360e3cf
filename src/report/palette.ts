/**
 * Colours of the charts.
 *
 * @module
 */
import type { Color } from "./canvas.ts";

/** Titles and values. */
export const ink: Color = [32, 38, 46];
/** Labels of axes. */
export const softInk: Color = [92, 101, 112];
/** Zeros, which should not catch the eye. */
export const paleInk: Color = [176, 184, 194];
/** Grids and frames. */
export const line: Color = [222, 226, 231];
/** Text on dark ground. */
export const white: Color = [255, 255, 255];
/** Darkest of the scale from white. */
export const blue: Color = [20, 82, 148];
/** A line that another one smooths. */
export const paleBlue: Color = [168, 201, 232];
/** The second line. */
export const orange: Color = [217, 119, 43];
/** What went wrong. */
export const red: Color = [200, 44, 44];

/**
 * The scale of shares: white at 0 to blue at 1.
 *
 * @param share 0 to 1.
 * @returns The colour, whole numbers.
 */
export function shade(share: number): Color {
  const [r, g, b] = white.map((from, c) => Math.round(from + (blue[c] - from) * share));
  return [r, g, b];
}
