/**
 * The graph of an evaluation.
 *
 * @module
 */

import { GraphBuilder } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";

/** The graph of an evaluation: input `images`, output `logits` [N, K]. */
export function evaluationGraph(model: Model, batch: number): Graph {
  const b = new GraphBuilder();
  b.output("logits", model.trace(b, batch, false).logits);
  return b.graph;
}
