/**
 * `train`: opens the data, trains, tests the best checkpoint and writes the run directory.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset, Split } from "../data/dataset.ts";
import type { Task } from "../data/labels.ts";
import { printable } from "../data/names.ts";
import { formatSplit, readSplit } from "../data/split_file.ts";
import { checkPrecision } from "../device/checks.ts";
import { UserError } from "../errors.ts";
import { checkOptions, createModel, type Model, modelNamed } from "../models/mod.ts";
import { MemoryError } from "../train/budget.ts";
import type { TeacherOptions } from "../train/distillation.ts";
import { adam, adamW, type Optimizer, sgd } from "../train/optimizers.ts";
import type { TrainerOptions } from "../train/options.ts";
import { readConfig, RunDirectory } from "../run/run_directory.ts";
import { openTeacher, type Student } from "../train/teacher.ts";
import { Trainer } from "../train/trainer.ts";
import { flagName, type Invocation, type Options, userPath } from "./command.ts";
import { chooseDevice, measureDevice } from "./device.ts";
import { saveEvaluation, showEvaluation } from "./evaluation.ts";
import type * as tables from "./flags.ts";
import { loadPretrained, withPretrained } from "./pretrained.ts";
import { bar, ProgressLine } from "./progress.ts";
import { describeData, openData, splitData } from "./run_data.ts";
import { interruptible } from "./signals.ts";
import { lossScaleText, TrainingReporter } from "./training_reporter.ts";

type TrainFlags = Options<typeof tables.train.flags>;

/** Flags that may stand beside `--resume`: they change where a run works and what it shows, not what it computes. */
const BESIDE_RESUME = ["resume", "backend", "memory", "verbose", "quiet", "workers", "cache", "cacheBudget"] as const;

/** Runs `train`; gives the exit code. */
export async function run({ options, given }: Invocation<typeof tables.train.flags>): Promise<number> {
  const isResumed = options.resume !== undefined;
  const flags = isResumed ? await resumedFlags(options.resume, options, given) : await withPretrained(options, given);
  const out = options.resume ?? flags.out ?? userPath(join("runs", runName(flags)));
  const progress = new ProgressLine(flags.quiet);
  const say = (line: string) => progress.line(line);
  const reporter = new TrainingReporter(progress);
  checkOptions(modelNamed(flags.model), flags);
  refuseIdle(flags, given);

  await using device = await chooseDevice(flags.backend, say);
  // A resumed run goes by the rates that it began with.
  if (!isResumed) await measureDevice(device, say);
  checkPrecision(device, flags.precision);
  const opened = await openData(flags, reporter.preparing);
  const { data } = opened;
  const split = isResumed
    ? await readSplit(join(out, "split.csv"), data)
    : await splitData(opened, flags, reporter.preparing);
  for (const line of describeData(data, split, flags)) say(line);
  for (const warning of split.warnings) say(`note   ${warning}`);
  const model = modelFor(data, flags);
  say(
    `model  ${model.name}, ${
      model.size.toLocaleString("en")
    } parameters, pictures of ${model.imageSize}×${model.imageSize}`,
  );
  // A resumed run has its weights in its last checkpoint.
  if (flags.pretrained !== undefined && !isResumed) await loadPretrained(model, flags.pretrained, flags.verbose, say);
  const teacher = await teacherFor(flags, { model, task: data.task, classes: data.classes }, say);

  using interrupt = interruptible();
  const trainer = new Trainer({
    ...trainerOptions(flags, data.task),
    batch: flags.batch ?? (model.imageSize < 64 ? 64 : 32),
    device,
    model,
    teacher,
    out: new RunDirectory(out, { flags }, { "split.csv": formatSplit(split) }),
    resume: isResumed,
    onEvent: (event) => reporter.on(event),
    signal: interrupt.signal,
  });
  const { interrupted, best, lossScale } = await trainer.fit(split.train, split.val).catch((error) => {
    throw error instanceof MemoryError ? new UserError(error.textWith(flagName)) : error;
  });
  if (lossScale) say(`f16    ${lossScaleText(lossScale)}`);
  if (interrupted) {
    say(`stopped and saved; go on with --resume ${out}`);
    return interrupt.exitCode;
  }
  if (best) say(`best   epoch ${best.epoch}, validation accuracy ${best.accuracy.toFixed(4)}; it is tested now`);
  await test(trainer, split, out, progress);
  return 0;
}

async function test(trainer: Trainer, { test }: Split, out: string, progress: ProgressLine): Promise<void> {
  const evaluation = await trainer.evaluate(
    test,
    (done) => progress.update(() => `testing ${bar(done / test.size)} ${done}/${test.size}`),
  );
  progress.clear();
  await saveEvaluation(join(out, "test"), evaluation, test);
  console.log(showEvaluation(evaluation));
  console.log(`run directory: ${out}`);
}

