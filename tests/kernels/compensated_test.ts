/**
 * Compensated sums: compilers must not see through them.
 *
 * @module
 */

import { assert } from "@std/assert";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { runReference } from "../../src/device/reference.ts";
import { findAdapter, openWebGpu } from "../../src/device/webgpu/device.ts";
import { LEAST_ROUNDING } from "../../src/train/parity.ts";
import { normals } from "./trials.ts";

const adapter = await findAdapter();

/** ‖got − want‖ / ‖want‖. */
function error(got: ArrayLike<number>, want: ArrayLike<number>): number {
  const norm = (values: Float64Array) => Math.hypot(...values);
  const difference = Float64Array.from(want, (value, k) => got[k] - value);
  return norm(difference) / norm(Float64Array.from(want));
}

Deno.test({
  name: "sums of parity's convolutions are off by two roundings, those of other ones by more",
  ignore: adapter === undefined,
  async fn() {
    await using device = await openWebGpu();
    const [x, weight] = [[1, 320, 8, 8], [8, 320, 3, 3]];
    const b = new GraphBuilder();
    const given = {
      x: normals(320 * 64, 1, 1).map((value) => Math.max(0, value)),
      weight: normals(8 * 320 * 9, 2, 1),
    };
    b.output("y", b.op("conv2d", [b.input("x", x), b.input("weight", weight)], { padding: 1 }));
    const want = runReference(b.graph, given).outputs.y;
    const errorWith = async (choices?: typeof LEAST_ROUNDING) => {
      using session = device!.open(choices);
      const program = session.compile(b.graph);
      program.run(given);
      return error((await program.outputs()).y, want);
    };
    // Half a rounding is 2⁻²⁵ = 3e-8 at most.
    assert(await errorWith(LEAST_ROUNDING) < 5e-8, "compensated");
    assert(await errorWith() > 7e-8, "the test tells them apart");
  },
});
