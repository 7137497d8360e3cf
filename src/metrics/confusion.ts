/**
 * The confusion matrix, and the four counts per class that precision, recall and F1 are made of.
 *
 * @module
 */
import { checkClasses, checkIndices, checkLengths } from "./check.ts";

/** How a classifier did on one class, taken against all others. */
export interface Counts {
  /** Samples of the class that were predicted so. */
  tp: number;
  /** Samples of other classes that were predicted as this one. */
  fp: number;
  /** Samples of the class that were predicted as another. */
  fn: number;
  /** Samples of other classes that were not predicted as this one. */
  tn: number;
}

/**
 * Counts pairs of true and predicted class (scikit-learn's `confusion_matrix` with all labels given).
 *
 * @param predictions Predicted classes `[N]`.
 * @param targets True classes `[N]`.
 * @param classes The number of classes; classes that do not occur have rows and columns of zeros.
 * @returns `[classes, classes]`: rows are the truth, columns the predictions.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If a value is no class index.
 *
 * @example
 * ```ts
 * import { confusionMatrix } from "@fovea/fovea";
 *
 * confusionMatrix([0, 1, 1], [0, 0, 1], 2); // [[1, 1], [0, 1]]
 * ```
 */
export function confusionMatrix(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): number[][] {
  checkClasses(classes);
  const samples = checkLengths("predictions", predictions, targets);
  checkIndices("predictions", predictions, classes);
  checkIndices("targets", targets, classes);
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < samples; i++) matrix[targets[i]][predictions[i]]++;
  return matrix;
}

/**
 * Each class against the rest.
 *
 * @param confusion Confusion matrix, rows the truth; of a binary task the counts at index 1 are the positive class's.
 * @returns One {@link Counts} per class.
 *
 * @example
 * ```ts
 * import { classCounts } from "@fovea/fovea";
 *
 * classCounts([[1, 1], [0, 1]])[1]; // { tp: 1, fp: 1, fn: 0, tn: 1 }
 * ```
 */
export function classCounts(confusion: readonly (readonly number[])[]): Counts[] {
  const rows = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const columns = confusion.map((_, c) => confusion.reduce((sum, row) => sum + row[c], 0));
  const total = rows.reduce((sum, count) => sum + count, 0);
  return confusion.map((row, c) => {
    const tp = row[c];
    return { tp, fp: columns[c] - tp, fn: rows[c] - tp, tn: total - rows[c] - columns[c] + tp };
  });
}
