/**
 * A trained model that says what in a picture its answer comes from.
 *
 * @module
 */

import { classNames, type Task } from "../data/labels.ts";
import { printable } from "../data/names.ts";
import { type Device } from "../device/device.ts";
import { openDevice } from "../device/open.ts";
import { nearest, option, orList, UserError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import type { RgbPixels } from "../report/png.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import { openModel } from "../run/open_model.ts";
import { type PictureInput, PictureShaper, readPicture } from "../run/picture_input.ts";
import { type Prediction, predictionOf } from "../run/prediction.ts";
import type { PredictorOptions, PredictorParts } from "../run/predictor.ts";
import { pixelsOf } from "../run/worst.ts";
import type { Method, MethodOptions } from "./method.ts";
import type { MethodName } from "./method_names.ts";
import { methodFor } from "./methods/mod.ts";
import { Probe } from "./probe.ts";

/** How pictures are explained. */
export interface ExplainOptions extends MethodOptions {
  /** Name of the method; default the one that suits the model. */
  readonly method?: MethodName;
  /** Class or label that is explained; of a binary task also `not` and the target. Default what is predicted. */
  readonly class?: string;
}

/** What an explainer is made of. */
export type ExplainerParts = Omit<PredictorParts, "batch">;

/** What in a picture counted. */
export interface Explanation {
  /** Name of the method. */
  readonly method: MethodName;
  /** The layer that the map is of, where it is of one. */
  readonly layer?: string;
  /** Class or label that is explained; of attention, unless it was asked for, it had no part in the map. */
  readonly class: string;
  /** Was the class asked for? Otherwise it is what is predicted. */
  readonly isClassAsked: boolean;
  /** What the model says of the picture. */
  readonly prediction: Prediction;
  /** Rows and columns of the map. */
  readonly side: number;
  /** Maps: heads of an attention, else 1. */
  readonly heads: number;
  /** The map by rows, [side, side]; of several heads [heads, side, side]. */
  readonly values: Float32Array;
  /** Does what is below 0 speak against the class? Else nothing is below 0. */
  readonly isSigned: boolean;
  /** The picture as the model saw it. */
  readonly picture: RgbPixels;
  /** Pixels that the map's side covers: the picture's side, or more where the last patch reaches over its edge. */
  readonly covered: number;
  /** What came back to the picture, by deconvolution and guided backpropagation; grey is nothing. */
  readonly pattern?: RgbPixels;
}

/**
 * A trained model that says what in a picture its answer comes from; {@link openExplainer} opens one.
 *
 * @example
 * ```ts
 * import { openExplainer } from "@fovea/fovea";
 *
 * await using explainer = await openExplainer("runs/hair");
 * const [{ values, side, prediction }] = await explainer.explain(["photo.jpg"], { method: "grad-cam" });
 * console.log(prediction.top.name, side, values);
 * ```
 */
export class Explainer implements AsyncDisposable {
  /** The model with its weights. */
  readonly model: Model;
  /** What its logits mean. */
  readonly task: Task;
  /** Names of classes or labels; of a binary task, the target's. */
  readonly classes: readonly string[];
  /** The model on the device, for methods of one's own. */
  readonly probe: Probe;
  readonly #parts: ExplainerParts;
  readonly #shaper: PictureShaper;

  /** Gives the weights to the device; kernels are compiled when they are first needed. */
  constructor(parts: ExplainerParts) {
    const { model, task, classes, preprocessing, device } = parts;
    this.#parts = parts;
    this.model = model;
    this.task = task;
    this.classes = classes;
    this.probe = new Probe(model, device);
    this.#shaper = new PictureShaper(preprocessing, model.channels);
  }

  /** How pictures are prepared. */
  get preprocessing(): Preprocessing {
    return this.#parts.preprocessing;
  }

  /**
   * Says what in pictures counted.
   *
   * @param pictures Paths of picture files, their bytes, or pixels.
   * @param options Method, class, and the method's own.
   * @throws UserError when a picture cannot be read, the model cannot have the method, or has no such layer or class.
   */
  async explain(pictures: readonly PictureInput[], options: ExplainOptions = {}): Promise<Explanation[]> {
    // Before any picture is read.
    this.check(options);
    const explained: Explanation[] = [];
    for (const [i, input] of pictures.entries()) {
      explained.push(await this.explainImage(await this.shaped(input, `pictures[${i}]`), options));
    }
    return explained;
  }

  /**
   * A picture as the model takes it, [C, S, S].
   *
   * @param name What to call it in an error, where it has no path.
   * @throws UserError when it cannot be read.
   */
  async shaped(input: PictureInput, name: string): Promise<Float32Array> {
    const { preprocessing: { range }, maxMegapixels } = this.#parts;
    const decoding = { range, maxPixels: maxMegapixels && maxMegapixels * 1e6 };
    return this.#shaper.shape(await readPicture(input, name, decoding));
  }

  /**
   * Says what in a picture counted, which is there as the model takes it.
   *
   * @param image Its numbers, [C, S, S], normalised.
   * @param options Method, class, and the method's own.
   */
  async explainImage(image: Float32Array, options: ExplainOptions = {}): Promise<Explanation> {
    const method = this.check(options);
    const { task, classes, probe, model } = this;
    const { preprocessing } = this.#parts;
    const { logits } = await probe.ask("logits", image, undefined, ({ b, logits }) => b.output("logits", logits));
    const prediction = this.says(logits);
    const name = options.class ?? prediction.top.name;
    const isClassAsked = options.class !== undefined;
    const map = await method.explain(probe, {
      ...options,
      ...{ image, select: selectOf(task, classes, name), isClassAsked },
    });
    return {
      isClassAsked,
      ...{ method: method.name, class: name, prediction, side: map.side, values: map.values },
      heads: map.values.length / map.side ** 2,
      isSigned: method.isSigned,
      picture: pixelsOf(image, 0, preprocessing, Infinity),
      covered: map.covered ?? model.imageSize,
      ...map.layer !== undefined && { layer: map.layer },
      ...map.pattern && { pattern: patternPixels(map.pattern, preprocessing) },
    };
  }

  /** What the model says of a picture by its logits [K]: as in `predict`, by the temperature of a calibrated run. */
  says(logits: Float32Array): Prediction {
    const { temperature = 1 } = this.#parts;
    return predictionOf(this.task, this.classes, logits.map((logit) => logit / temperature));
  }

  /**
   * Refuses what cannot be done, before any picture is read.
   *
   * @returns The method.
   * @throws UserError as {@link Explainer.explain}.
   */
  check(options: ExplainOptions): Method {
    const method = methodFor(options.method, this.probe.anatomy);
    method.layerOf?.(this.probe.anatomy, options.layer);
    checkNumbers(options, this.model.imageSize);
    checkClass(this.task, this.classes, options.class);
    return method;
  }

  /** Frees the device's memory. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.probe[Symbol.dispose]();
    if (this.#parts.ownsDevice) await this.#parts.device[Symbol.asyncDispose]();
  }
}

/**
 * Opens a trained model to ask it what in pictures its answers come from.
 *
 * @param path A run directory, a checkpoint, or what `export` or `saveWeights` wrote with what it means.
 * @param options Device, checkpoint, and models of the user's own.
 * @throws UserError when nothing can be opened there, or it does not say what its logits mean.
 */
export async function openExplainer(
  path: string,
  options: Omit<PredictorOptions, "batch"> = {},
): Promise<Explainer> {
  const { checkpoint, models, backend, maxMegapixels } = options;
  const { model, preprocessing, meaning, temperature } = await openModel(path, { checkpoint, models });
  if (!meaning) {
    throw new UserError(
      `Cannot explain ${
        printable(path)
      }: it does not say what its logits mean; give a run, or weights that Fovea saved`,
    );
  }
  const device: Device = options.device ?? await openDevice(backend);
  const ownsDevice = options.device === undefined;
  try {
    return new Explainer({ model, preprocessing, ...meaning, temperature, device, ownsDevice, maxMegapixels });
  } catch (error) {
    if (ownsDevice) await device[Symbol.asyncDispose]();
    throw error;
  }
}

/** Refuses numbers that mean nothing. */
function checkNumbers(options: ExplainOptions, side: number): void {
  for (const name of ["steps", "samples", "window", "stride"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new RangeError(`${name} is ${value}: give a whole number of at least 1`);
    }
  }
  const { noise = 0, window = 1, seed = 0 } = options;
  if (!(Number.isFinite(noise) && noise >= 0)) throw new RangeError(`noise is ${noise}: give a number of at least 0`);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed is ${seed}: give a whole number`);
  if (window <= side) return;
  throw new UserError(
    `Cannot hide ${window}×${window} pixels of ${side}×${side}: give ${option("window")} ${side} or less`,
    2,
  );
}

/** Refuses a class that the model does not know, with the nearest that it does. */
function checkClass(task: Task, classes: readonly string[], name: string | undefined): void {
  const names = classNames(task, classes);
  if (name === undefined || names.includes(name)) return;
  const near = nearest(name, names);
  throw new UserError(
    `The model knows no class ${printable(name)}; ${
      near ? `did you mean ${printable(near)}?` : `give ${orList(names.slice(0, 12).map(printable))}`
    }`,
    2,
  );
}

/** What is explained, as a factor for each logit: of a binary task −1 of the only one where the target is not there. */
function selectOf(task: Task, classes: readonly string[], name: string): Float32Array {
  const select = new Float32Array(classes.length);
  if (task === "binary") select[0] = name === classes[0] ? 1 : -1;
  else select[classes.indexOf(name)] = 1;
  return select;
}

/** What came back to a picture as a picture: grey is 0, and three deviations are black and white. */
function patternPixels(pattern: Float32Array, preprocessing: Preprocessing): RgbPixels {
  const deviation = Math.sqrt(pattern.reduce((sum, value) => sum + value * value, 0) / pattern.length) || 1;
  const channels = pattern.length / preprocessing.imageSize ** 2;
  const half = new Array<number>(channels).fill(0.5);
  return pixelsOf(
    pattern.map((value) => value / (3 * deviation)),
    0,
    { ...preprocessing, mean: half, std: half },
    Infinity,
  );
}
