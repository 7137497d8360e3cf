import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { predictClasses, predictLabels, sigmoid, softmax } from "../../src/metrics/predictions.ts";

Deno.test("sigmoid() neither overflows nor loses small probabilities", () => {
  assertEquals([sigmoid(0), sigmoid(800), sigmoid(-800)], [0.5, 1, 0]);
  assertAlmostEquals(sigmoid(-700) / Math.exp(-700), 1, 1e-12);
  assertAlmostEquals(sigmoid(2) + sigmoid(-2), 1, 1e-15);
});

Deno.test("softmax() rows sum to 1 at any offset", () => {
  assertEquals([...softmax([1000, 1000, -1000, -1000], 2)], [0.5, 0.5, 0.5, 0.5]);
  assertAlmostEquals(softmax([0, Math.log(3)], 2)[1], 0.75, 1e-15);
});

Deno.test("predictClasses() takes the first of equals, predictLabels() one half and above", () => {
  assertEquals([...predictClasses([0, 2, 2, 5, 5, 5, -1, -3, 0], 3)], [1, 0, 2]);
  assertEquals([...predictLabels([-0.1, 0, -0, 3])], [0, 1, 1, 1]);
});

Deno.test("predictions refuse NaN and broken rows", () => {
  assertThrows(() => predictClasses([0, NaN], 2), RangeError, "logits[1] is NaN");
  assertThrows(() => predictLabels([NaN]), RangeError, "logits[0] is NaN");
  assertThrows(() => softmax([0, 0, 0], 2), TypeError, "must be [N, 2], got 3 values");
});
