/**
 * Stand-in for `jsr:@std/cli/unicode-width` on hosts that cannot reach JSR. The same code on npm lacks its table of
 * widths, so this is another package's answer to the same question.
 *
 * @module
 */

import stringWidth from "npm:string-width@7.2.0";

/** Columns that a string takes in a terminal; colour codes count as text, so measure before colouring. */
export function unicodeWidth(str: string): number {
  return stringWidth(str, { countAnsiEscapeCodes: true });
}
