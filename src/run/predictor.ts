/**
 * A trained model that answers: pictures in, classes with their probabilities out.
 *
 * Pictures are decoded on the caller's thread, one after the other. Between two of them other work of the program gets
 * its turn: a server takes requests, a timer fires. So a large picture holds others up for as long as it alone takes to
 * decode. Threads of its own would cost each predictor a fraction of a second and memory before its first answer, which
 * is most of what a single question takes. A server of large photographs runs several processes, or decodes in Workers
 * of its own and hands over pixels.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { printable } from "../data/names.ts";
import type { Decoding } from "../data/pictures/header.ts";
import type { Task } from "../data/labels.ts";
import type { Device, Program, Session } from "../device/device.ts";
import { type Backend, openDevice } from "../device/open.ts";
import { UserError } from "../errors.ts";
import type { Model } from "../models/mod.ts";
import type { Preprocessing } from "./checkpoint.ts";
import { EVALUATION_BATCH, writeWeights } from "./evaluate.ts";
import { evaluationGraph } from "./evaluation_graph.ts";
import { openModel } from "./open_model.ts";
import type { OpenRunOptions } from "./open_run.ts";
import { type PictureInput, PictureShaper, readPicture } from "./picture_input.ts";
import { type Prediction, predictionOf } from "./prediction.ts";

/** How {@link openPredictor} opens a model. */
export interface PredictorOptions extends OpenRunOptions {
  /** Device to run on, which is left open; default one of its own. */
  readonly device?: Device;
  /** Which kind of device, where none is given; default `auto`. */
  readonly backend?: Backend;
  /** Most pictures that are computed at a time; default 32. */
  readonly batch?: number;
  /** Largest picture that is decoded, in megapixels; default 100. */
  readonly maxMegapixels?: number;
}

/** What a predictor is made of. */
export interface PredictorParts {
  /** With its weights. */
  readonly model: Model;
  /** What the logits mean. */
  readonly task: Task;
  /** Names in the order of the logits; of a binary task, the target's. */
  readonly classes: readonly string[];
  /** How pictures are prepared. */
  readonly preprocessing: Preprocessing;
  /** Where it runs. */
  readonly device: Device;
  /** What logits are divided by; default 1. */
  readonly temperature?: number;
  /** Is the device closed with the predictor? */
  readonly ownsDevice?: boolean;
  /** Most pictures at a time; default 32. */
  readonly batch?: number;
  /** Largest picture that is decoded, in megapixels; default 100. */
  readonly maxMegapixels?: number;
}

/** A picture that waits for its turn. */
interface Waiting {
  readonly input: PictureInput;
  /** What it is called in an error, where it has no path. */
  readonly name: string;
  readonly resolve: (result: Prediction | UserError) => void;
  readonly reject: (error: unknown) => void;
}

/** A picture that could be read. */
interface Readable {
  readonly waiting: Waiting;
  /** As the model takes it. */
  readonly shaped: Float32Array;
}

/**
 * A trained model that answers; {@link openPredictor} opens one.
 *
 * Calls may come at any time, as requests of a server do. Their pictures wait in one queue. The device takes as many as
 * are there, up to a batch, while the batch before is read back. Pictures of several calls may share a batch. Each call
 * gets its own answers, in its own order.
 */
export class Predictor implements AsyncDisposable {
  /** The model with its weights. */
  readonly model: Model;
  /** What its logits mean. */
  readonly task: Task;
  /** Names of classes or labels; of a binary task, the target's. */
  readonly classes: readonly string[];
  /** Where it runs. */
  readonly device: Device;
  readonly #ownsDevice: boolean;
  readonly #temperature: number;
  readonly #batch: number;
  readonly #shaper: PictureShaper;
  readonly #decoding: Decoding;
  readonly #session: Session;
  /** By their number of pictures: a whole batch, and one, since requests mostly come one by one. */
  readonly #programs = new Map<number, Program>();
  readonly #queue: Waiting[] = [];
  /** Takes pictures from the queue until it is empty. */
  #work?: Promise<void>;
  #isClosed = false;

