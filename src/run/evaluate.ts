/**
 * Runs a model over a data set and reports on what it says.
 *
 * A batch's logits are read back while the next one runs. Metrics are computed on the host, since they need ranks and
 * counts, and logits are small.
 *
 * @module
 */

import type { CacheOptions } from "../data/store/cache_folder.ts";
import type { Dataset } from "../data/dataset.ts";
import { classNames, type Task } from "../data/labels.ts";
import { MIDDLE_VIEWS, VIEWS } from "../augment/host/views.ts";
import { squareFor } from "../data/batches/batch.ts";
import { Loader } from "../data/batches/loader.ts";
import type { Device, Program, Session } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { binaryReport, multiclassReport, multilabelReport, type Report } from "../metrics/mod.ts";
import type { Model } from "../models/model.ts";
import type { Preprocessing } from "./checkpoint.ts";
import { evaluationGraph } from "./evaluation_graph.ts";
import { averaged, type Predictions } from "./predictions.ts";
import type { WorstPicture } from "../report/sheet.ts";
import { confidentMistakes } from "./worst.ts";

export type { Predictions } from "./predictions.ts";

/** The evaluation program of a model, over the weights that a session holds. */
export class Evaluator {
  readonly #session: Session;
  readonly #model: Model;
  readonly #batch: number;
  readonly #prefix: string;
  /** Compiled when it first runs: training begins earlier by what that takes. */
  #program?: Program;

  /**
   * Compiles nothing yet.
   *
   * @param batch Pictures N of its loaders' batches.
   * @param prefix What stands before the names of the model's states in the session; default nothing.
   */
  constructor(session: Session, model: Model, batch: number, prefix = "") {
    this.#session = session;
    this.#model = model;
    this.#batch = batch;
    this.#prefix = prefix;
  }

  /**
   * Runs over one epoch of a loader.
   *
   * @param samples Size of the loader's data set.
   * @param onProgress Is told how many pictures are done.
   * @param epoch Which epoch of the loader.
   */
  async run(
    loader: Loader,
    samples: number,
    onProgress?: (done: number) => void,
    epoch = 0,
  ): Promise<Predictions> {
    const program = await this.#prepared();
    const { classes } = this.#model;
    const logits = new Float32Array(samples * classes);
    const targets = new Float32Array(samples * classes);
    let done = 0;
    // Reading back waits for the device: it is asked for here and waited for one batch later.
    let pending: (() => Promise<void>) | undefined;
    for await (const batch of loader.epoch(epoch)) {
      program.run({ images: batch.images });
      const outputs = program.outputs();
      await pending?.();
      pending = async () => {
        scatter(batch.indices, (await outputs).logits, logits, classes);
        scatter(batch.indices, batch.targets, targets, classes);
        onProgress?.(done += batch.count);
      };
    }
    await pending?.();
    await this.#session.settle();
    return { logits, targets };
  }

  async #prepared(): Promise<Program> {
    if (!this.#program) {
      this.#program = this.#session.compile(evaluationGraph(this.#model, this.#batch, this.#prefix));
      await this.#program.prepare();
    }
    return this.#program;
  }
}

/** Puts a batch's rows of `width` numbers where their samples stand; padding has none. */
function scatter(indices: Int32Array, from: Float32Array, to: Float32Array, width: number): void {
  indices.forEach((sample, row) => {
    if (sample >= 0) to.set(from.subarray(row * width, (row + 1) * width), sample * width);
  });
}

/** All metrics of the predictions. */
export function reportOf(task: Task, { logits, targets }: Predictions, classes: readonly string[]): Report {
  switch (task) {
    case "binary":
      return binaryReport(logits, targets, classNames(task, classes) as [string, string]);
    case "multiclass":
      return multiclassReport(logits, classIndices(targets, classes.length), classes);
    case "multilabel":
      return multilabelReport(logits, targets, classes);
  }
}

/** Class of each row of one-hot targets. */
function classIndices(targets: Float32Array, classes: number): Int32Array {
  return Int32Array.from(
    { length: targets.length / classes },
    (_, i) => targets.subarray(i * classes, (i + 1) * classes).indexOf(1),
  );
}

/**
 * A metric of one's own: a number of what a model says of a data set.
 *
 * @param predictions Logits and targets [N, K], flat.
 * @param facts The task, and the names of the K classes or labels.
 * @returns The value; null where it is undefined.
 */
export type Metric = (
  predictions: Predictions,
  facts: { readonly task: Task; readonly classes: readonly string[] },
) => number | null;

/** Metrics of one's own by name. */
export type Metrics = Readonly<Record<string, Metric>>;

/** Values of metrics by name; null where one is undefined. */
export type MetricValues = Readonly<Record<string, number | null>>;

/** Values of metrics of one's own; what is not finite is undefined, too. */
export function metricValues(metrics: Metrics, predictions: Predictions, facts: Parameters<Metric>[1]): MetricValues {
  const values = Object.entries(metrics).map(([name, metric]) => {
    const value = metric(predictions, facts);
    return [name, Number.isFinite(value) ? value : null];
  });
  return Object.fromEntries(values);
}

