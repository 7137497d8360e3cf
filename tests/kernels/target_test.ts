/**
 * Kernels that are written in another way for a GPU than for a processor that plays one: the GPU's, where there is only the
 * processor. The other way round, `tests/kernels_test.ts` tries what the adapter at hand is given.
 *
 * @module
 */

import { assert } from "@std/assert";
import { registry } from "../../kernels/mod.ts";
import { runReference } from "../../src/device/reference.ts";
import { WebGpuDevice } from "../../src/device/webgpu/device.ts";
import { assertNear, graphOf, inputsOf, resultsOf, samplesOf, type Trial } from "./trials.ts";

const adapter = await navigator.gpu?.requestAdapter();

/** Is a trial's kernel another for a GPU? */
function differs({ op, shapes, attrs }: Trial): boolean {
  if (!op.kernel) return false;
  const call = { inputs: shapes, output: op.shape(shapes, attrs), attrs };
  const [one, other] = [true, false].map((isSoftware) => op.kernel!.wgsl(call, { isSoftware }).code);
  return one !== other;
}

Deno.test({
  name: "kernels for a GPU agree with the float64 reference",
  ignore: !adapter?.info.isFallbackAdapter,
  async fn(t) {
    const gpu = await (await navigator.gpu.requestAdapter())!.requestDevice();
    await using device = new WebGpuDevice(gpu, {
      ...{ vendor: "", architecture: "", device: "", description: "a GPU", isFallbackAdapter: false },
      ...{ subgroupMinSize: 4, subgroupMaxSize: 128 },
    });
    using session = device.open();
    const tried: string[] = [];
    for (const op of registry.values()) {
      const trials = samplesOf(op).filter(differs).slice(0, 4);
      if (trials.length === 0) continue;
      tried.push(op.name);
      await t.step(op.name, async () => {
        const graph = graphOf(trials);
        const program = session.compile(graph);
        program.run(inputsOf(trials));
        const outputs = await program.outputs();
        const reference = runReference(graph, inputsOf(trials)).outputs;
        trials.forEach((trial, at) => assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), "WebGPU"));
      });
    }
    for (const name of ["matmul", "sum"]) assert(tried.includes(name), `${name} is the same for both`);
  },
});
