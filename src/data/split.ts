/**
 * Splitting labels into train, val and test: random in given ratios, with or without the class ratios kept, or as the
 * data set itself says.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Task } from "./labels.ts";
import { firstNames, printable } from "./names.ts";
import { randomStream, shuffle } from "../random.ts";

/** The parts, in order. */
export const splitNames = ["train", "val", "test"] as const;

/** Places of the samples of each part, ascending. */
export type SplitIndices = Record<(typeof splitNames)[number], number[]>;

/** What is split, and how. */
export interface SplitInput {
  /** The task. */
  readonly task: Task;
  /** Class, label or target names. */
  readonly classes: readonly string[];
  /** A label for each sample: binary [0|1]; multiclass [class index]; multilabel [0|1 for each label]. */
  readonly labels: readonly (readonly number[])[];
  /** Shares of train, val and test. */
  readonly ratios: readonly [number, number, number];
  /** Whether every part gets the same share of each class. */
  readonly stratify: boolean;
  /** Names the random split. */
  readonly seed: number;
}

/** Stream of splits, so that a split and a shuffle with one seed have nothing in common. */
const splitStream = 0x5b117;

/**
 * Splits at random in the given ratios.
 *
 * Stratified binary and multiclass sets are shared out class by class by largest remainder, and each part gets at least
 * one picture of each class. Stratified multilabel sets are shared out by iterative stratification (Sechidis et al.
 * 2011, "On the stratification of multi-label data"). The rarest label comes first. Each picture goes to the part that
 * lacks that label most.
 *
 * @param input What is split, and how.
 * @returns Places of each part.
 * @throws {UserError} If a class has fewer pictures than there are parts.
 * @throws {RangeError} If the ratios are not numbers of zero or more, or train's is zero.
 */
export function ratioSplit(input: SplitInput): SplitIndices {
  const { labels, ratios, stratify, seed } = input;
  if (ratios.length !== 3 || !ratios.every((ratio) => ratio >= 0 && Number.isFinite(ratio)) || ratios[0] === 0) {
    throw new RangeError(`Cannot split ${ratios.join(":")}: give three numbers such as 8:1:1, train's above zero`);
  }
  refuseSmallClasses(input);
  const all = labels.map((_, i) => i);
  if (!stratify) return collect(labels.length, shareOut(all, ratios, seed, 0, 0));
  if (input.task === "multilabel") return collect(labels.length, stratifyLabels(input));
  const groups = Map.groupBy(all, (i) => labels[i][0]);
  const shares = [...groups].flatMap(([c, members]) => shareOut(members, ratios, seed, c + 1, 1));
  return collect(labels.length, shares);
}

/**
 * Splits as the data set says; where it has no val part, val is carved from train at random in the given ratios.
 *
 * @param input What is split, and the part of each sample.
 * @returns Places of each part.
 * @throws {UserError} If samples have no part, or the train or test part is missing.
 */
export function ownSplit(input: SplitInput & { parts: readonly (string | undefined)[] }): SplitIndices {
  const { labels, parts, ratios } = input;
  const without = parts.filter((part) => part === undefined).length;
  if (without > 0) {
    throw new UserError(`Cannot take the data set's own split: ${without} of ${parts.length} pictures have no part`);
  }
  for (const needed of ["train", "test"]) {
    if (parts.includes(needed)) continue;
    throw new UserError(
      `Cannot take the data set's own split: it has no ${needed} part; split at random with ${option("split")} 8:1:1`,
    );
  }
  if (parts.includes("val")) {
    return collect(labels.length, parts.map((part, i) => [i, splitNames.indexOf(part as "val")]));
  }
  const train = parts.flatMap((part, i) => part === "train" ? [i] : []);
  const carved = ratioSplit({ ...input, labels: train.map((i) => labels[i]), ratios: [ratios[0], ratios[1], 0] });
  return {
    train: carved.train.map((i) => train[i]),
    val: carved.val.map((i) => train[i]),
    test: parts.flatMap((part, i) => part === "test" ? [i] : []),
  };
}

/** A sample's place and its part's number. */
type Share = readonly [sample: number, part: number];

function collect(length: number, shares: readonly Share[]): SplitIndices {
  const partOf = new Uint8Array(length);
  for (const [sample, part] of shares) partOf[sample] = part;
  const indices: SplitIndices = { train: [], val: [], test: [] };
  partOf.forEach((part, sample) => indices[splitNames[part]].push(sample));
  return indices;
}

