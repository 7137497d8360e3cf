/**
 * Lowering: what is composed from other ops is replaced by its composition. It comes after differentiation, so that
 * an op's VJP sees the op and the devices see only primitives.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import { GraphBuilder } from "./builder.ts";
import { type Graph, liveNodes, type Node } from "./graph.ts";

/** The same graph in primitives, without the nodes that nobody reads. */
export function lower(graph: Graph): Graph {
  const b = new GraphBuilder({ primitives: true });
  const lowered = new Map<Node, Tensor>();
  for (const node of liveNodes(graph)) {
    lowered.set(node, rebuild(b, node, node.inputs.map((input) => lowered.get(input)!)));
  }
  for (const [name, node] of Object.entries(graph.outputs)) b.output(name, lowered.get(node)!);
  for (const { state, value } of graph.assignments) b.assign(state, lowered.get(value)!);
  return b.graph;
}

function rebuild(b: GraphBuilder, node: Node, inputs: Tensor[]): Tensor {
  switch (node.op) {
    case "input":
      return b.input(node.attrs.name as string, node.shape);
    case "state":
      return b.state(node.attrs.name as string, node.shape);
    case "constant":
      return b.constant(node.attrs.value as number);
    case "reshape":
      return b.reshape(inputs[0], node.shape);
    default:
      return b.op(node.op, inputs, node.attrs);
  }
}
