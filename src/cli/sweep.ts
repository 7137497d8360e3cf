/**
 * `sweep`: tries settings, stops what is worse than half of the others, and compares the rest.
 *
 * @module
 */

import { basename, extname, join } from "node:path";
import { readRun } from "../run/record.ts";
import { MedianStop } from "../study/median_stop.ts";
import { type Ranking, rankingOf, validatedIn } from "../study/ranking.ts";
import { planSweep } from "../study/sweep_file.ts";
import { type SweptRun, writeSweep } from "../study/write_sweep.ts";
import { type Invocation, userPath } from "./command.ts";
import type * as tables from "./flags.ts";
import { hasEnded, listRuns, runPlanned, stoppedBefore, type Watch } from "./planned_runs.ts";
import { readObjectFile } from "./read_object.ts";

/** Runs `sweep`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof tables.sweep.flags>): Promise<number> {
  const { out = userPath(join("runs", basename(path, extname(path)))), dryRun, dash, quiet, verbose } = options;
  const plan = planSweep(await readObjectFile(path, "a file that plans runs"), path);
  if (dryRun) return await listRuns(plan.runs, out);
  const ended = async (): Promise<SweptRun[]> => {
    const found: SweptRun[] = [];
    for (const planned of plan.runs) {
      const run = join(out, "runs", planned.name);
      const stopped = await stoppedBefore(run);
      if (stopped !== undefined || await hasEnded(run)) found.push({ planned, record: await readRun(run), stopped });
    }
    return found;
  };
  const ranking = rankingOf(plan.runs.map(({ settings }) => settings as Readonly<Record<string, unknown>>));
  const medians = new MedianStop(ranking.isLower);
  // Those of before count, in the order in which they were run.
  for (const { record } of await ended()) medians.add(validatedIn(record.log, ranking));
  return await runPlanned(plan.runs, {
    ...{ out, dash, quiet, verbose },
    report: async (missing) => await writeSweep(out, plan, await ended(), missing),
    ...(plan.stopsAtMedian && { watch: () => watchFor(medians, ranking) }),
  });
}

/** Stops a run at the end of an epoch where it is worse than the median of the others. */
function watchFor(medians: MedianStop, ranking: Ranking): Watch {
  const controller = new AbortController();
  const values: number[] = [];
  let why: string | undefined;
  let isOver = false;
  return {
    signal: controller.signal,
    why: () => why,
    tracker: {
      name: "median stopping",
      async begin({ path, resumedAt }) {
        // What was reached before counts on.
        if (resumedAt && path !== undefined) values.push(...validatedIn((await readRun(path)).log, ranking));
      },
      checkpoint({ epoch }) {
        const median = medians.worse(values);
        if (median === undefined || isOver) return;
        const side = ranking.isLower ? "above" : "below";
        why = `was stopped after epoch ${epoch}: ${medians.best(values).toFixed(4)} is ${side} the median ` +
          `${median.toFixed(4)} of the others`;
        controller.abort();
      },
      validation({ epoch, report: { accuracy }, monitored }) {
        const value = monitored ? monitored.value : accuracy;
        if (value !== null) values[epoch - 1] = value;
      },
      end({ how }) {
        isOver = true;
        // One that has ended by itself was not stopped, whatever was said last.
        if (how === "done") why = undefined;
        if (how !== "failed") medians.add(values);
      },
    },
  };
}
