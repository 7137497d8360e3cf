/**
 * Compensated sums: compilers must not see through them.
 *
 * @module
 */

import { assert } from "@std/assert";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { runReference } from "../../src/device/reference.ts";
import { openDevice } from "../../src/device/open.ts";
import { findAdapter } from "../../src/device/webgpu/device.ts";
import { LEAST_ROUNDING } from "../../src/train/parity.ts";
import { normals } from "./trials.ts";

const adapter = await findAdapter();

/** ‖got − want‖ / ‖want‖. */
function error(got: ArrayLike<number>, want: ArrayLike<number>): number {
  const norm = (values: Float64Array) => Math.hypot(...values);
  const difference = Float64Array.from(want, (value, k) => got[k] - value);
  return norm(difference) / norm(Float64Array.from(want));
}

/** ‖y − y64‖ / ‖y64‖ of a convolution, as parity computes it and as it is otherwise. */
const devices = [
  { kind: "webgpu", least: 5e-8, other: 7e-8, ignore: adapter === undefined },
  // Sums of a channel's nine terms round, and only those between them are compensated.
  { kind: "wasm", least: 7e-8, other: 5e-7, ignore: false },
] as const;

for (const { kind, least, other, ignore } of devices) {
  Deno.test(`sums of parity's convolutions round less than those of other ones: ${kind}`, { ignore }, async () => {
    await using device = await openDevice(kind);
    const [x, weight] = [[1, 320, 8, 8], [8, 320, 3, 3]];
    const b = new GraphBuilder();
    const given = {
      x: normals(320 * 64, 1, 1).map((value) => Math.max(0, value)),
      weight: normals(8 * 320 * 9, 2, 1),
    };
    b.output("y", b.op("conv2d", [b.input("x", x), b.input("weight", weight)], { padding: 1 }));
    const want = runReference(b.graph, given).outputs.y;
    const errorWith = async (choices?: typeof LEAST_ROUNDING) => {
      using session = device.open(choices);
      const program = session.compile(b.graph);
      program.run(given);
      return error((await program.outputs()).y, want);
    };
    const [rounded, plain] = [await errorWith(LEAST_ROUNDING), await errorWith()];
    // Half a rounding is 2⁻²⁵ = 3e-8 at most.
    assert(rounded < least, `compensated: ${rounded}`);
    assert(plain > other, `the test tells them apart: ${plain}`);
  });
}
