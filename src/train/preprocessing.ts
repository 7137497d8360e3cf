/**
 * How a run prepares its pictures: from the options, the model and the training split.
 *
 * A picture's shorter side is resized to R (`square`), and the middle R × R is stored. S is cut out of it: the middle,
 * or anywhere in training for what crops at random. At 224 pixels R may be 256. It is decided here once; checkpoints
 * carry it, and training, validation, eval and predict use the same `Resizing`.
 *
 * @module
 */

import { colourTerms, cropsAtRandom } from "../augment/augmentations.ts";
import { squareFor } from "../data/batches/batch.ts";
import type { Dataset } from "../data/dataset.ts";
import {
  type ChannelStatistics,
  channelStatistics,
  halfStatistics,
  imagenetStatistics,
} from "../data/store/statistics.ts";
import type { OnNote } from "../data/store/pack.ts";
import { type OnProgress, scanPictures } from "../data/store/scan.ts";
import { option, UserError } from "../errors.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import type { RunOptions } from "./settled_options.ts";

/**
 * The preprocessing of a run: pictures are resized to `resize` on their shorter side and cut to the model's size.
 *
 * @param options Of the run.
 * @param data The training split.
 * @param onProgress Is told how far the reading of its pictures is, for their mean.
 * @param onNote Is told of a cache that cannot be written or is damaged.
 * @throws UserError when pictures are to be cut larger than they are resized, or statistics do not fit the channels.
 */
export async function preprocessingOf(
  options: RunOptions,
  data: Dataset,
  onProgress?: OnProgress,
  onNote?: OnNote,
): Promise<Preprocessing> {
  const { model: { imageSize }, augment, interpolation, fit, range, normalize, cache } = options;
  const square = options.resize ?? squareFor(imageSize, augment);
  const [colours] = data.channels === 1 ? colourTerms(augment) : [];
  if (colours !== undefined) {
    const what = `${option("augment")} ${augment}`;
    throw new UserError(`Cannot use ${what}: ${colours} changes colours, and the pictures are grey: leave it out`, 2);
  }
  const least = cropsAtRandom(augment) ? imageSize + 1 : imageSize;
  if (square < least) {
    const what = cropsAtRandom(augment) ? "a random part" : "the middle part";
    throw new UserError(
      `Cannot cut ${what} of ${imageSize}×${imageSize} out of pictures resized to ${square}: give ${
        option("resize")
      } ${least} or more`,
      2,
    );
  }
  // What is as it always was is not written down.
  const resizing = { imageSize, square, interpolation, ...fit !== "crop" && { fit }, ...range && { range } };
  if (range !== undefined) await refuseIdleRange(data, onProgress);
  const { mean, std } = normalize === "train"
    ? await channelStatistics(data, { resizing, cache, onProgress, onNote })
    : givenStatistics(normalize, data.channels);
  return { ...resizing, mean, std };
}

/** A range says what becomes of 16 bits: of pictures without, it says nothing. */
async function refuseIdleRange(data: Dataset, onProgress?: OnProgress): Promise<void> {
  const { bits } = await scanPictures(data.source, onProgress);
  if (data.positions.some((position) => bits[position] === 16)) return;
  throw new UserError(`Cannot use ${option("range")}: it would change nothing, since no picture has 16 bits`, 2);
}

const KNOWN = { imagenet: imagenetStatistics, half: halfStatistics } as const;

/** Statistics of colour pictures serve grey ones by their means over the channels. */
function givenStatistics(normalize: keyof typeof KNOWN | ChannelStatistics, channels: number): ChannelStatistics {
  const { mean, std } = typeof normalize === "string" ? KNOWN[normalize] : normalize;
  const fits = mean.length === std.length && (mean.length === channels || (mean.length === 3 && channels === 1));
  if (!fits) {
    throw new UserError(
      `Cannot normalise pictures of ${channels} channels by ${mean.length} means and ${std.length} standard deviations: give ${channels} of each`,
      2,
    );
  }
  if (mean.length === channels) return { mean, std };
  const average = (values: readonly number[]) => [values.reduce((a, b) => a + b) / values.length];
  return { mean: average(mean), std: average(std) };
}
