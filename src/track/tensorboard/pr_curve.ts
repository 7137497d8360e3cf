/**
 * Precision and recall over thresholds, as TensorBoard's plugin `pr_curves` holds them.
 *
 * @module
 */

import { type Report, sigmoid, softmax } from "../../metrics/mod.ts";
import type { TestFacts } from "../tracker.ts";

/** Thresholds, from 0 to 1 at equal distances: the plugin's default. */
export const THRESHOLDS = 201;

/** With more classes, only all of them together have a curve. */
const MAX_CLASSES = 40;

/**
 * The rows of a curve, [6, thresholds]: true positives, false positives, true negatives, false negatives, precision and
 * recall where all at or above a threshold are taken to be positive. A share of nothing is 0, as the plugin has it.
 *
 * @param scores Probabilities of the positives.
 * @param truth 1 or 0 for each.
 */
export function prCurve(scores: ArrayLike<number>, truth: ArrayLike<number>): Float32Array<ArrayBuffer> {
  // How many have each threshold as their highest, from which sums are made from above.
  const [positives, negatives] = [new Float64Array(THRESHOLDS), new Float64Array(THRESHOLDS)];
  for (let i = 0; i < scores.length; i++) {
    (truth[i] ? positives : negatives)[Math.floor(scores[i] * (THRESHOLDS - 1))]++;
  }
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  const [allPositives, allNegatives] = [sum(positives), sum(negatives)];
  const rows = new Float32Array(6 * THRESHOLDS);
  for (let t = THRESHOLDS - 1, tp = 0, fp = 0; t >= 0; t--) {
    tp += positives[t];
    fp += negatives[t];
    const column = [
      ...[tp, fp, allNegatives - fp, allPositives - tp],
      ...[tp / Math.max(1, tp + fp), tp / Math.max(1, allPositives)],
    ];
    column.forEach((value, row) => rows[row * THRESHOLDS + t] = value);
  }
  return rows;
}

/** A curve with the name of its class. */
export interface NamedCurve {
  readonly name: string;
  readonly rows: Float32Array<ArrayBuffer>;
}

/** The curves of a report's classes or labels, one against the rest, and of all decisions together. */
export function prCurves(report: Report, { logits, targets }: TestFacts["predictions"]): NamedCurve[] {
  const names = report.task === "binary" ? [report.perClass[1].name] : report.perClass.map(({ name }) => name);
  const width = names.length;
  const scores = report.task === "multiclass" ? softmax(logits, width) : Float64Array.from(logits, sigmoid);
  const column = (values: ArrayLike<number>, k: number) =>
    Float64Array.from({ length: values.length / width }, (_, i) => values[i * width + k]);
  if (width === 1) return [{ name: names[0], rows: prCurve(scores, targets) }];
  const each = width > MAX_CLASSES ? [] : names.map((name, k) => ({
    name,
    rows: prCurve(column(scores, k), column(targets, k)),
  }));
  return [{ name: "all", rows: prCurve(scores, targets) }, ...each];
}
