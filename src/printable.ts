/**
 * Names and texts that others chose (files, classes, columns), made safe to print in one line.
 *
 * @module
 */

/**
 * A text as it may be printed: control and direction-changing characters become `\u{…}`, so that a hostile file name
 * cannot write over the terminal.
 *
 * @param text The text as found.
 * @returns The text, harmless and in one line.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}
