/**
 * The losses of the three tasks.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import type { Task } from "../data/labels.ts";
import type { GraphBuilder } from "../graph/builder.ts";

/** Operands of a loss. */
export interface LossInputs {
  /** [N, K]. */
  readonly logits: Tensor;
  /** [N, K]: one-hot for classes, 0 or 1 for labels; or probabilities. */
  readonly targets: Tensor;
  /** [N]: 1, or 0 for padding. */
  readonly weight: Tensor;
  /** [K]: weight of each class, or of the positives of each label; default all 1. */
  readonly classWeight?: Tensor;
  /** Share of the target that all classes get alike, multi-class only; default 0. */
  readonly labelSmoothing?: number;
}

/** A loss of the user's own: the mean loss of a batch, a scalar, which is differentiated. */
export type LossFunction = (b: GraphBuilder, inputs: LossInputs) => Tensor;

/**
 * Mean loss of a batch, a scalar: softmax cross-entropy for `multiclass`, sigmoid cross-entropy for the others.
 *
 * As PyTorch's `CrossEntropyLoss(weight, label_smoothing)` and `BCEWithLogitsLoss(pos_weight)`, reduced by mean.
 */
export function taskLoss(b: GraphBuilder, task: Task, inputs: LossInputs): Tensor {
  const { logits, targets, weight, labelSmoothing = 0 } = inputs;
  const [batch, classes] = logits.shape;
  const classWeight = inputs.classWeight ?? b.broadcastTo(1, [classes]);
  if (task !== "multiclass") {
    const perLabel = b.op("sigmoidCrossEntropy", [logits, targets, classWeight]);
    const perSample = b.mean(perLabel, [1], false);
    return b.div(b.sum(b.mul(perSample, weight), undefined, false), b.sum(weight, undefined, false));
  }
  // Σ w_c t'_c (−ln p_c), divided by the weight of the true classes.
  const smooth = labelSmoothing === 0 ? targets : b.add(b.mul(targets, 1 - labelSmoothing), labelSmoothing / classes);
  const perSample = b.op("crossEntropy", [logits, b.mul(smooth, classWeight)]);
  const total = b.sum(b.mul(perSample, weight), undefined, false);
  const ofTruth = b.reshape(b.sum(b.mul(targets, classWeight), [1]), [batch]);
  return b.div(total, b.sum(b.mul(ofTruth, weight), undefined, false));
}
