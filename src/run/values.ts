/**
 * Kinds of the few settings whose values are neither a word nor a number: split ratios, sizes in bytes, weights of
 * classes, statistics of channels.
 *
 * @module
 */

import { augmentFault, augmentWants } from "../augment/augmentations.ts";
import { type Fault, type Kind, valueOf } from "./kinds.ts";

/** Shares of training, validation and test split. */
export type Ratios = readonly [train: number, val: number, test: number];

/** `8:1:1`, with training above zero; or `own` for the data set's own split. */
export const ratios: Kind<Ratios | "own"> = valueOf(
  (word) => {
    if (word === "own") return word;
    const [train, val, test, ...more] = word.split(":").map(positiveOrZero);
    return more.length || !train || val === undefined || test === undefined ? undefined : [train, val, test] as const;
  },
  (value) => {
    if (typeof value === "string") return value === "own" ? undefined : "range";
    if (!isList(value)) return "type";
    return value.length === 3 && value.every((share) => share >= 0) && value[0] > 0 ? undefined : "range";
  },
  "three ratios such as 8:1:1, or own",
  "R:R:R",
  (value) => typeof value === "string" ? value : value.join(":"),
);

/** `2/5`: the second of five folds. */
export const fold: Kind<string> = valueOf(
  (word) => foldOf(word) && word,
  (value) => typeof value !== "string" ? "type" : foldOf(value) ? undefined : "range",
  "a fold such as 2/5, counted from 1, of at least 2",
  "I/K",
);

