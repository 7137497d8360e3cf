/**
 * `train`: opens the data, trains, tests the best checkpoint and writes the run directory.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import type { Dataset, Split } from "../data/dataset.ts";
import { counted, printable } from "../data/names.ts";
import { isFile, isFolder } from "../data/paths.ts";
import { formatSplit } from "../data/forms/split_file.ts";
import { checkPrecision } from "../device/checks.ts";
import type { DeviceKind } from "../device/registry.ts";
import { UserError } from "../errors.ts";
import { createModel, type Model, modelNamed, models } from "../models/mod.ts";
import { readConfig, type RunConfig, settingsIn } from "../run/config.ts";
import { keptOf, refuseChanges } from "../run/kept.ts";
import { isPublishedName } from "../run/published/names.ts";
import { type Given, recordOf, resolveSettings, settingNamed, settingNames } from "../run/resolve.ts";
import { runsNear } from "../run/runs_near.ts";
import { type SettingName, type Settings, settings as table } from "../run/settings.ts";
import { recordSettings } from "../run/settings/device.ts";
import type { DataFacts } from "../run/settings/setting.ts";
import { pictureSettings } from "../run/settings/pictures.ts";
import { trainingSettings } from "../run/settings/training.ts";
import type { TeacherOptions } from "../train/distillation.ts";
import { refuseIrregular } from "../files.ts";
import { epochLines } from "../data/batches/sampling.ts";
import { loraFor } from "../train/adapt.ts";
import { classWeightsOf } from "../train/class_weights.ts";
import type { TrainerOptions } from "../train/options.ts";
import { factsOf } from "../train/settled_options.ts";
import { writeRunReport } from "../run/run_report.ts";
import { formatTest } from "../report/text.ts";
import type { TestFacts, Tracker } from "../track/tracker.ts";
import type { TestReport } from "../metrics/mod.ts";
import { RunDirectory } from "../run/run_directory.ts";
import { checkEpochs } from "../train/resume.ts";
import { openTeacher, type Student } from "../train/teacher.ts";
import { ConsoleOutput } from "../track/console.ts";
import { Trainer } from "../train/trainer.ts";
import { type Invocation, nameIn, type Options, userPath } from "./command.ts";
import { backendOf, chooseKind, measureDevice, openChoice, slowTime } from "./device.ts";
import { commandOf } from "./command_of.ts";
import { saveEvaluation, testReportOf } from "./evaluation.ts";
import { comparedWith, withConfig } from "./config_file.ts";
import { demoRecipe } from "./demo_recipe.ts";
import { train } from "./flags.ts";
import { cannotUse, refuseIdle, refuseIdleSplit, refuseTooLate } from "./idle.ts";
import { JsonTracker } from "./json_tracker.ts";
import { openPage } from "./live_page.ts";
import { noteLine } from "./notes.ts";
import { loadPretrained, withPretrained } from "./pretrained.ts";
import { ProgressLine } from "./progress.ts";
import { cleanData, describeData, keptSplit, listData, refuseEmpty, splitData, splitOptions } from "./run_data.ts";
import { interruptible } from "./signals.ts";
import { ProgressBarTracker, TerminalTracker } from "./trackers.ts";

type TrainFlags = Options<typeof train.flags>;

/** What a run is about to be trained with. */
export interface Opened {
  /** Of its trainer: all but where it is written, and who is told. */
  readonly trainer: TrainerOptions;
  readonly split: Split;
  /** All settings. */
  readonly settings: Settings;
  /** What they need to know of the data. */
  readonly data: DataFacts;
  /** Where it is said how far something is. */
  readonly progress: ProgressLine;
}

/** What settings are called here. */
const nameOf = (setting: string): string => nameIn(train.flags, setting);

/**
 * Runs `train`; gives the exit code.
 *
 * @param watch Of a run among others: who is told of it too, and what else may stop it.
 * @param instead What is done with what was opened, in the place of training; gives the exit code.
 */
