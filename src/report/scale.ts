/**
 * Axes of charts.
 *
 * @module
 */

/** Values along an axis and where they stand. */
export interface Scale {
  /** Round values, ascending; the first and the last are the axis's ends. */
  readonly ticks: readonly number[];
  /** Digits after the point that tell the ticks apart. */
  readonly digits: number;
  /** Share of the way along the axis, 0 to 1 within its ends. */
  place(value: number): number;
}

/**
 * An axis that holds a range of values, with ticks at 1, 2 or 5 times a power of ten.
 *
 * @param low Least value.
 * @param high Greatest value; if it is not above `low`, the axis is one wide.
 * @param count How many steps between ticks there should be, about.
 * @returns The axis.
 *
 * @example
 * ```ts
 * import { linearScale } from "./scale.ts";
 *
 * linearScale(0, 0.93, 5).ticks; // [0, 0.2, 0.4, 0.6, 0.8, 1]
 * ```
 */
export function linearScale(low: number, high: number, count: number): Scale {
  const range = high > low ? high - low : 1;
  const power = Math.floor(Math.log10(range / count));
  const step = [1, 2, 5, 10].find((factor) => factor * 10 ** power * count >= range * 0.999)! * 10 ** power;
  // Allows for rounding: 0.6 / 0.2 is 2.9999999999999996.
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil((low + range) / step - 1e-9));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(digits)));
  const [start, end] = [ticks[0], ticks[ticks.length - 1]];
  return { ticks, digits, place: (value) => (value - start) / (end - start) };
}
