/**
 * How often pictures are shown in an epoch: the shares of the classes, and draws by them.
 *
 * @module
 */

import { randomBelow, type RandomStream } from "../../random.ts";
import type { Dataset } from "../dataset.ts";
import { classNames } from "../labels.ts";
import { printable } from "../names.ts";

/** `uniform` shows each picture once an epoch. The others draw with replacement, as many as there are pictures. */
export type Sampling = "uniform" | "balanced" | "sqrt" | "effective";

/** What an epoch is drawn from; structured-cloneable. */
export interface Draws {
  /** Chance of each class, of sum 1. */
  readonly shares: readonly number[];
  /** Samples of each class. */
  readonly members: readonly Uint32Array[];
}

/**
 * Effective number of samples of a class (Cui et al., "Class-balanced loss based on effective number of samples",
 * 2019).
 *
 * @param count Its pictures n.
 * @param beta β from 0 to below 1.
 * @returns (1 − βⁿ) / (1 − β).
 */
export function effectiveNumber(count: number, beta: number): number {
  return (1 - beta ** count) / (1 - beta);
}

/**
 * Chance of each class when a picture is drawn. With `effective` every picture has a weight of one by its class's
 * effective number, as the class-balanced loss gives it.
 *
 * @param counts Pictures of each class.
 * @param sampling How they are drawn.
 * @param beta β of effective numbers.
 */
export function classShares(counts: readonly number[], sampling: Sampling, beta: number): number[] {
  const weightOf: Readonly<Record<Sampling, (count: number) => number>> = {
    uniform: (count) => count,
    balanced: () => 1,
    sqrt: Math.sqrt,
    effective: (count) => count / effectiveNumber(count, beta),
  };
  // A class without pictures cannot be drawn.
  const weights = counts.map((count) => count === 0 ? 0 : weightOf[sampling](count));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * What the epochs of a training split are drawn from; undefined where each picture is shown once.
 *
 * @throws {TypeError} If a picture has no single class.
 */
export function drawsOf(data: Dataset, sampling: Sampling, beta: number): Draws | undefined {
  if (sampling === "uniform") return undefined;
  if (data.task === "multilabel") {
    throw new TypeError(`Cannot draw by sampling ${sampling}: a picture of several labels has no one class`);
  }
  const lists: number[][] = data.counts().map(() => []);
  data.samples.forEach(({ label }, sample) => lists[label[0]].push(sample));
  const shares = classShares(lists.map(({ length }) => length), sampling, beta);
  return { shares, members: lists.map((list) => Uint32Array.from(list)) };
}

/** Draws samples: a class by its share, and any one of its pictures. */
export function drawSamples({ shares, members }: Draws, count: number, next: RandomStream): Int32Array {
  const last = shares.findLastIndex((share) => share > 0);
  return Int32Array.from({ length: count }, () => {
    let rest = next() / 2 ** 32;
    const drawn = shares.findIndex((share) => (rest -= share) < 0);
    // What rounding leaves over is the last class's.
    const list = members[drawn === -1 ? last : drawn];
    return list[randomBelow(next, list.length)];
  });
}

/**
 * How many times before in an epoch each of its pictures was shown: 0 for its first view.
 *
 * @param order The epoch's samples.
 * @param samples How many there are to be shown.
 */
export function viewsBefore(order: Int32Array, samples: number): Int32Array {
  const shown = new Int32Array(samples);
  return order.map((sample) => shown[sample]++);
}

/** What an epoch of a training split is, where that is not once through it, in lines. */
export function epochLines(
  data: Dataset,
  { sampling, effectiveBeta, repeats }: {
    readonly sampling: Sampling;
    readonly effectiveBeta: number;
    readonly repeats: number;
  },
): string[] {
  const number = (n: number) => n.toLocaleString("en");
  const names = classNames(data.task, data.classes).map(printable);
  const shares = classShares(data.counts(), sampling, effectiveBeta)
    .map((share, c) => `${names[c]} ${(100 * share).toPrecision(3)}%`);
  const drawn = sampling === "uniform"
    ? []
    : [`sampling ${sampling}: an epoch is ${number(data.size)} draws with replacement, ${shares.join(", ")}`];
  const repeated = repeats === 1
    ? []
    : [`repeats ${repeats}: an epoch is ${number(data.size)} views, ${repeats} of each picture that is in it`];
  return [...drawn, ...repeated];
}
