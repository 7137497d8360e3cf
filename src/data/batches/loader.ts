/**
 * Streams a data set as batches that Workers make ahead of the device.
 *
 * The last partial batch of a training split is dropped; an evaluation's is padded with pictures of `weight` 0.
 *
 * @module
 */

import { hostTransformations, type Views } from "../../augment/augmentations.ts";
import { type Batch, type BatchPlan, squareFor } from "./batch.ts";
import type { BatchAnswer, BatchRequest } from "./batch_worker.ts";
import type { Runs } from "./order.ts";
import { drawsOf, type Sampling } from "./sampling.ts";
import type { CacheOptions } from "../store/cache_folder.ts";
import type { Dataset } from "../dataset.ts";
import type { OnNote } from "../store/pack.ts";
import { prepareReader } from "../store/prepare.ts";
import type { Fit, Interpolation, ValueRange } from "../pictures/resize.ts";
import type { OnProgress } from "../store/scan.ts";
import { errorOf } from "../workers.ts";

/** How a data set is streamed. */
export interface LoaderOptions {
  /** Pictures in a batch. */
  readonly batch: number;
  /** Side of a picture in pixels. */
  readonly imageSize: number;
  /**
   * Side of the square that pictures are resized to before the crop, in pixels. By default what the augmentation needs
   * ({@link squareFor}): give a validation split the square of its training split.
   */
  readonly square?: number;
  /** How pixels are mixed where pictures are resized; by default bilinear. */
  readonly interpolation?: Interpolation;
  /** How a picture that is not square becomes one; by default its middle is cut out. */
  readonly fit?: Fit;
  /** Values of 16-bit pictures that become black and white; by default the high byte is kept. */
  readonly range?: ValueRange;
  /** Mean of each channel, of values from 0 to 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
  /** Random changes. */
  readonly augment: Views;
  /** Whether each epoch has an order of its own; how it is mixed in runs, where it is not as a whole. */
  readonly shuffle: boolean | Runs;
  /** How often classes are shown, where the order is random; by default each picture once an epoch. */
  readonly sampling?: Sampling;
  /** β of effective numbers, for the sampling of that name. */
  readonly effectiveBeta?: number;
  /** Views of a picture side by side, each changed at random in its own way; by default 1. */
  readonly repeats?: number;
  /** Views of each picture in a batch ({@link BatchPlan.splits}); by default 1. */
  readonly splits?: number;
  /** Names the orders and the changes. */
  readonly seed: number;
  /** What happens to a last batch that is not full: it is left out, or padded with weight 0. */
  readonly last: "drop" | "pad";
  /** Workers that make batches; by default one less than there are cores, at most 4. */
  readonly workers?: number;
  /** Whether decoded pictures are kept, where, and how many bytes of them. */
  readonly cache: CacheOptions;
  /** Is told how far reading and decoding are. */
  readonly onProgress?: OnProgress;
  /** Is told of a cache that cannot be written or is damaged: pictures are then decoded from their files. */
  readonly onNote?: (note: string) => void;
}

/** Batches that are made ahead: the one that is next, and two more. */
const ahead = 3;

/** A batch on its way. */
interface Waiting {
  readonly promise: Promise<Batch>;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Streams batches. Their order and their random changes are a function of the seed, the epoch and the sample only. An
 * epoch that is begun in the middle has the batches that a run from its beginning would have seen.
 *
 * @example
 * ```ts
 * import { Loader } from "@fovea/fovea";
 * import { openDataset } from "../open.ts";
 *
 * const { train } = (await openDataset("./pets")).split();
 * using loader = await Loader.open(train, {
 *   batch: 32,
 *   imageSize: 64,
 *   mean: [0.5, 0.5, 0.5],
 *   std: [0.25, 0.25, 0.25],
 *   augment: "flip",
 *   shuffle: true,
 *   seed: 1,
 *   last: "drop",
 *   cache: { mode: "auto" },
 * });
 * for await (const { images, targets } of loader.epoch(0)) console.log(images.length, targets.length);
 * ```
 */
export class Loader implements Disposable {
  /** Batches of an epoch. */
  readonly steps: number;
  /** Pictures in a batch, N: less than asked for where padding is off and the data set is smaller. */
  readonly batch: number;
  readonly #plan: BatchPlan;
  /** How many Workers. */
  readonly #count: number;
  #workers: readonly Worker[] = [];
  readonly #waiting = new Map<string, Waiting>();
  readonly #onNote: OnNote;
  #hasNoted = false;
  #run = 0;
  #epochRun = 0;
  #failed: Error | undefined;

