/**
 * Names that others chose (files, classes, columns), made safe to print in one line of a terminal.
 *
 * @module
 */

/**
 * A name as it may be printed: control and direction-changing characters become `\u{…}`, so that a hostile file name
 * cannot write over the terminal.
 *
 * @param name The name as found.
 * @returns The name, harmless.
 */
export function printable(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/**
 * The first few of many names, for a message.
 *
 * @param names The names as found.
 * @param limit How many are shown.
 * @returns Such as `a.jpg, b.jpg, c.jpg and 12 more`.
 */
export function firstNames(names: readonly string[], limit = 3): string {
  const shown = names.slice(0, limit).map(printable).join(", ");
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}

/**
 * A number with its noun.
 *
 * @param count How many.
 * @param noun The noun in the singular, whose plural takes an s.
 * @returns Such as `1 picture` or `2,400 pictures`.
 */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
