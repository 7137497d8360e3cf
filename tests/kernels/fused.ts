/**
 * Kernels with elementwise ops before and after them, on a device, against the float64 reference.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { registry } from "../../kernels/mod.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { isLong, isQuick } from "../amount.ts";
import type { DeviceUnderTest } from "./devices.ts";
import { assertNear, inputsOf, nameIn, resultsOf, samplesOf, type Trial } from "./trials.ts";

/** Each input of a kernel computed by an elementwise op that changes nothing, and its output given to one. */
function fusedGraphOf(trials: readonly Trial[]): Graph {
  const b = new GraphBuilder();
  trials.forEach(({ op, shapes, attrs }, at) => {
    const xs = shapes.map((shape, k) => b.maximum(b.input(nameIn(at, `x${k}`), shape), -1e6));
    b.output(nameIn(at, "y"), b.sub(b.op(op.name, xs, attrs), 0.25));
  });
  return b.graph;
}

/**
 * A test for a kind of device, with a step for each kernel.
 *
 * @param fusesAll Does it take in whatever a kernel says that it can?
 */
export function testFused({ name, present, open }: DeviceUnderTest, fusesAll: boolean): void {
  Deno.test({
    name: `${name} kernels compute fused producers and consumers`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      using session = device.open();
      for (const op of registry.values()) {
        if (!op.kernel) continue;
        await t.step(op.name, async () => {
          // Few: each is a text of its own to compile, and what is fused does not depend on the sizes.
          const trials = samplesOf(op).slice(0, isQuick ? 1 : isLong ? 3 : 2);
          const graph = fusedGraphOf(trials);
          const program = session.compile(graph);
          if (fusesAll && op.kernel!.prologue?.length === trials[0].shapes.length) {
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
}
