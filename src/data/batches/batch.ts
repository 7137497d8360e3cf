/**
 * Makes batches: which samples, changed at random how, normalised to floats. Everything is a function of the seed,
 * the epoch and the sample.
 *
 * @module
 */

import { cropsAtRandom, hostTransformations, type Views } from "../../augment/augmentations.ts";
import { cutOut, type PictureView, wholeOf } from "../../augment/host/picture_view.ts";
import type { HostTransformation, SampleKey } from "../../augment/host/transformation.ts";
import { epochOrder, firstsOf, type Ordering, runsAhead } from "./order.ts";
import { viewsBefore } from "./sampling.ts";
import type { PictureReader, ReaderSource } from "../store/reader.ts";
import { middleOf } from "../pictures/resize.ts";

/** A batch as the device takes it. */
export interface Batch {
  /** Normalised pictures, [N, C, S, S]; of V views of each [V · N, C, S, S], first all first views. */
  readonly images: Float32Array<ArrayBuffer>;
  /** [N, K]: one-hot for multiclass, 0 or 1 otherwise. */
  readonly targets: Float32Array<ArrayBuffer>;
  /** [N]: 1, or 0 for padding. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** [N]: each picture's place in the data set, −1 for padding. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** How many pictures are not padding. */
  readonly count: number;
}

/** What batches are made of, and in which order; structured-cloneable. */
export interface BatchPlan extends Ordering {
  /** Where the pictures can be read, and how they are resized: to S × S. */
  readonly reader: ReaderSource;
  /** Pictures in a batch, N. */
  readonly batch: number;
  /** Channels, C. */
  readonly channels: 1 | 3;
  /** Mean of each channel, of values from 0 to 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
  /** Random changes to the pictures. */
  readonly augment: Views;
  /** Views of each picture in a batch, V: the first framed alone, the others changed in all ways. Default 1. */
  readonly splits?: number;
  /** Names the order and the changes. */
  readonly seed: number;
  /** Float32 target rows, [samples, K]. */
  readonly targets: SharedArrayBuffer;
  /** Width of a target row, K. */
  readonly outputs: number;
}

/**
 * Side of the square that is stored for pictures of a size. It is the size itself. For random crops it is larger: 256
 * for 224, and in proportion (an even number more, so that the middle crop is exact). Pictures are evaluated on the
 * middle of the square that they were trained on: give the loader of a validation split the training split's square.
 *
 * @param size Side of a picture in pixels.
 * @param augment Random changes in training.
 * @returns Side of the square in pixels.
 */
export function squareFor(size: number, augment: Views): number {
  return cropsAtRandom(augment) ? size + 2 * Math.max(1, Math.round(size / 14)) : size;
}

/** Makes the batches of a plan, in a Worker. */
export class BatchMaker {
  readonly #plan: BatchPlan;
  readonly #reader: PictureReader;
  readonly #targets: Float32Array;
  /** Normalised value of each byte, [C][256]. */
  readonly #normal: readonly Float32Array[];
  readonly #transformations: readonly HostTransformation[];
  /** Those that the first of several views has. */
  readonly #frames: readonly HostTransformation[];
  readonly #crops: boolean;
  #order: { epoch: number; samples: Int32Array; views: Int32Array; runs?: Int32Array } | undefined;

  /**
   * Prepares the tables.
   *
   * @param plan What batches are made of.
   * @param reader Reads the pictures.
   */
  constructor(plan: BatchPlan, reader: PictureReader) {
    this.#plan = plan;
    this.#reader = reader;
    this.#targets = new Float32Array(plan.targets);
    this.#normal = normalTables(plan.mean, plan.std);
    const { mean, reader: { resizing: { interpolation } } } = plan;
    this.#transformations = hostTransformations(plan.augment, { mean, interpolation });
    this.#frames = this.#transformations.filter(({ frames }) => frames);
    this.#crops = cropsAtRandom(plan.augment);
  }

