/**
 * Batch norms that would see one value a channel. Its mean is itself and its variance is zero: the layer's output is
 * its bias whatever the picture, and nothing before it is learnt.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Model } from "../models/model.ts";
import type { LearningStep } from "./step.ts";

/**
 * Refuses a step in which a batch norm has one value a channel. Those that keep to their running statistics may.
 *
 * @throws UserError with the layer and the batch that works.
 */
export function checkBatchNorms(model: Model, { batch, learning: { frozen } }: LearningStep): void {
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
