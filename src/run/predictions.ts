/**
 * What a model says of a data set.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import { sigmoid, softmax } from "../metrics/mod.ts";

/** What a model says of a data set, in the data set's order. */
export interface Predictions {
  /** [N, K], flat. */
  readonly logits: Float32Array;
  /** [N, K], flat: one-hot for classes, 0 or 1 for labels. */
  readonly targets: Float32Array;
}

/** Probabilities are kept this far from 0 and 1, where they have no logit. */
const LEAST = 1e-12;

/**
 * The mean of the probabilities of several views of the same pictures, as logits again: their logarithms, or of yes and
 * no questions the logarithms of the odds.
 *
 * @param views What was said of each view; at least one.
 * @param classes Logits of a picture, K.
 */
export function averaged(task: Task, views: readonly Predictions[], classes: number): Predictions {
  const [first] = views;
  if (views.length === 1) return first;
  const mean = new Float64Array(first.logits.length);
  for (const { logits } of views) {
    const probabilities = task === "multiclass" ? softmax(logits, classes) : new Float64Array(logits).map(sigmoid);
    probabilities.forEach((probability, i) => mean[i] += probability / views.length);
  }
  const kept = mean.map((probability) => Math.min(1 - LEAST, Math.max(LEAST, probability)));
  const logits = task === "multiclass" ? kept.map(Math.log) : kept.map((p) => Math.log(p / (1 - p)));
  return { logits: Float32Array.from(logits), targets: first.targets };
}
