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
  /** By epoch, the best accuracy up to it of each run that ended. */
  readonly #reached: number[][] = [];

  /**
   * Takes in a run that has ended.
   *
   * @param accuracies Validation accuracy of each of its epochs, in order.
   */
  add(accuracies: readonly number[]): void {
    let best = -Infinity;
    accuracies.forEach((accuracy, e) => {
      best = Math.max(best, accuracy);
      (this.#reached[e] ??= []).push(best);
    });
  }

  /**
   * Should a run be stopped?
   *
   * @param accuracies Validation accuracy of each of its epochs so far.
   * @returns The median that it is below; undefined where it should go on.
   */
  below(accuracies: readonly number[]): number | undefined {
    const others = this.#reached[accuracies.length - 1] ?? [];
    if (others.length < AT_LEAST) return undefined;
    const sorted = others.toSorted((a, b) => a - b);
    const middle = sorted.length / 2;
    const median = Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
    return Math.max(...accuracies) < median ? median : undefined;
  }
}
