/**
 * The cases of `deno bench` and `deno task bench kernels`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { registry } from "../../kernels/mod.ts";
import { casesFor, graphOf, kernelCases } from "../../bench/kernel_cases.ts";
import { prepare } from "../../bench/programs.ts";
import { openGpuJs } from "../../src/device/gpujs/device.ts";

/** They have no sample of their own to be timed: the products and gradients that ask for them have. */
const PARTS = ["matmulPartial", "conv2dWeightGradPartial"];

Deno.test("Every op is timed, under a name of its own, and on gpu.js once", () => {
  const timed = new Set(kernelCases.map(({ op }) => op.name));
  assertEquals([...registry.keys()].filter((name) => !timed.has(name)), PARTS);
  assertEquals(new Set(kernelCases.map(({ name }) => name)).size, kernelCases.length);
  assertEquals(casesFor("gpujs").map(({ op }) => op.name).toSorted(), [...timed].toSorted());
});

Deno.test("A case runs, with its gradient where it has one", async () => {
  await using device = await openGpuJs("cpu");
  const [found] = kernelCases.filter(({ op, backward }) => op.name === "sigmoidCrossEntropy" && backward);
  using prepared = await prepare(device, graphOf(found));
  const { y, dx0 } = await prepared.program.outputs();
  assertEquals([y, dx0].map((values) => values.every((value) => Number.isFinite(value) && value !== 0)), [true, true]);
});
