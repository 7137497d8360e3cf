/**
 * What a model says of a data set.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";

/** What a model says of a data set, in the data set's order. */
export interface Predictions {
  /** [N, K], flat. */
  readonly logits: Float32Array;
  /** [N, K], flat: one-hot for classes, 0 or 1 for labels. */
  readonly targets: Float32Array;
}

/** Names of the classes of a confusion matrix: of a binary task, the target's absence and presence. */
export function classNames(task: Task, classes: readonly string[]): string[] {
  return task === "binary" ? [`not ${classes[0]}`, classes[0]] : [...classes];
}
