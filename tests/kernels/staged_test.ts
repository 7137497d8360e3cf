/**
 * Products staged through workgroup memory are right for every tile, layout and size: they are written for GPUs, and tried where there is
 * none.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import type { Sample } from "../../kernels/op.ts";
import { STAGED, stagedTile } from "../../kernels/staged_tile.ts";
import { runReference } from "../../src/device/reference.ts";
import { bucketOf, Choices } from "../../src/graph/choices.ts";
import { isSoftware, openAsGpu } from "./devices.ts";
import { assert, assertThrows } from "@std/assert";
import { assertNear, forwardGraphOf, inputsOf, resultsOf, sampleTrial, type Trial } from "./trials.ts";

const product = (a: number[], b: number[], attrs: Sample["attrs"] = {}): Sample => ({
  ...{ inputs: [{ shape: a }, { shape: b }], attrs, abs: 2e-4 },
});

const products: readonly Sample[] = [
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

const partials: readonly Sample[] = [
  product([35, 90], [90, 40], { splits: 3 }),
  product([2, 70, 33], [2, 70, 34], { splits: 4, transposeA: true }),
];

const trials: readonly Trial[] = [
  ...products.map((sample, k) => sampleTrial(opNamed("matmul"), sample, k)),
  ...partials.map((sample, k) => sampleTrial(opNamed("matmulPartial"), sample, k)),
];

const bucketIn = ({ op, shapes, attrs }: Trial): string =>
  bucketOf(op.name, { inputs: shapes, output: op.shape(shapes, attrs), attrs });

Deno.test({
  name: "products staged through workgroup memory agree with the float64 reference",
  ignore: !isSoftware,
  async fn(t) {
    await using device = await openAsGpu();
    const graph = forwardGraphOf(trials);
    const reference = runReference(graph, inputsOf(trials)).outputs;
    for (const candidate of STAGED) {
      await t.step(candidate, async () => {
        using session = device.open(new Choices(Object.fromEntries(trials.map((one) => [bucketIn(one), candidate]))));
        const program = session.compile(graph);
        program.run(inputsOf(trials));
        const outputs = await program.outputs();
        trials.forEach((trial, at) => assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), candidate));
      });
    }
  },
});

Deno.test("staged tiles are within what WebGPU promises", () => {
  for (const candidate of STAGED) {
    const { rows, columns, depth, ownRows, ownColumns } = stagedTile(candidate);
    assert((rows / ownRows) * (columns / ownColumns) <= 256, `${candidate}: invocations`);
    assert(4 * depth * (rows + columns) <= 16384, `${candidate}: workgroup memory`);
    assert([rows, columns, depth, ownRows, ownColumns].every((size) => size % 4 === 0), `${candidate}: whole fours`);
  }
  for (const name of ["staged", "staged 64x64", "staged 64x64x16 8", "64x64x16 8x8 4"]) {
    assertThrows(() => stagedTile(name), RangeError, "is no tile");
  }
});
