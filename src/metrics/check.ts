/**
 * The checks that every metric makes before it counts: sizes that fit, targets that are classes, scores that are
 * numbers.
 *
 * @module
 */

/**
 * Refuses two arrays that do not describe the same samples.
 *
 * @param name Name of the first array, for the message.
 * @param values Flat array `[N, columns]`.
 * @param targets Flat array `[N]`.
 * @param columns Values per sample.
 * @returns The number of samples, N.
 * @throws {TypeError} If the lengths do not fit.
 */
export function checkLengths(
  name: string,
  values: ArrayLike<number>,
  targets: ArrayLike<number>,
  columns = 1,
): number {
  if (values.length !== targets.length * columns) {
    const expected = columns === 1 ? `${targets.length}` : `${targets.length} × ${columns}`;
    throw new TypeError(
      `${name} and targets must describe the same samples: expected ${expected} ${name}, got ${values.length}`,
    );
  }
  return targets.length;
}

/**
 * Refuses a number of classes or labels that is none.
 *
 * @param classes The number of classes, labels or columns.
 * @throws {RangeError} If it is not a positive integer.
 */
export function checkClasses(classes: number): void {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RangeError(`The number of classes must be a positive integer, got ${classes}`);
  }
}

/**
 * Refuses anything but class indices.
 *
 * @param name Name of the array, for the message.
 * @param values Class indices `[N]`.
 * @param classes The number of classes; each value is an integer in `[0, classes)`.
 * @throws {RangeError} Naming the first index that holds something else.
 */
export function checkIndices(name: string, values: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isInteger(values[i]) || values[i] < 0 || values[i] >= classes) {
      throw new RangeError(`${name}[${i}] must be an integer from 0 to ${classes - 1}, got ${values[i]}`);
    }
  }
}

/**
 * Refuses scores that cannot be ranked. Infinite scores can.
 *
 * @param scores Scores of any shape, flat.
 * @throws {RangeError} Naming the first index that holds NaN.
 */
export function checkRankable(scores: ArrayLike<number>): void {
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw new RangeError(`scores[${i}] is NaN and has no rank: the model has diverged`);
  }
}

/**
 * Refuses logits whose probabilities or loss would not be numbers.
 *
 * @param logits Logits of any shape, flat.
 * @throws {RangeError} Naming the first index that holds NaN or an infinity.
 */
export function checkFinite(logits: ArrayLike<number>): void {
  for (let i = 0; i < logits.length; i++) {
    if (!Number.isFinite(logits[i])) {
      throw new RangeError(`logits[${i}] is ${logits[i]}, expected a finite number: the model has diverged`);
    }
  }
}
