/**
 * The graph of an evaluation.
 *
 * @module
 */

import { GraphBuilder } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";

/**
 * The graph of an evaluation: input `images`, output `logits` [N, K].
 *
 * @param prefix What stands before the names of the model's states; default nothing.
 */
export function evaluationGraph(model: Model, batch: number, prefix = ""): Graph {
  const b = new GraphBuilder();
  b.output("logits", model.trace(b, batch, false, undefined, undefined, { prefix }).logits);
  return b.graph;
}