/** The flags of the run that is resumed. Others than {@link BESIDE_RESUME} may not be given again. */
async function resumedFlags(
  run: string,
  options: TrainFlags,
  given: ReadonlySet<keyof TrainFlags>,
): Promise<TrainFlags> {
  const beside: readonly string[] = BESIDE_RESUME;
  const changed = [...given].find((name) => !beside.includes(name));
  if (changed) {
    throw new UserError(
      `Cannot use ${flagName(changed)} with --resume: a resumed run keeps the flags it was started with`,
      2,
    );
  }
  const { flags } = await readConfig(run);
  if (!flags) {
    throw new UserError(`Cannot resume ${run}: its config.json has no flags; it was not written by the command train`);
  }
  const kept = Object.fromEntries(BESIDE_RESUME.map((name) => [name, options[name]]));
  const began = flags as TrainFlags;
  return { ...options, ...began, ...kept, memory: options.memory ?? began.memory };
}

/** Flags about a teacher that would change nothing are a mistake. */
function refuseIdle({ teacher, distill }: TrainFlags, given: ReadonlySet<keyof TrainFlags>): void {
  const idle = (["distill", "temperature", "alpha"] as const).find((name) => given.has(name) && teacher === undefined);
  if (idle) throw new UserError(`Cannot use ${flagName(idle)} without a teacher: give --teacher RUN or FILE`, 2);
  if (given.has("temperature") && distill !== "soft") {
    throw new UserError(`Cannot use --temperature with --distill ${distill}: only --distill soft has one`, 2);
  }
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
function runName({ task = "multiclass", model }: TrainFlags): string {
  const now = new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${task}-${model}-${now}`;
}

/** Larger pictures are trained at this side unless another is asked for. */
const USUAL_SIZE = 224;

function modelFor(data: Dataset, flags: TrainFlags): Model {
  const own = data.pictureSize ?? USUAL_SIZE;
  const imageSize = flags.imageSize ?? (own <= 64 ? own : USUAL_SIZE);
  const { dropout, attentionDropout, stochasticDepth, layerScale, stem } = flags;
  return createModel(flags.model, {
    classes: data.outputs,
    channels: data.channels,
    imageSize,
    ...{ dropout, attentionDropout, stochasticDepth, layerScale, stem },
  });
}

function optimizerFor(flags: TrainFlags): { optimizer: Optimizer; learningRate: number; weightDecay: number } {
  const { optimizer, lr, weightDecay, momentum, nesterov } = flags;
  switch (optimizer) {
    case "sgd":
      return { optimizer: sgd({ momentum, nesterov }), learningRate: lr ?? 0.05, weightDecay: weightDecay ?? 0 };
    case "adam":
      return { optimizer: adam(), learningRate: lr ?? 0.002, weightDecay: weightDecay ?? 0 };
    case "adamw":
      return { optimizer: adamW(), learningRate: lr ?? 0.002, weightDecay: weightDecay ?? 0.01 };
  }
}

/** Factors by pattern; one that is given twice is a mistake. */
function scalesOf(scales: TrainFlags["lrScale"]): Record<string, number> {
  const doubled = scales.find(([pattern], i) => scales.some(([other], k) => k > i && other === pattern));
  if (doubled) throw new UserError(`Cannot use --lr-scale ${doubled[0]} twice: give it one factor`, 2);
  return Object.fromEntries(scales);
}

function trainerOptions(flags: TrainFlags, task: Task): Omit<TrainerOptions, "device" | "model"> {
  const weights = task === "multiclass" ? flags.classWeights : flags.posWeight;
  return {
    ...optimizerFor(flags),
    task,
    epochs: flags.epochs,
    accumulate: flags.accumulate,
    checkpointActivations: flags.checkpointActivations,
    precision: flags.precision,
    freeze: flags.freeze,
    learningRateScale: scalesOf(flags.lrScale),
    layerDecay: flags.layerDecay,
    schedule: flags.schedule,
    warmupEpochs: flags.warmup,
    fallEvery: flags.stepSize,
    gamma: flags.gamma,
    clipNorm: flags.clipNorm,
    labelSmoothing: flags.labelSmoothing,
    classWeights: weights === "none" ? undefined : weights,
    skipNonFinite: flags.onNan,
    augment: flags.augment,
    resize: flags.resize,
    interpolation: flags.interpolation,
    normalize: flags.normalize,
    cache: { mode: flags.cache, budgetBytes: flags.cacheBudget },
    workers: flags.workers,
    memory: flags.memory,
    tune: flags.tune,
    seed: flags.seed,
    logEvery: flags.logEvery,
    valEvery: flags.valEvery,
  };
}
