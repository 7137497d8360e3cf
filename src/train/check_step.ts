/**
 * Steps that a model cannot learn by, refused before a run begins.
 *
 * @module
 */

import { option, orList, UserError } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { liveNodes } from "../graph/graph.ts";
import { models } from "../models/mod.ts";
import type { Model, ModelOption } from "../models/model.ts";
import type { LearningStep } from "./step.ts";

/** What a model's units or branches are dropped by. */
const DROPPING: readonly ModelOption[] = ["dropout", "attentionDropout", "stochasticDepth"];

/**
 * Refuses a step by which a model cannot learn.
 *
 * @throws UserError with what would do.
 */
export function checkStep(model: Model, step: LearningStep): void {
  checkBatchNorms(model, step);
  const { batchNormMomentum, rDrop = 0, learning: { frozen } } = step;
  if (batchNormMomentum === undefined && rDrop === 0) return;
  const b = new GraphBuilder();
  // Of two pictures, since a batch norm may not fit one.
  const { logits, scope } = model.trace(b, 2, true, frozen);
  if (batchNormMomentum !== undefined && scope.updates.size === 0) {
    throw new UserError(
      `Cannot use ${option("batchNormMomentum")} ${batchNormMomentum} with ${model.name}: it has no batch norm whose ` +
        "running statistics are learnt; leave it out",
    );
  }
  b.output("logits", logits);
  const isRandom = liveNodes(b.graph).some(({ op, attrs }) => op === "input" && attrs.name === "keyHi");
  if (rDrop > 0 && !isRandom) throw alike(model, rDrop);
}

/**
 * Refuses a step in which a batch norm has one value a channel. Its mean is that value and its variance zero: the
 * layer's output is its bias whatever the picture, and nothing before it is learnt. Those that keep to their running
 * statistics may.
 *
 * @throws UserError with the layer and the batch that works.
 */
function checkBatchNorms(model: Model, { batch, augSplits = 1, learning: { frozen } }: LearningStep): void {
  // With two pictures, or two views of one, a channel has two values at least.
  if (augSplits * batch > 1) return;
  const b = new GraphBuilder();
  model.trace(b, batch, true, frozen);
  for (const { op, inputs: [x, gamma] } of b.graph.nodes) {
    if (op !== "batchNorm") continue;
    const [count, , ...sides] = x.shape;
    if (sides.reduce((product, side) => product * side, count) > 1) continue;
    const layer = `${gamma.attrs.name}`.replace(/\.?weight$/, "");
    throw new UserError(
      `Cannot train ${model.name} with ${option("batch")} ${batch}: its batch norm ${layer} would see one value a ` +
        `channel, and learn nothing; give ${option("batch")} 2 or more, or a larger ${option("imageSize")}`,
    );
  }
}

/** The error of two passes that are the same: what the model can drop. */
function alike({ name }: Model, rDrop: number): UserError {
  const takes = models.find((model) => model.name === name)?.takes ?? [];
  const ways = DROPPING.filter((each) => takes.includes(each)).map((each) => `${option(each)} 0.1`);
  return new UserError(
    `Cannot use ${option("rDrop")} ${rDrop} with ${name}: it drops nothing, so that both passes are the same; ` +
      `give ${orList(ways.length > 0 ? ways : [`another ${option("model")}, such as naive-cnn`])}`,
  );
}
