import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import {
  constantInit,
  fanInUniform,
  type Initializer,
  initialValues,
  kaimingNormalFanOut,
  normalInit,
  uniformInit,
  xavierUniform,
} from "../../src/nn/mod.ts";

const SHAPE = [64, 32, 3, 3];
const COUNT = 64 * 32 * 9;

function moments(init: Initializer): { mean: number; std: number; kurtosis: number; most: number } {
  const values = initialValues(7, "layer.weight", SHAPE, init);
  assertEquals(values.length, COUNT);
  const average = (of: (value: number) => number) => values.reduce((sum, value) => sum + of(value), 0) / COUNT;
  const mean = average((value) => value);
  const std = Math.sqrt(average((value) => (value - mean) ** 2));
  return {
    mean,
    std,
    kurtosis: average((value) => ((value - mean) / std) ** 4),
    most: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  };
}

/** Standard deviation and fourth moment tell a normal from a uniform distribution: 3 from 1.8. */
const cases: readonly [name: string, init: Initializer, std: number, kurtosis: number, most: number][] = [
  ["uniformInit()", uniformInit(0.6), 0.6 / Math.sqrt(3), 1.8, 0.6],
  ["normalInit()", normalInit(0.25), 0.25, 3, 0.25 * 5.5],
  ["fanInUniform() of 288 inputs", fanInUniform(288), 1 / Math.sqrt(288 * 3), 1.8, 1 / Math.sqrt(288)],
  ["xavierUniform() of 288 inputs and 576 outputs", xavierUniform(), Math.sqrt(2 / 864), 1.8, Math.sqrt(6 / 864)],
  ["kaimingNormalFanOut() of 64 · 9 outputs", kaimingNormalFanOut(), Math.sqrt(2 / 576), 3, 5.5 * Math.sqrt(2 / 576)],
];

Deno.test("initial values have the mean, spread and shape of", async (t) => {
  for (const [name, init, std, kurtosis, most] of cases) {
    await t.step(name, () => {
      const got = moments(init);
      // Five standard errors.
      assertAlmostEquals(got.mean / std, 0, 5 / Math.sqrt(COUNT));
      assertAlmostEquals(got.std / std, 1, 5 / Math.sqrt(COUNT));
      assertAlmostEquals(got.kurtosis, kurtosis, 5 * Math.sqrt(24 / COUNT));
      assert(got.most <= most, `${got.most} is more than ${most}`);
    });
  }
});

Deno.test("constantInit() gives one value", () => {
  assertEquals(initialValues(1, "bn.weight", [4], constantInit(1)), new Float32Array(4).fill(1));
});

Deno.test("initialValues() follow from seed and name alone", () => {
  const values = (seed: number, name: string) => initialValues(seed, name, [100], normalInit(1));
  assertEquals(values(1, "a.weight"), values(1, "a.weight"));
  for (const other of [values(2, "a.weight"), values(1, "b.weight"), values(1, "aw.eight")]) {
    assertNotEquals(other, values(1, "a.weight"));
  }
});
