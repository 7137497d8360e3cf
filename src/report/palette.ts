/**
 * Colours of the charts. Light and dark differ wherever meanings do. So the colours survive a grey print, and eyes that
 * see few colours. Lines differ in their symbols, too.
 *
 * @module
 */

/** Titles and values. */
export const ink = "#20262e";
/** Labels of axes. */
export const softInk = "#5c6570";
/** Zeros, which should not catch the eye. */
export const paleInk = "#9aa3ad";
/** Grids and frames. */
export const line = "#dee2e7";
/** Text on dark ground. */
export const white = "#ffffff";
/** Darkest of the scale from white, and the first line. */
export const blue = "#145294";
/** A line that another one smooths. */
export const paleBlue = "#a8c9e8";
/** The second line. */
export const orange = "#d9772b";
/** What went wrong. */
export const red = "#c82c2c";

/**
 * Colours of shares at equal distances from 0 to 1: white to blue by the share's square root, so that a twentieth is
 * seen beside nothing. They darken all the way.
 */
export const shades: readonly string[] = Array.from({ length: 33 }, (_, i) => {
  const strength = Math.sqrt(i / 32);
  const channel = (at: number) => Math.round(255 + (parseInt(blue.slice(at, at + 2), 16) - 255) * strength);
  return `#${[1, 3, 5].map((at) => channel(at).toString(16).padStart(2, "0")).join("")}`;
});

/**
 * Lines of many classes: each has its own lightness, and a dash pattern that the next one has not, so that neighbours
 * in a key differ in grey print too. After Okabe and Ito's set for colour-blind eyes.
 */
export const lines: readonly { readonly color: string; readonly dash: "solid" | readonly number[] }[] = [
  { color: blue, dash: "solid" },
  { color: orange, dash: [10, 6] },
  { color: "#0b7a5b", dash: [3, 5] },
  { color: "#8d3a8c", dash: [14, 5, 3, 5] },
  { color: "#58aadc", dash: "solid" },
  { color: red, dash: [10, 6] },
  { color: "#b09000", dash: [3, 5] },
  { color: "#20262e", dash: [14, 5, 3, 5] },
];
