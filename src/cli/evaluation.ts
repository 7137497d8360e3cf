/**
 * Writes what an evaluation gives: metrics, answers, predictions and charts.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { writeAtomic } from "../files.ts";
import { predictClasses, predictLabels, type TestOptions, type TestReport } from "../metrics/mod.ts";
import { answersOf, cutsOf } from "../run/answers.ts";
import type { Evaluation, Predictions } from "../run/evaluate.ts";
import { testOf, writeTest } from "../run/test_folder.ts";
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
  await writeAtomic(join(folder, "predictions.csv"), predictionsCsv(predictions, data, report));
}

/** A row for each picture: file, truth, prediction, probabilities, as the test has them. */
export function predictionsCsv(
  predictions: Predictions,
  { classes, task, samples }: Pick<Dataset, "classes" | "task" | "samples">,
  report: TestReport,
): string {
  const { logits } = predictions;
  const width = classes.length;
  const { probabilities } = answersOf(task, predictions, report);
  const predicted = task === "multiclass" ? predictClasses(logits, width) : predictLabels(logits, cutsOf(report));
  const rows = samples.map(({ file, label }, i) => {
    const row = Array.from({ length: width }, (_, k) => probabilities[i * width + k].toPrecision(6));
    return task === "multiclass"
      ? [file, classes[label[0]], classes[predicted[i]], ...row]
      : [file, ...label.map(String), ...Array.from(predicted.slice(i * width, (i + 1) * width), String), ...row];
  });
  const header = task === "multiclass"
    ? ["file", "label", "predicted", ...classes.map((name) => `probability ${name}`)]
    : ["file", ...["label", "predicted", "probability"].flatMap((what) => classes.map((name) => `${what} ${name}`))];
  return csvText([header, ...rows]);
}
