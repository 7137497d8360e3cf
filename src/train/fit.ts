/**
 * One call of `Trainer.fit`: the programs, the loaders and the loop.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };
import { sizeOf } from "../../kernels/op.ts";
import { randomKey } from "../../kernels/random.ts";
import type { Batch } from "../data/batches/batch.ts";
import type { Dataset } from "../data/dataset.ts";
import { Loader } from "../data/batches/loader.ts";
import { formatSplit, splitWith } from "../data/forms/split_file.ts";
import type { Program, Session } from "../device/device.ts";
import { totalOf } from "../device/memory.ts";
import { UserError } from "../errors.ts";
import type { Choices } from "../graph/choices.ts";
import type { Report } from "../metrics/mod.ts";
import type { CheckpointInfo, Preprocessing, Progress, Tensors } from "../run/checkpoint.ts";
import { recordOf, teacherState } from "./distillation.ts";
import { Evaluator, reportOf } from "../run/evaluate.ts";
import { kernelTableHash } from "./kernel_table.ts";
import { initialLossScale, LOSS_SCALE, type LossScale, lossScaleIn } from "./loss_scale.ts";
import { augmentOf, classWeightsOf, type ResolvedOptions, settingsRecord } from "./options.ts";
import type { RunPlan } from "./plan_run.ts";
import { preprocessingOf } from "./preprocessing.ts";
import { checkSameRun } from "./resume.ts";
import { epochName, RunDirectory } from "../run/run_directory.ts";
import { learningRateAt, type Schedule } from "./schedules.ts";
import { COUNTERS, initialState, type LearningStep, searchGraph, trainingGraph } from "./step.ts";
import { recordChoices, TUNING_FILE } from "./tuning.ts";
import { gatheredName, momentName } from "./update_chain.ts";

/** How training ended. */
export interface FitResult {
  /** The epoch with the highest validation accuracy, from 1; the earlier on a tie. Its weights are the model's now. */
  readonly best?: { readonly epoch: number; readonly accuracy: number };
  /** Epochs that are done. */
  readonly epochs: number;
  /** Was it ended by the signal before the last epoch? */
  readonly interrupted: boolean;
  /** In half precision: the loss scale at the end, and the steps that were left out because they overflowed. */
  readonly lossScale?: LossScale;
}

/** The file of a run directory that says which picture is in which part. */
const SPLIT_FILE = "split.csv";

/** Steps after which a device that was not measured is waited for, lest work pile up: a wait takes 11 ms. */
const SETTLE_EVERY = 16;

/** One call of `fit`. */
export class Fit {
  readonly preprocessing: Preprocessing;
  readonly #options: ResolvedOptions;
  readonly #step: LearningStep;
  /** States of one number that are read at every log. */
  readonly #counters: readonly string[];
  readonly #schedule: Schedule;
  /** Ways to compute, for as long as the run lasts and is resumed. */
  readonly #choices: Choices;
  readonly #session: Session;
  /** The step that updates; before it, where several steps make one update, come those that gather. */
  readonly #program: Program;
  readonly #gathering?: Program;
  readonly #evaluator: Evaluator;
  readonly #train: Loader;
  readonly #val: Loader;
  readonly #valSize: number;
  readonly #directory?: RunDirectory;
  readonly #info: CheckpointInfo;
  #progress: Progress;
  /** Weights of the best epoch. */
  #bestWeights?: Tensors;
  #lastLog = { time: performance.now(), images: 0 };

