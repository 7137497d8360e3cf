/**
 * R-Drop (Wu, Li et al., "R-Drop: regularized dropout for neural networks", 2021): each picture goes through the model
 * twice in a step, with other units dropped, and the two answers are drawn to one another.
 *
 * The second pass is a second half of the batch. Masks are drawn by an element's place, so the halves' differ, and a
 * loss of any kind is the mean of both.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Task } from "../data/labels.ts";

/** A tensor of a batch [N, …] and the same again, [2N, …]. */
export function twice(b: GraphBuilder, x: Tensor): Tensor {
  return b.concat([x, x], 0);
}

/**
 * ½ · ½ (KL(p ‖ q) + KL(q ‖ p)), the mean of a batch, a scalar; p and q are the probabilities of the two passes.
 *
 * It stands beside the mean of the two passes' losses, where the paper's formula (4) has their sum: everything is half
 * of the paper's, and α means the same. In binary and multi-label tasks each label is a pair of classes, and the mean
 * is over labels too.
 *
 * @param logits Of the first pass, then of the second, [2N, K].
 * @param weight Of each picture, [N]: 1, or 0 for padding.
 */
export function disagreement(b: GraphBuilder, task: Task, logits: Tensor, weight: Tensor): Tensor {
  const [batch, classes] = [logits.shape[0] / 2, logits.shape[1]];
  const [first, second] = [0, batch].map((row) => b.slice(logits, [row, 0], [batch, classes]));
  // KL(p ‖ q) + KL(q ‖ p) = Σ (p − q) (ln p − ln q), in which the softmax's divisors cancel.
  const probabilities = (x: Tensor) => task === "multiclass" ? b.op("softmax", [x]) : b.sigmoid(x);
  const apart = b.mul(b.sub(probabilities(first), probabilities(second)), b.sub(first, second));
  const ofPicture = b.reshape(b.sum(apart, [1]), [batch]);
  const share = task === "multiclass" ? 1 / 4 : 1 / (4 * classes);
  return b.mul(b.div(b.sum(b.mul(ofPicture, weight), undefined, false), b.sum(weight, undefined, false)), share);
}
