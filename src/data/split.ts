/**
 * Splitting labels into train, val and test: random in given ratios, with or without the class ratios kept, or as the
 * data set itself says.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Task } from "./labels.ts";
import { firstNames, printable } from "./names.ts";
import { type RandomStream, randomStream, shuffle } from "../random.ts";
import { largestRemainder, openParts, type Share, shareOut, stratifyLabels, Units } from "./share_out.ts";

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
  /** Groups of samples that stay in one part, by their places; default none. */
  readonly together?: readonly (readonly number[])[];
}

/** What is split as the data set says, and the part of each sample. */
export interface OwnSplitInput extends SplitInput {
  /** Part of each sample. */
  readonly parts: readonly (string | undefined)[];
  /** Where val is tested on, nothing is taken from train for a test part. */
  readonly testOn?: "val" | "test";
}

/** A class that has too few pictures to be split. */
export interface SmallClass {
  /** Its name; of labels and binary tasks perhaps `not` and the name. */
  readonly name: string;
  /** Its place among the classes. */
  readonly index: number;
  /** Its pictures. */
  readonly count: number;
  /** Its pictures, equal ones counted once. */
  readonly different: number;
  /** How many it would need. */
  readonly needed: number;
}

/** Stream of splits, so that a split and a shuffle with one seed have nothing in common. */
const splitStream = 0x5b117;

/** Random numbers of a class of a split; 0 are those of the whole. */
const streamOf = (seed: number, c = 0): RandomStream => randomStream(splitStream, seed, c);

/**
 * Splits at random in the given ratios.
 *
 * Stratified binary and multiclass sets are shared out class by class by largest remainder, and each part gets at least
 * one picture of each class. Stratified multilabel sets are shared out by iterative stratification (Sechidis et al.
 * 2011, "On the stratification of multi-label data"). The rarest label comes first. Each picture goes to the part that
 * lacks that label most.
 *
 * Samples that stay together are shared out before the others, the largest group first, each to the part that lacks
 * most of its class. Without such groups the split is the same as if there were no such option, row for row.
 *
 * @param input What is split, and how.
 * @returns Places of each part.
 * @throws {UserError} If a class has fewer pictures than there are parts.
 * @throws {RangeError} If the ratios are not numbers of zero or more, or train's is zero.
 */
export function ratioSplit(input: SplitInput): SplitIndices {
  const { ratios } = input;
  if (ratios.length !== 3 || !ratios.every((ratio) => ratio >= 0 && Number.isFinite(ratio)) || ratios[0] === 0) {
    throw new RangeError(`Cannot split ${ratios.join(":")}: give three numbers such as 8:1:1, train's above zero`);
  }
  refuseSmallClasses(input.task, smallClasses(input));
  return inRatios(input);
}

/** Shares out in the ratios; a part may lack what there is too little of. */
export function inRatios(input: SplitInput): SplitIndices {
  const { labels, ratios, stratify, seed } = input;
  const units = new Units(labels.length, input.together);
  if (!stratify) return collect(units.partsBy(shareOut(units, units.firsts, ratios, streamOf(seed), 0)));
  if (input.task === "multilabel") return collect(units.partsBy(stratifyLabels(labels, units, ratios, streamOf(seed))));
  const groups = Map.groupBy(units.firsts, (i) => labels[i][0]);
  const shares = [...groups].flatMap(([c, members]) => shareOut(units, members, ratios, streamOf(seed, c + 1), 1));
  return collect(units.partsBy(shares));
}

/**
 * Splits as the data set says. A missing val part is carved from train at random in the given ratios. A missing test
 * part is carved from train as large as val is (at most half of train), with the class ratios kept where that is asked
 * for.
 * Where only train is there, both are carved in the given ratios.
 *
 * @param input What is split, and the part of each sample.
 * @returns Places of each part.
 * @throws {UserError} If samples have no part, or the train part is missing.
 */
