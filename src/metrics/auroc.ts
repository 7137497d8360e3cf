/**
 * Areas under curves: of the receiver operating characteristic, as a rank statistic, and of precision over recall.
 *
 * @module
 */
import { checkClasses, checkIndices, checkLengths, checkRankable } from "./check.ts";
import { column } from "./column.ts";
import { Ranking } from "./ranking.ts";

/**
 * The probability that a positive sample scores above a negative one, ties counted as one half. It is the Mann-Whitney
 * U statistic over the number of pairs (Hanley and McNeil 1982), and equal to the area under the ROC curve. O(N log N).
 *
 * @param scores Scores `[N]`: logits, probabilities, or anything that grows with them; infinities may be ranked.
 * @param targets True labels `[N]`, 0 or 1.
 * @returns A number from 0 to 1, or null when all samples are of one kind and there is no pair to compare.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If a score is NaN or a target is not 0 or 1; the message names the index.
 *
 * @example
 * ```ts
 * import { auroc } from "@fovea/fovea";
 *
 * auroc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1]); // 0.875
 * ```
 */
export function auroc(scores: ArrayLike<number>, targets: ArrayLike<number>): number | null {
  return new Ranking(scores, targets).areas().auroc;
}

/**
 * The mean of the precision over the positives, each taken at the threshold that finds it (scikit-learn's
 * `average_precision_score`). Unlike auROC it tells how a rare class does, since negatives alone cannot raise it.
 *
 * @param scores Scores `[N]`, as {@link auroc} takes them.
 * @param targets True labels `[N]`, 0 or 1.
 * @returns A number from 0 to 1, or null when no sample is positive.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If a score is NaN or a target is not 0 or 1; the message names the index.
 *
 * @example
 * ```ts
 * import { averagePrecision } from "@fovea/fovea";
 *
 * averagePrecision([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]); // 0.8333333333333333
 * ```
 */
export function averagePrecision(scores: ArrayLike<number>, targets: ArrayLike<number>): number | null {
  return new Ranking(scores, targets).areas().averagePrecision;
}

/**
 * The auROC of each class against the rest.
 *
 * @param scores Scores `[N, classes]`, flat. Rows should be comparable: probabilities, not logits, whose common offset
 * within a row means nothing.
 * @param targets True classes `[N]`.
 * @param classes The number of classes.
 * @returns One value per class, null where the class has no samples or all of them.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a score is NaN or a target is no class index; the message names the index.
 */
export function oneVsRestAuroc(
  scores: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): (number | null)[] {
  checkClasses(classes);
  checkLengths("scores", scores, targets, classes);
  checkRankable(scores);
  checkIndices("targets", targets, classes);
  return Array.from(
    { length: classes },
    (_, c) => auroc(column(scores, c, classes), Uint8Array.from(targets, (target) => Number(target === c))),
  );
}

/**
 * The mean of the values that are defined, as the field averages auROC over classes (scikit-learn refuses undefined
 * ones; torchmetrics leaves them out, with a warning).
 *
 * @param values One value per class.
 * @returns Their mean without the nulls, or null when none is defined.
 */
export function meanOfDefined(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === 0 ? null : defined.reduce((sum, value) => sum + value, 0) / defined.length;
}
