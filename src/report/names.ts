/**
 * Names that others chose, made to fit a table or a picture.
 *
 * @module
 */
import { unicodeWidth } from "@std/cli/unicode-width";

/**
 * Cuts the middle out of a text that is too wide; what tells long names apart is most often at an end.
 *
 * @param text The text, in one line.
 * @param width The width it may have.
 * @param measure Width of a text; default columns of a terminal.
 * @returns The text, or its beginning and end with `…` between them.
 *
 * @example
 * ```ts
 * import { shorten } from "./names.ts";
 *
 * shorten("Norwegian_forest_cat", 9); // "Norw…_cat"
 * ```
 */
export function shorten(text: string, width: number, measure: (text: string) => number = unicodeWidth): string {
  if (measure(text) <= width) return text;
  const letters = Array.from(new Intl.Segmenter("en").segment(text), ({ segment }) => segment);
  const cut = (kept: number) =>
    letters.slice(0, Math.ceil(kept / 2)).join("") + "…" +
    letters.slice(letters.length - Math.floor(kept / 2)).join("");
  let [fits, tooMany] = [0, letters.length];
  while (tooMany - fits > 1) {
    const kept = (fits + tooMany) >> 1;
    if (measure(cut(kept)) <= width) fits = kept;
    else tooMany = kept;
  }
  return cut(fits);
}
