/**
 * `sweep`: tries settings, stops what is worse than half of the others, and compares the rest.
 *
 * @module
 */

import { basename, extname, join } from "node:path";
import { readRun } from "../run/record.ts";
import { MedianStop } from "../study/median_stop.ts";
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
  const medians = new MedianStop();
  // Those of before count, in the order in which they were run.
  for (const { record } of await ended()) medians.add(accuraciesIn(record.log));
  return await runPlanned(plan.runs, {
    ...{ out, dash, quiet, verbose },
    report: async (missing) => await writeSweep(out, plan, await ended(), missing),
    ...(plan.stopsAtMedian && { watch: () => watchFor(medians) }),
  });
}

/** Validation accuracies at the ends of a run's epochs, by its log. */
function accuraciesIn(log: readonly Readonly<Record<string, unknown>>[]): number[] {
  const last = new Map(
    log.flatMap(({ type, epoch, accuracy }) =>
      type === "val" && typeof accuracy === "number" ? [[epoch, accuracy] as const] : []
    ),
  );
  return [...last.values()];
}

/** Stops a run at the end of an epoch where it is below the median of the others. */
function watchFor(medians: MedianStop): Watch {
  const controller = new AbortController();
  const accuracies: number[] = [];
  let why: string | undefined;
  let isOver = false;
  return {
    signal: controller.signal,
    why: () => why,
    tracker: {
      name: "median stopping",
      async begin({ path, resumedAt }) {
        // What was reached before counts on.
        if (resumedAt && path !== undefined) accuracies.push(...accuraciesIn((await readRun(path)).log));
      },
      checkpoint({ epoch }) {
        const median = medians.below(accuracies);
        if (median === undefined || isOver) return;
        why = `was stopped after epoch ${epoch}: ${Math.max(...accuracies).toFixed(4)} is below the median ` +
          `${median.toFixed(4)} of the others`;
        controller.abort();
      },
      validation({ epoch, report: { accuracy } }) {
        if (accuracy !== null) accuracies[epoch - 1] = accuracy;
      },
      end({ how }) {
        isOver = true;
        // One that has ended by itself was not stopped, whatever was said last.
        if (how === "done") why = undefined;
        if (how !== "failed") medians.add(accuracies);
      },
    },
  };
}