  /**
   * Makes a batch.
   *
   * @param epoch The epoch, from 0.
   * @param step The step in the epoch, from 0.
   * @returns The batch, padded where the samples run out.
   */
  make(epoch: number, step: number): Batch {
    const { batch, channels, outputs, reader, seed, splits = 1 } = this.#plan;
    const size = reader.resizing.imageSize;
    const isFirst = this.#order?.epoch !== epoch;
    if (this.#order === undefined || isFirst) {
      const order = epochOrder(this.#plan, epoch);
      const views = viewsBefore(order, this.#plan.samples);
      this.#order = { epoch, samples: order, views, runs: firstsOf(this.#plan, epoch) };
    }
    this.#readAhead(step, isFirst);
    const { views } = this.#order;
    const samples = this.#order.samples.subarray(step * batch, (step + 1) * batch);
    const pixels = channels * size * size;
    const made = {
      images: new Float32Array(splits * batch * pixels),
      targets: new Float32Array(batch * outputs),
      weight: new Float32Array(batch).fill(1, 0, samples.length),
      indices: new Int32Array(batch).fill(-1, samples.length),
      count: samples.length,
    };
    samples.forEach((sample, row) => {
      made.indices[row] = sample;
      made.targets.set(this.#targets.subarray(sample * outputs, (sample + 1) * outputs), row * outputs);
      const before = views[step * batch + row];
      const key: SampleKey = [seed, epoch, sample, ...before ? [before] : []];
      const square = wholeOf(this.#reader.readSquare(sample));
      const picture = this.#crops ? square : middlePart(square, size);
      for (let split = 0; split < splits; split++) {
        const begin = (split * batch + row) * pixels;
        const own: SampleKey = split === 0 ? key : [seed, epoch, sample, before, split];
        const used = splits > 1 && split === 0 ? this.#frames : this.#transformations;
        this.#place(picture, used, { frame: key, own }, made.images.subarray(begin, begin + pixels));
      }
    });
    return made;
  }

  /** Has the disk give the runs whose pictures come next. */
  #readAhead(step: number, isFirst: boolean): void {
    const { batch, repeats = 1, runs, samples } = this.#plan;
    const firsts = this.#order?.runs;
    if (runs === undefined || firsts === undefined) return;
    const [begin, end] = runsAhead(runs, batch / repeats, step, isFirst);
    for (const first of firsts.subarray(begin, end)) {
      this.#reader.readAhead(first, Math.min(first + runs.length, samples));
    }
  }

  /**
   * Writes a view of a picture as [C, S, S]: changed at random, normalised.
   *
   * @param keys What name the random numbers of its frame, and those of all else.
   */
  #place(
    whole: PictureView,
    transformations: readonly HostTransformation[],
    keys: { readonly frame: SampleKey; readonly own: SampleKey },
    out: Float32Array,
  ): void {
    const { reader: { resizing: { imageSize } } } = this.#plan;
    const picture = transformations.reduce(
      (seen, { frames, apply }) => apply(seen, frames ? keys.frame : keys.own, imageSize),
      whole,
    );
    placePicture(picture, this.#normal, out);
    for (const { finish } of transformations) finish?.(out, keys.own, imageSize);
  }
}

/**
 * The middle of a picture, as torchvision's `center_crop` has it.
 *
 * @param picture At least as large.
 * @param size Side of the middle in pixels.
 */
export function middlePart(picture: PictureView, size: number): PictureView {
  return cutOut(picture, middleOf(picture.width, size), middleOf(picture.height, size), size);
}

/**
 * Normalised value of each byte, for each channel.
 *
 * @param mean Mean of each channel, of values from 0 to 1.
 * @param std Standard deviation of each channel.
 * @returns Tables [C][256].
 */
export function normalTables(mean: readonly number[], std: readonly number[]): Float32Array[] {
  return mean.map((value, c) => Float32Array.from({ length: 256 }, (_, v) => (v / 255 - value) / std[c]));
}

/**
 * Writes a picture as the model takes it: normalised, channel by channel.
 *
 * @param picture The picture.
 * @param normal Tables of {@link normalTables}, one for each channel.
 * @param out [C, height, width].
 */
export function placePicture(picture: PictureView, normal: readonly Float32Array[], out: Float32Array): void {
  const { width, height, channels, data, start, acrossBy, downBy } = picture;
  let to = 0;
  for (let c = 0; c < channels; c++) {
    const table = normal[c];
    for (let y = 0; y < height; y++) {
      let from = start + y * downBy + c;
      for (let x = 0; x < width; x++, from += acrossBy) out[to++] = table[data[from]];
    }
  }
}
