/**
 * `eval`: tests a run on one of its splits or on another data set.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { firstNames, printable } from "../data/names.ts";
import { option, systemCode, systemReason, UserError } from "../errors.ts";
import type { CheckpointInfo } from "../run/checkpoint.ts";
import { type RunConfig, settingsIn } from "../run/config.ts";
import { MISTAKES } from "../train/trainer.ts";
import { evaluateModel, EVALUATION_BATCH } from "../run/evaluate.ts";
import { formatTest } from "../report/text.ts";
import { keptOf, otherWorld, refuseChanges, refuseOtherData } from "../run/kept.ts";
import { resolveSettings } from "../run/resolve.ts";
import { kernelTableHash } from "../train/kernel_table.ts";
import type { Invocation, Options } from "./command.ts";
import { chooseDevice } from "./device.ts";
import { saveEvaluation, testReportOf } from "./evaluation.ts";
import type * as tables from "./flags.ts";
import { openAsAsked } from "./opened_run.ts";
import { ProgressLine } from "./progress.ts";
import { keptSplit, openData, type Opened } from "./run_data.ts";

/** Runs `eval`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof tables.evaluate.flags>): Promise<number> {
  const progress = new ProgressLine(false);
  const note = (text: string) => progress.line(`note   ${text}`);
  const { config, info, model } = await openAsAsked(path, options, (warning) => progress.line(`warning: ${warning}`));
  const data = await dataOf(path, config, options, progress, note);
  checkClasses(data, info);
  await using device = await chooseDevice(options.backend, (line) => progress.line(line));
  otherWorld(config, { kernels: kernelTableHash(), device: device.description }).forEach(note);
  const evaluation = await evaluateModel({
    ...info,
    device,
    model,
    data,
    batch: options.batch ?? batchOf(config, path),
    cache: { mode: "auto" },
    mistakes: MISTAKES,
    workers: undefined,
    onNote: note,
    onProgress: (done) => progress.share("testing", { done, total: data.size }),
  });
  progress.clear();
  const out = options.out ?? join(path, options.data === undefined ? options.split : "eval");
  const report = testReportOf(evaluation, data);
  console.log(formatTest(report));
  try {
    await saveEvaluation(out, evaluation, data, report);
  } catch (error) {
    if (!(error instanceof UserError) || systemCode(error.cause) === undefined) throw error;
    throw new UserError(
      `The figures are above, but cannot be written to ${printable(out)}: ${systemReason(error.cause)}; give another ${
        option("out")
      }`,
    );
  }
  console.log(`written to ${printable(out)}`);
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
  { split: part, data: other, allowChangedData }: Options<typeof tables.evaluate.flags>,
  progress: ProgressLine,
  note: (text: string) => void,
): Promise<Dataset> {
  const allow = { allowChangedData };
  const kept = await keptOf(run);
  const changes = await refuseChanges(run, config, kept, allow);
  const flags = resolveSettings(settingsIn(config, run));
  if (other !== undefined) {
    // Where the run's pictures lay, and how many of them were taken, says nothing of other data.
    const asked = { ...flags, data: other, pictures: undefined, limit: undefined };
    return told(await openData(asked, progress.preparing, config), note).data;
  }
  const opened = told(await openData(flags, progress.preparing, config), note);
  // Runs that keep nothing of their data may have lost their split, too.
  if (part === "all" && !kept) return opened.data;
  const split = await keptSplit(run, opened, flags, progress.preparing);
  [...changes, ...await refuseOtherData(run, kept ?? config, split, allow)].forEach(note);
  return part === "all" ? opened.data : split[part];
}

/** Says what the data were taken for, and what was passed over. */
function told(opened: Opened, note: (text: string) => void): Opened {
  if (opened.data.form !== undefined) note(opened.data.form);
  opened.warnings.forEach(note);
  return opened;
}

/** Another data set must ask for the very classes that the model knows. */
function checkClasses(data: Dataset, { classes }: CheckpointInfo): void {
  const differs = classes.findIndex((name, c) => data.classes[c] !== name);
  if (differs < 0 && data.classes.length === classes.length) return;
  throw new UserError(
    `The run knows the classes ${firstNames(classes, 12)}: the data have ${firstNames(data.classes, 12)}`,
  );
}
