/**
 * From logits to probabilities and to decisions.
 *
 * @module
 */
import { checkClasses, checkFinite } from "./check.ts";

/**
 * The probability that a logit stands for.
 *
 * @param logit Any number.
 * @returns `1 / (1 + exp(-logit))`.
 */
export function sigmoid(logit: number): number {
  // exp of a negative number only: no overflow, and full precision near 0.
  const e = Math.exp(-Math.abs(logit));
  return logit >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/**
 * The probabilities of each row of logits.
 *
 * @param logits Logits `[N, classes]`, flat.
 * @param classes The number of classes.
 * @returns Probabilities `[N, classes]`; each row sums to 1.
 * @throws {TypeError} If there are not a whole number of rows.
 * @throws {RangeError} If a logit is not finite; the message names the index.
 *
 * @example
 * ```ts
 * import { softmax } from "@fovea/fovea";
 *
 * softmax([0, Math.log(3)], 2); // [0.25, 0.75]
 * ```
 */
export function softmax(logits: ArrayLike<number>, classes: number): Float64Array {
  const rows = rowCount(logits, classes);
  const probabilities = new Float64Array(logits.length);
  for (let i = 0; i < rows; i++) {
    const row = i * classes;
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[row + c]);
    let total = 0;
    for (let c = 0; c < classes; c++) total += probabilities[row + c] = Math.exp(logits[row + c] - largest);
    for (let c = 0; c < classes; c++) probabilities[row + c] /= total;
  }
  return probabilities;
}

/**
 * The class of the largest logit of each row; the first of equals.
 *
 * @param logits Logits or probabilities `[N, classes]`, flat.
 * @param classes The number of classes.
 * @returns Class indices `[N]`.
 * @throws {TypeError} If there are not a whole number of rows.
 * @throws {RangeError} If a logit is not finite; the message names the index.
 */
export function predictClasses(logits: ArrayLike<number>, classes: number): Uint32Array {
  const predictions = new Uint32Array(rowCount(logits, classes));
  for (let i = 0; i < predictions.length; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[i * classes + c] > logits[i * classes + best]) best = c;
    predictions[i] = best;
  }
  return predictions;
}

/**
 * The labels that are predicted: whose probability is at least one half, that is, whose logit is at least 0, unless
 * asked otherwise.
 *
 * @param logits Logits, flat, of any shape.
 * @param cuts Logit at and above which a label is predicted: one for all, or one for each label of a row.
 * @returns 0 or 1 for each.
 * @throws {RangeError} If a logit is not finite; the message names the index.
 */
export function predictLabels(logits: ArrayLike<number>, cuts: readonly number[] = [0]): Uint8Array {
  checkFinite(logits);
  return Uint8Array.from(logits, (logit, i) => Number(logit >= cuts[i % cuts.length]));
}

/** The number of rows of `classes` logits, all of them checked. */
function rowCount(logits: ArrayLike<number>, classes: number): number {
  checkClasses(classes);
  if (logits.length % classes !== 0) {
    throw new TypeError(`logits must be [N, ${classes}], got ${logits.length} values`);
  }
  checkFinite(logits);
  return logits.length / classes;
}