/** The numbers of `2/5`; undefined where it is no fold. */
export function foldOf(text: string): readonly [fold: number, of: number] | undefined {
  const [, fold, of] = (/^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(text) ?? []).map(Number);
  return of >= 2 && fold <= of ? [fold, of] : undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** `4GiB`, `500 MB` or a plain number of bytes. */
export const bytes: Kind<number> = valueOf(
  (word) => {
    const [, digits = "", unit = ""] = /^([\d.]+) ?(\w*)$/.exec(word) ?? [];
    const known = Object.keys(UNITS).find((name) => name.toLowerCase() === unit.toLowerCase());
    const count = positiveOrZero(digits);
    return count === undefined || known === undefined ? undefined : Math.floor(count * UNITS[known]);
  },
  countFault(0),
  "a size such as 4GiB",
  "SIZE",
);

/** A size; on a command line of at least 1 MiB, since less is a slip, such as a forgotten unit. */
export const memory: Kind<number> = {
  ...bytes,
  read: (word) => {
    const size = bytes.read(word) as number | undefined;
    return size !== undefined && size >= 2 ** 20 ? size : undefined;
  },
  faultOf: countFault(1),
  wants: "a size of at least 1 MiB, such as 6GiB",
};

/** Pictures in a step, or as many as fit. */
export const batch: Kind<number | "auto"> = valueOf(
  (word) => word === "auto" ? word : /^\d+$/.test(word) && !countFault(1)(Number(word)) ? Number(word) : undefined,
  (value) => value === "auto" ? undefined : countFault(1)(value),
  "a whole number of at least 1, or auto",
  "N|auto",
);

/** Some words, or one weight a class, in the order of the classes: `1,2,0.5`. */
function weightsOr<const W extends string>(...known: readonly W[]): Kind<W | readonly number[]> {
  const asWord = (word: string) => known.find((one) => one === word);
  return valueOf<W | readonly number[]>(
    (word) => {
      if (asWord(word)) return asWord(word);
      const parts = word.split(",").map(positiveOrZero).filter((weight) => weight !== undefined);
      return parts.length === word.split(",").length && parts.some((weight) => weight > 0) ? parts : undefined;
    },
    (value) => {
      if (typeof value === "string") return asWord(value) ? undefined : "range";
      if (!isList(value)) return "type";
      return value.every((weight) => weight >= 0) && value.some((weight) => weight > 0) ? undefined : "range";
    },
    `${known.join(", ")} or a weight for each such as 1,2,0.5`,
    "W,W,…",
    (value) => typeof value === "string" ? value : value.join(),
  );
}

/** Weights of the positives of each label. */
export const weights: Kind<"none" | "balanced" | readonly number[]> = weightsOr("none", "balanced");

/** Weights of classes, which may be by their effective numbers, too. */
export const classWeights: Kind<"none" | "balanced" | "effective" | readonly number[]> = weightsOr(
  ...["none", "balanced", "effective"] as const,
);

/** Decay rates of two moments: `0.9,0.999`. */
export const betas: Kind<readonly [number, number]> = valueOf(
  (word) => {
    const [first, second, ...more] = word.split(",").map(positiveOrZero);
    if (more.length > 0 || first === undefined || second === undefined) return undefined;
    return first < 1 && second < 1 ? [first, second] as const : undefined;
  },
  (value) => {
    if (!isList(value)) return "type";
    return value.length === 2 && value.every((rate) => rate >= 0 && rate < 1) ? undefined : "range";
  },
  "two numbers from 0 to below 1, such as 0.9,0.999",
  "B,B",
);

/** `0.5` epochs or `500steps`. */
export const warmup: Kind<number | `${number}steps`> = valueOf(
  (word) => positiveOrZero(word) ?? (isSteps(word) ? word : undefined),
  (value) => {
    if (typeof value === "string") return isSteps(value) ? undefined : "range";
    return typeof value !== "number" ? "type" : value >= 0 && value < Infinity ? undefined : "range";
  },
  "a number of epochs of at least 0, or of steps such as 500steps",
  "X|Nsteps",
);

/** Steps of `500steps`. */
export function stepsOf(text: `${number}steps`): number {
  return Number(text.slice(0, -"steps".length));
}

function isSteps(word: string): word is `${number}steps` {
  return /^\d{1,9}steps$/.test(word);
}

/** `stop`, which is 0, or `skip:N`: steps that may be left out. */
export const skips: Kind<number> = valueOf(
  (word) => {
    if (word === "stop") return 0;
    const [, count] = /^skip:(\d+)$/.exec(word) ?? [];
    return Number(count) > 0 ? Number(count) : undefined;
  },
  countFault(0),
  "stop or skip:N",
  "stop|skip:N",
  (count) => count === 0 ? "stop" : `skip:${count}`,
);

/** Random changes to pictures: a preset, or terms such as `crop-flip,rand-m9-n2-mstd0.5`. */
export const augment: Kind<string> = {
  ...valueOf(
    (word) => augmentFault(word) === undefined ? word : undefined,
    (value) => typeof value !== "string" ? "type" : augmentFault(value) === undefined ? undefined : "range",
    augmentWants,
    "NAME|TERM,TERM…",
  ),
  wantsFor: (value) => typeof value === "string" ? augmentFault(value) : undefined,
};

/** Mean and standard deviation of each channel, or the words for them. */
export type Normalize =
  | "train"
  | "imagenet"
  | "half"
  | { readonly mean: readonly number[]; readonly std: readonly number[] };

/** `train`, `imagenet`, `half`, or mean and standard deviation of each channel: `0.5,0.4,0.4:0.25,0.24,0.24`. */
export const normalize: Kind<Normalize> = valueOf(
  (word) => {
    if (word === "train" || word === "imagenet" || word === "half") return word;
    const [mean, std, ...more] = word.split(":").map((part) => part.split(",").map(positiveOrZero));
    if (more.length > 0 || std?.length !== mean.length || !mean.every(isNumber)) return undefined;
    return std.every(isNumber) && std.every((value) => value > 0) ? { mean, std } : undefined;
  },
  (value) => {
    if (typeof value === "string") return ["train", "imagenet", "half"].includes(value) ? undefined : "range";
    const { mean, std } = (value ?? {}) as { mean?: unknown; std?: unknown };
    if (!isList(mean) || !isList(std)) return "type";
    return mean.length > 0 && mean.length === std.length && std.every((deviation) => deviation > 0)
      ? undefined
      : "range";
  },
  "train, imagenet, half or numbers such as 0.5,0.4,0.4:0.25,0.24,0.24",
  "train|imagenet|half|M,M,M:S,S,S",
  (value) => typeof value === "string" ? value : `${value.mean.join()}:${value.std.join()}`,
);

/** `0:4095`: values of 16-bit pictures that become black and white. */
export const valueRange: Kind<readonly [low: number, high: number]> = valueOf(
  (word) => {
    const [, low, high] = /^(\d{1,5}):(\d{1,5})$/.exec(word) ?? [];
    const range = [Number(low), Number(high)] as const;
    return rangeFault(range) === undefined ? range : undefined;
  },
  rangeFault,
  "two whole numbers from 0 to 65535, the lower first, such as 0:4095",
  "LOW:HIGH",
  (range) => range.join(":"),
);

function rangeFault(value: unknown): Fault | undefined {
  if (!isList(value) || value.length !== 2) return "type";
  const [low, high] = value;
  return Number.isInteger(low) && Number.isInteger(high) && low >= 0 && low < high && high <= 65535
    ? undefined
    : "range";
}

/** `classifier.*=10` of a command line: factors above 0 by pattern. */
export const scales: Kind<Readonly<Record<string, number>>> = {
  takes: "many",
  read: (word) => {
    const [, pattern, digits] = /^(.+)=(.*)$/.exec(word) ?? [];
    const factor = positiveOrZero(digits ?? "");
    return factor ? [pattern, factor] as const : undefined;
  },
  faultOf: (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "type";
    const factors = Object.values(value);
    if (!factors.every((factor) => typeof factor === "number")) return "type";
    return factors.every((factor) => factor > 0 && Number.isFinite(factor)) ? undefined : "range";
  },
  gather: (items) => {
    const scales = items as readonly (readonly [pattern: string, factor: number])[];
    return new Set(scales.map(([pattern]) => pattern)).size === scales.length ? Object.fromEntries(scales) : undefined;
  },
  words: (value) => Object.entries(value).map(([pattern, factor]) => `${pattern}=${factor}`),
  wants: "a pattern and a factor above 0 such as 'classifier.*=10'",
  choices: [],
  placeholder: "PATTERN=X…",
};

function countFault(least: number): (value: unknown) => Fault | undefined {
  return (value) =>
    typeof value !== "number" ? "type" : Number.isSafeInteger(value) && value >= least ? undefined : "range";
}

function isList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number" && Number.isFinite(item));
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined;
}

function positiveOrZero(word: string): number | undefined {
  const n = /^\d*\.?\d+(e-?\d+)?$/i.test(word.trim()) ? Number(word) : NaN;
  return Number.isFinite(n) ? n : undefined;
}
