/**
 * `train`: opens the data, trains, tests the best checkpoint and writes the run directory.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { printable } from "../data/names.ts";
import { formatSplit } from "../data/forms/split_file.ts";
import { checkPrecision } from "../device/checks.ts";
import { UserError } from "../errors.ts";
import { createModel, type Model, modelNamed, models } from "../models/mod.ts";
import { readConfig, type RunConfig, settingsIn } from "../run/config.ts";
import { keptOf, refuseChanges } from "../run/kept.ts";
import { type Given, idleIn, recordOf, resolveSettings, settingNamed, settingNames } from "../run/resolve.ts";
import { type SettingName, type Settings, settings as table } from "../run/settings.ts";
import { recordSettings } from "../run/settings/device.ts";
import { pictureSettings } from "../run/settings/pictures.ts";
import { trainingSettings } from "../run/settings/training.ts";
import type { TeacherOptions } from "../train/distillation.ts";
import { classWeightsOf, factsOf } from "../train/options.ts";
import { writeRunReport } from "../run/run_report.ts";
import { formatTest } from "../report/text.ts";
import type { TestFacts, Tracker } from "../track/tracker.ts";
import type { TestReport } from "../metrics/mod.ts";
import { RunDirectory } from "../run/run_directory.ts";
import { openTeacher, type Student } from "../train/teacher.ts";
import { ConsoleOutput } from "../track/console.ts";
import { Trainer } from "../train/trainer.ts";
import { type Invocation, nameIn, type Options, userPath } from "./command.ts";
import { chooseDevice, measureDevice } from "./device.ts";
import { commandOf } from "./command_of.ts";
import { saveEvaluation, testReportOf } from "./evaluation.ts";
import { train } from "./flags.ts";
import { JsonTracker } from "./json_tracker.ts";
import { loadPretrained, withPretrained } from "./pretrained.ts";
import { ProgressLine } from "./progress.ts";
import { describeData, keptSplit, openData, splitData } from "./run_data.ts";
import { interruptible } from "./signals.ts";
import { ProgressBarTracker, TerminalTracker } from "./trackers.ts";

type TrainFlags = Options<typeof train.flags>;

/** What settings are called here. */
const nameOf = (setting: string): string => nameIn(train.flags, setting);

/**
 * Runs `train`; gives the exit code.
 *
 * @param watch Of a run among others: who is told of it too, and what else may stop it.
 */
export async function run(
  { options, given }: Invocation<typeof train.flags>,
  watch?: { readonly tracker: Tracker; readonly signal: AbortSignal },
): Promise<number> {
  const isResumed = options.resume !== undefined;
  const asked = givenIn(options, given);
  // Before what depends on it.
  if (!isResumed && asked.model !== undefined) modelNamed(asked.model);
  // Weights say which model is meant, and so which options apply.
  if (!isResumed && asked.pretrained === undefined) refuseIdle(asked);
  if (options.allowChangedData && !isResumed) {
    throw new UserError("Cannot use --allow-changed-data without --resume: a new run has nothing that was changed", 2);
  }
  const settled = isResumed ? await resumedSettings(options, asked, given) : await withPretrained(asked);
  const meant = { ...asked, model: settled.model };
  if (!isResumed) refuseIdle(meant);
  const flags = { ...options, ...resolveSettings(settled) };
  const output = new ConsoleOutput();
  const progress = new ProgressLine(flags.quiet, { console: output });
  const say = (line: string) => progress.line(line);
  // With --json standard output is for objects.
  const result = (text: string) => {
    output.write(text);
    if (flags.json) console.error(text);
    else console.log(text);
  };

  await using device = await chooseDevice(flags.backend, say);
  // A resumed run goes by the rates that it began with.
  if (!isResumed) await measureDevice(device, say);
  checkPrecision(device, flags.precision);
  const opened = await openData(flags, progress.preparing);
  const { data } = opened;
  if (!isResumed) refuseIdle(meant, data);
  const settings = resolveSettings(settled, factsOf(data));
  const out = options.resume ?? flags.out ?? userPath(join("runs", runName(settings)));
  const split = isResumed
    ? await keptSplit(out, opened, settings, progress.preparing)
    : await splitData(opened, settings, progress.preparing);
  for (const line of describeData(data, split, flags)) say(line);
  for (const warning of split.warnings) say(`note   ${warning}`);
  const model = modelFor(data, settings);
  const width = settings.width === 1 ? "" : `, width ${settings.width}`;
  say(
    `model  ${model.name}${width}, ${
      model.size.toLocaleString("en")
    } parameters, pictures of ${model.imageSize}×${model.imageSize}`,
  );
  if (!isResumed) { for (const line of chosenLines(settled, settings, split.train)) say(line); }
  // A resumed run has its weights in its last checkpoint.
  if (settings.pretrained !== undefined && !isResumed) {
    const { weightsKey: key, seed } = settings;
    await loadPretrained(model, settings.pretrained, flags.verbose, say, { key, meaning: data, seed });
  }
  const teacher = await teacherFor(flags, { model, task: data.task, classes: data.classes }, say);

  // Shown by a tracker, so that others which keep what is shown have it before the run ends.
  let tested: TestReport | undefined;
  const tables = (facts: TestFacts) => formatTest(tested = testReportOf(facts, split.test));
  using interrupt = interruptible();
  const trainer = new Trainer({
    ...trainerOptions(settled, data),
    task: data.task,
    device,
    model,
    teacher,
    out: new RunDirectory(out, recordOf(settings, factsOf(data)), { "split.csv": formatSplit(split) }),
    resume: isResumed,
    allowChangedData: options.allowChangedData,
    trackers: [
      new TerminalTracker({ progress, result, tables }),
      new ProgressBarTracker(progress),
      ...flags.json ? [new JsonTracker(writeOut)] : [],
      ...watch ? [watch.tracker] : [],
    ],
    console: output,
    signal: watch ? AbortSignal.any([interrupt.signal, watch.signal]) : interrupt.signal,
  });
  const { interrupted, test } = await trainer.fit(split.train, split.val, split.test);
  if (interrupted) {
    say(`stopped and saved; go on with --resume ${printable(out)}`);
    return interrupt.exitCode;
  }
  await saveEvaluation(join(out, "test"), test!, split.test, tested ?? testReportOf(test!, split.test));
  result(`run directory: ${printable(out)}`);
  result(`report: ${printable(await writeRunReport(out, commandOf(settings, factsOf(data))))}`);
  return 0;
}