export async function run(
  invocation: Invocation<typeof train.flags>,
  watch?: { readonly tracker: Tracker; readonly signal: AbortSignal },
  instead?: (opened: Opened) => Promise<number>,
): Promise<number> {
  const began = performance.now();
  const isResumed = invocation.options.resume !== undefined;
  if (isResumed) refuseWithResume(invocation.options);
  // What a file plans is all that it asks for.
  const recipe = watch ? {} : demoRecipe(invocation.given);
  const { options, given, asked, expected } = await withConfig(train, invocation, recipe);
  // Before what depends on it.
  if (!isResumed && asked.model !== undefined) modelNamed(asked.model);
  if (!isResumed) await refuseAtOnce(options, asked);
  const settled = isResumed ? await resumedSettings(options, asked, given) : await withPretrained(asked);
  // Weights say which model is meant, and so which options apply.
  const meant = { ...asked, model: settled.model };
  if (!isResumed) refuseIdle(meant, train.flags);
  const flags = { ...options, ...resolveSettings(settled) };
  refuseTooLate(asked, flags, train.flags);
  const output = new ConsoleOutput();
  const progress = new ProgressLine(flags.quiet, { console: output });
  if (flags.printConfig) {
    const { data } = await listData(flags, progress.preparing);
    refuseListed(data, { asked: meant, given, flags });
    progress.clear();
    writeOut(
      `${JSON.stringify({ settings: recordOf(resolveSettings(settled, factsOf(data)), factsOf(data)) }, null, 2)}\n`,
    );
    return 0;
  }
  const say = (line: string) => progress.line(line);
  // With --json standard output is for objects.
  const result = (text: string) => {
    output.write(text);
    if (flags.json) console.error(text);
    else console.log(text);
  };

  await using opened = new AsyncDisposableStack();
  const before = options.resume === undefined ? undefined : await readConfig(options.resume);
  const choice = await chooseKind(backendOf(flags.backend, before), say, flags.precision);
  const { entry } = choice;
  // What is fetched first is opened after all that can be refused.
  const ready = entry.fetches === undefined ? opened.use(await openChoice(choice, say)) : undefined;
  // A resumed run goes by the rates that it began with.
  if (ready && !isResumed) await measureDevice(ready, say);
  refuseIdleDevice(entry, asked);
  checkPrecision(ready ?? entry, flags.precision);
  const listed = await listData(flags, progress.preparing, { classes: before?.classes });
  if (!isResumed) refuseListed(listed.data, { asked: meant, given, flags });
  // What is trained is known before pictures are read, unless that decides which classes there are.
  const prepare = async (data: Dataset) => {
    const settings = resolveSettings(settled, factsOf(data));
    if (!isResumed) classWeightsOf(data, settings);
    const model = modelFor(data, settings);
    const lora = loraFor(model, settings);
    return {
      settings,
      model,
      lora,
      teacher: await teacherFor(flags, { model, task: data.task, classes: data.classes }),
    };
  };
  const early = flags.skipSmallClasses ? undefined : await prepare(listed.data);
  const cleaned = await cleanData(listed, flags, progress.preparing);
  const { data } = cleaned;
  const { settings, model, lora, teacher } = early ?? await prepare(data);
  const out = options.resume ?? flags.out ?? userPath(join("runs", runName(settings)));
  const split = isResumed
    ? await keptSplit(out, cleaned, settings, progress.preparing)
    : await splitData(cleaned, settings, progress.preparing);
  refuseEmpty(split, settings);
  refuseTooLate(asked, settings, train.flags, split.train.size);
  for (const line of describeData(data, split, flags)) say(noteLine(line, flags.verbose, ""));
  for (const warning of split.warnings) say(noteLine(warning, flags.verbose));
  const width = settings.width === 1 ? "" : `, width ${settings.width}`;
  say(
    `model  ${model.name}${width}, ${
      model.size.toLocaleString("en")
    } parameters, pictures of ${model.imageSize}×${model.imageSize}`,
  );
  const taken = Object.entries(recipe).filter(([name, value]) => asked[name as keyof Given] === value);
  if (taken.length > 0) say(`recipe ${taken.map(([name, value]) => `${nameOf(name)} ${value}`).join(" ")}`);
  if (!isResumed) {
    // The rate that is searched for was not chosen.
    const known = instead ? { learningRate: settings.learningRate, ...settled } : settled;
    for (const line of chosenLines(known, settings, split.train)) say(noteLine(line, flags.verbose, ""));
  }
  // A resumed run has its weights in its last checkpoint.
  if (settings.pretrained !== undefined && !isResumed) {
    const { weightsKey: key, seed } = settings;
    await loadPretrained(model, settings.pretrained, flags.verbose, say, { key, meaning: data, seed });
  }
  if (lora) {
    say(`lora   rank ${lora.rank} beside ${counted(lora.targets.size, "dense layer")}; the head is learnt whole`);
  }
  if (teacher) say(teacher.line);
  const tested = settings.testOn === "val" ? split.val : split.test;
  if (entry.slowRate !== undefined) {
    const { epochs } = settings;
    const time = slowTime(
      entry.slowRate,
      model.multiplyAdds,
      epochs * split.train.size,
      epochs * split.val.size + tested.size,
    );
    say(
      `note   ${entry.name} will take about ${time}: ${counted(epochs, "epoch")} of ${
        counted(split.train.size, "picture")
      }`,
    );
  }
  const device = ready ?? opened.use(await openChoice(choice, say));

  using interrupt = interruptible();
  const toTrain = { ...trainerOptions(settled, data), task: data.task, device, model, teacher: teacher?.options };
  if (instead) {
    const { signal } = interrupt;
    return await instead({ trainer: { ...toTrain, signal }, split, settings, data: factsOf(data), progress });
  }

  // Shown by a tracker, so that others which keep what is shown have it before the run ends.
  let report: TestReport | undefined;
  const wholeOf = (facts: Pick<TestFacts, "predictions">) =>
    report ??= testReportOf(facts, tested, { views: settings.tta });
  const testFacts = settings.testOn === "val" ? VAL_FACTS : {};
  // The run stands among those beside it, which it may be compared with.
  if (flags.dash) opened.use(await openPage(dirname(resolve(out)), say));
  const trainer = new Trainer({
    ...toTrain,
    out: new RunDirectory(out, recordOf(settings, factsOf(data)), { "split.csv": formatSplit(split) }),
    resume: isResumed,
    allowChangedData: options.allowChangedData,
    trackers: [
      new TerminalTracker({
        ...{ progress, result, tables: (facts) => formatTest(wholeOf(facts)), verbose: flags.verbose },
      }),
      new ProgressBarTracker(progress),
      ...flags.json ? [new JsonTracker(writeOut, (facts) => ({ ...testFacts, ...wholeOf(facts) }))] : [],
      ...watch ? [watch.tracker] : [],
    ],
    console: output,
    signal: watch ? AbortSignal.any([interrupt.signal, watch.signal]) : interrupt.signal,
  });
  const { interrupted, test } = await trainer.fit(split.train, split.val, tested);
  if (interrupted) {
    say(`stopped and saved; go on with --resume ${printable(out)}`);
    return interrupt.exitCode;
  }
  if (settings.testOn === "val") result(`\n${CHOSEN_BY_VAL}`);
  progress.update(() => "drawing the charts");
  await saveEvaluation(join(out, "test"), test!, tested, wholeOf(test!), testFacts);
  progress.clear();
  if (expected) result(`\n${comparedWith(expected, wholeOf(test!), (performance.now() - began) / 1000)}`);
  result(`run directory: ${printable(out)}`);
  result(`report: ${printable(await writeRunReport(out, commandOf(settings, factsOf(data))))}`);
  return 0;
}

