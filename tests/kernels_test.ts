import { assert, assertEquals } from "@std/assert";
import { registry } from "../kernels/mod.ts";
import type { Op } from "../kernels/op.ts";
import { GraphBuilder } from "../src/graph/builder.ts";
import type { Graph } from "../src/graph/graph.ts";
import { runReference } from "../src/device/reference.ts";
import { isLong, isQuick } from "./amount.ts";
import { devices } from "./kernels/devices.ts";
import {
  assertNear,
  graphOf,
  inputsOf,
  nameIn,
  normals,
  readCases,
  resultsOf,
  samplesOf,
  type Trial,
} from "./kernels/trials.ts";

const { cases, unknown } = await readCases();
/** `deno task ok` tries two cases of each op on the devices: compiling every unrolled convolution takes minutes. */
const trialsOf = (op: Op): Trial[] =>
  isQuick ? samplesOf(op).slice(0, 2) : [...samplesOf(op), ...cases.get(op.name) ?? []];

Deno.test("registry holds each op under its name, with samples and one way to run", () => {
  for (const [name, op] of registry) {
    assertEquals(op.name, name);
    const ways = [op.lower, op.kernel, "expression" in op ? op : undefined].filter(Boolean).length;
    assertEquals(ways, 1, `${name} has ${ways} of a composition, kernels and an expression`);
    assert(samplesOf(op).length > 0, `${name} has no sample for the tests`);
    for (const { differentiable, label } of samplesOf(op)) {
      assert(op.vjp || differentiable.length === 0, `${name} has no VJP, but ${label} asks for a gradient`);
    }
  }
});

Deno.test("registry holds every op of the stored PyTorch cases", () => assertEquals(unknown, []));

Deno.test("float64 reference agrees with PyTorch", async (t) => {
  for (const [name, trials] of cases) {
    await t.step(name, () => {
      const { outputs } = runReference(graphOf(trials), inputsOf(trials));
      // Inputs are float32 values and both compute in float64.
      trials.forEach((trial, at) =>
        assertNear(trial, resultsOf(outputs, at), trial.want!, "the reference", {
          abs: Math.max(1e-9, trial.op.error ?? 0),
          rel: 1e-9,
        })
      );
    });
  }
});

/** Step of the central differences: their error is h² of the third derivative, and 1e-16 / h of rounding. */
const H = 1e-4;

/** Compares ⟨dx, v⟩ with (L(x + hv) − L(x − hv)) / 2h for random v, for each input of the trial. */
function assertDerivative(trial: Trial): void {
  const graph = graphOf([trial]);
  const { outputs } = runReference(graph, inputsOf([trial]));
  for (const k of trial.differentiable) {
    const x = Float64Array.from(trial.given[`x${k}`]);
    const dx = outputs[nameIn(0, `dx${k}`)];
    for (const stream of isLong ? [100, 101] : [100]) {
      const v = normals(x.length, stream, k);
      const loss = (h: number) =>
        runReference(graph, { ...inputsOf([trial]), [nameIn(0, `x${k}`)]: x.map((value, i) => value + h * v[i]) })
          .outputs.loss[0];
      const slope = Float64Array.of((loss(H) - loss(-H)) / (2 * H));
      const along = Float64Array.of(dx.reduce((sum, value, i) => sum + value * v[i], 0));
      const key = `dx${k} along direction ${stream}`;
      assertNear(trial, { [key]: along }, { [key]: slope }, "the VJP", { abs: 1e-5, rel: 1e-5 });
    }
  }
}

Deno.test("VJP rules agree with finite differences in float64", async (t) => {
  for (const [name, op] of registry) {
    const trials = samplesOf(op).filter(({ differentiable }) => differentiable.length > 0);
    if (trials.length > 0) await t.step(name, () => trials.forEach(assertDerivative));
  }
});

for (const { name, present, open } of devices) {
  Deno.test({
    name: `${name} agrees with the float64 reference and with PyTorch, forward and backward`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      using session = device.open();
      for (const op of registry.values()) {
        await t.step(op.name, async () => {
          const trials = trialsOf(op);
          const graph = graphOf(trials);
          const program = session.compile(graph);
          program.run(inputsOf(trials));
          const outputs = await program.outputs();
          const reference = runReference(graph, inputsOf(trials)).outputs;
          trials.forEach((trial, at) => {
            assertNear(trial, resultsOf(outputs, at), trial.want ?? resultsOf(reference, at), name);
          });
        });
      }
    },
  });
}

/** Each input of a kernel computed by an elementwise op that changes nothing, and its output given to one. */
function fusedGraphOf(trials: readonly Trial[]): Graph {
  const b = new GraphBuilder();
  trials.forEach(({ op, shapes, attrs }, at) => {
    const xs = shapes.map((shape, k) => b.maximum(b.input(nameIn(at, `x${k}`), shape), -1e6));
    b.output(nameIn(at, "y"), b.sub(b.op(op.name, xs, attrs), 0.25));
  });
  return b.graph;
}

Deno.test({
  name: "WebGPU kernels compute fused producers and consumers",
  ignore: !devices[0].present,
  async fn(t) {
    await using device = await devices[0].open();
    using session = device.open();
    for (const op of registry.values()) {
      if (!op.kernel) continue;
      await t.step(op.name, async () => {
        // Few: each is a text of its own to compile, and what is fused does not depend on the sizes.
        const trials = samplesOf(op).slice(0, isQuick ? 1 : 3);
        const graph = fusedGraphOf(trials);
        const program = session.compile(graph);
        if (op.kernel!.prologue?.length === trials[0].shapes.length) {
          assertEquals(program.steps, trials.length, "each sample is one dispatch");
        }
        program.run(inputsOf(trials));
        const outputs = await program.outputs();
        const reference = runReference(graph, inputsOf(trials)).outputs;
        trials.forEach((trial, at) =>
          // Subtracting rounds: what a kernel copies exactly is not exact here.
          assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), "the fused kernel", {
            abs: Math.max(trial.abs, 1e-6),
            rel: Math.max(trial.rel, 1e-6),
          })
        );
      });
    }
  },
});
