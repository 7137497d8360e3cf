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
import type { Task } from "../data/labels.ts";
import { option, orList, UserError } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { liveNodes } from "../graph/graph.ts";
import { models } from "../models/mod.ts";
import type { Model, ModelOption } from "../models/model.ts";
import type { LearningStep } from "./step.ts";

/** What a model's units or branches are dropped by. */
const DROPPING: readonly ModelOption[] = ["dropout", "attentionDropout", "stochasticDepth"];

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

/**
 * Refuses a step in which both passes would give the same.
 *
 * @throws UserError with what the model can drop.
 */
export function checkPasses(model: Model, { rDrop = 0, learning: { frozen } }: LearningStep): void {
  if (rDrop === 0) return;
  const b = new GraphBuilder();
  // Of two pictures, since a batch norm may not fit one.
  b.output("logits", model.trace(b, 2, true, frozen).logits);
  if (liveNodes(b.graph).some(({ op, attrs }) => op === "input" && attrs.name === "keyHi")) return;
  const takes = models.find(({ name }) => name === model.name)?.takes ?? [];
  const ways = DROPPING.filter((each) => takes.includes(each)).map((each) => `${option(each)} 0.1`);
  throw new UserError(
    `Cannot use ${option("rDrop")} ${rDrop} with ${model.name}: it drops nothing, so that both passes are the same; ` +
      `give ${orList(ways.length > 0 ? ways : [`another ${option("model")}, such as naive-cnn`])}`,
  );
}
