/**
 * Lowering: what is composed from other ops is replaced by its composition. It comes after differentiation, so that
 * an op's VJP sees the op and the devices see only primitives.
 *
 * @module
 */

import type { Tensor } from "../../../kernels/op.ts";
import { GraphBuilder, type LoweringOptions } from "../builder.ts";
import { type Graph, liveNodes, type Node } from "../graph.ts";

/** The same graph in primitives, without the nodes that nobody reads. */
export function lower(graph: Graph, options?: LoweringOptions): Graph {
  const b = new GraphBuilder({ ...options, primitives: true, precision: graph.precision });
  const lowered = new Map<Node, Tensor>();
  for (const node of liveNodes(graph)) {
    if (node.op === "join") continue;
    lowered.set(node, rebuild(b, node, node.inputs.map((input) => lowered.get(input)!)));
  }
  for (const [name, node] of Object.entries(graph.outputs)) {
    if (node.op === "join") b.outputParts(name, node.inputs.map((part) => lowered.get(part)!));
    else b.output(name, lowered.get(node)!);
  }
  for (const { state, value, start, of } of graph.assignments) {
    if (start === undefined) b.assign(state, lowered.get(value)!);
    else b.assignPart(state, lowered.get(value)!, start, of!);
  }
  return b.graph;
}

/** Adds a node to another graph. */
export function rebuild(b: GraphBuilder, node: Node, inputs: readonly Tensor[]): Tensor {
  switch (node.op) {
    case "input":
    case "state": {
      const { name, start, of } = node.attrs as { name: string; start?: number; of?: number };
      return of === undefined ? b[node.op](name, node.shape) : b.part(node.op, name, node.shape, start!, of);
    }
    case "constant":
      return b.constant(node.attrs.value as number);
    case "reshape":
      return node.attrs.again === undefined
        ? b.reshape(inputs[0], node.shape)
        : b.again(inputs[0], node.attrs.again as number);
    default:
      return b.op(node.op, inputs, node.attrs);
  }
}