export function ownSplit(input: OwnSplitInput): SplitIndices {
  const { parts, testOn } = input;
  const without = parts.filter((part) => part === undefined).length;
  if (without > 0) {
    throw new UserError(`Cannot take the data set's own split: ${without} of ${parts.length} pictures have no part`);
  }
  if (!parts.includes("train")) {
    const only = [...new Set(parts)].join(" and ");
    throw new UserError(
      `Cannot take the data set's own split: it has no train part, all ${parts.length} pictures are ${only}; ` +
        `split at random with ${option("split")} 8:1:1`,
    );
  }
  const carved = carvedByRatio(input);
  const isWhole = parts.includes("test") || testOn === "val";
  const taken = carved ? ratioSplit(carved.input) : isWhole ? undefined : carveTest(input);
  const places = placesOf(parts, "train");
  const numbers = parts.map((part) => splitNames.indexOf(part as "val"));
  for (const [number, name] of splitNames.entries()) for (const i of taken?.[name] ?? []) numbers[places[i]] = number;
  return collect(numbers);
}

/** What is split in ratios: the whole, or of a set with its own parts the train part where others are taken from it. */
function carvedByRatio(
  input: SplitInput & Partial<OwnSplitInput>,
): { readonly input: SplitInput; readonly places: readonly number[] } | undefined {
  const { parts, ratios: [train, val, test], testOn } = input;
  if (parts === undefined) return { input, places: input.labels.map((_, i) => i) };
  if (parts.includes("val")) return undefined;
  const places = placesOf(parts, "train");
  const ratios = [train, val, parts.includes("test") || testOn === "val" ? 0 : test] as const;
  return { input: { ...partOf(input, places), ratios }, places };
}

/** Takes a test part from train that is as large as val; gives places among train's. */
function carveTest(input: OwnSplitInput): SplitIndices {
  const { task, stratify, seed, parts } = input;
  const train = partOf(input, placesOf(parts, "train"));
  const units = new Units(train.labels.length, train.together);
  const total = train.labels.length;
  const wanted = Math.min(placesOf(parts, "val").length, Math.floor(total / 2));
  const ratios = [total - wanted, 0, wanted] as const;
  const ofClasses = () => {
    const groups = [...Map.groupBy(units.firsts, (i) => train.labels[i][0])];
    const sizes = groups.map(([, members]) => units.sizeOf(members));
    const shares = largestRemainder(wanted, sizes, 1);
    return groups.flatMap(([c, members], g) => {
      // What cannot be divided stays.
      const share = members.length < 2 ? 0 : Math.min(shares[g], sizes[g] - 1);
      return shareOut(units, members, [sizes[g] - share, 0, share], streamOf(seed, c + 1), 1);
    });
  };
  const shares = !stratify
    ? shareOut(units, units.firsts, ratios, streamOf(seed), 0)
    : task === "multilabel"
    ? stratifyLabels(train.labels, units, ratios, streamOf(seed))
    : ofClasses();
  return collect(units.partsBy(asLarge(shares, wanted, train, units)));
}

/**
 * Moves single samples between train and test until the test part has as many as wanted: where classes are too small
 * to give their share, or groups too large, others make up for it.
 */
function asLarge(shares: readonly Share[], wanted: number, { task, labels, seed }: SplitInput, units: Units): Share[] {
  const [train, test] = [0, 2];
  const partOf = new Map(shares);
  const counts = new Map<string, number>();
  const keyOf = (first: number, part: number) => `${part} ${labels[first].join()}`;
  const count = (key: string, by: number) => counts.set(key, (counts.get(key) ?? 0) + by);
  for (const [first, part] of shares) count(keyOf(first, part), 1);
  const single = shuffle(
    units.firsts.filter((i) => units.weight(i) === 1),
    streamOf(seed, labels.length),
  );
  // A class is not to lose its last picture.
  const least = task === "multilabel" ? 0 : 1;
  let missing = wanted - units.sizeOf(units.firsts.filter((first) => partOf.get(first) === test));
  while (missing !== 0) {
    const [from, to] = missing > 0 ? [train, test] : [test, train];
    const left = (first: number) => counts.get(keyOf(first, from)) ?? 0;
    const free = single.filter((first) => partOf.get(first) === from && left(first) > least);
    if (free.length === 0) break;
    const chosen = free.reduce((most, other) => left(other) > left(most) ? other : most);
    partOf.set(chosen, to);
    count(keyOf(chosen, from), -1);
    count(keyOf(chosen, to), 1);
    missing -= to === test ? 1 : -1;
  }
  return [...partOf];
}