/** Metrics and predictions of one data set. */
export interface Evaluation {
  /** Loss and metrics of the task. */
  readonly report: Report;
  /** Metrics of one's own. */
  readonly metrics: MetricValues;
  /** Logits and targets that they were computed from. */
  readonly predictions: Predictions;
  /** The most confident mistakes, where they were asked for. */
  readonly mistakes?: readonly WorstPicture[];
}

/** Pictures at a time unless another number is asked for. */
export const EVALUATION_BATCH = 32;

/** What {@link evaluateModel} needs. */
export interface EvaluateOptions {
  /** Where the model runs. */
  readonly device: Device;
  /** With its weights. */
  readonly model: Model;
  /** What its logits mean. */
  readonly task: Task;
  /** How pictures are prepared: as in training. */
  readonly preprocessing: Preprocessing;
  /** The pictures, with their labels. */
  readonly data: Dataset;
  /** Names of the classes or labels; default the data's. */
  readonly classes?: readonly string[];
  /** Pictures at a time; default 32. */
  readonly batch?: number;
  /** Default: decoded pictures are kept in the user's cache folder, up to 4 GiB. */
  readonly cache?: CacheOptions;
  /** Workers that make batches; default one less than there are cores, at most 4. */
  readonly workers?: number;
  /** Metrics of one's own. */
  readonly metrics?: Metrics;
  /**
   * Views of each picture whose probabilities are averaged (test-time augmentation), from 1 to 10: the middle, its
   * mirror image, the corners and theirs; default 1, the middle alone. From 3 on pictures are resized a seventh larger
   * than the model takes, where they were not trained so.
   */
  readonly views?: number;
  /** How many of the most confident mistakes are given with their pictures; default none. */
  readonly mistakes?: number;
  /** Is told how many pictures are done. */
  readonly onProgress?: (done: number) => void;
  /** Is told of a cache that cannot be written or is damaged, where pictures are decoded from their files. */
  readonly onNote?: (note: string) => void;
}

/**
 * Runs a model with the weights that it has over a data set.
 *
 * @throws UserError when data and model do not fit; TypeError when a parameter has no value.
 *
 * @example
 * ```ts
 * import { evaluateModel, openDataset, openDevice, openRun } from "@fovea/fovea";
 *
 * const { model, info } = await openRun("runs/pets");
 * await using device = await openDevice();
 * const { report } = await evaluateModel({ ...info, device, model, data: await openDataset("./other-pets") });
 * console.log(report.accuracy);
 * ```
 */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { device, model, task, preprocessing, data, onProgress, onNote, workers } = options;
  const { classes = data.classes, cache = { mode: "auto" } } = options;
  if (data.task !== task) {
    throw new UserError(
      `${model.name} is to be tested on the task ${task}: the data's is ${data.task}; open them for ${task}`,
    );
  }
  if (data.size === 0) throw new UserError("Cannot test on no pictures: the part of the data is empty");
  const mismatch = mismatchOf(model, data);
  if (mismatch) throw new UserError(mismatch);
  const batch = Math.min(options.batch ?? EVALUATION_BATCH, data.size);
  using session = device.open();
  writeWeights(session, model);
  const { views = 1 } = options;
  if (!Number.isInteger(views)) throw new TypeError(`views is ${views}: give a whole number from 1 to ${VIEWS}`);
  if (views < 1 || views > VIEWS) throw new RangeError(`views is ${views}: give a whole number from 1 to ${VIEWS}`);
  const square = views <= MIDDLE_VIEWS
    ? preprocessing.square
    : Math.max(preprocessing.square, squareFor(preprocessing.imageSize, "views"));
  using loader = await Loader.open(data, {
    ...{ ...preprocessing, square },
    ...{ batch, workers, cache, onNote, shuffle: false, seed: 0, last: "pad" },
    augment: views === 1 ? "none" : "views",
  });
  const evaluator = new Evaluator(session, model, batch);
  const seen: Predictions[] = [];
  for (let view = 0; view < views; view++) {
    const progress = (done: number) => onProgress?.(Math.floor((view * data.size + done) / views));
    seen.push(await evaluator.run(loader, data.size, progress, view));
  }
  const predictions = averaged(task, seen, model.classes);
  const metrics = metricValues(options.metrics ?? {}, predictions, { task, classes });
  const { mistakes: count = 0 } = options;
  const mistakes = count > 0 && await confidentMistakes({ loader, data, preprocessing, predictions }, count);
  return { report: reportOf(task, predictions, classes), metrics, predictions, ...(mistakes && { mistakes }) };
}

/** Why a model cannot take a data set's pictures, or its logits are not its labels; undefined where they fit. */
export function mismatchOf(model: Model, data: Dataset): string | undefined {
  if (model.classes === data.outputs && model.channels === data.channels) return undefined;
  return `${model.name} takes ${model.channels} channels and gives ${model.classes} logits: ` +
    `the data have ${data.channels} and ${data.outputs}`;
}

/**
 * Gives a session the weights of a model.
 *
 * @throws TypeError when a parameter has no value.
 */
export function writeWeights(session: Session, model: Model): void {
  for (const { name } of model.parameters) {
    const values = model.weights.get(name);
    if (!values) throw new TypeError(`${model.name} has no value for ${name}: train it or load weights`);
    session.write(name, values);
  }
}
