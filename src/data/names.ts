/**
 * Names and numbers in messages.
 *
 * @module
 */

import { printable } from "../printable.ts";

export { escaped, printable, shortened } from "../printable.ts";

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
 * @param noun The noun in the singular, whose plural takes s or es.
 * @returns Such as `1 picture` or `2,400 pictures`.
 */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;
}
