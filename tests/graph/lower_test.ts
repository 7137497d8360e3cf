import { assert, assertEquals } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Graph, liveNodes, type Node, STRUCTURAL } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import { randomGraph } from "../device/random_graphs.ts";

const graphs = Array.from({ length: 100 }, (_, k) => ({ seed: k + 1, ...randomGraph(k + 1) }));

const count = (graph: Graph, op: string) => graph.nodes.filter((node) => node.op === op).length;

Deno.test("lower() leaves primitives, each wanted", () => {
  for (const { seed, graph } of graphs) {
    const lowered = lower(graph);
    for (const { op } of lowered.nodes) {
      assert(STRUCTURAL.has(op) || !opNamed(op).lower, `seed ${seed}: ${op} is left`);
    }
    // Constants that a composition did not need in the end are all that may be left over.
    const dead = new Set(lowered.nodes).difference(new Set(liveNodes(lowered)));
    assertEquals([...dead].filter(({ op }) => op !== "constant"), [], `seed ${seed}`);
  }
});

Deno.test("lower() keeps names, shapes and the order of inputs before users", () => {
  const shapesOf = ({ outputs, assignments }: Graph) => ({
    outputs: Object.entries(outputs).map(([name, { shape }]) => [name, [...shape]]),
    assignments: assignments.map(({ state, value }) => [state, [...value.shape]]),
  });
  for (const { seed, graph } of graphs) {
    const lowered = lower(graph);
    assertEquals(shapesOf(lowered), shapesOf(graph), `seed ${seed}`);
    const seen = new Set<Node>();
    for (const node of lowered.nodes) {
      assert(node.inputs.every((input) => seen.has(input)), `seed ${seed}: node ${node.id} comes before its inputs`);
      seen.add(node);
    }
  }
});

Deno.test("lower() changes nothing that is lowered", () => {
  for (const { seed, graph } of graphs) {
    const once = lower(graph);
    const text = (nodes: readonly Node[]) => nodes.map(({ op, shape, attrs }) => [op, [...shape], attrs]);
    assertEquals(text(lower(once).nodes), text(liveNodes(once)), `seed ${seed}`);
  }
});

Deno.test("lower() computes once what compositions share", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [2, 3]);
  // Both subtract the same maximum and sum the same exponentials.
  b.output("p", b.op("softmax", [x]));
  b.output("l", b.op("logSoftmax", [x]));
  const lowered = lower(b.graph);
  assertEquals([count(lowered, "max"), count(lowered, "sum"), count(lowered, "exp")], [1, 1, 1]);
});
