/**
 * Kernels over tensors that are held in half precision, where an adapter has shader-f16.
 */

import { assert } from "@std/assert";
import { registry } from "../../kernels/mod.ts";
import { sizeOf, type Tensor } from "../../kernels/op.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { isQuick } from "../amount.ts";
import { devices, hasHalf } from "./devices.ts";
import { assertNear, inputsOf, nameIn, resultsOf, samplesOf, type Trial } from "./trials.ts";

/** A graph of a trial whose operands, results, cotangents and gradients go through memory in half precision. */
function halfGraphOf(trial: Trial): Graph {
  const b = new GraphBuilder({ precision: "f16" });
  const one = b.input("one", [1, 1]);
  // Only what a kernel computes is held in half precision: a product with 1 is one that changes nothing.
  const held = (x: Tensor) => b.reshape(b.matmul(b.reshape(x, [sizeOf(x.shape), 1]), one), x.shape);
  const xs = trial.shapes.map((shape, k) => held(b.input(nameIn(0, `x${k}`), shape)));
  const y = b.op(trial.op.name, xs, trial.attrs);
  b.output(nameIn(0, "y"), held(y));
  if (trial.differentiable.length === 0) return b.graph;
  const loss = b.sum(b.mul(y, held(b.input(nameIn(0, "dy"), y.shape))), undefined, false);
  const grads = differentiate(b, loss, trial.differentiable.map((k) => xs[k]));
  trial.differentiable.forEach((k, i) => b.output(nameIn(0, `dx${k}`), held(grads[i])));
  return b.graph;
}

/** The same numbers, exact in half precision: then what is compared is the kernel, not the rounding of its operands. */
function rounded(values: Record<string, Float32Array>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, given]) => [name, given.map(Math.f16round)]));
}

Deno.test("half precision holds what every kernel of the trials reads and writes", () => {
  for (const op of registry.values()) {
    if (!op.kernel) continue;
    const graph = halfGraphOf(samplesOf(op)[0]);
    const plan = compile(graph, webGpuTarget({ maxBuffer: 2 ** 28, maxBinding: 2 ** 27 }));
    const halves = [...plan.places.values()].filter(({ precision }) => precision === "f16");
    assert(halves.length >= op.samples[0].inputs.length, `${op.name}: ${halves.length}`);
  }
});

Deno.test({
  name: "WebGPU kernels read and write half precision as the float64 reference computes, forward and backward",
  ignore: !hasHalf,
  async fn(t) {
    await using device = await devices[0].open();
    using session = device.open();
    for (const op of registry.values()) {
      await t.step(op.name, async () => {
        for (const trial of samplesOf(op).slice(0, isQuick ? 1 : undefined)) {
          const graph = halfGraphOf(trial);
          const values = rounded({ ...inputsOf([trial]), one: Float32Array.of(1) });
          const program = session.compile(graph);
          program.run(values);
          const outputs = resultsOf(await program.outputs(), 0);
          for (const [key, wanted] of Object.entries(resultsOf(runReference(graph, values).outputs, 0))) {
            // What a result is made of was rounded at the size that it had: a sum of many keeps the error of the
            // largest.
            const near = { abs: 2 ** -8 * Math.max(1, ...Array.from(wanted, Math.abs)), rel: 0 };
            assertNear(trial, { [key]: outputs[key] }, { [key]: wanted }, "half precision", near);
          }
        }
      });
    }
  },
});
