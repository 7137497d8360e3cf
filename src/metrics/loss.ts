/**
 * Cross-entropy from logits, in float64: the log-loss of the probabilities without ever forming them. A confident
 * mistake costs what it should instead of what clipping leaves of it.
 *
 * @module
 */
import { checkClasses, checkFinite, checkIndices, checkLengths } from "./check.ts";

/** Sigmoid cross-entropy of one logit, in nats: `max(x, 0) - x t + log(1 + exp(-|x|))`. */
export function sigmoidLoss(logit: number, target: number): number {
  return Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
}

/**
 * Softmax cross-entropy of one sample, in nats: `log(sum(exp(x))) - x[target]`.
 *
 * @param logits Logits `[N, classes]`, flat.
 * @param row Where the sample's begin.
 * @param classes The number of classes.
 * @param target The true class.
 */
export function softmaxLoss(logits: ArrayLike<number>, row: number, classes: number, target: number): number {
  let largest = -Infinity;
  for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[row + c]);
  let total = 0;
  for (let c = 0; c < classes; c++) total += Math.exp(logits[row + c] - largest);
  return Math.log(total) + (largest - logits[row + target]);
}

/**
 * Mean sigmoid cross-entropy, `max(x, 0) - x t + log(1 + exp(-|x|))`.
 *
 * @param logits Logits, flat, of any shape.
 * @param targets Labels 0 or 1, of the same shape.
 * @returns The mean in nats, or null when there is nothing to average.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If a logit is not finite or a target is not 0 or 1; the message names the index.
 *
 * @example
 * ```ts
 * import { sigmoidCrossEntropy } from "@fovea/fovea";
 *
 * sigmoidCrossEntropy([0, 0], [0, 1]); // 0.6931471805599453
 * ```
 */
export function sigmoidCrossEntropy(logits: ArrayLike<number>, targets: ArrayLike<number>): number | null {
  const count = checkLengths("logits", logits, targets);
  checkFinite(logits);
  checkIndices("targets", targets, 2);
  let sum = 0;
  for (let i = 0; i < count; i++) sum += sigmoidLoss(logits[i], targets[i]);
  return count === 0 ? null : sum / count;
}

/**
 * Mean softmax cross-entropy, `log(sum(exp(x))) - x[target]`.
 *
 * @param logits Logits `[N, classes]`, flat.
 * @param targets True classes `[N]`.
 * @param classes The number of classes.
 * @returns The mean in nats, or null when there are no samples.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is not finite or a target is no class index; the message names the index.
 *
 * @example
 * ```ts
 * import { softmaxCrossEntropy } from "@fovea/fovea";
 *
 * softmaxCrossEntropy([1, 1, 1, 1], [3], 4); // 1.3862943611198906
 * ```
 */
export function softmaxCrossEntropy(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): number | null {
  checkClasses(classes);
  const samples = checkLengths("logits", logits, targets, classes);
  checkFinite(logits);
  checkIndices("targets", targets, classes);
  let sum = 0;
  for (let i = 0; i < samples; i++) sum += softmaxLoss(logits, i * classes, classes, targets[i]);
  return samples === 0 ? null : sum / samples;
}