  private constructor(plan: BatchPlan, steps: number, workers: number, onNote: OnNote = () => {}) {
    this.steps = steps;
    this.#onNote = onNote;
    this.batch = plan.batch;
    this.#plan = plan;
    this.#count = workers;
  }

  /**
   * Prepares the pictures: reads all of them, and decodes those that the cache lacks.
   *
   * @param data What is streamed.
   * @param options How.
   * @returns The loader. Close it, or declare it with `using`.
   * @throws {UserError} If a picture of the data set is broken: all of them are counted, the first ones named.
   * @throws {RangeError} If the data set is empty, a number does not fit, or there is no such augmentation.
   */
  static async open(data: Dataset, options: LoaderOptions): Promise<Loader> {
    checkOptions(data, options);
    const { imageSize, augment, interpolation = "bilinear", fit, range, cache, onProgress, onNote } = options;
    const square = options.square ?? squareFor(imageSize, augment);
    const batch = options.last === "drop" ? Math.min(options.batch, data.size) : options.batch;
    const plan: BatchPlan = {
      reader: await prepareReader(data, { imageSize, square, interpolation, fit, range }, cache, onProgress, onNote),
      samples: data.size,
      batch,
      channels: data.channels,
      mean: options.mean,
      std: options.std,
      augment,
      shuffle: options.shuffle !== false,
      runs: typeof options.shuffle === "object" ? options.shuffle : undefined,
      draws: drawsOf(data, options.sampling ?? "uniform", options.effectiveBeta ?? 0),
      repeats: options.repeats ?? 1,
      splits: options.splits ?? 1,
      seed: options.seed,
      targets: targetRows(data),
      outputs: data.outputs,
    };
    const steps = options.last === "drop" ? Math.floor(data.size / batch) : Math.ceil(data.size / batch);
    const usual = Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1));
    return new Loader(plan, steps, Math.min(options.workers ?? usual, steps), onNote);
  }

  /** Starts the Workers, which the first batch that is asked for does otherwise. */
  start(): void {
    if (this.#workers.length > 0 || this.#failed !== undefined) return;
    this.#workers = Array.from({ length: this.#count }, () => this.#begin(this.#plan));
  }

  /**
   * The batches of an epoch, made ahead. Starting another epoch ends this one.
   *
   * @param epoch The epoch, from 0.
   * @param fromStep The first step wanted, from 0.
   * @returns The batches, in order.
   * @throws {UserError} If a picture that is not in the cache turns out to be broken, with its path.
   */
  async *epoch(epoch: number, fromStep = 0): AsyncGenerator<Batch, void, void> {
    this.start();
    const run = ++this.#run;
    this.#epochRun = run;
    const stride = this.#count;
    const credit = Math.ceil(ahead / stride);
    const wait = (step: number) => {
      if (step < this.steps) this.#expect(run, step);
    };
    for (let step = fromStep; step < fromStep + credit * stride; step++) wait(step);
    this.#workers.forEach((_, k) => {
      this.#post(k, { type: "epoch", run, epoch, step: fromStep + k, stride, end: this.steps, credit });
    });
    try {
      for (let step = fromStep; step < this.steps; step++) {
        if (this.#epochRun !== run) throw new Error("Cannot go on with this epoch: another one was started");
        const batch = await this.#take(run, step);
        wait(step + credit * stride);
        this.#post((step - fromStep) % stride, { type: "credit", run });
        yield batch;
      }
    } finally {
      this.#forget(run);
    }
  }

  /**
   * One batch out of turn, such as the one to replay after a fault.
   *
   * @param epoch The epoch, from 0.
   * @param step The step in the epoch, from 0.
   * @returns The batch that {@link epoch} gives at this step.
   * @throws {RangeError} If the epoch has no such step.
   */
  batchAt(epoch: number, step: number): Promise<Batch> {
    if (!Number.isInteger(step) || step < 0 || step >= this.steps) {
      throw new RangeError(`Cannot make step ${step} of an epoch of ${this.steps}`);
    }
    this.start();
    const run = ++this.#run;
    this.#expect(run, step);
    this.#post(step % this.#count, { type: "one", run, epoch, step });
    return this.#take(run, step);
  }

  /** Ends the Workers. Batches that were given out stay valid. */
  close(): void {
    this.#fail(new Error("The loader is closed"));
    for (const worker of this.#workers) worker.terminate();
  }

  /** Closes the loader at the end of its block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #begin(plan: BatchPlan): Worker {
    const worker = new Worker(new URL("./batch_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<BatchAnswer>) => {
      if ("note" in data) return this.#note(data.note);
      const waiting = this.#waiting.get(`${data.run}/${data.step}`);
      if ("batch" in data) waiting?.resolve(data.batch);
      else waiting?.reject(errorOf(data.failed));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`A Worker that makes batches failed: ${event.message}`));
    };
    worker.postMessage({ type: "open", plan } satisfies BatchRequest);
    return worker;
  }

  /** One note is enough, whichever Worker found it first. */
  #note(note: string): void {
    if (!this.#hasNoted) this.#onNote(note);
    this.#hasNoted = true;
  }

  #post(worker: number, request: BatchRequest): void {
    this.#workers[worker]?.postMessage(request); // there is none where the loader was closed before it began
  }

  #expect(run: number, step: number): void {
    const waiting = Promise.withResolvers<Batch>();
    waiting.promise.catch(() => {}); // an error is reported when the batch is taken, if it ever is
    if (this.#failed !== undefined) waiting.reject(this.#failed);
    this.#waiting.set(`${run}/${step}`, waiting);
  }

  async #take(run: number, step: number): Promise<Batch> {
    const key = `${run}/${step}`;
    try {
      return await this.#waiting.get(key)!.promise;
    } finally {
      this.#waiting.delete(key);
    }
  }

  #forget(run: number): void {
    for (const key of this.#waiting.keys()) if (key.startsWith(`${run}/`)) this.#waiting.delete(key);
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failed);
  }
}