function placesOf(parts: readonly (string | undefined)[], wanted: string): number[] {
  return parts.flatMap((part, i) => part === wanted ? [i] : []);
}

/** Some of the samples as what is split. */
export function partOf(
  { task, classes, labels, ratios, stratify, seed, together = [] }: SplitInput,
  places: readonly number[],
) {
  const among = new Map(places.map((place, i) => [place, i]));
  const groups = together.map((group) => group.flatMap((place) => among.get(place) ?? []));
  return { task, classes, labels: places.map((i) => labels[i]), ratios, stratify, seed, together: groups };
}

function collect(parts: readonly number[]): SplitIndices {
  const indices: SplitIndices = { train: [], val: [], test: [] };
  parts.forEach((part, sample) => indices[splitNames[part]].push(sample));
  return indices;
}

/**
 * The classes with too few pictures for each part to have one. A class without any picture is not among them: there is
 * nothing to split, and the others can be learnt.
 *
 * @param input What is split; with the part of each sample where the data set has its own.
 * @param folds How many folds are made, where some are; what is not of one is for train and val.
 */
export function smallClasses(input: SplitInput & Partial<OwnSplitInput>, folds?: number): SmallClass[] {
  const carved = folds === undefined ? carvedByRatio(input)?.input : input;
  if (!carved) return [];
  const { task, classes, labels, ratios, together } = carved;
  // Of 3 in 2 folds, one fold leaves 1.
  const needed = folds === undefined ? openParts(ratios).length : folds === 2 ? 4 : folds;
  const { firsts } = new Units(labels.length, together);
  const holding = (name: string, index: number, holds: (label: readonly number[]) => boolean): SmallClass => {
    const count = labels.reduce((sum, label) => sum + Number(holds(label)), 0);
    const different = firsts.reduce((sum, i) => sum + Number(holds(labels[i])), 0);
    return { name, index, count, different, needed };
  };
  const all = task === "multiclass"
    ? classes.map((name, c) => holding(name, c, ([label]) => label === c))
    : classes.flatMap((name, k) => [
      holding(name, k, (label) => label[k] === 1),
      holding(`not ${name}`, k, (label) => label[k] === 0),
    ]);
  // Of one yes or no, both are needed.
  return all.filter(({ count, different }) => different < needed && (count > 0 || task === "binary"));
}

/** Refuses classes that are too small. */
export function refuseSmallClasses(task: Task, small: readonly SmallClass[], folds?: number): void {
  if (small.length === 0) return;
  const [{ name, count, different, needed }] = small;
  const more = small.length > 1 ? ` (so has ${firstNames(small.slice(1).map(({ name: other }) => other))})` : "";
  const has = different === count ? `${count}` : `${different} different (${count} in all)`;
  const [what, each] = folds === undefined ? ["split", "one for each part"] : [
    `make ${folds} folds`,
    needed === folds ? "one for each fold" : "of which a fold leaves one for train and one for val",
  ];
  const leave = task === "binary" ? "" : `, or leave the class out with ${option("skipSmallClasses")}`;
  throw new UserError(
    `Cannot ${what}: class ${printable(name)} has ${has} of the ${needed} pictures it needs, ${each}${more}; ` +
      `add pictures${folds === undefined ? "" : ", give fewer folds"}${leave}`,
  );
}
