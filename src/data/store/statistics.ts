/**
 * Mean and standard deviation of the pictures, for normalisation.
 *
 * @module
 */

import type { CacheOptions } from "./cache_folder.ts";
import type { Dataset } from "../dataset.ts";
import { prepareReader } from "./prepare.ts";
import type { ReaderSource } from "./reader.ts";
import type { Resizing } from "../pictures/resize.ts";
import type { OnProgress } from "./scan.ts";
import { runInWorkers, workerCount } from "../workers.ts";

/** Mean and standard deviation of each channel, of values from 0 to 1. */
export interface ChannelStatistics {
  /** Mean of each channel. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
}

/** ImageNet's statistics, with which most of torchvision's and timm's weights were trained. */
export const imagenetStatistics: ChannelStatistics = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Brings values to −1 … 1: what timm's vision transformers (AugReg) were trained with. */
export const halfStatistics: ChannelStatistics = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** How statistics are taken. */
export interface StatisticsOptions {
  /** How the run needs the pictures: that of its loaders, which then share the cache. */
  readonly resizing: Resizing;
  /** Whether decoded pictures are kept, where, and how many bytes of them. */
  readonly cache: CacheOptions;
  /** Pictures that are looked at, evenly spaced, where there are more. 10,000 by default. */
  readonly limit?: number;
  /** Is told how far it is. */
  readonly onProgress?: OnProgress;
  /** Is told of a cache that cannot be written or is damaged. */
  readonly onNote?: (note: string) => void;
}

/** Samples that a Worker adds up. */
export interface StatisticsJob {
  /** Where the pictures are. */
  readonly reader: ReaderSource;
  /** Channels of a picture. */
  readonly channels: number;
  /** Places of the samples. */
  readonly samples: readonly number[];
}

/** Sums of byte values, exact in float64. */
export interface StatisticsSums {
  /** Pixels. */
  readonly pixels: number;
  /** Sum of each channel. */
  readonly sum: number[];
  /** Sum of squares of each channel. */
  readonly squares: number[];
  /** What was noticed of the cache. */
  readonly note?: string;
}

/** Samples a job: few enough for a progress bar, enough to make it cheap to say where the pictures are. */
const chunk = 2000;

/** The smallest standard deviation that is given: half a grey level. Less, and a flat channel would blow up. */
const leastStd = 0.5 / 255;

/**
 * Mean and standard deviation of the pixels of a data set (a training split), as stored: squares, or pictures as they
 * are where those are smaller. Sums are whole numbers, so the result does not depend on Workers or the cache.
 *
 * @param data The data set.
 * @param options Size, cache and limit.
 * @returns Mean and standard deviation of each channel; at least half a grey level, so that flat pictures can be
 * normalised.
 * @throws {UserError} If a picture is broken.
 * @throws {RangeError} If the data set is empty.
 */
export async function channelStatistics(data: Dataset, options: StatisticsOptions): Promise<ChannelStatistics> {
  if (data.size === 0) throw new RangeError("Cannot take the mean of an empty data set");
  const { resizing, cache, limit = 10_000, onProgress, onNote } = options;
  const reader = await prepareReader(data, resizing, cache, onProgress, onNote);
  const count = Math.min(data.size, limit);
  const samples = Array.from({ length: count }, (_, i) => Math.floor(i * data.size / count));
  const workers = workerCount(count, 500);
  const parts = Math.max(workers, Math.ceil(count / chunk));
  const jobs = Array.from({ length: parts }, (_, k): StatisticsJob => ({
    reader,
    channels: data.channels,
    samples: samples.slice(Math.floor(k * count / parts), Math.floor((k + 1) * count / parts)),
  }));
  let pixels = 0;
  let done = 0;
  const total = { sum: new Array<number>(data.channels).fill(0), squares: new Array<number>(data.channels).fill(0) };
  await runInWorkers(new URL("./statistics_worker.ts", import.meta.url), jobs, workers, (sums: StatisticsSums, job) => {
    onProgress?.(done += job.samples.length, count, "adding up");
    pixels += sums.pixels;
    if (sums.note !== undefined) onNote?.(sums.note);
    for (let c = 0; c < data.channels; c++) {
      total.sum[c] += sums.sum[c];
      total.squares[c] += sums.squares[c];
    }
  });
  const mean = total.sum.map((sum) => sum / pixels / 255);
  const std = total.squares.map((sum, c) => Math.sqrt(Math.max(0, sum / pixels / 255 ** 2 - mean[c] ** 2)));
  return { mean, std: std.map((value) => Math.max(value, leastStd)) };
}
