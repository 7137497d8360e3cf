/**
 * `eval`: tests a run on one of its splits or on another data set.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset, SplitName } from "../data/dataset.ts";
import { counted, firstNames, printable } from "../data/names.ts";
import { fingerprintOf } from "../device/fingerprint.ts";
import { option, orList, systemCode, systemReason, UserError } from "../errors.ts";
import { recordLine } from "../files.ts";
import type { CheckpointInfo } from "../run/checkpoint.ts";
import { type RunConfig, settingsIn } from "../run/config.ts";
import { MISTAKES } from "../train/trainer.ts";
import { tunedThresholds } from "../metrics/mod.ts";
import { decimal } from "../report/figures.ts";
import { calibrate, readCalibration, writeCalibration } from "../run/calibration.ts";
import { evaluateModel, type Evaluation, EVALUATION_BATCH } from "../run/evaluate.ts";
import { formatTest, metricNames } from "../report/text.ts";
import { keptOf, otherWorld, refuseChanges, refuseOtherData } from "../run/kept.ts";
import { resolveSettings } from "../run/resolve.ts";
import type { Invocation, Options } from "./command.ts";
import { chooseDevice } from "./device.ts";
import { saveEvaluation, testReportOf } from "./evaluation.ts";
import type * as tables from "./flags.ts";
import { cannotUse } from "./idle.ts";
import { noteLine } from "./notes.ts";
import { openAsAsked } from "./opened_run.ts";
import { ProgressLine } from "./progress.ts";
import { countsOf, keptSplit, openData } from "./run_data.ts";

/** Runs `eval`; gives the exit code. */
export async function run(
  { options, given, words: [path] }: Invocation<typeof tables.evaluate.flags>,
): Promise<number> {
  const progress = new ProgressLine(false);
  const note = (text: string) => progress.line(noteLine(text, options.verbose));
  progress.update(() => `reading ${printable(path)}`);
  const { config, info, model } = await openAsAsked(path, options, (warning) => progress.line(`warning: ${warning}`));
  if (options.ignoreUnknown && options.data === undefined) {
    throw cannotUse("--ignore-unknown", "the run's own data have no classes that it does not know; give other --data");
  }
  if (options.calibrate && options.data !== undefined) {
    throw cannotUse("--calibrate", "it is fitted on the validation split of the run's own data; leave --data out");
  }
  if (given.has("threshold") && info.task === "multiclass") {
    throw cannotUse("--threshold", "the run's task is multiclass, whose likeliest class is predicted");
  }
  const { data, part, what, warnings, val } = await dataOf(path, config, info, options, progress);
  checkClasses(data, info);
  const { epoch, accuracy } = info;
  const of = options.checkpoint !== "last" && epoch !== undefined ? ` of epoch ${epoch}` : "";
  const valid = typeof accuracy === "number" ? `, validation accuracy ${accuracy.toFixed(4)}` : "";
  progress.line(`run    ${printable(path)}: ${model.name}, checkpoint ${options.checkpoint}${of}${valid}`);
  progress.line(noteLine(`${what}: ${countsOf(data)}`, options.verbose, "data   "));
  if (data.form !== undefined) progress.line(noteLine(data.form, options.verbose, "form   "));
  for (const warning of warnings) progress.line(noteLine(warning, options.verbose));
  const tta = options.tta ?? settingsIn(config, path).tta ?? 1;
  await using device = await chooseDevice(options.backend, (line) => progress.line(line));
  otherWorld(config, { kernels: fingerprintOf(device), device: device.description }).forEach(note);
  progress.update(() => "compiling kernels");
  const evaluate = (data: Dataset, what: string) =>
    evaluateModel({
      ...info,
      device,
      model,
      data,
      batch: options.batch ?? batchOf(config, path),
      cache: { mode: "auto" },
      views: tta,
      mistakes: MISTAKES,
      workers: undefined,
      onNote: note,
      onProgress: (done) => progress.share(what, { done, total: data.size }),
    });
  const evaluation = await evaluate(data, "testing");
  // The validation split says what a temperature and thresholds should be: the test has no say in them.
  const asksVal = val !== undefined && val.size > 0 && (options.calibrate || info.task === "multilabel");
  const validation = !asksVal ? undefined : part === "val" ? evaluation : await evaluate(val, "validating");
  progress.clear();
  const temperature = await temperatureOf(path, options.calibrate, given.has("calibrate"), { info, validation, note });
  const thresholds = info.task === "multiclass" ? undefined : data.classes.map((): number => options.threshold);
  const out = options.out ?? join(path, options.data === undefined ? part : "eval");
  const tested = testReportOf(evaluation, data, { temperature, thresholds, views: tta });
  const tuned = validation && tunedOn(validation, evaluation, data, temperature);
  const report = { ...tested, ...(tuned && { tuned }) };
  const facts = options.data === undefined ? {} : { data: options.data, part };
  // With --json standard output is for the object.
  const say = (text: string) => options.json ? console.error(text) : console.log(text);
  say(formatTest(report));
  if (tuned) say(`\n${tunedText(tuned)}`);
  if (options.json) console.log(recordLine({ ...facts, ...report }).trimEnd());
  progress.update(() => "drawing the charts");
  try {
    await saveEvaluation(out, evaluation, data, report, facts);
  } catch (error) {
    if (!(error instanceof UserError) || systemCode(error.cause) === undefined) throw error;
    throw new UserError(
      `The figures are above, but cannot be written to ${printable(out)}: ${systemReason(error.cause)}; give another ${
        option("out")
      }`,
    );
  } finally {
    progress.clear();
  }
  say(`written to ${printable(out)}`);
  return 0;
}