function writeOut(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/** What is said where the best epoch is tested on the part that has chosen it. */
const CHOSEN_BY_VAL = "tested on val, which has chosen the best epoch: these figures are better than on new pictures";

/** The same in `metrics.json`. */
const VAL_FACTS = { testedOn: "val", note: CHOSEN_BY_VAL };

/** A resumed run has its settings. */
function refuseWithResume({ config, printConfig }: TrainFlags): void {
  const name = config !== undefined ? "config" : printConfig ? "printConfig" : undefined;
  if (name === undefined) return;
  throw cannotUse(`${nameOf(name)} with --resume`, "a resumed run keeps what is in its config.json");
}

/** What can be told before anything is opened. */
async function refuseAtOnce({ out, allowChangedData }: TrainFlags, asked: Given): Promise<void> {
  if (asked.pretrained === undefined) refuseIdle(asked, train.flags);
  if (allowChangedData) {
    throw new UserError("Cannot use --allow-changed-data without --resume: a new run has nothing that was changed", 2);
  }
  const { split, testOn = "test", fold } = asked;
  if (fold !== undefined && split === "own") {
    throw cannotUse(`${nameOf("split")} own`, "a fold takes all parts of the data together; leave it out");
  }
  if (Array.isArray(split)) {
    const [, val, test] = split as readonly number[];
    const empty = val === 0 ? "val" : test === 0 && testOn === "test" && fold === undefined ? "test" : undefined;
    const instead = empty === "test" ? `, or test on the val part with ${nameOf("testOn")} val` : "";
    if (empty) {
      throw cannotUse(
        `${nameOf("split")} ${split.join(":")}`,
        `the ${empty} part would be empty; give 8:1:1${instead}`,
      );
    }
  }
  if (asked.lora !== undefined && asked.pretrained === undefined) {
    throw cannotUse(
      `${nameOf("lora")} ${asked.lora}`,
      `there are no weights that it could stand beside; give ${nameOf("pretrained")}`,
    );
  }
  for (const name of ["teacher", "pretrained"] as const) {
    const path = asked[name];
    if (path === undefined || isPublishedName(path) || await isFile(path) || await isFolder(path)) continue;
    await refuseIrregular(path);
    throw new UserError(`There is no file or run ${printable(path)} for ${nameOf(name)}; ${await runsNear(path)}`);
  }
  if (out !== undefined) await new RunDirectory(out).checkFree();
}

/** What can be told once the data are listed, before pictures are read. */
function refuseListed(
  data: Dataset,
  { asked, given, flags }: {
    readonly asked: Given;
    readonly given: ReadonlySet<keyof TrainFlags>;
    readonly flags: TrainFlags;
  },
): void {
  refuseIdle(asked, train.flags, data);
  refuseIdleSplit(given, flags, data, train.flags, ["stratify", "skipSmallClasses"]);
  if (typeof asked.batch !== "number" || !given.has("batch")) return;
  const isSplittable = data.smallClasses(splitOptions(flags)).length === 0;
  const size = isSplittable ? data.split(splitOptions(flags)).train.size : data.size;
  if (asked.batch <= size) return;
  throw cannotUse(
    `${nameOf("batch")} ${asked.batch}`,
    `the training split has ${counted(size, "picture")}; give ${size} or less`,
  );
}

/** Flags that act on devices alone which have several ways to compute a call. */
function refuseIdleDevice({ name, isTuned }: DeviceKind, { tune }: Given): void {
  if (!isTuned && (tune === "quick" || tune === "full")) {
    throw cannotUse(`${nameOf("tune")} ${tune}`, `${name} has one way to compute everything, and nothing to time`);
  }
}

/** The settings of the run that is resumed, with what may be given anew. */
async function resumedSettings(
  { resume, allowChangedData }: TrainFlags,
  asked: Given,
  given: ReadonlySet<keyof TrainFlags>,
): Promise<Given> {
  const run = resume!;
  // Of epochs it depends on the schedule.
  const kept = settingNames.find((name) =>
    asked[name] !== undefined && !settingNamed(name)!.isFree && name !== "epochs"
  );
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
  const began = settingsIn(config, run);
  if (asked.epochs !== undefined) checkEpochs(run, began, asked.epochs, 0);
  return { ...began, ...asked };
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

/**
 * What a run chooses by itself and people may want to choose: as flags, and the weights of classes that were to be
 * balanced.
 */
const CHOSEN = ["augment", "resize", "batch", "learningRate", "weightDecay"] as const;

function chosenLines(settled: Given, settings: Settings, data: Dataset): string[] {
  const mixing = (["mixup", "cutmix"] as const).filter((name) => settings[name]! > 0);
  const flags = [...CHOSEN, ...mixing].filter((name) => settled[name] === undefined)
    .map((name) => `${nameOf(name)} ${settings[name]}`);
  const lines = flags.length > 0 ? [`chosen ${flags.join(" ")}`] : [];
  const weights = data.task === "multiclass" ? settings.classWeights : settings.posWeight;
  lines.push(...epochLines(data, settings));
  if (weights !== "balanced" && weights !== "effective") return lines;
  const values = classWeightsOf(data, settings).map((weight) => weight.toPrecision(3));
  return [...lines, `balance ${data.classes.map((name, c) => `${printable(name)} ${values[c]}`).join(", ")}`];
}

/** The teacher that the flags name. */
async function teacherFor(
  { teacher: path, distill: mode, temperature, alpha }: TrainFlags,
  student: Student,
): Promise<{ readonly options: TeacherOptions; readonly line: string } | undefined> {
  if (path === undefined) return undefined;
  const opened = await openTeacher(path, student);
  const how = mode === "soft" ? `soft, temperature ${temperature}` : mode;
  const line = `teacher ${printable(path)}: ${opened.model.name}; ${how}, share ${alpha}`;
  return { options: { ...opened, mode, temperature, alpha }, line };
}

/** `multiclass-naive-cnn-20261124-154501`. */
function runName({ task, model }: Settings): string {
  const now = new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${task}-${model}-${now}`;
}

function modelFor(data: Dataset, settings: Settings): Model {
  return createModel(settings.model, { ...settings, classes: data.outputs, channels: data.channels });
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
