/**
 * Trains and evaluates models.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { Loader } from "../data/batches/loader.ts";
import type { Report } from "../metrics/mod.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import { Evaluator, type Predictions, reportOf } from "../run/evaluate.ts";
import { Fit, type FitResult } from "./fit.ts";
import { type ResolvedOptions, resolveOptions, type SettledOptions, type TrainerOptions } from "./options.ts";
import { explained, planRun } from "./plan_run.ts";

/** Metrics and predictions of one data set. */
export interface Evaluation {
  /** Loss and metrics of the task. */
  readonly report: Report;
  /** Logits and targets that they were computed from. */
  readonly predictions: Predictions;
}

/**
 * Trains and evaluates one model.
 *
 * @example
 * ```ts
 * import { createModel, openDataset, openDevice, Trainer } from "jsr:@fovea/fovea";
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
  #classes: readonly string[] = [];

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
   * Trains on `train` and validates on `val`. The model then has the weights of the best epoch.
   *
   * @throws UserError when a batch does not fit the device, a step is not finite, the run directory cannot be used, or
   *   a picture is broken.
   */
  async fit(train: Dataset, val: Dataset): Promise<FitResult> {
    const { model } = this.#options;
    if (model.classes !== train.outputs || model.channels !== train.channels) {
      throw new TypeError(
        `${model.name} takes ${model.channels} channels and gives ${model.classes} logits: the data have ${train.channels} and ${train.outputs}`,
      );
    }
    this.#classes = train.classes;
    const plan = await planRun(this.#options, train.size, val.size);
    this.#batch = plan.batch;
    try {
      const run = await Fit.open(this.#options, plan, train, val);
      try {
        this.#preprocessing = run.preprocessing;
        return await run.run();
      } finally {
        await run.close();
      }
    } catch (error) {
      throw await explained(error, this.#options, plan.step, plan.choices);
    }
  }

  /**
   * Runs the model over a data set.
   *
   * @param onProgress Is told how many pictures are done.
   */
  async evaluate(data: Dataset, onProgress?: (done: number) => void): Promise<Evaluation> {
    if (!this.#preprocessing || this.#batch === undefined) {
      throw new TypeError("Cannot evaluate before fit: how pictures are normalised is not known");
    }
    const { device, model, task, cache, workers } = this.#options;
    return await evaluateModel({
      device,
      model,
      task,
      classes: this.#classes,
      preprocessing: this.#preprocessing,
      batch: this.#batch,
      cache,
      workers,
      data,
      onProgress,
    });
  }
}

/** What {@link evaluateModel} needs. */
export interface EvaluateOptions
  extends Pick<SettledOptions, "device" | "model" | "task" | "batch" | "cache" | "workers"> {
  /** Names of the classes or labels. */
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly data: Dataset;
  /** Is told how many pictures are done. */
  readonly onProgress?: (done: number) => void;
}

/** Runs a model with the weights it has over a data set. */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { device, model, task, classes, preprocessing, data, onProgress } = options;
  const batch = Math.min(options.batch, data.size);
  using session = device.open();
  for (const { name } of model.parameters) session.write(name, model.weights.get(name)!);
  using loader = await Loader.open(data, {
    ...preprocessing,
    batch,
    augment: "none",
    shuffle: false,
    seed: 0,
    last: "pad",
    workers: options.workers,
    cache: options.cache,
  });
  const predictions = await new Evaluator(session, model, batch).run(loader, data.size, onProgress);
  return { report: reportOf(task, predictions, classes), predictions };
}