/** Shuffles the members and cuts them in the ratios, by largest remainder and with at least `least` in each part. */
function shareOut(
  members: readonly number[],
  ratios: readonly number[],
  seed: number,
  stream: number,
  least: number,
): Share[] {
  const sizes = largestRemainder(members.length, ratios, least);
  const order = shuffle([...members], randomStream(splitStream, seed, stream));
  let at = 0;
  return sizes.flatMap((size, part) => order.slice(at, at += size).map((sample): Share => [sample, part]));
}

/**
 * Shares a whole number out in given ratios. Each part gets its share rounded down. What is left goes to the largest
 * fractions, the earlier part on a tie.
 *
 * @param total What is shared out.
 * @param ratios Ratio of each part, zero or more.
 * @param least What each part with a ratio above zero gets at least, taken from the largest parts.
 * @returns Sizes with the sum `total`.
 */
export function largestRemainder(total: number, ratios: readonly number[], least = 0): number[] {
  const sum = ratios.reduce((a, b) => a + b, 0);
  const exact = ratios.map((ratio) => total * ratio / sum);
  const sizes = exact.map(Math.floor);
  const left = total - sizes.reduce((a, b) => a + b, 0);
  const byFraction = ratios.map((_, i) => i).sort((a, b) => (exact[b] - sizes[b]) - (exact[a] - sizes[a]) || a - b);
  for (const part of byFraction.slice(0, left)) sizes[part]++;
  for (const part of sizes.keys()) {
    while (ratios[part] > 0 && sizes[part] < least) {
      const largest = sizes.indexOf(Math.max(...sizes));
      if (sizes[largest] <= least) break;
      sizes[largest]--;
      sizes[part]++;
    }
  }
  return sizes;
}

function refuseSmallClasses({ task, classes, labels, ratios }: SplitInput): void {
  const needed = ratios.filter((ratio) => ratio > 0).length;
  const counts = new Map<string, number>();
  if (task === "multiclass") {
    classes.forEach((name, c) => counts.set(name, labels.filter(([label]) => label === c).length));
  } else {
    classes.forEach((name, k) => {
      const yes = labels.reduce((count, label) => count + label[k], 0);
      counts.set(name, yes).set(`not ${name}`, labels.length - yes);
    });
  }
  const small = [...counts].filter(([, count]) => count < needed);
  if (small.length === 0) return;
  const [name, count] = small[0];
  const more = small.length > 1 ? ` (so has ${firstNames(small.slice(1).map(([other]) => other))})` : "";
  throw new UserError(
    `Cannot split: class ${
      printable(name)
    } has ${count} of the ${needed} pictures it needs, one for each part${more}; add pictures or leave the class out`,
  );
}

/** Iterative stratification. Ties go to the part that lacks most pictures, then to a random one. */
function stratifyLabels({ labels, ratios, classes, seed }: SplitInput): Share[] {
  const next = randomStream(splitStream, seed, 0);
  const sum = ratios[0] + ratios[1] + ratios[2];
  const lacking = ratios.map((ratio) => labels.length * ratio / sum);
  const lackingOf = classes.map((_, k) => {
    const total = labels.reduce((count, label) => count + label[k], 0);
    return ratios.map((ratio) => total * ratio / sum);
  });
  const waiting = new Set(shuffle(labels.map((_, i) => i), next));
  const holders = classes.map((_, k) => new Set([...waiting].filter((i) => labels[i][k] === 1)));
  const shares: Share[] = [];
  const assign = (sample: number, wants: readonly number[]) => {
    const open = ratios.map((_, part) => part).filter((part) => ratios[part] > 0);
    const order = shuffle(open, next).sort((a, b) => wants[b] - wants[a] || lacking[b] - lacking[a]);
    const part = order[0];
    shares.push([sample, part]);
    lacking[part]--;
    waiting.delete(sample);
    labels[sample].forEach((value, k) => {
      if (value !== 1) return;
      lackingOf[k][part]--;
      holders[k].delete(sample);
    });
  };
  for (;;) {
    const left = holders.map((set, k) => ({ k, size: set.size })).filter(({ size }) => size > 0);
    if (left.length === 0) break;
    const { k } = left.reduce((rarest, candidate) => candidate.size < rarest.size ? candidate : rarest);
    for (const sample of [...holders[k]]) assign(sample, lackingOf[k]);
  }
  for (const sample of [...waiting]) assign(sample, lacking);
  return shares;
}
