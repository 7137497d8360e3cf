/**
 * What a chart is before a library draws it: its size and an option object of ECharts, which is plain data. `draw.ts`
 * makes files of it; a page can hand the same object to ECharts and gets an interactive chart.
 *
 * @module
 */
import { unicodeWidth } from "@std/cli/unicode-width";
import { ink, softInk } from "./palette.ts";

/** A value that JSON holds. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A chart that is not drawn yet. */
export interface Chart {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** ECharts' option object, without functions. */
  readonly option: { readonly [key: string]: Json | undefined };
}

/** Fonts of all texts; a viewer that has not the first one takes its own. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, Noto Sans, sans-serif";

/** How much wider bold text is. */
export const BOLD = 1.12;

/** What all charts have in common: no motion, nothing that answers a mouse in a file, the same font everywhere. */
export const COMMON = {
  animation: false,
  backgroundColor: "#ffffff",
  textStyle: { fontFamily: FONT_FAMILY, color: ink },
} as const;

/** Font size of a chart's title in pixels. */
export const TITLE = 30;

/** A chart's title, and the line below it, at a distance from the edges in pixels. */
export function headOf(text: string, subtext: string, margin = 40): Json {
  return {
    ...{ text, subtext, left: margin, top: margin - 4, padding: 0, itemGap: 12 },
    textStyle: { fontSize: TITLE, fontWeight: "bold", color: ink },
    subtextStyle: { fontSize: 20, color: softInk },
  };
}

/** Widths of characters in DejaVu Sans, in ems, rounded up; what is not listed takes 0.64, or 1 where it is wide. */
const widths: readonly (readonly [characters: RegExp, width: number])[] = [
  [/[ijl'I]/u, 0.3],
  [/[ ,./:;\\|f\-()[\]!]/u, 0.4],
  [/[rt"*_`szc]/u, 0.54],
  [/[mMWw@%#+<=>^~&…\p{Extended_Pictographic}]/u, 1],
  [/\p{Lu}/u, 0.76],
  [/[ЖШЩЮФжшщюфыωм]/u, 0.95],
];

/**
 * Width of a text in pixels, a little more rather than less. Charts are laid out before a font is loaded, and must be
 * so in a page without it.
 *
 * @param text The text, in one line.
 * @param size Font size in pixels.
 * @returns About its width.
 */
export function widthOf(text: string, size: number): number {
  let ems = 0;
  for (const character of text) {
    const columns = unicodeWidth(character);
    ems += columns === 0 ? 0 : columns > 1 ? 1 : widths.find(([those]) => those.test(character))?.[1] ?? 0.64;
  }
  return ems * size;
}
