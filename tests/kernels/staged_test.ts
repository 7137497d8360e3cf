/**
 * Products staged through workgroup memory are right for every tile, layout and size: they are written for GPUs, and
 * tried where there is none.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import type { Attrs, OpSample, Shape } from "../../kernels/op.ts";
import { STAGED, stagedTile } from "../../kernels/writing/staged_tile.ts";
import { runReference } from "../../src/device/reference.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { questionsIn } from "../../src/device/questions.ts";
import { Choices, RULES } from "../../src/graph/choices.ts";
import { isLong } from "../amount.ts";
import { isSoftware, openAsGpu } from "./devices.ts";
import { assertNear, forwardGraphOf, inputsOf, resultsOf, sampleTrial, type Trial } from "./trials.ts";

/**
 * Tiles like those, only smaller: they compile in half a second on llvmpipe, where those that are worth timing take 2
 * to 20. One or two fours of rows and of columns, one or two steps along k; an invocation stages two blocks of four by
 * four, one, or none.
 */
const SMALL = ["staged 16x16x8 8x8", "staged 16x16x8 4x8", "staged 16x16x4 8x4", "staged 32x32x8 4x4"];

const product = (a: number[], b: number[], attrs: OpSample["attrs"] = {}): OpSample => ({
  ...{ inputs: [{ shape: a }, { shape: b }], attrs, abs: 2e-4 },
});

const products: readonly OpSample[] = [
  // Whole fours throughout, several tiles each way, a whole and a broken number of depths.
  product([132, 96], [96, 140]),
  product([68, 40], [72, 40], { transposeB: true }),
  product([2, 36, 68], [2, 36, 76], { transposeA: true }),
  product([20, 132], [36, 20], { transposeA: true, transposeB: true }),
  // Rows that begin anywhere, and a last step that is not whole.
  product([131, 37], [37, 67]),
  product([3, 29, 65], [3, 29, 33], { transposeA: true }),
  product([2, 33, 70], [2, 67, 33], { transposeA: true, transposeB: true }),
  // Smaller than any tile, and a matrix that serves all batches.
  product([3, 5], [5, 7]),
  product([3, 40, 18], [18, 36]),
  product([30, 18], [3, 18, 35]),
];

const partials: readonly OpSample[] = [
  product([35, 90], [90, 40], { splits: 3 }),
  product([2, 70, 33], [2, 70, 34], { splits: 4, transposeA: true }),
];

/** A convolution, and each of its gradients as an op of its own. */
const convolution = (x: number[], weight: number[], window: Record<string, number> = {}): Trial[] => {
  const { shape } = opNamed("conv2d");
  const dout = shape([x, weight], window);
  const sample = (inputs: readonly Shape[], attrs: Attrs): OpSample => ({
    ...{ inputs: inputs.map((shape) => ({ shape })), attrs: { ...window, ...attrs }, abs: 3e-4 },
  });
  return [
    sampleTrial(opNamed("conv2d"), sample([x, weight], {}), 0),
    sampleTrial(opNamed("conv2dInputGrad"), sample([weight, dout], { inputSize: x.slice(2) }), 1),
    sampleTrial(opNamed("conv2dWeightGrad"), sample([x, dout], { kernelSize: weight.slice(2) }), 2),
  ];
};

const trials: readonly Trial[] = [
  ...products.map((sample, k) => sampleTrial(opNamed("matmul"), sample, k)),
  ...partials.map((sample, k) => sampleTrial(opNamed("matmulPartial"), sample, k)),
  // Whole fours, and a depth that divides the sum.
  ...convolution([2, 16, 12, 12], [36, 16, 3, 3], { padding: 1 }),
  // Sums that go by blocks, the last of them broken off.
  ...convolution([1, 61, 6, 6], [5, 61, 3, 3], { padding: 1 }),
  // Nothing is whole: sizes, channels, a stride that leaves columns out, images in runs.
  ...convolution([3, 5, 11, 9], [7, 5, 3, 3], { padding: 1, stride: 2 }),
  ...convolution([2, 6, 9, 10], [10, 3, 3, 2], { groups: 2, stride: 3 }),
  ...convolution([1, 3, 19, 17], [66, 3, 7, 7], { padding: 3, stride: 2 }),
];

/** Ops whose kernels can be staged. */
const STAGEABLE = ["matmul", "matmulPartial", "convolve", "conv2dWeightGradPartial"];
const LIMITS = { maxBuffer: 2 ** 31, maxBinding: 2 ** 27 };

Deno.test({
  name: "products staged through workgroup memory agree with the float64 reference",
  ignore: !isSoftware,
  async fn() {
    await using device = await openAsGpu();
    const graph = forwardGraphOf(trials);
    const reference = runReference(graph, inputsOf(trials)).outputs;
    const questions = questionsIn((chooser) => compile(graph, webGpuTarget(LIMITS), chooser), RULES);
    const buckets = [...questions].filter(([, { op }]) => STAGEABLE.includes(op)).map(([bucket]) => bucket);
    assertEquals(new Set(buckets.map((bucket) => bucket.split(" ")[0])), new Set(STAGEABLE));
    const tiles = isLong ? STAGED : SMALL;
    const chosen = buckets.map((bucket, k): [string, string] => [bucket, tiles[k % tiles.length]]);
    assertEquals(new Set(chosen.map(([, tile]) => tile)), new Set(tiles));
    using session = device.open(new Choices(Object.fromEntries(chosen)));
    const program = session.compile(graph);
    program.run(inputsOf(trials));
    const outputs = await program.outputs();
    trials.forEach((trial, at) => assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), "staged"));
  },
});

Deno.test("staged tiles are within what WebGPU promises", () => {
  for (const candidate of [...STAGED, ...SMALL]) {
    const { rows, columns, depth, ownRows, ownColumns } = stagedTile(candidate);
    assert((rows / ownRows) * (columns / ownColumns) <= 256, `${candidate}: invocations`);
    assert(4 * depth * (rows + columns) <= 16384, `${candidate}: workgroup memory`);
    assert([rows, columns, depth, ownRows, ownColumns].every((size) => size % 4 === 0), `${candidate}: whole fours`);
  }
  for (const name of ["staged", "staged 64x64", "staged 64x64x16 8", "64x64x16 8x8 4"]) {
    assertThrows(() => stagedTile(name), RangeError, "is no tile");
  }
});
