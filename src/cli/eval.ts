/**
 * `eval`: tests a run on one of its splits or on another data set.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { readSplit } from "../data/forms/split_file.ts";
import { UserError } from "../errors.ts";
import type { CheckpointInfo } from "../run/checkpoint.ts";
import { type RunConfig, settingsIn } from "../run/config.ts";
import { evaluateModel, EVALUATION_BATCH } from "../run/evaluate.ts";
import { formatTest } from "../report/text.ts";
import { resolveSettings } from "../run/resolve.ts";
import type { Invocation, Options } from "./command.ts";
import { chooseDevice } from "./device.ts";
import { saveEvaluation, testReportOf } from "./evaluation.ts";
import type * as tables from "./flags.ts";
import { openAsAsked } from "./opened_run.ts";
import { ProgressLine } from "./progress.ts";
import { openData } from "./run_data.ts";

/** Runs `eval`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof tables.evaluate.flags>): Promise<number> {
  const progress = new ProgressLine(false);
  const { config, info, model } = await openAsAsked(path, options);
  const data = await dataOf(path, config, options, progress);
  checkClasses(data, info);
  await using device = await chooseDevice(options.backend, (line) => progress.line(line));
  const evaluation = await evaluateModel({
    ...info,
    device,
    model,
    data,
    batch: options.batch ?? batchOf(config, path),
    cache: { mode: "auto" },
    workers: undefined,
    onProgress: (done) => progress.share("testing", { done, total: data.size }),
  });
  progress.clear();
  const out = options.out ?? join(path, options.data === undefined ? options.split : "eval");
  const report = testReportOf(evaluation, data);
  console.log(formatTest(report));
  await saveEvaluation(out, evaluation, data, report);
  console.log(`written to ${out}`);
  return 0;
}

/** Pictures in a step of the run; the first runs kept that beside their flags. */
function batchOf(config: RunConfig, run: string): number {
  const batch = config.batch ?? settingsIn(config, run).batch;
  return typeof batch === "number" ? batch : EVALUATION_BATCH;
}

async function dataOf(
  run: string,
  config: RunConfig,
  { split: part, data: other }: Options<typeof tables.evaluate.flags>,
  progress: ProgressLine,
): Promise<Dataset> {
  const flags = resolveSettings(settingsIn(config, run));
  // Where the run's pictures lay, and how many of them were taken, says nothing of other data.
  const asked = other === undefined ? flags : { ...flags, data: other, pictures: undefined, limit: undefined };
  const { data } = await openData(asked, progress.preparing);
  if (other !== undefined || part === "all") return data;
  return (await readSplit(join(run, "split.csv"), data))[part];
}

/** Another data set must ask for the very classes that the model knows. */
function checkClasses(data: Dataset, { classes }: CheckpointInfo): void {
  const differs = classes.findIndex((name, c) => data.classes[c] !== name);
  if (differs < 0 && data.classes.length === classes.length) return;
  throw new UserError(`The run knows the classes ${classes.join(", ")}: the data have ${data.classes.join(", ")}`);
}
