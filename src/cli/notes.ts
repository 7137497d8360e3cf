/**
 * Notes on the terminal: short unless all is asked for, with options by the names of their flags.
 *
 * @module
 */

import { nameIn } from "./command.ts";
import { train } from "./flags.ts";

/** A line is shorter than this. */
const MOST = 200;

const REST = " … (--verbose has the rest)";

/**
 * A note as a line. Notes of the library call an option `option classWeights`.
 *
 * @param text What is noted.
 * @param verbose Whether all of it is shown, however long.
 * @param head What stands before it.
 */
export function noteLine(text: string, verbose: boolean, head = "note   "): string {
  const line = head +
    text.replace(/\boption (\w+)/g, (same, name) => name in train.flags ? nameIn(train.flags, name) : same);
  if (verbose || line.length < MOST) return line;
  const cut = line.slice(0, MOST - 1 - REST.length);
  const end = cut.search(/[\s,;:(]+[^\s,;:(]*$/);
  return (end > MOST / 2 ? cut.slice(0, end) : cut.replace(/[\uD800-\uDBFF]$/, "")) + REST;
}
