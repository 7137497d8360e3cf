/**
 * What the loss of training is of: where it is more than the validation's, the two cannot be compared.
 *
 * @module
 */

import { type LossKind, PLAIN } from "../track/tracker.ts";
import type { RunOptions } from "./settled_options.ts";

/** Options on which depends what the loss of training is of. */
const KIND = [
  ...["task", "loss", "classWeights", "posWeight", "labelSmoothing", "logitAdjustment", "mixup", "cutmix"] as const,
  ...["sampling", "bceTargetThreshold", "bceSum", "rDrop", "augSplits", "teacher"] as const,
] as const;

/** What the loss of training is of. */
export function lossKindOf(options: Pick<RunOptions, (typeof KIND)[number]>): LossKind {
  const { task, loss, classWeights, posWeight, labelSmoothing, logitAdjustment, teacher, ...rest } = options;
  const weights = task === "multiclass" ? classWeights : posWeight;
  const parts = [
    ...typeof loss === "function"
      ? ["a loss of one's own"]
      : loss === (task === "multiclass" ? "cross-entropy" : "bce")
      ? []
      : [loss],
    ...weights === "none" ? [] : [task === "multiclass" ? "class weights" : "positive weights"],
    ...labelSmoothing > 0 ? ["label smoothing"] : [],
    ...logitAdjustment > 0 ? ["logit adjustment"] : [],
    ...rest.mixup > 0 ? ["mixup"] : [],
    ...rest.cutmix > 0 ? ["CutMix"] : [],
    ...rest.sampling === "uniform" ? [] : [`${rest.sampling} sampling`],
    ...rest.bceTargetThreshold === undefined ? [] : ["target threshold"],
    ...rest.bceSum ? ["summed"] : [],
    ...rest.rDrop > 0 ? ["R-Drop"] : [],
    ...rest.augSplits > 1 ? ["Jensen-Shannon divergence"] : [],
    ...teacher ? ["teacher"] : [],
  ];
  return parts.length > 0 ? parts.join(", ") : PLAIN;
}
