/**
 * Names and texts that others chose (files, classes, columns), made safe to print in one line.
 *
 * @module
 */

/** Letters of a name that are shown. */
const MOST_OF_A_NAME = 300;

/**
 * A name as it may be printed: control and direction-changing characters become `\u{…}`, so that a hostile file name
 * cannot write over the terminal; the middle of a very long one is left out.
 *
 * @param name The name as found.
 * @returns The name, harmless and in one line.
 */
export function printable(name: string): string {
  return escaped(shortened(name, MOST_OF_A_NAME));
}

/**
 * A text without control and direction-changing characters: they become `\u{…}`.
 *
 * @param text The text, of any length.
 * @returns The text, harmless and in one line.
 */
export function escaped(text: string): string {
  return text.replace(UNSAFE, codeOf);
}

/**
 * The same for a page, which has room for whatever is drawn: joiners stay within an emoji and between Arabic letters,
 * where writing needs them.
 *
 * @param text The text.
 */
export function escapedForPage(text: string): string {
  return text.replace(UNSAFE_ON_PAGE, codeOf);
}

const codeOf = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;

/** All that controls, or changes direction. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const [EMOJI, ARABIC] = ["\\p{Extended_Pictographic}", "\\p{Script=Arabic}"];

/** A joiner within an emoji, and between Arabic letters. */
const JOINER = `(?<=[${EMOJI}\\p{Emoji_Modifier}\\ufe0f])\\u200d(?=${EMOJI})|(?<=${ARABIC})\\u200c(?=${ARABIC})`;

const UNSAFE_ON_PAGE = new RegExp(`(?!${JOINER})${UNSAFE.source}`, "gu");

/**
 * A text of a length that people read; its middle is left out, since what tells long names apart is mostly at an end.
 *
 * @param text The text.
 * @param most Letters that it may have.
 * @returns The text, or its beginning and end with `…` between them.
 */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const letters = [...text];
  if (letters.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${letters.slice(0, most - 1 - half).join("")}…${letters.slice(letters.length - half).join("")}`;
}
