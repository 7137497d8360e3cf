/**
 * Optimisers: ten steps as PyTorch and timm take them.
 *
 * @module
 */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type Shape, sizeOf } from "../../kernels/op.ts";
import schedules from "../../fixtures/train/schedules.json" with { type: "json" };
import published from "../../fixtures/train/optimizers.json" with { type: "json" };
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { settings } from "../../src/run/settings.ts";
import { type Optimizer, optimizerOf, type OptimizerSettings } from "../../src/train/optimizers/mod.ts";
import { learningRateAt, momentumAt } from "../../src/train/schedules.ts";
import { fixture } from "./fixture.ts";

/** The graph of one update of a parameter `w` by a gradient `grad`. */
function updateGraph(optimizer: Optimizer, shape: Shape, weightDecay: number) {
  const b = new GraphBuilder();
  const moments = Object.fromEntries(
    Object.entries(optimizer.moments(shape)).map(([moment, its]) => [moment, b.state(moment, its)]),
  );
  const names = Object.keys(optimizer.scalars(0.1, 0));
  const update = optimizer.update({
    b,
    parameter: b.state("w", shape),
    grad: b.input("grad", shape),
    moments,
    scalars: Object.fromEntries(names.map((name) => [name, b.input(name, [])])),
    rate: 1,
    weightDecay,
  });
  assertEquals(Object.keys(update.moments).toSorted(), Object.keys(moments).toSorted());
  b.assign("w", update.parameter);
  for (const [moment, value] of Object.entries(update.moments)) {
    assertEquals(value.shape, moments[moment].shape);
    b.assign(moment, value);
  }
  return b.graph;
}

/** Ten steps of a rule. */
interface Case {
  readonly name: string;
  readonly rule: string;
  readonly options: OptimizerSettings;
  readonly shape?: Shape;
  readonly lookahead?: number;
  readonly weightDecay: number;
  readonly start: readonly number[];
  readonly grads: readonly (readonly number[])[];
  readonly rates: readonly number[];
  /** Where the schedule moves the momentum. */
  readonly momenta?: readonly number[];
  readonly after: readonly (readonly number[])[];
}

function check(
  { rule, options, shape = [4], lookahead = 0, weightDecay, start, grads, rates, momenta = [], after }: Case,
): void {
  const name = settings.optimizer.kind.read(rule) as "sgd";
  const optimizer = optimizerOf({ optimizer: name, lookahead, ...options });
  assertEquals(optimizer.name, rule);
  const graph = updateGraph(optimizer, shape, weightDecay);
  let states = new Map<string, ArrayLike<number>>([
    ["w", start],
    ...Object.entries(optimizer.moments(shape)).map(([moment, its]): [string, number[]] => [
      moment,
      new Array(sizeOf(its)).fill(0),
    ]),
  ]);
  grads.forEach((grad, step) => {
    const given = optimizer.scalars(rates[step], step, momenta[step]);
    const scalars = Object.entries(given).map(([name, value]) => [name, [value]]);
    states = new Map(runReference(graph, { ...Object.fromEntries([...states, ...scalars]), grad }).states);
    after[step].forEach((want, k) => assertAlmostEquals(states.get("w")![k], want, 1e-12, `step ${step}, number ${k}`));
  });
}

Deno.test("optimisers take PyTorch's steps, or timm's", async (t) => {
  for (const each of [...fixture.optimizers, ...published as unknown as Case[]]) {
    await t.step(each.name, () => check(each));
  }
  const tried = new Set([...fixture.optimizers, ...published].map(({ rule }) => rule));
  assertEquals(settings.optimizer.kind.choices.filter((name) => !tried.has(name)), []);
});

Deno.test("momentum goes through a cycle as PyTorch's OneCycleLR moves it, and steps by it are PyTorch's", async (t) => {
  const { learningRate } = schedules;
  for (const { name, warmupSteps, options, momenta, ...each } of schedules.cycles) {
    await t.step(name, () => {
      const schedule = { name: "onecycle", learningRate, totalSteps: momenta.length, warmupSteps } as const;
      const steps = momenta.map((_, step) => step);
      const moved = steps.map((step) => momentumAt(step, schedule)!);
      momenta.forEach((want, step) => assertAlmostEquals(moved[step], want, 1e-12, `step ${step}`));
      const rates = steps.map((step) => learningRateAt(step, schedule));
      check({ ...each, name, options: { ...options, cycleMomentum: true }, rates, momenta: moved });
    });
  }
  assertEquals(momentumAt(3, { name: "cosine", learningRate: 1, totalSteps: 9 }), undefined);
});