  /** Gives the weights to the device; kernels are compiled when they are first needed. */
  constructor(parts: PredictorParts) {
    const { model, task, classes, preprocessing, device, ownsDevice = false, batch = EVALUATION_BATCH, maxMegapixels } =
      parts;
    if (!Number.isSafeInteger(batch)) throw new TypeError(`batch is ${batch}: give a whole number of at least 1`);
    if (batch < 1) throw new RangeError(`batch is ${batch}: give a whole number of at least 1`);
    this.model = model;
    this.task = task;
    this.classes = classes;
    this.device = device;
    this.#ownsDevice = ownsDevice;
    this.#temperature = parts.temperature ?? 1;
    this.#batch = batch;
    this.#shaper = new PictureShaper(preprocessing, model.channels);
    this.#decoding = { range: preprocessing.range, maxPixels: maxMegapixels && maxMegapixels * 1e6 };
    this.#session = device.open();
    writeWeights(this.#session, model);
  }

  /**
   * Says what pictures show.
   *
   * @param pictures Paths of picture files, their bytes, or pixels.
   * @returns A prediction for each, in their order.
   * @throws UserError that names the first picture that cannot be read, once all are done. {@link
   * Predictor.predictSettled} gives the others' predictions, too.
   *
   * @example
   * ```ts
   * import { openPredictor } from "@fovea/fovea";
   *
   * await using predictor = await openPredictor("runs/hair");
   * const [first] = await predictor.predict(["photo.jpg"]);
   * console.log(first.top.name, first.top.probability, first.probabilities);
   * ```
   */
  async predict(pictures: readonly PictureInput[]): Promise<Prediction[]> {
    const results = await this.predictSettled(pictures);
    const broken = results.find((result) => result instanceof UserError);
    if (broken) throw broken;
    return results as Prediction[];
  }

  /**
   * Says what pictures show, and of each that cannot be read why.
   *
   * @param pictures Paths of picture files, their bytes, or pixels.
   * @returns For each, in their order, a prediction or the error of that picture alone.
   */
  async predictSettled(pictures: readonly PictureInput[]): Promise<(Prediction | UserError)[]> {
    if (this.#isClosed) throw new TypeError("Cannot predict: the predictor is closed");
    const results = pictures.map((input, i) => {
      const { promise, resolve, reject } = Promise.withResolvers<Prediction | UserError>();
      this.#queue.push({ input, name: `pictures[${i}]`, resolve, reject });
      return promise;
    });
    if (results.length > 0) this.#work ??= this.#empty();
    return await Promise.all(results);
  }

  /** Waits until all calls are answered, and frees the device's memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#work;
    this.#session[Symbol.dispose]();
    if (this.#ownsDevice) await this.device[Symbol.asyncDispose]();
  }

  /** Computes what is in the queue, batch by batch. */
  async #empty(): Promise<void> {
    // Calls of the same turn of the event loop share a batch.
    await Promise.resolve();
    // Reading back waits for the device: it is asked for at once and waited for when the next batch has begun.
    let pending: (() => Promise<void>) | undefined;
    while (this.#queue.length > 0 || pending) {
      const batch = this.#queue.splice(0, this.#batch);
      const next = batch.length > 0 ? await this.#start(batch) : undefined;
      await pending?.();
      pending = next;
    }
    // In the same turn in which the queue was found empty: who comes next begins anew.
    this.#work = undefined;
  }

  /** Runs a batch; gives what is to be awaited for its answers. Never throws: who waits is told. */
  async #start(batch: readonly Waiting[]): Promise<(() => Promise<void>) | undefined> {
    const readable: Readable[] = [];
    for (const waiting of batch) {
      const shaped = await this.#read(waiting);
      if (shaped) readable.push({ waiting, shaped });
      await turn();
    }
    if (readable.length === 0) return undefined;
    const fail = (error: unknown) => readable.forEach(({ waiting }) => waiting.reject(error));
    try {
      const size = readable.length === 1 ? 1 : this.#batch;
      const images = new Float32Array(size * this.#shaper.size);
      readable.forEach(({ shaped }, row) => images.set(shaped, row * this.#shaper.size));
      const program = this.#programOf(size);
      program.run({ images });
      const outputs = program.outputs();
      // It is awaited later, and may fail before.
      outputs.catch(() => {});
      return async () => {
        try {
          const { logits } = await outputs;
          readable.forEach(({ waiting }, row) => waiting.resolve(this.#answer(logits, row)));
        } catch (error) {
          fail(error);
        }
      };
    } catch (error) {
      fail(error);
      return undefined;
    }
  }

  /** A picture that waits, as the model takes it; undefined where it is broken, which it is told. */
  async #read(waiting: Waiting): Promise<Float32Array | undefined> {
    try {
      return this.#shaper.shape(await readPicture(waiting.input, waiting.name, this.#decoding));
    } catch (error) {
      if (error instanceof UserError) waiting.resolve(error);
      else waiting.reject(error);
      return undefined;
    }
  }

  #programOf(size: number): Program {
    const program = this.#programs.get(size) ?? this.#session.compile(evaluationGraph(this.model, size));
    this.#programs.set(size, program);
    return program;
  }

  #answer(logits: Float32Array, row: number): Prediction {
    const { classes } = this.model;
    const own = logits.slice(row * classes, (row + 1) * classes).map((logit) => logit / this.#temperature);
    return predictionOf(this.task, this.classes, own);
  }
}

/**
 * Opens a trained model to ask it about pictures. It needs to read files, and nothing else: no network, no cache
 * folder.
 *
 * @param path A run directory, a checkpoint, or what `export` or `saveWeights` wrote with what it means.
 * @param options Device, checkpoint, batch, and models of the user's own.
 * @throws UserError when nothing can be opened there, or it does not say what its logits mean.
 *
 * @example
 * ```ts
 * import { openPredictor } from "@fovea/fovea";
 *
 * await using predictor = await openPredictor("runs/hair", { backend: "webgpu" });
 * const grey = { width: 28, height: 28, channels: 1, data: new Uint8Array(28 * 28) } as const;
 * const [photo, pixels] = await predictor.predict(["photo.jpg", grey]);
 * console.log(photo.labels, pixels.labels);
 * ```
 */
export async function openPredictor(path: string, options: PredictorOptions = {}): Promise<Predictor> {
  const { checkpoint, models, batch, backend, maxMegapixels } = options;
  const { model, preprocessing, meaning, temperature } = await openModel(path, { checkpoint, models });
  if (!meaning) {
    throw new UserError(
      `Cannot predict with ${
        printable(path)
      }: it does not say what its logits mean; give a run, or weights that Fovea saved`,
    );
  }
  const device = options.device ?? await openDevice(backend);
  const ownsDevice = options.device === undefined;
  try {
    return new Predictor({ model, preprocessing, ...meaning, temperature, device, ownsDevice, batch, maxMegapixels });
  } catch (error) {
    if (ownsDevice) await device[Symbol.asyncDispose]();
    throw error;
  }
}

/** A turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
