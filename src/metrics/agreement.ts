/**
 * How far predictions agree with the truth beyond what chance alone gives, from the confusion matrix.
 *
 * @module
 */

/** Row and column sums of a confusion matrix, and its total. */
interface Sums {
  readonly truth: readonly number[];
  readonly predicted: readonly number[];
  readonly total: number;
  readonly right: number;
}

function sumsOf(confusion: readonly ArrayLike<number>[]): Sums {
  const classes = confusion.length;
  const truth = new Array<number>(classes).fill(0);
  const predicted = new Array<number>(classes).fill(0);
  let [total, right] = [0, 0];
  for (let t = 0; t < classes; t++) {
    for (let p = 0; p < classes; p++) {
      truth[t] += confusion[t][p];
      predicted[p] += confusion[t][p];
    }
    total += truth[t];
    right += confusion[t][t];
  }
  return { truth, predicted, total, right };
}

/**
 * The mean recall of the classes that occur in the truth (scikit-learn's `balanced_accuracy_score`): what accuracy
 * would be if all classes had as many samples.
 *
 * @param confusion Confusion matrix `[classes, classes]`, rows the truth.
 * @returns A number from 0 to 1, or null when there are no samples.
 *
 * @example
 * ```ts
 * import { balancedAccuracy } from "@fovea/fovea";
 *
 * balancedAccuracy([[90, 0], [5, 5]]); // 0.75
 * ```
 */
export function balancedAccuracy(confusion: readonly ArrayLike<number>[]): number | null {
  const recalls = sumsOf(confusion).truth.flatMap((support, c) => support === 0 ? [] : [confusion[c][c] / support]);
  return recalls.length === 0 ? null : recalls.reduce((sum, value) => sum + value, 0) / recalls.length;
}

/**
 * Cohen's kappa (Cohen 1960): accuracy, with what two independent raters of these frequencies would reach as zero.
 *
 * @param confusion Confusion matrix `[classes, classes]`, rows the truth.
 * @returns 1 for full agreement, 0 for chance, or null when truth and predictions are all of one class.
 */
export function cohenKappa(confusion: readonly ArrayLike<number>[]): number | null {
  const { truth, predicted, total, right } = sumsOf(confusion);
  const byChance = truth.reduce((sum, support, c) => sum + support * predicted[c], 0);
  const rest = total * total - byChance;
  return rest === 0 ? null : 1 - (total - right) * total / rest;
}

/**
 * Matthews' correlation coefficient, of any number of classes (Gorodkin 2004, scikit-learn's `matthews_corrcoef`).
 *
 * @param confusion Confusion matrix `[classes, classes]`, rows the truth.
 * @returns A number from -1 to 1, or null when the truth or the predictions are all of one class.
 */
export function matthewsCorrelation(confusion: readonly ArrayLike<number>[]): number | null {
  const { truth, predicted, total, right } = sumsOf(confusion);
  const squares = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
  const spread = (values: readonly number[]) => total * total - squares(values);
  const [ofTruth, ofPredicted] = [spread(truth), spread(predicted)];
  if (ofTruth === 0 || ofPredicted === 0) return null;
  const together = truth.reduce((sum, support, c) => sum + support * predicted[c], 0);
  return (right * total - together) / Math.sqrt(ofTruth * ofPredicted);
}
