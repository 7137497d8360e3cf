/**
 * `dash`: serves the live page of a folder of runs.
 *
 * @module
 */

import { isFolder } from "../data/paths.ts";
import { UserError } from "../errors.ts";
import { printable } from "../printable.ts";
import { serveDash } from "../dash/server.ts";
import { echartsText } from "../report/draw.ts";
import { runsNear } from "../run/runs_near.ts";
import { type Invocation, userPath } from "./command.ts";
import type * as tables from "./flags.ts";
import { interruptible } from "./signals.ts";

/** How many folders deep runs may be: a study's are two deep in `runs`. */
const DEPTH = 5;

/** Runs `dash`; gives the exit code. */
export async function run({ options, words: [given] }: Invocation<typeof tables.dash.flags>): Promise<number> {
  if (given !== undefined && !await isFolder(given)) {
    throw new UserError(`There is no folder ${printable(given)}; ${await runsNear(given)}`);
  }
  const folder = given ?? userPath("runs");
  using interrupt = interruptible();
  await using dash = serveDash({ folder, depth: DEPTH, port: options.port });
  // Now, where it is read, rather than in the page.
  await echartsText();
  console.log(`${dash.url} shows the runs in ${printable(folder)}, until Ctrl-C`);
  await new Promise((resolve) => interrupt.signal.addEventListener("abort", resolve));
  return 0;
}
