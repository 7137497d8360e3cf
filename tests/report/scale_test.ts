import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { linearScale } from "../../src/report/scale.ts";

Deno.test("linearScale() has round ticks around the range", () => {
  const cases: [low: number, high: number, count: number, ticks: number[], digits: number][] = [
    [0, 0.93, 5, [0, 0.2, 0.4, 0.6, 0.8, 1], 1],
    [0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1], 1],
    [0.6, 1, 5, [0.6, 0.7, 0.8, 0.9, 1], 1],
    [0.985, 1, 5, [0.985, 0.99, 0.995, 1], 3],
    [0, 3000, 8, [0, 500, 1000, 1500, 2000, 2500, 3000], 0],
    [0, 3, 3, [0, 1, 2, 3], 0],
    [0, 0, 5, [0, 0.2, 0.4, 0.6, 0.8, 1], 1],
    [7, 7, 2, [7, 7.5, 8], 1],
    // 0.14 / 0.02 is 7.000000000000001: no tick at 0.16.
    [0, 0.14, 7, [0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14], 2],
    [-1, 1, 4, [-1, -0.5, 0, 0.5, 1], 1],
  ];
  for (const [low, high, count, ticks, digits] of cases) {
    const scale = linearScale(low, high, count);
    assertEquals(scale.ticks, ticks, `${low} to ${high}`);
    assertEquals(scale.digits, digits, `${low} to ${high}`);
  }
});

Deno.test("linearScale() holds every range with a bearable number of ticks", () => {
  for (const low of [0, 0.1, 1e-9, 3, 12345.678]) {
    for (const range of [1e-6, 0.3, 1, 7, 99.9, 1e6]) {
      const { ticks, place } = linearScale(low, low + range, 5);
      const text = `${low} to ${low + range}: ${ticks}`;
      assert(place(low) >= -1e-6 && place(low + range) <= 1 + 1e-6, text);
      assert(ticks.length >= 2 && ticks.length <= 7, text);
    }
  }
  assertAlmostEquals(linearScale(0, 10, 5).place(2.5), 0.25);
});
