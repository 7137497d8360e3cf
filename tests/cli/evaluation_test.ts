import { assertEquals } from "@std/assert";
import { predictionsCsv } from "../../src/cli/evaluation.ts";
import type { TestOptions } from "../../src/metrics/mod.ts";
import { testOf } from "../../src/run/test_folder.ts";

const samples = [{ file: "a.png", label: [1, 0] }, { file: "b.png", label: [0, 1] }];
const data = { task: "multilabel", classes: ["x", "y"], samples } as const;
const predictions = { logits: new Float32Array([1, -1, -2, 2]), targets: new Float32Array([1, 0, 0, 1]) };

/** Predictions and probabilities of the rows of `predictions.csv`. */
function rowsOf(options: TestOptions): string[] {
  const report = testOf(data.task, predictions, data.classes, { ...options, resamples: 0 });
  const [, ...rows] = predictionsCsv(predictions, data, report).trim().split("\r\n");
  return rows.map((row) => row.split(",").slice(3).join(" "));
}

Deno.test("predictions.csv has the predictions and probabilities of its test: by thresholds and temperature", () => {
  assertEquals(rowsOf({}), ["1 0 0.731059 0.268941", "0 1 0.119203 0.880797"]);
  assertEquals(rowsOf({ thresholds: [0.75, 0.2] }), ["0 1 0.731059 0.268941", "0 1 0.119203 0.880797"]);
  // The threshold is of the probability at the temperature.
  assertEquals(rowsOf({ temperature: 2, thresholds: [0.7, 0.5] }), ["0 0 0.622459 0.377541", "0 1 0.268941 0.731059"]);
});
