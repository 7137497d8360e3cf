/**
 * Accuracy: the share of predictions that are right.
 *
 * @module
 */
import { checkClasses, checkLengths } from "./check.ts";

/**
 * The share of predictions that equal their target (scikit-learn's `accuracy_score`).
 *
 * @param predictions Predicted classes `[N]`.
 * @param targets True classes `[N]`.
 * @returns A share from 0 to 1, or null when there are no samples.
 * @throws {TypeError} If the lengths differ.
 *
 * @example
 * ```ts
 * import { accuracy } from "@fovea/fovea";
 *
 * accuracy([0, 2, 1, 1], [0, 2, 2, 1]); // 0.75
 * ```
 */
export function accuracy(predictions: ArrayLike<number>, targets: ArrayLike<number>): number | null {
  const samples = checkLengths("predictions", predictions, targets);
  let right = 0;
  for (let i = 0; i < samples; i++) if (predictions[i] === targets[i]) right++;
  return samples === 0 ? null : right / samples;
}

/**
 * The accuracy of each label of a multi-label task: the share of samples on which that label is predicted right. Their
 * mean is the task's accuracy (one minus scikit-learn's `hamming_loss`); it is not the share of samples with every
 * label right.
 *
 * @param predictions Predicted labels `[N, labels]`, flat, 0 or 1.
 * @param targets True labels `[N, labels]`, flat, 0 or 1.
 * @param labels The number of labels.
 * @returns One share per label, null when there are no samples.
 * @throws {TypeError} If the lengths differ or are no multiple of `labels`.
 * @throws {RangeError} If `labels` is not a positive integer.
 *
 * @example
 * ```ts
 * import { labelAccuracies } from "@fovea/fovea";
 *
 * labelAccuracies([1, 0, 1, 1], [1, 1, 1, 1], 2); // [1, 0.5]
 * ```
 */
export function labelAccuracies(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  labels: number,
): (number | null)[] {
  checkClasses(labels);
  const samples = checkLengths("predictions", predictions, targets) / labels;
  if (!Number.isInteger(samples)) {
    throw new TypeError(`predictions must be [N, ${labels}], got ${predictions.length} values`);
  }
  const right = new Array<number>(labels).fill(0);
  for (let i = 0; i < predictions.length; i++) if (predictions[i] === targets[i]) right[i % labels]++;
  return right.map((count) => samples === 0 ? null : count / samples);
}
