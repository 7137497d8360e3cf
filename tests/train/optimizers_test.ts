import { assertAlmostEquals, assertEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { adam, adamW, type Optimizer, sgd } from "../../src/train/optimizers.ts";
import { fixture, type OptimizerCase } from "./fixture.ts";

const makers = { sgd, adam, adamw: adamW };

/** The graph of one update of a parameter `w` by a gradient `grad`, [4]. */
function updateGraph(optimizer: Optimizer, weightDecay: number) {
  const b = new GraphBuilder();
  const moments = Object.fromEntries(optimizer.moments.map((moment) => [moment, b.state(moment, [4])]));
  const names = Object.keys(optimizer.scalars(0.1, 0));
  const update = optimizer.update({
    b,
    parameter: b.state("w", [4]),
    grad: b.input("grad", [4]),
    moments,
    scalars: Object.fromEntries(names.map((name) => [name, b.input(name, [])])),
    rate: 1,
    weightDecay,
  });
  b.assign("w", update.parameter);
  for (const [moment, value] of Object.entries(update.moments)) b.assign(moment, value);
  return b.graph;
}

function check({ rule, options, weightDecay, start, grads, rates, after }: OptimizerCase): void {
  const optimizer = makers[rule](options);
  assertEquals(optimizer.name, rule);
  const graph = updateGraph(optimizer, weightDecay);
  let states = new Map<string, ArrayLike<number>>([
    ["w", start],
    ...optimizer.moments.map((moment): [string, number[]] => [moment, [0, 0, 0, 0]]),
  ]);
  grads.forEach((grad, step) => {
    const scalars = Object.entries(optimizer.scalars(rates[step], step)).map(([name, value]) => [name, [value]]);
    states = new Map(runReference(graph, { ...Object.fromEntries([...states, ...scalars]), grad }).states);
    after[step].forEach((want, k) => assertAlmostEquals(states.get("w")![k], want, 1e-12, `step ${step}, number ${k}`));
  });
}

Deno.test("optimisers take PyTorch's steps", async (t) => {
  for (const each of fixture.optimizers) await t.step(each.name, () => check(each));
});
