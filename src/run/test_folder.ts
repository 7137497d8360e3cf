/**
 * A test as a folder keeps it: its metrics with intervals, what was answered, its charts, and a sheet of mistakes.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { classNames, type Task } from "../data/labels.ts";
import { ifThere, makeFolder, writeAtomic } from "../files.ts";
import {
  binaryTest,
  multiclassTest,
  multilabelTest,
  predictClasses,
  type TestOptions,
  type TestReport,
} from "../metrics/mod.ts";
import { confusionChart } from "../report/confusion.ts";
import { writeChart } from "../report/draw.ts";
import { type Mistake, sheetChart } from "../report/sheet.ts";
import { testCharts } from "../report/test_charts.ts";
import type { Predictions } from "./evaluate.ts";
import { answersOf } from "./answers.ts";
import { encodeAnswers, EXPLAINED } from "./record.ts";

/**
 * All that a test says: every metric, with intervals.
 *
 * @param task What the logits mean.
 * @param predictions What was answered, and what is true.
 * @param classes Names of the classes or labels; of a binary task, the target's.
 * @param options Intervals, temperature, thresholds.
 */
export function testOf(
  task: Task,
  { logits, targets }: Predictions,
  classes: readonly string[],
  options: TestOptions = {},
): TestReport {
  switch (task) {
    case "binary":
      return binaryTest(logits, targets, classNames(task, classes) as [string, string], options);
    case "multiclass":
      return multiclassTest(logits, predictClasses(targets, classes.length), classes, options);
    case "multilabel":
      return multilabelTest(logits, targets, classes, options);
  }
}

/**
 * Writes a test to a folder: `metrics.json`, `answers.safetensors`, and the charts as `.svg` and `.png`.
 *
 * @param folder The folder; it is made.
 * @param report What the test says.
 * @param predictions What was answered.
 * @param data What was tested on.
 * @param mistakes The most confident mistakes.
 */
export async function writeTest(
  folder: string,
  report: TestReport,
  predictions: Predictions,
  data: Pick<Dataset, "task" | "samples">,
  mistakes: readonly Mistake[] = [],
): Promise<void> {
  await makeFolder(folder);
  await writeAtomic(join(folder, "metrics.json"), `${JSON.stringify(report, null, 2)}\n`);
  const files = data.samples.map(({ file }) => file);
  await writeAtomic(join(folder, "answers.safetensors"), encodeAnswers(predictions, files));
  await writeChart(join(folder, "confusion"), confusionChart(report, report.perClass.map(({ name }) => name)));
  if (mistakes.length > 0) {
    await writeChart(join(folder, "mistakes"), sheetChart("The most confident mistakes", mistakes));
  }
  // It was of the mistakes of an earlier test.
  await ifThere(Deno.remove(join(folder, EXPLAINED)));
  const charts = testCharts(report, answersOf(data.task, predictions, report));
  for (const [name, chart] of charts) await writeChart(join(folder, name), chart);
}
