/**
 * From logits to what charts are made of.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import { sigmoid, softmax, type TestReport } from "../metrics/mod.ts";
import { cutOf } from "../metrics/weighed.ts";
import type { Answers } from "../report/test_charts.ts";
import type { Predictions } from "./evaluate.ts";

/** The probabilities of a test, at its temperature. */
export function answersOf(task: Task, { logits, targets }: Predictions, report: TestReport): Answers {
  const scaled = new Float64Array(logits).map((logit) => logit / report.temperature);
  const probabilities = task === "multiclass" ? softmax(scaled, report.perClass.length) : scaled.map(sigmoid);
  return { probabilities, targets };
}

/** Logits from which on a yes, or each label, is predicted in a test: its thresholds, at its temperature. */
export function cutsOf({ temperature, thresholds = [0.5] }: TestReport): number[] {
  return thresholds.map((threshold) => temperature * cutOf(threshold));
}
