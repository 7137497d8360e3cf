/**
 * One call of `Trainer.fit`: what it opens, and what its loop does besides steps.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { Loader } from "../data/batches/loader.ts";
import { runsOf, type Shuffle } from "../data/batches/order.ts";
import type { Session } from "../device/device.ts";
import type { UserError } from "../errors.ts";
import type { Choices } from "../graph/choices.ts";
import { monitored, monitoredIn } from "../metrics/monitored.ts";
import {
  AVERAGE,
  type BestEpoch,
  type CheckpointInfo,
  type Plateau,
  type Preprocessing,
  type Tensors,
} from "../run/checkpoint.ts";
import { Evaluator, metricValues, type Predictions, reportOf } from "../run/evaluate.ts";
import { epochName, type RunDirectory } from "../run/run_directory.ts";
import type { Channel } from "../track/channel.ts";
import type { WorstPicture } from "../report/sheet.ts";
import { type LossKind, PLAIN } from "../track/tracker.ts";
import { beginRun, type Config, takeUpRun } from "./begin_run.ts";
import { diagnose } from "./diagnosis.ts";
import { classWeightsOf, logitOffsetOf } from "./class_weights.ts";
import type { RunOptions } from "./settled_options.ts";
import { lossKindOf } from "./loss_kind.ts";
import { Pace } from "./pace.ts";
import type { RunPlan } from "./plan_run.ts";
import { preprocessingOf } from "./preprocessing.ts";
import { plateauAfter } from "./schedules.ts";
import { shuffleOfRun } from "./shuffle.ts";
import type { LearningStep } from "./step.ts";
import { type Counts, TrainingState } from "./training_state.ts";
import { worstPictures } from "../run/worst.ts";

/** So many times the loss of guessing is worth a warning: networks begin at once or twice, seldom at three times. */
const MANY_TIMES = 5;

/** What a run is made of. */
interface Parts {
  readonly options: RunOptions;
  readonly preprocessing: Preprocessing;
  readonly step: LearningStep;
  /** Ways to compute, for as long as the run lasts and is resumed. */
  readonly choices: Choices;
  readonly session: Session;
  readonly train: Loader;
  readonly val: Loader;
  readonly trainData: Dataset;
  readonly valData: Dataset;
  readonly shuffle?: Shuffle;
}

/** One call of `fit`. */
export class Fit {
  /** Options of the run. */
  readonly options: RunOptions;
  /** How pictures are prepared. */
  readonly preprocessing: Preprocessing;
  /** Batches to learn from. */
  readonly train: Loader;
  /** What is learnt. */
  readonly state: TrainingState;
  /** How fast. */
  readonly pace: Pace = new Pace();
  /** Steps of a window whose mean loss is logged: a run that has fewer is one window. */
  readonly logEvery: number;
  readonly #parts: Parts;
  readonly #channel: Channel;
  readonly #evaluator: Evaluator;
  /** Over the average of the weights. */
  readonly #averageEvaluator: Evaluator;
  readonly #directory?: RunDirectory;
  readonly #info: CheckpointInfo;
  readonly #lossKind: LossKind;
  /** How the run began, which a resumed one must find unchanged. */
  #run?: Config;
  /** Weights of the best epoch. */
  #bestWeights?: Tensors;
  readonly #classWeights: readonly number[];
  /** Was it said that the loss is far above that of guessing? */
  #hasWarned = false;
  /** Step after which all steps were looked at. */
  #checked = 0;
  /** Pictures that trackers asked for and that are still being made. */
  readonly #asked = new Set<Promise<unknown>>();