function writeOut(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** The settings among the flags that were given. */
function givenIn(options: TrainFlags, given: ReadonlySet<keyof TrainFlags>): Given {
  return Object.fromEntries(settingNames.filter((name) => given.has(name)).map((name) => [name, options[name]]));
}

/** The settings of the run that is resumed, with what may be given anew. */
async function resumedSettings(
  { resume, allowChangedData }: TrainFlags,
  asked: Given,
  given: ReadonlySet<keyof TrainFlags>,
): Promise<Given> {
  const run = resume!;
  const kept = settingNames.find((name) => asked[name] !== undefined && !settingNamed(name)!.isFree);
  const changed = kept ?? (given.has("out") ? "out" : undefined);
  if (changed) {
    throw new UserError(
      `Cannot use ${nameIn(train.flags, changed)} with --resume: a resumed run keeps what it was started with`,
      2,
    );
  }
  const config = await readConfig(run);
  // Before anything is done by what it says.
  await refuseChanges(run, config, await keptOf(run), { allowChangedData });
  refuseOwnCode(run, config);
  return { ...settingsIn(config, run), ...asked };
}

/** A command line has only what Fovea has: what a program has brought along goes on from there. */
function refuseOwnCode(run: string, { model, settings: kept = {}, loss, transform }: RunConfig): void {
  const own = {
    model: model && !models.some(({ name }) => name === model.name) && model.name,
    optimizer: kept.optimizer !== undefined && table.optimizer.kind.read(`${kept.optimizer}`) === undefined &&
      kept.optimizer,
    schedule: kept.schedule === "own" && kept.schedule,
    loss,
    transform,
  };
  const [found] = Object.entries(own).filter(([, value]) => value);
  if (!found) return;
  const called = found[1] === "own" ? "" : ` (${printable(`${found[1]}`)})`;
  throw new UserError(
    `Cannot resume ${printable(run)} from the command line: its ${found[0]} is the code's own${called}; go on in the ` +
      "code that began it, with resume: true",
  );
}

/** What was given and would change nothing is a mistake. */
function refuseIdle(asked: Given, data?: Dataset): void {
  const idle = idleIn(asked, data && factsOf(data), nameOf);
  if (idle) throw new UserError(`Cannot use ${nameOf(idle.name)}: it would change nothing, since ${idle.why}`, 2);
}

/**
 * What a run chooses by itself and people may want to choose: as flags, and the weights of classes that were to be
 * balanced.
 */
const CHOSEN = ["augment", "resize", "batch", "learningRate", "weightDecay"] as const;

function chosenLines(settled: Given, settings: Settings, data: Dataset): string[] {
  const flags = CHOSEN.filter((name) => settled[name] === undefined).map((name) => `${nameOf(name)} ${settings[name]}`);
  const lines = flags.length > 0 ? [`chosen ${flags.join(" ")}`] : [];
  const weights = data.task === "multiclass" ? settings.classWeights : settings.posWeight;
  if (weights !== "balanced") return lines;
  const values = classWeightsOf(data, settings).map((weight) => weight.toPrecision(3));
  return [...lines, `balance ${data.classes.map((name, c) => `${printable(name)} ${values[c]}`).join(", ")}`];
}

/** The teacher that the flags name. */
async function teacherFor(
  { teacher: path, distill: mode, temperature, alpha }: TrainFlags,
  student: Student,
  say: (line: string) => void,
): Promise<TeacherOptions | undefined> {
  if (path === undefined) return undefined;
  const opened = await openTeacher(path, student);
  const how = mode === "soft" ? `soft, temperature ${temperature}` : mode;
  say(`teacher ${printable(path)}: ${opened.model.name}; ${how}, share ${alpha}`);
  return { ...opened, mode, temperature, alpha };
}

/** `multiclass-naive-cnn-20261124-154501`. */
function runName({ task, model }: Settings): string {
  const now = new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${task}-${model}-${now}`;
}

function modelFor(data: Dataset, settings: Settings): Model {
  const { model, imageSize, dropout, attentionDropout, stochasticDepth, layerScale, stem, window, normEps, width } =
    settings;
  return createModel(model, {
    classes: data.outputs,
    channels: data.channels,
    imageSize,
    ...{ dropout, attentionDropout, stochasticDepth, layerScale, stem, window, normEps, width },
  });
}

/** What the trainer is told: what applies, of how it trains, records and prepares pictures. */
function trainerOptions(settled: Given, data: Dataset): Given {
  const names = Object.keys({
    ...pictureSettings,
    ...trainingSettings,
    ...recordSettings,
    ...{ memory: true, tune: true },
  }) as SettingName[];
  const record = recordOf(resolveSettings(settled, factsOf(data)), factsOf(data));
  const own = names.filter((name) => name !== "imageSize" && record[name] !== null && settled[name] !== undefined);
  return Object.fromEntries(own.map((name) => [name, settled[name]]));
}
