/**
 * Trains and evaluates models.
 *
 * @module
 */

import { emptyParts } from "../data/check/empty_parts.ts";
import type { Dataset } from "../data/dataset.ts";
import { UserError } from "../errors.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import { evaluateModel, type Evaluation, mismatchOf } from "../run/evaluate.ts";
import { Channel } from "../track/channel.ts";
import { CurvesTracker } from "../track/curves.ts";
import { openTrackers } from "../track/open.ts";
import { type Note, PLAIN, type Tracker, type Trained } from "../track/tracker.ts";
import { refuseChangedRun } from "./begin_run.ts";
import { Fit } from "./fit.ts";
import { trainingLoop } from "./loop.ts";
import type { TrainerOptions } from "./options.ts";
import type { ResolvedOptions, RunOptions } from "./settled_options.ts";
import { explained, planRun } from "./plan_run.ts";
import { resolveOptions } from "./resolve_options.ts";
import { runOptionsOf } from "./run_options.ts";

/** How {@link Trainer.evaluate} runs. */
export interface TrainerEvaluation {
  /**
   * How pictures are prepared; default as in `fit`. Of a model that was not trained by this trainer it must be given.
   */
  readonly preprocessing?: Preprocessing;
  /** Is told how many pictures are done. */
  readonly onProgress?: (done: number) => void;
  /** Is told of a cache that cannot be written or is damaged, where pictures are decoded from their files. */
  readonly onNote?: (note: string) => void;
  /** How many of the most confident mistakes are given with their pictures; default none. */
  readonly mistakes?: number;
}

/** The most confident mistakes of a test that are kept. */
export const MISTAKES = 24;

/** How a call of {@link Trainer.fit} ended. The model has the weights of the best epoch. */
export interface FitResult extends Trained {
  /** What the best weights do on the test split, where one was given and the run was not interrupted. */
  readonly test?: Evaluation;
}

/**
 * Trains and evaluates one model.
 *
 * @example
 * ```ts
 * import { createModel, openDataset, openDevice, Trainer } from "@fovea/fovea";
 *
 * const { train, val, test } = (await openDataset("./pets")).split({ seed: 1 });
 * await using device = await openDevice();
 * const model = createModel("resnet18", { classes: train.classes.length, imageSize: 64 });
 * const trainer = new Trainer({ device, model, task: "multiclass", epochs: 10, out: "runs/pets" });
 * await trainer.fit(train, val);
 * console.log((await trainer.evaluate(test)).report.accuracy);
 * ```
 */
export class Trainer {
  readonly #options: ResolvedOptions;
  #preprocessing?: Preprocessing;
  #batch?: number;
  #classes?: readonly string[];

  /** Fills in the defaults; nothing is opened or written before {@link Trainer.fit}. */
  constructor(options: TrainerOptions) {
    this.#options = resolveOptions(options);
  }

  /** How pictures are prepared: known once `fit` has begun. */
  get preprocessing(): Preprocessing | undefined {
    return this.#preprocessing;
  }

  /** Pictures in a step: with `auto`, known once `fit` has begun. */
  get batch(): number | undefined {
    return this.#batch;
  }

  /**
   * Trains on `train` and validates on `val`. The model then has the weights of the best epoch, which are tested on
   * `test` where it is given.
   *
   * @throws UserError when a batch does not fit the device, a step is not finite, the run directory cannot be used, or
   *   a picture is broken.
   */
  async fit(train: Dataset, val: Dataset, test?: Dataset): Promise<FitResult> {
    if (train.task !== this.#options.task) {
      throw new TypeError(`task is ${this.#options.task}: the data's is ${train.task}; give the data's`);
    }
    const [empty] = emptyParts({ train, val, test });
    if (empty) throw new UserError(empty);
    const mismatch = mismatchOf(this.#options.model, train);
    if (mismatch) throw new TypeError(mismatch);
    this.#classes = train.classes;
    const channel: Channel = new Channel(trackersOf(this.#options, (note) => channel.note(note)));
    try {
      const result = await this.#train(runOptionsOf(this.#options, train, channel), train, val);
      const isTested = test !== undefined && !result.interrupted;
      channel.note({ type: "trained", ...result, isTested });
      const tested = isTested ? await this.#test(test, channel) : undefined;
      await channel.end({ how: result.interrupted ? "interrupted" : "done" });
      return { ...result, test: tested };
    } catch (error) {
      await channel.end({ how: "failed", error });
      throw error;
    }
  }

  async #train(options: RunOptions, train: Dataset, val: Dataset): Promise<Trained> {
    const isResumed = options.resume && options.out !== undefined;
    const kept = isResumed ? await refuseChangedRun(options, train, val) : undefined;
    const plan = await planRun(options, train.size, val.size);
    this.#batch = plan.batch;
    try {
      const fit = await Fit.open(options, plan, train, val, kept?.preprocessing);
      try {
        this.#preprocessing = fit.preprocessing;
        return await trainingLoop(fit);
      } finally {
        await fit.close();
      }
    } catch (error) {
      throw await explained(error, options, plan.step, plan.choices);
    }
  }

  async #test(data: Dataset, channel: Channel): Promise<Evaluation> {
    const total = data.size;
    const onProgress = (done: number) => channel.progress({ type: "testing", done, total });
    const evaluation = await this.evaluate(data, {
      mistakes: MISTAKES,
      onProgress,
      onNote: (note) => channel.warn(note),
    });
    channel.test({ ...evaluation, lossKind: PLAIN });
    return evaluation;
  }

  /**
   * Runs the model over a data set, with the weights that it has: trained here, or loaded. Of `tta` views of a picture
   * the probabilities are averaged.
   *
   * @throws TypeError when it is not known how pictures are prepared, or the data do not fit the model.
   */
  async evaluate(data: Dataset, asked: TrainerEvaluation = {}): Promise<Evaluation> {
    const { preprocessing, onProgress, onNote, mistakes } = asked;
    const { device, model, task, batch, cache, workers, metrics, tta } = this.#options;
    const prepared = preprocessing ?? this.#preprocessing;
    if (!prepared) {
      throw new TypeError(
        "Cannot evaluate: how pictures are prepared is not known; give preprocessing, as openModel does, or call fit first",
      );
    }
    return await evaluateModel({
      ...{ device, model, task, cache, workers, metrics, data, onProgress, onNote, mistakes },
      preprocessing: prepared,
      classes: this.#classes,
      batch: this.#batch ?? (batch === "auto" ? undefined : batch),
      views: tta,
    });
  }
}

/** Who is told what happens: what keeps the run in its directory, and those of the user. */
function trackersOf({ out, log, trackers, console }: ResolvedOptions, tell: (note: Note) => void): Tracker[] {
  if (out === undefined) return [...trackers];
  return [...openTrackers(log, { run: out.path, tell, console }), ...trackers, new CurvesTracker(out.path)];
}
