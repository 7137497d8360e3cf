import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { sigmoidCrossEntropy, softmaxCrossEntropy } from "../../src/metrics/loss.ts";

Deno.test("cross-entropies of confident mistakes are exact, not clipped", () => {
  assertEquals(sigmoidCrossEntropy([800, -800], [0, 1]), 800);
  assertEquals(sigmoidCrossEntropy([800, -800], [1, 0]), 0);
  assertEquals(softmaxCrossEntropy([1e4, 0, 0, 1e4], [1, 0], 2), 1e4);
  assertAlmostEquals(sigmoidCrossEntropy([40], [1]) ?? NaN, Math.exp(-40), 1e-30);
});

Deno.test("softmaxCrossEntropy() of two classes is sigmoidCrossEntropy() of their difference", () => {
  for (const [a, b] of [[0, 0], [1, -2], [-5, 3.5], [100, 90]]) {
    assertAlmostEquals(softmaxCrossEntropy([a, b], [1], 2) ?? NaN, sigmoidCrossEntropy([b - a], [1]) ?? NaN, 1e-14);
  }
});

Deno.test("cross-entropies of nothing are null", () => {
  assertEquals([sigmoidCrossEntropy([], []), softmaxCrossEntropy([], [], 3)], [null, null]);
});

Deno.test("cross-entropies refuse what has no loss", () => {
  assertThrows(() => sigmoidCrossEntropy([0, NaN], [0, 1]), RangeError, "logits[1] is NaN");
  assertThrows(() => softmaxCrossEntropy([0, Infinity], [0], 2), RangeError, "logits[1] is Infinity");
  assertThrows(() => softmaxCrossEntropy([0, 0], [2], 2), RangeError, "targets[0] must be an integer from 0 to 1");
  assertThrows(() => sigmoidCrossEntropy([0], []), TypeError, "expected 0 logits, got 1");
});
