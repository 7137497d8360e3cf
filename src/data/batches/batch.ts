/**
 * Makes batches: which samples, cropped and mirrored how, normalised to floats. Everything is a function of the seed,
 * the epoch and the sample.
 *
 * @module
 */

import type { Picture } from "../pictures/decode.ts";
import { randomBelow, randomStream, shuffle } from "../random.ts";
import type { PictureReader, ReaderSource } from "../store/reader.ts";
import { middleOf } from "../pictures/resize.ts";

/** Random changes to training pictures: none; mirrored; a random crop of a larger square, and mirrored. */
export type Augment = "none" | "flip" | "crop-flip";

/** A batch as the device takes it. */
export interface Batch {
  /** Normalised pictures, [N, C, S, S]. */
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

/** What batches are made of; structured-cloneable. */
export interface BatchPlan {
  /** Where the pictures can be read, and how they are resized: to S × S. */
  readonly reader: ReaderSource;
  /** How many samples. */
  readonly samples: number;
  /** Pictures in a batch, N. */
  readonly batch: number;
  /** Channels, C. */
  readonly channels: 1 | 3;
  /** Mean of each channel, of values from 0 to 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
  /** Random changes. */
  readonly augment: Augment;
  /** Whether the order is random. */
  readonly shuffle: boolean;
  /** Names the order and the changes. */
  readonly seed: number;
  /** Float32 target rows, [samples, K]. */
  readonly targets: SharedArrayBuffer;
  /** Width of a target row, K. */
  readonly outputs: number;
}

/** Streams of the order and of the changes to pictures. */
const [orderStream, augmentStream] = [0x0a3e1, 0xa26];

/**
 * Side of the square that is stored for pictures of a size: the size itself, or for random crops a larger square, 256
 * for 224 and in proportion (an even number more, so that the middle crop is exact). Pictures are evaluated on the
 * middle of the square that they were trained on: give the loader of a validation split the training split's square.
 *
 * @param size Side of a picture in pixels.
 * @param augment Random changes in training.
 * @returns Side of the square in pixels.
 */
export function squareFor(size: number, augment: Augment): number {
  return augment === "crop-flip" ? size + 2 * Math.max(1, Math.round(size / 14)) : size;
}

/**
 * The order of an epoch.
 *
 * @param plan What batches are made of.
 * @param epoch The epoch, from 0.
 * @returns Each sample's place, once.
 */
export function epochOrder(plan: Pick<BatchPlan, "samples" | "shuffle" | "seed">, epoch: number): Int32Array {
  const order = Int32Array.from({ length: plan.samples }, (_, i) => i);
  return plan.shuffle ? shuffle(order, randomStream(orderStream, plan.seed, epoch)) : order;
}

/** Makes the batches of a plan, in a Worker. */
export class BatchMaker {
  readonly #plan: BatchPlan;
  readonly #reader: PictureReader;
  readonly #targets: Float32Array;
  /** Normalised value of each byte, [C][256]. */
  readonly #normal: readonly Float32Array[];
  #order: { epoch: number; samples: Int32Array } | undefined;

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
  }

  /**
   * Makes a batch.
   *
   * @param epoch The epoch, from 0.
   * @param step The step in the epoch, from 0.
   * @returns The batch, padded where the samples run out.
   */
  make(epoch: number, step: number): Batch {
    const { batch, channels, outputs, reader } = this.#plan;
    const size = reader.resizing.imageSize;
    if (this.#order?.epoch !== epoch) this.#order = { epoch, samples: epochOrder(this.#plan, epoch) };
    const samples = this.#order.samples.subarray(step * batch, (step + 1) * batch);
    const pixels = channels * size * size;
    const made = {
      images: new Float32Array(batch * pixels),
      targets: new Float32Array(batch * outputs),
      weight: new Float32Array(batch).fill(1, 0, samples.length),
      indices: new Int32Array(batch).fill(-1, samples.length),
      count: samples.length,
    };
    samples.forEach((sample, row) => {
      made.indices[row] = sample;
      made.targets.set(this.#targets.subarray(sample * outputs, (sample + 1) * outputs), row * outputs);
      this.#place(sample, epoch, made.images.subarray(row * pixels, (row + 1) * pixels));
    });
    return made;
  }

  /** Writes a picture as [C, S, S]: cropped, mirrored, normalised. */
  #place(sample: number, epoch: number, out: Float32Array): void {
    const { imageSize } = this.#plan.reader.resizing;
    placePicture(this.#reader.readSquare(sample), this.#change(sample, epoch), imageSize, this.#normal, out);
  }

  /** Where the picture is cut out of its square, and whether it is mirrored. */
  #change(sample: number, epoch: number): Cut {
    const { augment, seed, reader: { resizing: { square, imageSize } } } = this.#plan;
    const middle = middleOf(square, imageSize);
    if (augment === "none") return { left: middle, top: middle, mirrored: false };
    const next = randomStream(augmentStream, seed, epoch, sample);
    const mirrored = randomBelow(next, 2) === 1;
    if (augment === "flip") return { left: middle, top: middle, mirrored };
    const places = square - imageSize + 1;
    return { left: randomBelow(next, places), top: randomBelow(next, places), mirrored };
  }
}

/** Where a picture is cut out of its square, and whether it is mirrored. */
export interface Cut {
  /** Columns left out on the left. */
  readonly left: number;
  /** Rows left out above. */
  readonly top: number;
  /** Whether left and right change places. */
  readonly mirrored: boolean;
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
 * Writes a picture as the model takes it: cut out, mirrored, normalised.
 *
 * @param picture At least as large as the cut.
 * @param cut Where it is cut out.
 * @param size Side of the cut in pixels, S.
 * @param normal Tables of {@link normalTables}, one for each channel.
 * @param out [C, S, S].
 */
export function placePicture(
  { width, channels, data }: Picture,
  { left, top, mirrored }: Cut,
  size: number,
  normal: readonly Float32Array[],
  out: Float32Array,
): void {
  const [first, step] = mirrored ? [left + size - 1, -channels] : [left, channels];
  for (let c = 0; c < channels; c++) {
    const table = normal[c];
    let to = c * size * size;
    for (let y = 0; y < size; y++) {
      let from = ((top + y) * width + first) * channels + c;
      for (let x = 0; x < size; x++, from += step) out[to++] = table[data[from]];
    }
  }
}
