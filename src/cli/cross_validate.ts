/**
 * `cross-validate`: trains a run for each fold of the data, and reports on all of them together.
 *
 * @module
 */

import { join } from "node:path";
import { readCsvTable } from "../data/forms/table.ts";
import { writeAtomic } from "../files.ts";
import { readRun } from "../run/record.ts";
import type { Given } from "../run/resolve.ts";
import type { EndedRun } from "../study/study_tables.ts";
import type { PlannedRun } from "../study/study_file.ts";
import { writeFolds } from "../study/write_folds.ts";
import { type Invocation, parseCommand, userPath } from "./command.ts";
import { csvText } from "./csv_text.ts";
import { withConfig } from "./config_file.ts";
import * as tables from "./flags.ts";
import { cannotUse, refuseIdle } from "./idle.ts";
import { hasEnded, listRuns, runPlanned } from "./planned_runs.ts";
import { ProgressLine } from "./progress.ts";
import { listData, splitOptions } from "./run_data.ts";

/** Runs `cross-validate`; gives the exit code. */
export async function run(invocation: Invocation<typeof tables.crossValidate.flags>): Promise<number> {
  const { options, asked } = await withConfig(tables.crossValidate, invocation);
  const { folds, out = userPath(join("runs", "folds")), dryRun, dash, quiet, verbose, seed } = options;
  if (asked.split === "own") throw cannotUse("--split own", "folds are drawn from all pictures; leave it out");
  const runs = Array.from({ length: folds }, (_, i): PlannedRun => {
    const settings: Given = { ...asked, fold: `${i + 1}/${folds}` };
    return { name: `fold-${i + 1}`, choices: { fold: String(i + 1) }, settings, place: i, after: [] };
  });
  await refuseAtOnce(runs[0].settings);
  if (dryRun) return await listRuns(runs, out);
  return await runPlanned(runs, {
    ...{ out, dash, quiet, verbose },
    async report(missing) {
      const ended: EndedRun[] = [];
      for (const planned of runs) {
        const run = join(out, "runs", planned.name);
        if (await hasEnded(run)) ended.push({ planned, record: await readRun(run) });
      }
      if (ended.length === 0) return "none, since no fold has ended";
      await writeAtomic(join(out, "predictions.csv"), await predictionsOf(ended));
      return await writeFolds(out, folds, ended, missing, seed);
    },
  });
}

/** What every fold would be refused for: said once, before the first. */
async function refuseAtOnce(settings: Given): Promise<void> {
  const flags = { ...parseCommand(tables.train, []).options, ...settings };
  const progress = new ProgressLine(false);
  const { data } = await listData(flags, progress.preparing);
  progress.clear();
  refuseIdle(settings, tables.train.flags, data);
  const small = flags.skipSmallClasses ? data.smallClasses(splitOptions(flags)).map(({ index }) => index) : [];
  const rest = small.length > 0 ? data.withoutClasses(new Set(small)) : data;
  // Once, so that what cannot be split is said. Equal pictures may take more away.
  rest.split(splitOptions(flags));
}

/** Rows of all folds' `predictions.csv`, each with its fold. */
async function predictionsOf(runs: readonly EndedRun[]): Promise<string> {
  const rows: string[][] = [];
  for (const { planned: { choices }, record: { path } } of runs) {
    const { header, columns, length } = await readCsvTable(join(path, "test", "predictions.csv"));
    if (rows.length === 0) rows.push([...header, "fold"]);
    for (let r = 0; r < length; r++) rows.push([...columns.map((column) => column[r]), choices.fold]);
  }
  return csvText(rows);
}
