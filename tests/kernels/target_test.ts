/**
 * Kernels that are written in another way for a GPU than for a processor that plays one: the GPU's, where there is only
 * the processor. What the adapter at hand is given, `tests/kernels_test.ts` tries.
 *
 * @module
 */

import { assertNotEquals } from "@std/assert";
import { opNamed, registry } from "../../kernels/mod.ts";
import type { Call } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { isLong } from "../amount.ts";
import { isSoftware, openAsGpu } from "./devices.ts";
import { assertNear, graphOf, inputsOf, resultsOf, samplesOf, sampleTrial, type Trial } from "./trials.ts";

/** The kernel's text for a processor and for a GPU. */
function textsOf(name: string, call: Call): string[] {
  return [true, false].map((isSoftware) => opNamed(name).kernel!.wgsl(call, { isSoftware }).code);
}

/** Is a trial's kernel another for a GPU? */
function differs({ op, shapes, attrs }: Trial): boolean {
  if (!op.kernel) return false;
  const [processor, gpu] = textsOf(op.name, { inputs: shapes, output: op.shape(shapes, attrs), attrs });
  return processor !== gpu;
}

/** A convolution that is large enough for the tiles of it and of its gradients to differ. */
const X = [4, 16, 32, 32];
const WEIGHT = [32, 16, 3, 3];
const WINDOW = { stride: 1, padding: 1, groups: 1 };
const largeConvolution = sampleTrial(
  opNamed("conv2d"),
  { inputs: [{ shape: X }, { shape: WEIGHT }], attrs: WINDOW, abs: 1e-3 },
  0,
);

Deno.test("the tiles of large convolutions and products are others for a GPU", () => {
  const y = [4, 32, 32, 32];
  const texts = [
    textsOf("convolve", {
      ...{ inputs: [X, [1, 16, 3, 3, 32]], output: y },
      attrs: { ...WINDOW, transposed: false, outputSize: [32, 32] },
    }),
    textsOf("conv2dWeightGradPartial", {
      ...{ inputs: [X, y], output: [4, ...WEIGHT] },
      attrs: { ...WINDOW, kernelSize: [3, 3], splits: 4 },
    }),
    textsOf("matmul", { inputs: [[256, 256], [256, 256]], output: [256, 256], attrs: {} }),
  ];
  for (const [processor, gpu] of texts) assertNotEquals(processor, gpu);
});

Deno.test({
  name: "kernels for a GPU agree with the float64 reference",
  ignore: !isSoftware,
  async fn(t) {
    await using device = await openAsGpu();
    using session = device.open();
    for (const op of registry.values()) {
      const large = op.name === "conv2d" ? [largeConvolution] : [];
      const trials = [...samplesOf(op).filter(differs).slice(0, isLong ? 4 : 2), ...large];
      if (trials.length === 0) continue;
      await t.step(op.name, async () => {
        const graph = graphOf(trials);
        const program = session.compile(graph);
        program.run(inputsOf(trials));
        const outputs = await program.outputs();
        const reference = runReference(graph, inputsOf(trials)).outputs;
        trials.forEach((trial, at) => assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), "WebGPU"));
      });
    }
  },
});
