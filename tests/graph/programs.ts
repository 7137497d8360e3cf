/**
 * Steps of a graph as text, for tests of fusing and planning.
 *
 * @module
 */

import { GraphBuilder } from "../../src/graph/builder.ts";
import { fuse, type FuseOptions } from "../../src/graph/passes/fuse.ts";
import type { Graph, Node } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import type { FusedStep } from "../../src/graph/fused_step.ts";

/** As WebGPU fuses. */
export const EVERYTHING: FuseOptions = {
  prologues: true,
  epilogues: true,
  manyWrites: true,
  maxBindings: 8,
  maxJoined: 8,
};

/** As gpu.js fuses. */
export const MAPS_ONLY: FuseOptions = {
  prologues: false,
  epilogues: false,
  manyWrites: false,
  maxBindings: 16,
  maxJoined: 16,
};

/** A lowered graph and its steps. */
export function fused(
  build: (b: GraphBuilder) => void,
  options: FuseOptions = EVERYTHING,
): { graph: Graph; steps: FusedStep[] } {
  const b = new GraphBuilder();
  build(b);
  const graph = lower(b.graph);
  return { graph, steps: fuse(graph, options) };
}

/**
 * A step as `sum(square): x mean -> variance`: its kernels (or `map`), what it computes on the fly of its inputs, what
 * it reads and what it writes. A tensor has its name as an input, state, output or new state; others that of their op.
 */
export function textOf(step: FusedStep, graph: Graph): string {
  const kernels = step.kernels.map(({ kernel, prologue }) => {
    const inlined = [...prologue.values()].map(({ op }) => op);
    return kernel.op + (inlined.length > 0 ? `(${inlined.join(", ")})` : "");
  });
  const names = (nodes: readonly Node[]) => nodes.map((node) => nameOf(node, graph)).sort().join(" ");
  return `${kernels.join(" + ") || "map"}: ${names(step.reads)} -> ${names(step.writes)}`;
}

function nameOf(node: Node, graph: Graph): string {
  if (node.op === "input" || node.op === "state") return node.attrs.name as string;
  const output = Object.entries(graph.outputs).find(([, other]) => other === node);
  const assignment = graph.assignments.find(({ value }) => value === node);
  return output?.[0] ?? (assignment ? `${assignment.state}'` : node.op);
}
