/**
 * Readers of the few flag values that are neither a word nor a number: split ratios, sizes in bytes, class weights, what
 * to do about NaN. Each gives undefined for a word that will not do.
 *
 * @module
 */

/** Shares of training, validation and test split. */
export type Ratios = readonly [train: number, val: number, test: number];

/**
 * Reads `8:1:1` or `own`.
 *
 * @param word What the user wrote.
 * @returns Shares of which the first is above zero, `own` for the data set's own split, or undefined.
 */
export function readSplit(word: string): Ratios | "own" | undefined {
  if (word === "own") return word;
  const [train, val, test, ...more] = word.split(":").map(positiveOrZero);
  if (more.length || !train || val === undefined || test === undefined) return undefined;
  return [train, val, test];
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

/**
 * Reads `4GiB`, `500 MB` or a plain number of bytes.
 *
 * @param word What the user wrote.
 * @returns Bytes, or undefined.
 */
export function readBytes(word: string): number | undefined {
  const [, digits = "", unit = ""] = /^([\d.]+) ?(\w*)$/.exec(word) ?? [];
  const known = Object.keys(UNITS).find((name) => name.toLowerCase() === unit.toLowerCase());
  const count = positiveOrZero(digits);
  return count === undefined || known === undefined ? undefined : Math.floor(count * UNITS[known]);
}

/**
 * Reads a size of memory, such as `6GiB`.
 *
 * @param word What the user wrote.
 * @returns Bytes, or undefined for less than 1 MiB: a plain `6` is hardly meant as bytes.
 */
export function readMemory(word: string): number | undefined {
  const bytes = readBytes(word);
  return bytes !== undefined && bytes >= 2 ** 20 ? bytes : undefined;
}

/**
 * Reads the size of a batch.
 *
 * @param word What the user wrote.
 * @returns A whole number of at least 1, `auto`, or undefined.
 */
export function readBatch(word: string): number | "auto" | undefined {
  if (word === "auto") return word;
  const count = /^\d+$/.test(word) ? Number(word) : 0;
  return count >= 1 && Number.isSafeInteger(count) ? count : undefined;
}

/**
 * Reads `none`, `balanced` or one weight a class, in the order of the classes: `1,2,0.5`.
 *
 * @param word What the user wrote.
 * @returns The word, the weights, or undefined.
 */
export function readWeights(word: string): "none" | "balanced" | readonly number[] | undefined {
  if (word === "none" || word === "balanced") return word;
  const weights = word.split(",").map(positiveOrZero).filter((weight) => weight !== undefined);
  return weights.length === word.split(",").length && weights.some((weight) => weight > 0) ? weights : undefined;
}

/**
 * Reads `stop` or `skip:N`.
 *
 * @param word What the user wrote.
 * @returns Steps that may be skipped in a run before it stops, 0 for `stop`; or undefined.
 */
export function readSkips(word: string): number | undefined {
  if (word === "stop") return 0;
  const [, count] = /^skip:(\d+)$/.exec(word) ?? [];
  return Number(count) > 0 ? Number(count) : undefined;
}

/** Mean and standard deviation of each channel, or the words for them. */
export type Normalize = "train" | "imagenet" | "half" | { readonly mean: number[]; readonly std: number[] };

/**
 * Reads `train`, `imagenet`, `half`, or mean and standard deviation of each channel: `0.5,0.4,0.4:0.25,0.24,0.24`.
 *
 * @param word What the user wrote.
 * @returns The word, the numbers, or undefined.
 */
export function readNormalize(word: string): Normalize | undefined {
  if (word === "train" || word === "imagenet" || word === "half") return word;
  const [mean, std, ...more] = word.split(":").map((part) => part.split(",").map(positiveOrZero));
  if (more.length > 0 || std?.length !== mean.length || !mean.every(isNumber)) return undefined;
  return std.every(isNumber) && std.every((value) => value > 0) ? { mean, std } : undefined;
}

function isNumber(value: number | undefined): value is number {
  return value !== undefined;
}

/**
 * Reads `classifier.*=10`.
 *
 * @param word What the user wrote.
 * @returns The pattern and the factor, above 0; or undefined.
 */
export function readScale(word: string): readonly [pattern: string, factor: number] | undefined {
  const [, pattern, digits] = /^(.+)=(.*)$/.exec(word) ?? [];
  const factor = positiveOrZero(digits ?? "");
  return factor ? [pattern, factor] : undefined;
}

function positiveOrZero(word: string): number | undefined {
  const n = /^\d*\.?\d+(e-?\d+)?$/i.test(word.trim()) ? Number(word) : NaN;
  return Number.isFinite(n) ? n : undefined;
}
