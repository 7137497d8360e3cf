import { assertAlmostEquals, assertEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";

Deno.test("runReference() computes compositions by their parts, and new states from old ones", () => {
  const b = new GraphBuilder();
  b.output("p", b.op("softmax", [b.input("x", [1, 2])]));
  b.assign("w", b.state("v", [2]));
  b.assign("v", b.mul(b.state("w", [2]), 3));
  const { outputs, states } = runReference(b.graph, { x: [0, Math.log(3)], w: [1, 2], v: [5, 6] });
  assertAlmostEquals(outputs.p[0], 0.25, 1e-15);
  assertAlmostEquals(outputs.p[1], 0.75, 1e-15);
  assertEquals(Object.fromEntries(states), { w: Float64Array.of(5, 6), v: Float64Array.of(3, 6) });
});

Deno.test("runReference() keeps digits that float32 does not have", () => {
  const b = new GraphBuilder();
  b.output("y", b.sub(b.add(b.input("x", [1]), 1e-12), b.input("x", [1])));
  const [y] = runReference(b.graph, { x: [1] }).outputs.y;
  assertAlmostEquals(y, 1e-12, 1e-15);
});
