/**
 * The live page of a command that trains.
 *
 * @module
 */

import { openDash } from "../dash/open.ts";
import { printable } from "../printable.ts";
import { dash } from "./flags.ts";

/** Ports that are tried, from the one of `dash` on: several runs may train, each with its page. */
const TRIES = 20;

/**
 * Serves the page as long as the command runs, and says where.
 *
 * @param folder The folder with the runs.
 * @param say Shows a line.
 */
export async function openPage(folder: string, say: (line: string) => void): Promise<AsyncDisposable> {
  const page = await openDash({ folder, depth: 1, port: dash.flags.port.fallback, tries: TRIES });
  say(`dash   ${page.url} until this command ends; after that, dash ${printable(folder)} shows the same`);
  return page;
}
