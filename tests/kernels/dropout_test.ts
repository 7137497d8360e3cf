import { assert, assertEquals } from "@std/assert";
import { randomKey } from "../../kernels/random.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { runReference } from "../../src/device/reference.ts";

const COUNT = 10_000;

/** Dropout of COUNT ones, and the gradient of their sum. */
function run(rate: number, { stream = 3, step = 0 } = {}): { y: Float64Array; dx: Float64Array } {
  const b = new GraphBuilder();
  const x = b.input("x", [COUNT]);
  const y = b.op("dropout", [x, b.input("keyHi", []), b.input("keyLo", [])], { rate, stream });
  b.output("y", y);
  b.output("dx", differentiate(b, b.sum(y, undefined, false), [x])[0]);
  const [hi, lo] = randomKey(1, step);
  const { outputs } = runReference(b.graph, { x: new Float32Array(COUNT).fill(1), keyHi: [hi], keyLo: [lo] });
  return { y: outputs.y, dx: outputs.dx };
}

Deno.test("dropout drops at its rate and scales the rest by 1 / (1 - rate)", () => {
  for (const rate of [0.25, 0.5, 0.875]) {
    const { y } = run(rate);
    const dropped = y.filter((value) => value === 0).length / COUNT;
    assert(Math.abs(dropped - rate) < 4 * Math.sqrt(rate * (1 - rate) / COUNT), `${dropped} dropped at rate ${rate}`);
    assertEquals(new Set(y), new Set([0, 1 / (1 - rate)]));
  }
});

Deno.test("dropout passes gradients where it passed values", () => {
  const { y, dx } = run(0.5);
  assertEquals(dx, y);
});

Deno.test("dropout at rate 0 is the identity", () => {
  assertEquals(run(0).y, new Float64Array(COUNT).fill(1));
});

Deno.test("dropout draws another mask for another step and another stream", () => {
  const { y } = run(0.5);
  for (const other of [run(0.5, { step: 1 }), run(0.5, { stream: 4 })]) {
    const agree = other.y.filter((value, i) => value === y[i]).length / COUNT;
    assert(Math.abs(agree - 0.5) < 0.02, `${agree} of the mask is the same`);
  }
});
