/**
 * Median stopping (Golovin et al. 2017): a run that is worse than half of the runs before it were at the same epoch is
 * not worth its remaining epochs.
 *
 * @module
 */

/** Runs that must have reached an epoch before others are stopped there: a median of fewer says little. */
const AT_LEAST = 3;

/** Remembers what runs reached, epoch by epoch. */
export class MedianStop {
  /** By epoch, the best value up to it of each run that ended. */
  readonly #reached: number[][] = [];
  readonly #isLower: boolean;

  /** @param isLower Is a lower value better? Default not. */
  constructor(isLower = false) {
    this.#isLower = isLower;
  }

  /**
   * Takes in a run that has ended.
   *
   * @param values What was validated of each of its epochs, in order.
   */
  add(values: readonly number[]): void {
    values.forEach((_, e) => (this.#reached[e] ??= []).push(this.best(values.slice(0, e + 1))));
  }

  /** The best of some values. */
  best(values: readonly number[]): number {
    // An epoch whose metric was undefined is a hole.
    const known = values.filter((value) => value !== undefined);
    return this.#isLower ? Math.min(...known) : Math.max(...known);
  }

  /**
   * Should a run be stopped?
   *
   * @param values What was validated of each of its epochs so far.
   * @returns The median that it is worse than; undefined where it should go on.
   */
  worse(values: readonly number[]): number | undefined {
    const others = this.#reached[values.length - 1] ?? [];
    if (others.length < AT_LEAST) return undefined;
    const sorted = others.toSorted((a, b) => a - b);
    const middle = sorted.length / 2;
    const median = Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
    const best = this.best(values);
    return (this.#isLower ? best > median : best < median) ? median : undefined;
  }
}
