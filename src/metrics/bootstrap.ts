/**
 * How sure a metric is: intervals by the bootstrap over pictures (Efron 1979, percentile method). Each resample draws
 * as many pictures as there are, with replacement; a metric is computed on each, and the middle 95% of its values are
 * the interval. All metrics see the same resamples, so differences of two models on one split can be taken resample by
 * resample.
 *
 * @module
 */
import { randomBelow, randomStream } from "../random.ts";

/** Resamples unless asked otherwise. */
export const RESAMPLES = 1000;

/** Share of the values that an interval holds. */
export const LEVEL = 0.95;

/** An interval, from its lower to its upper end. */
export type Interval = readonly [low: number, high: number];

/** Stream of the bootstrap among those of a seed. */
const STREAM = 0xb007;

/**
 * How often each picture is drawn, resample by resample.
 *
 * @param samples Pictures, N.
 * @param resamples Number of resamples.
 * @param seed Start of the random numbers.
 * @returns The counts `[N]` of each resample; one array, written anew each time.
 */
export function* bootstrapCounts(samples: number, resamples: number, seed: number): Generator<Uint16Array> {
  const counts = new Uint16Array(samples);
  for (let r = 0; r < resamples; r++) {
    const next = randomStream(STREAM, seed, r);
    counts.fill(0);
    for (let i = 0; i < samples; i++) counts[randomBelow(next, samples)]++;
    yield counts;
  }
}

/**
 * The middle of values, by linear interpolation between neighbours (NumPy's `percentile`).
 *
 * @param values One value per resample; null where it was undefined there.
 * @param level Share of the values that the interval holds.
 * @returns The interval over those that are defined; null where more than one of twenty is not, or there is none.
 */
export function percentileInterval(values: readonly (number | null)[], level: number = LEVEL): Interval | null {
  const defined = Float64Array.from(values.filter((value) => value !== null)).sort();
  if (defined.length === 0 || defined.length < 0.95 * values.length) return null;
  const at = (share: number): number => {
    const place = share * (defined.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, defined.length - 1);
    return defined[below] + (place - below) * (defined[above] - defined[below]);
  };
  return [at((1 - level) / 2), at((1 + level) / 2)];
}
