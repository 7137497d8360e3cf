/**
 * Writes and shows what an evaluation gives: metrics, predictions and the confusion matrix.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { writeAtomic } from "../files.ts";
import { predictClasses, predictLabels, sigmoid, softmax } from "../metrics/mod.ts";
import { confusionChart } from "../report/confusion.ts";
import { writeChart } from "../report/draw.ts";
import { formatReport } from "../report/text.ts";
import { classNames, type Evaluation } from "../run/evaluate.ts";
import { csvText } from "./csv_text.ts";

/** Writes `metrics.json`, `predictions.csv` and the confusion matrix, as `.svg` and `.png`, to a folder. */
export async function saveEvaluation(
  folder: string,
  { report, predictions }: Evaluation,
  data: Dataset,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await writeAtomic(join(folder, "metrics.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeAtomic(join(folder, "predictions.csv"), predictionsCsv(predictions.logits, data));
  await writeChart(join(folder, "confusion"), confusionChart(report, classNames(data.task, data.classes)));
}

/** The tables of an evaluation for the terminal. */
export function showEvaluation({ report }: Evaluation): string {
  return formatReport(report);
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
