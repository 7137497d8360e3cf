/**
 * The order of an epoch: a function of the seed and the epoch.
 *
 * Where the pictures as stored are more than memory holds, a random order would ask the disk for each picture alone.
 * They are then mixed in runs of consecutive pictures, which the disk gives at once: the runs at random, and the
 * pictures of a window of runs among each other. It is what WebDataset does with shards and a buffer, and FFCV calls
 * quasi-random.
 *
 * @module
 */

import { randomStream, shuffle } from "../../random.ts";
import { type Draws, drawSamples } from "./sampling.ts";

/** How an epoch is mixed: all pictures, or windows of runs of them. */
export type Shuffle = "full" | "runs";

/** How an epoch is mixed where it is mixed in runs. */
export interface Runs {
  /** Consecutive pictures of a run. */
  readonly length: number;
  /** Runs whose pictures are mixed among each other. */
  readonly window: number;
}

/** What an order is of. */
export interface Ordering {
  /** How many samples. */
  readonly samples: number;
  /** Whether the order is random. */
  readonly shuffle: boolean;
  /** How it is mixed in runs; as a whole without. */
  readonly runs?: Runs;
  /** What an epoch is drawn from in the place of an order. */
  readonly draws?: Draws;
  /** Views of a picture side by side; default 1. */
  readonly repeats?: number;
  /** Names the order. */
  readonly seed: number;
}

/** Stream of the order. */
const orderStream = 0x0a3e1;

/** Stored pictures are mixed in runs where they take more than this share of the free memory. */
const MEMORY_SHARE = 1 / 2;

/** Bytes of a run: enough that a disk is busier with reading than with finding it. */
const RUN_BYTES = 2 ** 20;

/** Runs in a window. Two windows are in memory at a time. */
const WINDOW = 64;

/**
 * Are stored pictures to be mixed in runs, since they are more than memory holds?
 *
 * @param bytes All that are read in an epoch.
 * @param free Bytes of memory that are free; undefined where that is not known.
 */
export function exceedsMemory(bytes: number, free: number | undefined): boolean {
  return free !== undefined && bytes > MEMORY_SHARE * free;
}

/**
 * Runs of stored pictures: 64 runs of a mebibyte are mixed at a time.
 *
 * @param bytes Of a picture as stored.
 */
export function runsOf(bytes: number): Runs {
  return { length: Math.max(1, Math.floor(RUN_BYTES / bytes)), window: WINDOW };
}

/**
 * The order of an epoch.
 *
 * @param ordering What it is of.
 * @param epoch The epoch, from 0.
 * @returns As many places as there are samples: each once, unless they are drawn or repeated.
 */
export function epochOrder(ordering: Ordering, epoch: number): Int32Array {
  const { samples, shuffle: isRandom, seed, draws, repeats = 1, runs } = ordering;
  const next = randomStream(orderStream, seed, epoch);
  const places = () => Int32Array.from({ length: samples }, (_, i) => i);
  const order = draws
    ? drawSamples(draws, samples, next)
    : !isRandom
    ? places()
    : runs
    ? mixed(firstsOf(ordering, epoch)!, runs, samples, randomStream(orderStream, seed, epoch, 1))
    : shuffle(places(), next);
  return repeats === 1 ? order : order.map((_, i) => order[Math.floor(i / repeats)]);
}

/**
 * The runs of an epoch in their order, each by the place of its first sample; undefined where it is mixed as a whole.
 *
 * @param ordering What the order is of.
 * @param epoch The epoch, from 0.
 */
export function firstsOf({ samples, shuffle: isRandom, runs, seed, draws }: Ordering, epoch: number) {
  if (!isRandom || runs === undefined || draws !== undefined) return undefined;
  const firsts = Int32Array.from({ length: Math.ceil(samples / runs.length) }, (_, run) => run * runs.length);
  return shuffle(firsts, randomStream(orderStream, seed, epoch));
}

/** Places of the runs, mixed within each window. */
function mixed(firsts: Int32Array, { length, window }: Runs, samples: number, next: () => number): Int32Array {
  const order = new Int32Array(samples);
  let end = 0;
  for (let run = 0; run < firsts.length; run += window) {
    const begin = end;
    for (const first of firsts.subarray(run, run + window)) {
      for (let place = first; place < Math.min(first + length, samples); place++) order[end++] = place;
    }
    shuffle(order.subarray(begin, end), next);
  }
  return order;
}

/**
 * Which runs are to be read ahead with a step, so that those of its pictures' window are in memory, and those of the
 * next are as far as the window is gone through. Each is read with one step of an epoch, whoever makes which.
 *
 * @param runs How the epoch is mixed.
 * @param count Places of the order that a step takes.
 * @param step The step, from 0.
 * @param isFirst Is it the first of the epoch that this reader makes? It begins with its window.
 * @returns Numbers of runs in the epoch's order: the first, and the one after the last.
 */
export function runsAhead({ length, window }: Runs, count: number, step: number, isFirst: boolean): [number, number] {
  const begun = (at: number) => Math.ceil(at * count / length);
  const end = begun(step + 1) + window;
  return [isFirst ? Math.floor(begun(step) / window) * window : begun(step) + window, end];
}
