/**
 * `study`: trains the runs of a study one after another, and reports on the whole.
 *
 * @module
 */

import { basename, extname, join } from "node:path";
import { readRun } from "../run/record.ts";
import { planStudy } from "../study/study_file.ts";
import type { EndedRun } from "../study/study_tables.ts";
import { writeStudy } from "../study/write_study.ts";
import { type Invocation, userPath } from "./command.ts";
import type * as tables from "./flags.ts";
import { hasEnded, listRuns, runPlanned } from "./planned_runs.ts";
import { readObjectFile } from "./read_object.ts";

/** Runs `study`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof tables.study.flags>): Promise<number> {
  const { out = userPath(join("runs", basename(path, extname(path)))), dryRun, dash, quiet, verbose } = options;
  const plan = planStudy(await readObjectFile(path, "a file that plans runs"), path, out);
  if (dryRun) return await listRuns(plan.runs, out);
  return await runPlanned(plan.runs, {
    ...{ out, dash, quiet, verbose },
    async report(missing) {
      const ended: EndedRun[] = [];
      for (const planned of plan.runs) {
        const run = join(out, "runs", planned.name);
        if (await hasEnded(run)) ended.push({ planned, record: await readRun(run) });
      }
      return await writeStudy(out, plan, ended, missing);
    },
  });
}
