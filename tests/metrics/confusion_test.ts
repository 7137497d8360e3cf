import { assertEquals, assertThrows } from "@std/assert";
import { accuracy, labelAccuracies } from "../../src/metrics/accuracy.ts";
import { classCounts, confusionMatrix } from "../../src/metrics/confusion.ts";
import { f1, macroAverage, occurring, precision, recall } from "../../src/metrics/precision_recall.ts";

Deno.test("confusionMatrix() has the truth in rows", () => {
  assertEquals(confusionMatrix([1, 1, 2, 0], [0, 0, 2, 2], 4), [
    [0, 2, 0, 0],
    [0, 0, 0, 0],
    [1, 0, 1, 0],
    [0, 0, 0, 0],
  ]);
});

Deno.test("confusionMatrix() refuses what is no class", () => {
  assertThrows(() => confusionMatrix([0, 3], [0, 0], 3), RangeError, "predictions[1] must be an integer from 0 to 2");
  assertThrows(() => confusionMatrix([0, 0], [0, NaN], 3), RangeError, "targets[1]");
  assertThrows(() => confusionMatrix([0], [0, 0], 3), TypeError, "expected 2 predictions, got 1");
  assertThrows(() => confusionMatrix([], [], 1.5), RangeError, "got 1.5");
});

Deno.test("classCounts() takes each class against the rest", () => {
  assertEquals(classCounts([[5, 2, 0], [1, 7, 1], [0, 0, 4]]), [
    { tp: 5, fp: 1, fn: 2, tn: 12 },
    { tp: 7, fp: 2, fn: 2, tn: 9 },
    { tp: 4, fp: 1, fn: 0, tn: 15 },
  ]);
});

Deno.test("precision(), recall() and f1() are null without a denominator", () => {
  const cases = [
    { counts: { tp: 3, fp: 1, fn: 2, tn: 0 }, expected: [0.75, 0.6, 6 / 9] },
    { counts: { tp: 0, fp: 0, fn: 2, tn: 5 }, expected: [null, 0, 0] },
    { counts: { tp: 0, fp: 2, fn: 0, tn: 5 }, expected: [0, null, 0] },
    { counts: { tp: 0, fp: 0, fn: 0, tn: 5 }, expected: [null, null, null] },
  ];
  for (const { counts, expected } of cases) {
    assertEquals([precision(counts), recall(counts), f1(counts)], expected);
  }
});

Deno.test("macroAverage() counts undefined as 0; occurring() leaves absent classes out", () => {
  const counts = classCounts([[2, 0, 0], [1, 0, 0], [0, 0, 0]]);
  assertEquals(macroAverage(counts, recall), 1 / 3);
  assertEquals(macroAverage(occurring(counts), recall), 1 / 2);
  assertEquals(macroAverage([], recall), null);
});

Deno.test("accuracy() and labelAccuracies() are shares of right predictions", () => {
  assertEquals(accuracy([0, 1, 2, 2], [0, 1, 1, 2]), 0.75);
  assertEquals(accuracy([], []), null);
  assertEquals(labelAccuracies([1, 0, 0, 0, 1, 1], [1, 1, 0, 0, 1, 0], 2), [1, 1 / 3]);
  assertEquals(labelAccuracies([], [], 2), [null, null]);
  assertThrows(() => accuracy([0], []), TypeError, "expected 0 predictions, got 1");
  assertThrows(() => labelAccuracies([0, 1, 1], [0, 1, 1], 2), TypeError, "must be [N, 2], got 3 values");
});
