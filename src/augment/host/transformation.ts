/**
 * What a transformation on the host is. Workers load these: nothing of the graph is imported here.
 *
 * @module
 */

import { type RandomStream, randomStream } from "../../random.ts";
import type { PictureView } from "./picture_view.ts";

/**
 * What a transformation's random numbers are a function of. A sample that is shown again in an epoch has a further
 * number: how many times it was before. Where a batch has several views of it, all but the first have that number and
 * the view's.
 */
export type SampleKey = readonly [seed: number, epoch: number, sample: number, ...view: readonly number[]];

/** A random change to a training picture. */
export interface HostTransformation {
  /** What it is called. */
  readonly name: string;
  /** Whether it takes a part out of a larger square, which is stored for it. Else it sees the square's middle. */
  readonly crops?: boolean;
  /** Whether it says where the picture is looked at, and which way round: all views of it in a step share that. */
  readonly frames?: boolean;
  /**
   * Changes a picture, before it is normalised.
   *
   * @param picture The picture; of the model's size unless it crops.
   * @param key Names the random numbers.
   * @param size Side that the model takes, in pixels.
   * @returns The picture, of that side.
   */
  readonly apply: (picture: PictureView, key: SampleKey, size: number) => PictureView;
  /**
   * Changes the numbers that the model takes, in place, once all pixels are changed and normalised.
   *
   * @param values [C, size, size].
   * @param key Names the random numbers.
   * @param size Side that the model takes, in pixels.
   */
  readonly finish?: (values: Float32Array, key: SampleKey, size: number) => void;
}

/**
 * Mirror and crop read one stream, so that runs of before go on to the same bytes: mirror its first number, crop the
 * next ones. Others take streams of their own.
 */
export const placementStream = (key: SampleKey): RandomStream => randomStream(0xa26, ...key);

/**
 * The stream of a transformation with random numbers of its own.
 *
 * @param place Its place in the list of transformations.
 * @param key Names the random numbers.
 */
export const streamOf = (place: number, key: SampleKey): RandomStream => randomStream(0xa27, place, ...key);