/** Target rows as Float32, [samples, K], shared with the Workers. */
function targetRows(data: Dataset): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(data.size * data.outputs * 4);
  const rows = new Float32Array(shared);
  data.samples.forEach(({ label }, i) => {
    if (data.task === "multiclass") rows[i * data.outputs + label[0]] = 1;
    else rows.set(label, i * data.outputs);
  });
  return shared;
}

function checkOptions(data: Dataset, options: LoaderOptions): void {
  const { batch, imageSize, mean, std, square = imageSize } = options;
  const runs = typeof options.shuffle === "object"
    ? { run: options.shuffle.length, window: options.shuffle.window }
    : {};
  hostTransformations(options.augment); // throws where there is none of the name
  if (data.size === 0) throw new RangeError("Cannot stream an empty data set");
  for (const [name, value] of Object.entries({ batch, imageSize, square, workers: options.workers ?? 1, ...runs })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Cannot stream with ${name} ${value}: give 1 or more`);
    }
  }
  if (square < imageSize) throw new RangeError(`Cannot crop ${imageSize} pixels from a square of ${square}`);
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== data.channels) {
      throw new TypeError(`Cannot normalise ${data.channels} channels with ${values.length} values of ${name}`);
    }
  }
  const flat = std.findIndex((value) => !(value > 0));
  if (flat !== -1) throw new RangeError(`Cannot normalise channel ${flat} with standard deviation ${std[flat]}`);
}