/** What logits are divided by: fitted now, or kept with the run for these weights. */
async function temperatureOf(
  run: string,
  fits: boolean,
  isSaid: boolean,
  { info, validation, note }: {
    readonly info: CheckpointInfo;
    readonly validation: Evaluation | undefined;
    readonly note: (text: string) => void;
  },
): Promise<number> {
  if (isSaid && !fits) return 1;
  if (!fits) {
    const kept = await readCalibration(run, info.epoch);
    if (kept) note(`the temperature ${kept.temperature.toFixed(4)} is the run's, by calibration.json`);
    return kept?.temperature ?? 1;
  }
  if (!validation) throw new UserError("Cannot calibrate: the run has no validation split");
  const calibration = calibrate(info.task, validation.predictions, info.classes.length, info.epoch);
  const { temperature, before, after, pictures } = calibration;
  await writeCalibration(run, calibration);
  note(
    `the temperature ${temperature.toFixed(4)}, fitted on ${counted(pictures, "picture")} of validation, takes their ` +
      `loss from ${before.toFixed(4)} to ${after.toFixed(4)}; it is kept with the run`,
  );
  return temperature;
}

/** What a test reaches with thresholds that were tuned on the validation split. */
function tunedOn({ predictions }: Evaluation, tested: Evaluation, data: Dataset, temperature: number) {
  const scaled = predictions.logits.map((logit) => logit / temperature);
  const thresholds = tunedThresholds(scaled, predictions.targets, data.classes.length);
  const report = testReportOf(tested, data, { temperature, thresholds, resamples: 0 });
  const { accuracy, precision, recall, f1, subsetAccuracy = null } = report;
  const named = Object.fromEntries(data.classes.map((name, l) => [name, thresholds[l]]));
  return { thresholds: named, accuracy, precision, recall, f1, subsetAccuracy };
}

function tunedText({ thresholds, ...values }: ReturnType<typeof tunedOn>): string {
  const names: Readonly<Record<string, string>> = metricNames;
  return [
    "with thresholds of the best F1 on the validation split",
    Object.entries(values).map(([key, value]) => `${names[key]} ${decimal(value)}`).join("   "),
    ...Object.entries(thresholds).map(([name, at]) => `  ${printable(name)} from ${at.toFixed(3)}`),
  ].join("\n");
}

