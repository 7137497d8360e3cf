/**
 * Is one model better than another on the same pictures, or could that be chance? McNemar's test of their decisions,
 * and a bootstrap of the difference of a metric.
 *
 * @module
 */
import { bootstrapCounts, type Interval, percentileInterval, RESAMPLES } from "./bootstrap.ts";
import { checkLengths } from "./check.ts";

/** What McNemar's test gives. */
export interface McNemar {
  /** Pictures on which the first model alone is right. */
  readonly onlyFirst: number;
  /** Pictures on which the second model alone is right. */
  readonly onlySecond: number;
  /** Chance of a split at least as uneven, were both as good: exact, by the binomial distribution, two-sided. */
  readonly p: number;
}

/**
 * McNemar's exact test (McNemar 1947): of the pictures on which exactly one of two models is right, each is as likely
 * to have either, were the models equally good.
 *
 * @param first Was the first model right? `[N]`, 0 or 1.
 * @param second Was the second model right, on the same pictures? `[N]`, 0 or 1.
 * @throws {TypeError} If the lengths differ.
 *
 * @example
 * ```ts
 * import { mcnemar } from "@fovea/fovea";
 *
 * mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0]).p; // 0.125
 * ```
 */
export function mcnemar(first: ArrayLike<number>, second: ArrayLike<number>): McNemar {
  checkLengths("answers of the first model", first, second);
  let [onlyFirst, onlySecond] = [0, 0];
  for (let i = 0; i < first.length; i++) {
    if (first[i] === second[i]) continue;
    if (first[i] === 1) onlyFirst++;
    else onlySecond++;
  }
  const n = onlyFirst + onlySecond;
  // Twice the smaller tail, summed from its largest term, whose logarithm does not underflow.
  const few = Math.min(onlyFirst, onlySecond);
  let sum = 0;
  let ratio = 1;
  for (let k = few; k >= 0; k--) {
    sum += ratio;
    ratio *= k / (n - k + 1);
  }
  const p = n === 0 ? 1 : 2 * sum * Math.exp(logChoose(n, few) - n * Math.LN2);
  return { onlyFirst, onlySecond, p: Math.min(1, p) };
}

/** Logarithm of the number of ways to choose k of n. */
function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}

/** The difference of a metric between two models. */
export interface Difference {
  /** First minus second. */
  readonly difference: number | null;
  /** Its 95% interval; null where it is undefined in too many resamples. */
  readonly interval: Interval | null;
  /** Does the interval lie on one side of zero? */
  readonly holds: boolean;
}

/** Computes metrics from how often each picture counts. */
export type Measure = (counts: Uint16Array) => Readonly<Record<string, number | null>>;

/**
 * The differences of all metrics that two models have, with intervals by a bootstrap that draws the same pictures for
 * both (a paired bootstrap): what is hard for both drops out.
 *
 * @param samples Pictures, N.
 * @param first Metrics of the first model.
 * @param second Metrics of the second.
 * @param options Resamples, default 1000, and the seed, default 1.
 * @returns Differences by the metrics' names.
 */
export function pairedBootstrap(
  samples: number,
  first: Measure,
  second: Measure,
  { resamples = RESAMPLES, seed = 1 }: { readonly resamples?: number; readonly seed?: number } = {},
): Record<string, Difference> {
  const less = (a: number | null | undefined, b: number | null | undefined) =>
    a === null || b === null || a === undefined || b === undefined ? null : a - b;
  const once = new Uint16Array(samples).fill(1);
  const [one, two] = [first(once), second(once)];
  const names = Object.keys(one).filter((name) => name in two);
  const drawn = new Map<string, (number | null)[]>(names.map((name) => [name, []]));
  for (const counts of bootstrapCounts(samples, resamples, seed)) {
    const [a, b] = [first(counts), second(counts)];
    for (const name of names) drawn.get(name)!.push(less(a[name], b[name]));
  }
  return Object.fromEntries(names.map((name) => {
    const interval = samples === 0 ? null : percentileInterval(drawn.get(name)!);
    const holds = interval !== null && (interval[0] > 0 || interval[1] < 0);
    return [name, { difference: less(one[name], two[name]), interval, holds }];
  }));
}