  private constructor(parts: Parts) {
    const { options, preprocessing, step, session, train, val, trainData } = parts;
    const { model, task, out } = options;
    this.options = options;
    this.preprocessing = preprocessing;
    this.train = train;
    this.logEvery = Math.min(options.logEvery, options.epochs * train.steps);
    this.#parts = parts;
    this.#channel = options.channel;
    this.#directory = out;
    this.#info = {
      format: 1,
      model: { name: model.name, ...model.options },
      task,
      classes: [...trainData.classes],
      preprocessing,
    };
    this.#lossKind = lossKindOf(options);
    const classWeights = classWeightsOf(trainData, options);
    this.#classWeights = classWeights;
    const { logitAdjustment: tau } = options;
    const logitOffset = tau > 0 ? logitOffsetOf(trainData, tau) : undefined;
    const steps = train.steps;
    this.state = new TrainingState({ options, step, session, steps, classWeights, logitOffset, preprocessing });
    this.#evaluator = new Evaluator(session, model, val.batch);
    this.#averageEvaluator = new Evaluator(session, model, val.batch, AVERAGE);
  }

  /** Opens what a run needs, and begins it or takes it up. What fails before that leaves nothing on disk. */
  static async open(
    options: RunOptions,
    plan: RunPlan,
    trainData: Dataset,
    valData: Dataset,
    kept?: Preprocessing,
  ): Promise<Fit> {
    const { device, augment, cache, workers, seed, channel, sampling, effectiveBeta, repeats, augSplits } = options;
    const { batch, step, choices } = plan;
    const progress = (what: string) => (done: number, total: number) =>
      channel.progress({ type: "decoding", what, done, total });
    const onNote = (note: string) => channel.warn(note);
    // A run that goes on normalises as it began, whatever has become of its pictures.
    const normalize = options.normalize === "train" && kept ? kept : options.normalize;
    const prepared = { ...options, normalize };
    const preprocessing = await preprocessingOf(prepared, trainData, progress("training pictures"), onNote);
    const pictureBytes = preprocessing.square ** 2 * trainData.channels;
    const shuffle = await shuffleOfRun(options, trainData, pictureBytes);
    const shared = { ...preprocessing, workers, cache, seed, onNote };
    const train = await Loader.open(trainData, {
      ...shared,
      shuffle: shuffle === "runs" ? runsOf(pictureBytes) : true,
      ...{ batch, augment, last: "drop", sampling, effectiveBeta, repeats, splits: augSplits },
      onProgress: progress("training pictures"),
    });
    // Its Workers start while kernels are compiled; those of the validation, when it first comes.
    train.start();
    let val: Loader | undefined;
    let session: Session | undefined;
    let fit: Fit | undefined;
    try {
      val = await Loader.open(valData, {
        ...shared,
        ...{ batch: Math.min(batch, valData.size), augment: "none", shuffle: false, last: "pad" },
        onProgress: progress("validation pictures"),
      });
      session = device.open(choices);
      fit = new Fit({ options, step, preprocessing, train, val, trainData, valData, choices, session, shuffle });
      // A device that has no memory for it says so here, before anything is on disk.
      await session.settle();
      // Those of the evaluation are compiled when they are first needed.
      await fit.state.prepare((done, total) => channel.progress({ type: "compiling", done, total }));
      await fit.#begin();
      return fit;
    } catch (error) {
      train.close();
      val?.close();
      session?.[Symbol.dispose]();
      await fit?.close();
      throw error;
    }
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    // Who is still to be told of a validation may ask for its pictures.
    await this.#channel.settled();
    await Promise.allSettled(this.#asked);
    this.train.close();
    this.#parts.val.close();
    this.#parts.session[Symbol.dispose]();
    await this.#directory?.close();
  }

  /** Shows that a step was taken. */
  showStep(images: number): void {
    this.pace.count(images);
    const { epoch, step } = this.state.progress;
    const { imagesPerSecond } = this.pace;
    this.#channel.progress({
      ...{ type: "training", epoch: epoch + 1, done: step, total: this.state.steps, imagesPerSecond },
    });
  }

  /** Ends a window of steps, and tells its mean loss. */
  async log(): Promise<void> {
    const { loss, skipped, lossScale } = await this.#finiteCounts();
    const { imagesPerSecond } = this.pace;
    this.state.beginWindow();
    this.pace.beginWindow();
    const { epoch, stepsDone } = this.state.progress;
    if (loss !== null) this.#warnOfLoss(loss);
    this.#channel.log({
      epoch: epoch + 1,
      step: stepsDone,
      loss,
      lossKind: this.#lossKind,
      learningRate: this.state.learningRate(stepsDone - 1),
      skipped,
      ...lossScale && { lossScale },
      imagesPerSecond,
    });
  }

  /** Says once that the model does many times worse than one that guesses: it is not just at its beginning. */
  #warnOfLoss(loss: number): void {
    const { options: { loss: own, teacher, task, rDrop, augSplits }, trainData: { classes } } = this.#parts;
    // Of other losses it is not known what guessing has.
    if (this.#hasWarned || teacher || rDrop > 0 || augSplits > 1 || (own !== "cross-entropy" && own !== "bce")) return;
    const guessing = Math.log(task === "multiclass" ? classes.length : 2) * Math.max(1, ...this.#classWeights);
    if (loss < MANY_TIMES * guessing) return;
    this.#hasWarned = true;
    this.#channel.warn(
      `the loss is ${loss.toPrecision(3)}, and guessing has at most ${
        guessing.toPrecision(3)
      }: the learning rate may ` +
        "be too high, or the model starts from weights that do not fit",
    );
  }

  /** Stops the run when a step since the last look was not finite. */
  async checkFinite(): Promise<void> {
    if (this.#checked < this.state.stepsDone) await this.#finiteCounts();
  }

  async #finiteCounts(): Promise<Counts> {
    const counts = await this.state.counts();
    if (counts.skipped > this.options.skipNonFinite) throw await this.#diagnose(counts.firstSkipped);
    this.#checked = this.state.stepsDone;
    return counts;
  }

  #diagnose(failed: number): Promise<UserError> {
    return diagnose({ ...this.#parts, state: this.state }, failed);
  }

  /** Validates the weights, or their average; says whether it is the best so far where it ends an epoch. */
  async validate(endsEpoch = false): Promise<Validated & { readonly isBest: boolean }> {
    const { epoch, stepsDone, best } = this.state.progress;
    const { val, valData: { size: total } } = this.#parts;
    const average = this.state.averageNow(endsEpoch);
    const predictions = await (average ? this.#averageEvaluator : this.#evaluator).run(
      val,
      total,
      (done) => this.#channel.progress({ type: "validating", done, total }),
    );
    // A last update may have broken the weights after a loss that was still finite.
    if (!predictions.logits.every(Number.isFinite)) throw await this.#diagnose(stepsDone - 1);
    const report = reportOf(this.options.task, predictions, this.#info.classes);
    const { task, metrics, monitor } = this.options;
    const value = monitor === "accuracy" ? undefined : monitoredIn(monitor, report, predictions);
    const found = { accuracy: report.accuracy, loss: report.loss, ...value !== undefined && { monitored: value } };
    const isBest = endsEpoch && isBetter(found, best, monitored[monitor].isLower);
    const own = metricValues(metrics, predictions, { task, classes: this.#info.classes });
    this.#channel.validation({
      ...{ epoch: epoch + 1, step: stepsDone, report, metrics: own, lossKind: PLAIN, isBest, predictions },
      ...value !== undefined && { monitored: { name: monitor, value } },
      ...average && { average },
      worst: (count) => this.#worst(predictions, count),
    });
    return { ...found, isBest };
  }

  #worst(predictions: Predictions, count: number): Promise<WorstPicture[]> {
    const { val: loader, valData: data, preprocessing } = this.#parts;
    const worst = worstPictures({ loader, data, preprocessing, predictions }, count);
    this.#asked.add(worst);
    const forget = () => this.#asked.delete(worst);
    worst.then(forget, forget);
    return worst;
  }

  /** Validates, saves the epoch's checkpoint, and the best one where it is. */
  async endEpoch(): Promise<void> {
    const { epoch: index, plateau, best } = this.state.progress;
    const average = this.state.averageNow(true);
    const total = this.state.steps;
    await this.state.averageEpoch(
      () => this.train.epoch(index),
      (done) => this.#channel.progress({ type: "averaging", done, total }),
    );
    const { isBest, ...found } = await this.validate(true);
    const { accuracy } = found;
    const epoch = index + 1;
    this.state.endEpoch({
      best: isBest ? { epoch, ...found as Validated & { accuracy: number; monitored?: number } } : best,
      plateau: this.#plateauAfter(plateau, found),
    });
    const weights = await this.state.weights(average);
    if (isBest) this.#bestWeights = weights;
    if (!this.#directory) return;
    await this.#channel.settled();
    const info = { ...this.#info, epoch, accuracy };
    const path = await this.#directory.saveCheckpoint(epochName(epoch), weights, info);
    if (isBest) await this.#directory.saveCheckpoint("best", weights, info);
    await this.saveLast();
    // Not before what a resumed run needs is on disk.
    const { keep } = this.options;
    if (keep !== undefined) await this.#directory.keepCheckpoints(keep);
    this.#channel.checkpoint({ epoch, step: this.state.stepsDone, path, isBest });
  }

  #plateauAfter(
    before: Plateau | undefined,
    { accuracy, monitored: value = accuracy }: Validated,
  ): Plateau | undefined {
    const { schedule, monitor, plateauPatience: patience } = this.options;
    if (schedule !== "plateau") return undefined;
    return plateauAfter(before, value, { patience, isLower: monitored[monitor].isLower });
  }

  /** Has no epoch been better for as many as the run has patience for? */
  get isExhausted(): boolean {
    const { patience = Infinity } = this.options;
    const { epoch, best } = this.state.progress;
    return epoch - (best?.epoch ?? 0) >= patience;
  }

  /** Saves what the next step depends on. A resumed run keeps the records up to it, so those are written first. */
  async saveLast(): Promise<void> {
    if (!this.#directory) return;
    await this.#channel.settled();
    const { lora } = this.options.model;
    const info: CheckpointInfo = {
      ...this.#info,
      ...lora && { lora: { alpha: lora.alpha } },
      progress: this.state.progress,
      run: this.#run,
    };
    await this.#directory.saveLast(await this.state.snapshot(), info);
  }

  /** Saves it within an epoch, where every step so far was finite. */
  async saveWithin(): Promise<void> {
    await this.checkFinite();
    await this.saveLast();
  }

  /** Gives the model the weights of the best epoch. */
  takeBestWeights(): void {
    const { model, plainModel = model } = this.options;
    for (const [name, { values }] of this.#bestWeights ?? []) plainModel.weights.set(name, values);
  }

  /** Makes the run directory, or goes on where the run in it was stopped, and tells so. */
  async #begin(): Promise<void> {
    const { resume, epochs } = this.options;
    const beginning = {
      ...this.#parts,
      info: this.#info,
      batch: this.train.batch,
      directory: this.#directory,
      onWarning: (message: string) => this.#channel.warn(message),
    };
    let config: Config;
    if (resume) {
      const taken = await takeUpRun(beginning);
      this.state.restore(taken.last, taken.progress, this.#directory!.path);
      this.#bestWeights = taken.best;
      config = taken.config;
      this.#run = taken.run;
      const { settings } = config;
      if (settings && (settings as Config).epochs !== epochs) {
        // Whoever resumes it once more goes on to the new end, also where it is killed between the two.
        config = { ...config, settings: { ...settings, epochs } };
        this.#run = { ...taken.run, settings: { ...taken.run.settings as Config, epochs } };
        await this.#directory!.updateConfig(config);
        await this.saveLast();
      }
    } else {
      config = await beginRun(beginning);
      this.#run = config;
      // A run that ends before its first epoch does can be resumed too.
      await this.saveLast();
    }
    const { epoch, step, stepsDone } = this.state.progress;
    await this.#channel.begin({
      config,
      path: this.#directory?.path,
      epochs,
      stepsPerEpoch: this.train.steps,
      batch: this.train.batch,
      ...this.state.size,
      ...resume && { resumedAt: { epoch, step } },
    }, resume ? stepsDone : undefined);
  }
}

/** What a validation has found. */
interface Validated {
  readonly accuracy: number | null;
  readonly loss: number | null;
  /** Value of the monitored metric, where that is not the accuracy. */
  readonly monitored?: number | null;
}

/**
 * Is an epoch better than the best before it, by the monitored metric or else the accuracy? Of equal ones the lower
 * loss is better.
 *
 * @param isLower Is less of the monitored metric better?
 */
export function isBetter(
  { accuracy, loss, monitored: value = accuracy }: Validated,
  best: BestEpoch | undefined,
  isLower = false,
): boolean {
  if (value === null || accuracy === null) return false;
  if (!best) return true;
  const { monitored: before = best.accuracy } = best;
  if (value !== before) return isLower ? value < before : value > before;
  // Of an epoch whose loss was not kept nothing can be said.
  return typeof loss === "number" && typeof best.loss === "number" && loss < best.loss;
}
