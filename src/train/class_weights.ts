/**
 * How much classes count in the loss, by their numbers in the training split.
 *
 * @module
 */

import { effectiveNumber } from "../data/batches/sampling.ts";
import type { Dataset } from "../data/dataset.ts";
import { counted, firstNames } from "../data/names.ts";
import { option, UserError } from "../errors.ts";
import { settings } from "../run/settings.ts";
import type { ResolvedOptions } from "./settled_options.ts";

/** β of effective numbers unless given. */
const BETA = settings.effectiveBeta.default;

/**
 * Logarithms of the shares [K] of the classes in a training split, times τ: what is added to their logits in the loss
 * (Menon et al., "Long-tail learning via logit adjustment", 2021, section 5.1). A class without pictures is taken to
 * have one.
 */
export function logitOffsetOf(data: Dataset, tau: number): number[] {
  return data.counts().map((count) => tau * Math.log(Math.max(1, count) / data.size));
}

/**
 * Weights [K] of the loss: of the classes, or of the positives of each label.
 *
 * @throws {UserError} If there are more or fewer of them than classes.
 */
export function classWeightsOf(
  data: Dataset,
  { classWeights, posWeight, effectiveBeta }:
    & Pick<ResolvedOptions, "classWeights" | "posWeight">
    & Partial<Pick<ResolvedOptions, "effectiveBeta">>,
): number[] {
  const weights = data.task === "multiclass" ? classWeights : posWeight;
  const outputs = data.task === "binary" ? 1 : data.classes.length;
  if (weights === "none") return new Array<number>(outputs).fill(1);
  if (typeof weights !== "string") {
    if (weights.length !== outputs) {
      const name = option(data.task === "multiclass" ? "classWeights" : "posWeight");
      const names = data.task === "binary" ? data.classes[0] : firstNames(data.classes, 12);
      throw new UserError(
        `Cannot use ${name} with ${counted(weights.length, "weight")} for ${outputs}: give one for each of ${names}, ` +
          "in this order",
        2,
      );
    }
    return [...weights];
  }
  const counts = data.counts();
  if (weights === "effective") {
    const inverse = counts.map((count) => 1 / effectiveNumber(Math.max(1, count), effectiveBeta ?? BETA));
    const sum = inverse.reduce((all, weight) => all + weight, 0);
    return inverse.map((weight) => weight * outputs / sum);
  }
  // As scikit-learn's "balanced": N / (K · n_c); for labels, negatives over positives.
  if (data.task === "multiclass") return counts.map((count) => data.size / (outputs * Math.max(1, count)));
  const positives = data.task === "binary" ? [counts[1]] : counts;
  return positives.map((count) => (data.size - count) / Math.max(1, count));
}
