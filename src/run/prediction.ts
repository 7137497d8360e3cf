/**
 * What a model says of one picture.
 *
 * @module
 */

import { classNames, type Task } from "../data/labels.ts";
import { predictClasses, predictLabels, sigmoid, softmax } from "../metrics/mod.ts";

/** A class or label with its probability. */
export interface Score {
  /** Name of the class or label. */
  readonly name: string;
  /** From 0 to 1. */
  readonly probability: number;
}

/** What a model says of one picture. */
export interface Prediction {
  /**
   * Probability of each class or label by its name, in their order. Of classes they add up to 1, of labels each stands
   * for itself. A binary task has two: `not Eyeglasses` and `Eyeglasses`.
   */
  readonly probabilities: Readonly<Record<string, number>>;
  /** The likeliest of {@link probabilities}. */
  readonly top: Score;
  /**
   * What the picture has: its class; of labels, all with a probability of 0.5 or more; of a binary task, the target or
   * nothing.
   */
  readonly labels: readonly string[];
}

/**
 * What logits mean.
 *
 * @param logits Of one picture, [K].
 * @param classes Names in the order of the logits; of a binary task, the target's.
 */
export function predictionOf(task: Task, classes: readonly string[], logits: Float32Array): Prediction {
  const names = classNames(task, classes);
  const values = probabilitiesOf(task, logits);
  const labels = task === "multiclass"
    ? [classes[predictClasses(logits, classes.length)[0]]]
    : classes.filter((_, k) => predictLabels(logits)[k] === 1);
  // At one half a label is there.
  const top = task === "multilabel" ? names[values.indexOf(Math.max(...values))] : labels[0] ?? names[0];
  return {
    probabilities: Object.fromEntries(names.map((name, k) => [name, values[k]])),
    top: { name: top, probability: values[names.indexOf(top)] },
    labels,
  };
}

/** Probabilities of the names that a task has, from the logits of one picture [K]. */
export function probabilitiesOf(task: Task, logits: Float32Array): readonly number[] {
  if (task === "multiclass") return [...softmax(logits, logits.length)];
  return task === "binary" ? [sigmoid(-logits[0]), sigmoid(logits[0])] : Array.from(logits, sigmoid);
}
