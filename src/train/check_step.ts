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
  checkMomentum(model, step);
  checkPasses(model, step);
}

/**
 * Refuses a momentum of running statistics where none are moved.
 *
 * @throws UserError for a model without batch norms, or of which all are frozen.
 */
function checkMomentum(model: Model, { batchNormMomentum, learning: { frozen } }: LearningStep): void {
  if (batchNormMomentum === undefined) return;
  // Of two pictures, since a batch norm may not fit one.
  const { scope } = model.trace(new GraphBuilder(), 2, true, frozen);
  if (scope.updates.size > 0) return;
  throw new UserError(
    `Cannot use ${option("batchNormMomentum")} ${batchNormMomentum} with ${model.name}: it has no batch norm whose ` +
      "running statistics are learnt; leave it out",
  );
}

/**
 * Refuses a step in which a batch norm has one value a channel. Its mean is that value and its variance zero: the
 * layer's output is its bias whatever the picture, and nothing before it is learnt. Those that keep to their running
 * statistics may.
 *
 * @throws UserError with the layer and the batch that works.
 */
function checkBatchNorms(model: Model, { batch, learning: { frozen } }: LearningStep): void {
  // With two pictures a channel has two values at least.
  if (batch > 1) return;
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

/**
 * Refuses a step in which both passes would give the same.
 *
 * @throws UserError with what the model can drop.
 */
function checkPasses(model: Model, { rDrop = 0, learning: { frozen } }: LearningStep): void {
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
