/**
 * Losses that draw several answers to one picture together.
 *
 * R-Drop (Wu, Li et al., "R-Drop: regularized dropout for neural networks", 2021): each picture goes through the model
 * twice in a step, with other units dropped. The second pass is a second half of the batch. Masks are drawn by an
 * element's place, so the halves' differ, and a loss of any kind is the mean of both.
 *
 * AugMix's consistency (Hendrycks et al., "AugMix: a simple data processing method to improve robustness and
 * uncertainty", 2020): a step has several views of each picture, of which the first is learnt from.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Task } from "../data/labels.ts";
import { weightedMean } from "./losses.ts";

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
  const mean = weightedMean(b, b.sum(apart, [1], false), weight);
  return b.mul(mean, task === "multiclass" ? 1 / 4 : 1 / (4 * classes));
}

/** Least probability of which a logarithm is taken: timm's. */
const LEAST = 1e-7;

/**
 * Jensen-Shannon divergence of the answers to several views: the mean of KL(p ‖ m) over views and pictures, a scalar,
 * where p are the probabilities of a view and m their mean over the views. As timm's `JsdCrossEntropy`. In binary and
 * multi-label tasks each label is a pair of classes, and the mean is over labels too.
 *
 * @param logits Of all first views, then of all second ones, …: [V · N, K].
 * @param weight Of each picture, [N]: 1, or 0 for padding.
 */
export function divergence(b: GraphBuilder, task: Task, logits: Tensor, weight: Tensor): Tensor {
  const [[batch], [rows, classes]] = [weight.shape, logits.shape];
  // [V, N, K]; of labels [V, N, K, 2], a pair of classes having the logits x and 0.
  const isOfClasses = task === "multiclass";
  const x = b.reshape(logits, [rows / batch, batch, classes, ...isOfClasses ? [] : [1]]);
  const views = isOfClasses ? x : b.concat([x, b.broadcastTo(0, x.shape)], 3);
  const p = b.op("softmax", [views]);
  const mixture = b.log(b.maximum(b.mean(p, [0]), LEAST));
  const apart = b.mean(b.mul(p, b.sub(b.op("logSoftmax", [views]), mixture)), [0], false);
  const mean = weightedMean(b, b.sum(apart, isOfClasses ? [1] : [1, 2], false), weight);
  return isOfClasses ? mean : b.mul(mean, 1 / classes);
}
