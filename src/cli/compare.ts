/**
 * `compare`: runs side by side, in one page, one Markdown table and one CSV file.
 *
 * @module
 */

import { readRun } from "../run/record.ts";
import { compareRuns } from "../study/compare.ts";
import { comparisonMarkdown, writeComparison } from "../study/write_comparison.ts";
import { type Invocation, userPath } from "./command.ts";
import type * as tables from "./flags.ts";

/** Runs `compare`; gives the exit code. */
export async function run({ options, words }: Invocation<typeof tables.compare.flags>): Promise<number> {
  const { resamples, seed, out = userPath("runs/comparison") } = options;
  const records = await Promise.all(words.map(readRun));
  const comparison = compareRuns(records, { resamples, seed });
  console.log(comparisonMarkdown(comparison).trimEnd());
  console.log(`\nreport: ${await writeComparison(out, comparison)}`);
  return 0;
}