  private constructor(parts: {
    options: ResolvedOptions;
    step: LearningStep;
    preprocessing: Preprocessing;
    train: Loader;
    val: Loader;
    trainData: Dataset;
    valData: Dataset;
    choices: Choices;
    session: Session;
  }) {
    const { options, preprocessing, train, trainData, choices } = parts;
    const { model, task, optimizer } = options;
    this.preprocessing = preprocessing;
    this.#options = options;
    this.#counters = [COUNTERS, ...options.precision === "f16" ? [LOSS_SCALE] : []].flatMap((x) => Object.values(x));
    this.#train = train;
    this.#val = parts.val;
    this.#valSize = parts.valData.size;
    const { out } = options;
    this.#directory = typeof out === "string" ? new RunDirectory(out) : out;
    this.#step = parts.step;
    this.#schedule = {
      name: options.schedule,
      learningRate: options.learningRate,
      totalSteps: options.epochs * train.steps,
      warmupSteps: Math.round(options.warmupEpochs * train.steps),
      fallEvery: options.fallEvery * train.steps,
      gamma: options.gamma,
    };
    this.#info = {
      format: 1,
      model: { name: model.name, ...model.options },
      task,
      classes: [...trainData.classes],
      preprocessing,
    };
    model.initialize(options.seed);
    this.#choices = choices;
    this.#session = parts.session;
    const weights = classWeightsOf(trainData, options);
    const taught = options.teacher ? teacherState(options.teacher, preprocessing) : [];
    const started = initialState(model, optimizer, weights, this.#step.learning, options.accumulate > 1);
    const scale = this.#counters.includes(LOSS_SCALE.scale) ? initialLossScale() : [];
    if (options.accumulate > 1) {
      this.#gathering = this.#session.compile(trainingGraph(model, { ...this.#step, accumulation: "gather" }));
    }
    this.#program = this.#session.compile(trainingGraph(model, this.#step));
    // Only now, so that they lie side by side.
    for (const [name, values] of [...model.weights, ...started, ...scale, ...taught]) this.#session.write(name, values);
    this.#evaluator = new Evaluator(this.#session, model, this.#val.batch);
    this.#progress = { epoch: 0, step: 0, stepsDone: 0 };
  }

  static async open(options: ResolvedOptions, plan: RunPlan, trainData: Dataset, valData: Dataset): Promise<Fit> {
    const { device, cache, workers, seed, onEvent } = options;
    const { batch, step, choices } = plan;
    const progress = (what: string) => (done: number, total: number) =>
      onEvent?.({ type: "preparing", what, done, total });
    const preprocessing = await preprocessingOf(options, trainData, progress("training pictures"));
    const shared = { ...preprocessing, workers, cache, seed };
    const train = await Loader.open(trainData, {
      ...shared,
      batch,
      augment: augmentOf(options, trainData),
      shuffle: true,
      last: "drop",
      onProgress: progress("training pictures"),
    });
    let val: Loader | undefined;
    let session: Session | undefined;
    let fit: Fit | undefined;
    try {
      val = await Loader.open(valData, {
        ...shared,
        batch: Math.min(batch, valData.size),
        augment: "none",
        shuffle: false,
        last: "pad",
        onProgress: progress("validation pictures"),
      });
      session = device.open(choices);
      fit = new Fit({ options, step, preprocessing, train, val, trainData, valData, choices, session });
      // A device that has no memory for it says so here, before anything is on disk.
      await session.settle();
      await fit.#compile();
      await fit.#begin(trainData, valData);
      return fit;
    } catch (error) {
      train.close();
      val?.close();
      session?.[Symbol.dispose]();
      await fit?.close();
      throw error;
    }
  }

  /** Compiles the kernels of a step; those of the evaluation are compiled when they are first needed. */
  async #compile(): Promise<void> {
    const { onEvent } = this.#options;
    for (const program of [this.#program, this.#gathering]) {
      await program?.prepare((done, total) => onEvent?.({ type: "compiling", done, total }));
    }
  }

  async close(): Promise<void> {
    this.#train.close();
    this.#val.close();
    this.#session[Symbol.dispose]();
    await this.#directory?.close();
  }

  async run(): Promise<FitResult> {
    const { epochs, signal, onEvent, model } = this.#options;
    const { epoch, step } = this.#progress;
    onEvent?.({
      type: "start",
      epochs,
      stepsPerEpoch: this.#train.steps,
      batch: this.#train.batch,
      memory: totalOf(this.#program.memory),
      dispatches: this.#program.steps,
      learnt: model.parameters.reduce(
        (sum, { name, shape }) => sum + (this.#step.learning.rates.has(name) ? sizeOf(shape) : 0),
        0,
      ),
      resumedAt: this.#options.resume ? { epoch, step } : undefined,
    });
    while (this.#progress.epoch < epochs && !signal?.aborted) {
      await this.#epoch();
      if (signal?.aborted && this.#progress.step < this.#train.steps) break;
      await this.#endEpoch();
    }
    const { best, epoch: done } = this.#progress;
    const interrupted = done < epochs;
    if (interrupted) await this.#saveLast();
    await this.#directory?.drawCurves();
    for (const [name, { values }] of this.#bestWeights ?? []) model.weights.set(name, values);
    return { best, epochs: done, interrupted, lossScale: lossScaleIn(await this.#session.read(this.#counters)) };
  }

  /** Steps of the epoch in progress, up to its end or the signal. */
  async #epoch(): Promise<void> {
    const { signal, valEvery, logEvery, device } = this.#options;
    const settleEvery = device.rates?.queueDepth ?? SETTLE_EVERY;
    this.#lastLog = { time: performance.now(), images: 0 };
    for await (const batch of this.#train.epoch(this.#progress.epoch, this.#progress.step)) {
      this.#runStep(batch);
      const { step, stepsDone } = this.#progress;
      const isLast = step === this.#train.steps;
      if (stepsDone % logEvery === 0 || isLast) await this.#log();
      else if (stepsDone % settleEvery === 0) await this.#session.settle();
      if (valEvery !== undefined && stepsDone % valEvery === 0 && !isLast) await this.#validate();
      // A turn of the event loop: without it, signals and Workers starve while the device blocks this thread.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (signal?.aborted) return;
    }
  }

  #runStep(batch: Batch): void {
    const { optimizer, onEvent, accumulate } = this.#options;
    const { epoch, step, stepsDone } = this.#progress;
    const { steps } = this.#train;
    // The step is one of `together` that make one update; the last of an epoch has what is left.
    const first = step - step % accumulate;
    const together = Math.min(accumulate, steps - first);
    const updatesBefore = epoch * Math.ceil(steps / accumulate) + first / accumulate;
    const scalars = optimizer.scalars(this.#rate(stepsDone), updatesBefore);
    const program = step + 1 === first + together ? this.#program : this.#gathering!;
    program.run({ ...this.#inputsOf(batch, stepsDone), ...scalarValues({ ...scalars, share: 1 / together }) });
    this.#lastLog.images += batch.count;
    this.#progress = { ...this.#progress, step: step + 1, stepsDone: stepsDone + 1 };
    onEvent?.({ type: "step", epoch, step: step + 1, imagesPerSecond: this.#imagesPerSecond() });
  }

  #inputsOf({ images, targets, weight }: Batch, stepsDone: number): Record<string, Float32Array> {
    const [keyHi, keyLo] = randomKey(this.#options.seed, stepsDone);
    return { images, targets, weight, ...scalarValues({ keyHi, keyLo, step: stepsDone }) };
  }

  #rate(stepsDone: number): number {
    return learningRateAt(stepsDone, this.#schedule);
  }

  #imagesPerSecond(): number {
    return 1000 * this.#lastLog.images / Math.max(1, performance.now() - this.#lastLog.time);
  }

  /** Reads the sums of the steps since the last log, and stops the run when one of them was not finite. */
  async #log(): Promise<void> {
    const { onEvent, skipNonFinite } = this.#options;
    const { epoch, stepsDone } = this.#progress;
    const counters = await this.#session.read(this.#counters);
    const valueOf = (name: string) => counters.get(name)![0];
    const skipped = valueOf(COUNTERS.skipped);
    if (skipped > skipNonFinite) await this.#fail(valueOf(COUNTERS.firstSkipped));
    const imagesPerSecond = this.#imagesPerSecond();
    this.#lastLog = { time: performance.now(), images: 0 };
    const count = valueOf(COUNTERS.lossCount);
    for (const name of [COUNTERS.lossSum, COUNTERS.lossCount]) this.#session.write(name, Float32Array.of(0));
    const loss = count > 0 ? valueOf(COUNTERS.lossSum) / count : null;
    const learningRate = this.#rate(stepsDone - 1);
    const lossScale = lossScaleIn(counters);
    await this.#directory?.record({
      type: "train",
      epoch: epoch + 1,
      step: stepsDone,
      loss,
      learningRate,
      skipped,
      ...lossScale && { lossScale: lossScale.scale, overflows: lossScale.overflows },
      imagesPerSecond,
    });
    if (loss !== null) {
      onEvent?.({ type: "log", epoch, step: stepsDone, loss, learningRate, lossScale, imagesPerSecond });
    }
    if (skipped > 0) {
      onEvent?.({
        type: "warning",
        message: `${skipped} of ${stepsDone} steps were not finite and were left out (--on-nan)`,
      });
    }
  }

  /** Names the first tensor that was not finite: the step is run again, with a check at every layer. */
  async #fail(failed: number): Promise<never> {
    const epoch = Math.floor(failed / this.#train.steps);
    const step = failed % this.#train.steps;
    const search = this.#session.compile(searchGraph(this.#options.model, this.#step));
    search.run(this.#inputsOf(await this.#train.batchAt(epoch, step), failed));
    const [name] = Object.entries(await search.outputs()).find(([, [count]]) => count > 0) ?? ["the gradient's norm"];
    const kept = this.#progress.best ? `; the best checkpoint is of epoch ${this.#progress.best.epoch}` : "";
    throw new UserError(
      `Epoch ${epoch + 1}, step ${step + 1}: ${name} is not finite${kept}; ` +
        `${this.#options.precision === "f16" ? "use --precision f32, " : ""}lower --lr, set --clip-norm, ` +
        "or leave such steps out with --on-nan skip:N",
    );
  }

  async #validate(isBest: (accuracy: number) => boolean = () => false): Promise<Report> {
    const { onEvent, task } = this.#options;
    const { epoch, stepsDone } = this.#progress;
    const started = performance.now();
    const predictions = await this.#evaluator.run(
      this.#val,
      this.#valSize,
      (done) => onEvent?.({ type: "validating", done, total: this.#valSize }),
    );
    // A last update may have broken the weights after a loss that was still finite.
    if (!predictions.logits.every(Number.isFinite)) await this.#fail(stepsDone - 1);
    const report = reportOf(task, predictions, this.#info.classes);
    const best = report.accuracy !== null && isBest(report.accuracy);
    const { accuracy, loss, f1, auroc } = report;
    await this.#directory?.record({ type: "val", epoch: epoch + 1, step: stepsDone, accuracy, loss, f1, auroc });
    onEvent?.({ type: "validation", epoch, step: stepsDone, report, best });
    // Validation is no part of the training rate.
    this.#lastLog.time += performance.now() - started;
    return report;
  }

  /** Validates, saves the epoch's checkpoint, and the best one where it is. */
  async #endEpoch(): Promise<void> {
    const { best, epoch } = this.#progress;
    let isBest = false;
    const report = await this.#validate((accuracy) => isBest = accuracy > (best?.accuracy ?? -1));
    this.#progress = {
      ...this.#progress,
      epoch: epoch + 1,
      step: 0,
      best: isBest ? { epoch: epoch + 1, accuracy: report.accuracy! } : best,
    };
    const weights = await this.#readAll(this.#options.model.parameters.map(({ name }) => name));
    if (isBest) this.#bestWeights = weights;
    if (!this.#directory) return;
    const info = { ...this.#info, epoch: epoch + 1, accuracy: report.accuracy };
    const path = await this.#directory.saveCheckpoint(epochName(epoch + 1), weights, info);
    if (isBest) await this.#directory.saveCheckpoint("best", weights, info);
    await this.#saveLast();
    this.#options.onEvent?.({ type: "checkpoint", path });
  }

  /** Every state of the run, by name, with its shape: what a resumed run starts from. */
  #stateShapes(): Map<string, readonly number[]> {
    const { model, optimizer } = this.#options;
    const { rates } = this.#step.learning;
    const shapes = new Map<string, readonly number[]>();
    for (const { name, shape } of model.parameters) {
      shapes.set(name, shape);
      if (!rates.has(name)) continue;
      for (const moment of optimizer.moments) shapes.set(momentName(moment, name), shape);
      if (this.#gathering) shapes.set(gatheredName(name), shape);
    }
    for (const name of this.#counters) shapes.set(name, []);
    return shapes;
  }

  /** Saves everything that the next step depends on. */
  async #saveLast(): Promise<void> {
    if (!this.#directory) return;
    const states = await this.#readAll([...this.#stateShapes().keys()]);
    await this.#directory.saveCheckpoint("last", states, { ...this.#info, progress: this.#progress });
  }

  /** Makes the run directory, or goes on where its run was stopped. Comes last: what fails before leaves nothing. */
  async #begin(trainData: Dataset, valData: Dataset): Promise<void> {
    if (this.#options.resume) return await this.#resume(trainData);
    const tuning = await recordChoices(this.#choices);
    const facts = await this.#facts(trainData, valData);
    const split: Record<string, string> = this.#directory?.has(SPLIT_FILE)
      ? {}
      : { [SPLIT_FILE]: formatSplit(splitWith(trainData, valData)) };
    await this.#directory?.begin({ ...facts, tuning: tuning.hash }, { [TUNING_FILE]: tuning.text, ...split });
    // A run that ends before its first epoch does can be resumed too.
    await this.#saveLast();
  }

  /** What repeats the run: every setting, and what it depends on besides. */
  async #facts(trainData: Dataset, valData: Dataset): Promise<Record<string, unknown>> {
    const { device, teacher } = this.#options;
    return {
      versions: { fovea: manifest.version, deno: Deno.version.deno },
      device: { kind: device.kind, description: device.description },
      rates: device.rates,
      ...this.#info,
      settings: this.#settings(trainData),
      teacher: teacher && await recordOf(teacher),
      kernels: await kernelTableHash(),
      fingerprint: { train: await trainData.fingerprint(), val: await valData.fingerprint() },
    };
  }

  #settings(trainData: Dataset): Record<string, unknown> {
    // A batch that was to be found is a number now.
    const settled = { batch: this.#train.batch };
    return { ...settingsRecord(this.#options, trainData, settled), ...this.#directory?.settings, ...settled };
  }

  async #resume(trainData: Dataset): Promise<void> {
    const directory = this.#directory;
    if (!directory) throw new TypeError("Cannot resume without a run directory: give out");
    await directory.reopen();
    const { tensors, info } = await directory.loadCheckpoint("last");
    await checkSameRun(directory.path, info, this.#info, this.#options, this.#settings(trainData));
    for (const [name, shape] of this.#stateShapes()) {
      const tensor = tensors.get(name);
      if (!tensor || `${tensor.shape}` !== `${shape}`) {
        throw new UserError(
          `Cannot resume ${directory.path}: its last checkpoint has no ${name} of [${shape.join(", ")}]`,
        );
      }
      this.#session.write(name, tensor.values);
    }
    this.#progress = info.progress!;
    if (this.#progress.best) this.#bestWeights = (await directory.loadCheckpoint("best")).tensors;
    await directory.rewind(this.#progress.stepsDone);
  }

  /** Values of states by name. */
  async #readAll(names: readonly string[]): Promise<Tensors> {
    const shapes = this.#stateShapes();
    const values = await this.#session.read(names);
    return new Map(names.map((name) => [name, { shape: shapes.get(name)!, values: values.get(name)! }]));
  }
}

function scalarValues(values: Readonly<Record<string, number>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float32Array.of(value)]));
}