/** Pictures in a step of the run; the first runs kept that beside their flags. */
function batchOf(config: RunConfig, run: string): number {
  const batch = config.batch ?? settingsIn(config, run).batch;
  return typeof batch === "number" ? batch : EVALUATION_BATCH;
}

/** Pictures to test on. */
export interface Tested {
  readonly data: Dataset;
  /** Which part of a set they are, or all of it. */
  readonly part: Part;
  /** What they are, in words. */
  readonly what: string;
  /** What was noticed about another data set. */
  readonly warnings: readonly string[];
  /** The run's validation split, where its own data are tested. */
  readonly val?: Dataset;
}

type Part = SplitName | "all";

/** Opens the pictures that a run is tested on, as the flags say; refuses a run's own data that were changed. */
export async function dataOf(
  run: string,
  config: RunConfig,
  info: CheckpointInfo,
  { split: asked, data: other, ignoreUnknown, allowChangedData }: Pick<
    Options<typeof tables.evaluate.flags>,
    "split" | "data" | "ignoreUnknown" | "allowChangedData"
  >,
  progress: ProgressLine,
): Promise<Tested> {
  const allow = { allowChangedData };
  const kept = await keptOf(run);
  const changes = await refuseChanges(run, config, kept, allow);
  const flags = resolveSettings(settingsIn(config, run));
  if (other !== undefined) {
    const how = { other: { data: other, classes: info.classes, ignoreUnknown } };
    // Where the run's pictures lay, and how many of them were taken, says nothing of other data.
    const elsewhere = { ...flags, task: info.task, pictures: undefined, limit: undefined };
    const { data, warnings } = await openData(elsewhere, progress.preparing, how);
    const { data: tested, part } = partOf(data, other, asked);
    return { data: tested, part, what: `${printable(other)}, ${partText(part)}`, warnings };
  }
  const part = asked ?? (flags.testOn === "val" ? "val" : "test");
  const opened = await openData(flags, progress.preparing, { classes: config.classes });
  // Runs that keep nothing of their data may have lost their split, too.
  const split = part === "all" && !kept ? undefined : await keptSplit(run, opened, flags, progress.preparing);
  const warnings = split ? [...changes, ...await refuseOtherData(run, kept ?? config, split, allow)] : [];
  const tested = part === "all" ? opened.data : split![part];
  if (tested.size === 0) {
    throw new UserError(`The run has no ${part} part: it was tested on val; give ${option("split")} val`);
  }
  const what = flags.data === undefined ? "the demo faces" : printable(flags.data);
  return { data: tested, part, what: `${what}, ${partText(part)}`, warnings, val: split?.val };
}

/** A part of another data set: what is asked for, else test; of a set without parts all of it. */
function partOf(data: Dataset, path: string, split: Part | undefined): { data: Dataset; part: Part } {
  if (!data.hasOwnSplit) {
    if (split === undefined || split === "all") return { data, part: "all" };
    throw cannotUse(`--split ${split}`, `${printable(path)} has no parts of its own; leave it out to test on all`);
  }
  const part = split ?? "test";
  if (part === "all") return { data, part };
  const places = data.samples.flatMap((sample, i) => sample.split === part ? [i] : []);
  if (places.length > 0) return { data: data.subset(places), part };
  const found = [...new Set(data.samples.map((sample) => sample.split))].sort();
  throw new UserError(
    `${printable(path)} has no ${part} part, its parts are ${found.join(" and ")}: give ${option("split")} ` +
      orList([...found.filter((name) => name !== undefined), "all"]),
  );
}

const partText = (part: Part): string => part === "all" ? "all of it" : `${part} part`;

/** Another data set must ask for the very classes that the model knows. */
function checkClasses(data: Dataset, { classes }: CheckpointInfo): void {
  const differs = classes.findIndex((name, c) => data.classes[c] !== name);
  if (differs < 0 && data.classes.length === classes.length) return;
  throw new UserError(
    `The run knows the classes ${firstNames(classes, 12)}: the data have ${firstNames(data.classes, 12)}`,
  );
}
