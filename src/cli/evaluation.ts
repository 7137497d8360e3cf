/**
 * Writes what an evaluation gives: metrics, answers, predictions and charts.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { writeAtomic } from "../files.ts";
import { predictClasses, predictLabels, sigmoid, softmax, type TestOptions, type TestReport } from "../metrics/mod.ts";
import type { Evaluation } from "../run/evaluate.ts";
import { testOf, writeTest } from "../run/saved_test.ts";
import { csvText } from "./csv_text.ts";

/** All that a test says. */
export function testReportOf(
  { predictions }: Pick<Evaluation, "predictions">,
  data: Dataset,
  options: TestOptions = {},
): TestReport {
  return testOf(data.task, predictions, data.classes, options);
}

/**
 * Writes a test to a folder: metrics, answers, charts, and `predictions.csv`.
 *
 * @param folder Where; it is made where there is none.
 * @param evaluation What was answered.
 * @param data On what.
 * @param report What is said of it.
 * @param facts What else `metrics.json` says of the test.
 */
export async function saveEvaluation(
  folder: string,
  { predictions, mistakes }: Evaluation,
  data: Dataset,
  report: TestReport,
  facts: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await writeTest(folder, { ...facts, ...report }, predictions, data, mistakes);
  await writeAtomic(join(folder, "predictions.csv"), predictionsCsv(predictions.logits, data));
}

/** A row for each picture: file, truth, prediction, probabilities. */
function predictionsCsv(logits: Float32Array, data: Dataset): string {
  const { classes, task, samples } = data;
  const width = classes.length;
  const probabilities = task === "multiclass" ? softmax(logits, width) : Float64Array.from(logits, sigmoid);
  const rows = samples.map(({ file, label }, i) => {
    const row = Array.from(probabilities.slice(i * width, (i + 1) * width), (p) => p.toPrecision(6));
    if (task === "multiclass") {
      const [predicted] = predictClasses(logits.subarray(i * width, (i + 1) * width), width);
      return [file, classes[label[0]], classes[predicted], ...row];
    }
    const predicted = predictLabels(logits.subarray(i * width, (i + 1) * width));
    return [file, ...label.map(String), ...Array.from(predicted, String), ...row];
  });
  const header = task === "multiclass"
    ? ["file", "label", "predicted", ...classes.map((name) => `probability ${name}`)]
    : ["file", ...["label", "predicted", "probability"].flatMap((what) => classes.map((name) => `${what} ${name}`))];
  return csvText([header, ...rows]);
}
