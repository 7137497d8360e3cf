/**
 * Notes on the terminal: short unless all is asked for.
 *
 * @module
 */

/** A note is shorter than this. */
const MOST = 200;

const REST = " … (--verbose has the rest)";

/**
 * A note as a line.
 *
 * @param text What is noted.
 * @param verbose Whether all of it is shown, however long.
 */
export function noteLine(text: string, verbose: boolean): string {
  const line = `note   ${text}`;
  if (verbose || line.length < MOST) return line;
  const cut = line.slice(0, MOST - 1 - REST.length);
  const end = cut.search(/[\s,;:(]+[^\s,;:(]*$/);
  return (end > MOST / 2 ? cut.slice(0, end) : cut.replace(/[\uD800-\uDBFF]$/, "")) + REST;
}
