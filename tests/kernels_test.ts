import { assert, assertEquals } from "@std/assert";
import { registry } from "../kernels/mod.ts";
import type { Op } from "../kernels/op.ts";
import { runReference } from "../src/device/reference.ts";
import { isLong } from "./amount.ts";
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
Deno.test("registry holds each op under its name, with samples and one way to run", () => {
  for (const [name, op] of registry) {
    assertEquals(op.name, name);
    const ways = { composed: op.lower, kernel: op.kernel, elementwise: op.expression };
    const kinds = Object.entries(ways).flatMap(([kind, way]) => way ? [kind] : []);
    assertEquals(kinds, [op.kind], `${name} has these of a composition, kernels and an expression`);
    assert(samplesOf(op).length > 0, `${name} has no sample for the tests`);
    for (const { differentiable, label } of samplesOf(op)) {
      assert(op.vjp || differentiable.length === 0, `${name} has no VJP, but ${label} asks for a gradient`);
    }
  }
});

/** What passes know of an op stands on it: who is special, and who is not. */
const traits: Readonly<Record<string, { readonly of: (op: Op) => boolean; readonly ops: readonly string[] }>> = {
  "gives another number for each element": {
    of: (op) => op.kind === "elementwise" && op.isPositional,
    ops: ["random", "iota"],
  },
  "is a product": {
    of: (op) => op.isProduct === true,
    ops: ["matmul", "conv2d", "localScores", "localSum", "localSpread"],
  },
  "has a result in float32": {
    of: (op) => op.kind === "kernel" && op.precision.result === "full",
    ops: [
      ...["sum", "max", "matmulPartial", "conv2dWeightGradPartial", "winogradWeight", "maxPool2dPosition"],
      "channelWindowSum",
    ],
  },
  "only moves": {
    of: (op) => op.kind === "kernel" && op.precision.result === "moved",
    ops: ["permute", "slice", "pad", "concatPair"],
  },
  "subtracts": {
    of: (op) => op.kind === "kernel" && op.precision.operands === "full",
    ops: ["fromTiles", "winogradWeightGrad"],
  },
  "moves rows": {
    of: (op) => op.kind === "kernel" && op.rows?.({ axis: 0 }) !== undefined,
    ops: ["slice", "concatPair"],
  },
};

Deno.test("what fusing, cutting and half precision go by", async (t) => {
  for (const [what, { of, ops }] of Object.entries(traits)) {
    await t.step(what, () => assertEquals([...registry.values()].filter(of).map(({ name }) => name), [...ops]));
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
