/**
 * Precision, recall and F1 of one class, and their macro averages.
 *
 * A quotient without a denominator is null here, never 0. scikit-learn's default, `zero_division="warn"`, puts 0 there
 * and warns. Its macro averages count those zeros, and so does {@link macroAverage}: a class that the model never
 * predicts must not raise the average by being left out of it.
 *
 * @module
 */
import type { Counts } from "./confusion.ts";

/**
 * The share of the samples predicted as the class that are of the class: `tp / (tp + fp)`.
 *
 * @param counts Counts of the class.
 * @returns A share from 0 to 1, or null when nothing was predicted as the class.
 */
export function precision({ tp, fp }: Counts): number | null {
  return tp + fp === 0 ? null : tp / (tp + fp);
}

/**
 * The share of the class's samples that were predicted so: `tp / (tp + fn)`.
 *
 * @param counts Counts of the class.
 * @returns A share from 0 to 1, or null when the class has no samples.
 */
export function recall({ tp, fn }: Counts): number | null {
  return tp + fn === 0 ? null : tp / (tp + fn);
}

/**
 * The harmonic mean of precision and recall, `2 tp / (2 tp + fp + fn)`. In this form it is 0, and defined, where the
 * class occurs but is never hit, even if precision or recall alone is not defined. scikit-learn agrees.
 *
 * @param counts Counts of the class.
 * @returns A number from 0 to 1, or null when the class occurs neither in the truth nor in the predictions.
 */
export function f1({ tp, fp, fn }: Counts): number | null {
  return tp + fp + fn === 0 ? null : 2 * tp / (2 * tp + fp + fn);
}

/**
 * The unweighted mean of a metric over classes, with scikit-learn's convention (`average="macro"`,
 * `zero_division=0`): an undefined value counts as 0.
 *
 * Of a multi-class task scikit-learn averages the classes that occur in the truth or in the predictions: hand only
 * those over ({@link occurring}). Of a multi-label task it averages all labels.
 *
 * @param counts Counts per class.
 * @param metric {@link precision}, {@link recall} or {@link f1}.
 * @returns The mean, or null when there is no class to average.
 *
 * @example
 * ```ts
 * import { f1, macroAverage } from "@fovea/fovea";
 *
 * macroAverage([{ tp: 1, fp: 0, fn: 0, tn: 3 }, { tp: 0, fp: 0, fn: 3, tn: 1 }], f1); // 0.5
 * ```
 */
export function macroAverage(counts: readonly Counts[], metric: (counts: Counts) => number | null): number | null {
  if (counts.length === 0) return null;
  return counts.reduce((sum, each) => sum + (metric(each) ?? 0), 0) / counts.length;
}

/**
 * Leaves out the classes that occur neither in the truth nor in the predictions.
 *
 * @param counts Counts per class.
 * @returns Those with a sample or a prediction, in order.
 */
export function occurring(counts: readonly Counts[]): Counts[] {
  return counts.filter(({ tp, fp, fn }) => tp + fp + fn > 0);
}
