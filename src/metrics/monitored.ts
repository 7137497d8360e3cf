/**
 * Metrics by which an epoch may be chosen: every one of a report's whole, with the tasks that have it and which way is
 * better.
 *
 * @module
 */

import { predictClasses } from "./predictions.ts";
import { measureOf } from "./test_report.ts";
import type { Report } from "./report.ts";

type Task = Report["task"];

/** What is known of a metric. */
export interface Monitored {
  /** Its key among what is measured of the whole. */
  readonly key: string;
  /** What people call it. */
  readonly title: string;
  /** Tasks whose reports have it. */
  readonly tasks: readonly Task[];
  /** Is a lower value better? */
  readonly isLower: boolean;
}

/** Name of a metric by which an epoch may be chosen. */
export type Monitor =
  | "accuracy"
  | "loss"
  | "balanced-accuracy"
  | "precision"
  | "recall"
  | "specificity"
  | "f1"
  | "auroc"
  | "average-precision"
  | "kappa"
  | "matthews"
  | "brier"
  | "calibration-error"
  | "top2"
  | "top3"
  | "top5"
  | "subset-accuracy"
  | "hamming-loss";

const ALL: readonly Task[] = ["binary", "multiclass", "multilabel"];
const OF_CLASSES: readonly Task[] = ["binary", "multiclass"];

const higher = (key: string, title: string, tasks = ALL): Monitored => ({ key, title, tasks, isLower: false });
const lower = (key: string, title: string, tasks = ALL): Monitored => ({ key, title, tasks, isLower: true });

/** All of them, by the names of the setting `monitor`. */
export const monitored: Readonly<Record<Monitor, Monitored>> = {
  "accuracy": higher("accuracy", "accuracy"),
  "loss": lower("loss", "loss"),
  "balanced-accuracy": higher("balancedAccuracy", "balanced accuracy", OF_CLASSES),
  "precision": higher("precision", "precision"),
  "recall": higher("recall", "recall"),
  "specificity": higher("specificity", "specificity", ["binary"]),
  "f1": higher("f1", "F1"),
  "auroc": higher("auroc", "auROC"),
  "average-precision": higher("averagePrecision", "average precision"),
  "kappa": higher("kappa", "Cohen's kappa", OF_CLASSES),
  "matthews": higher("matthews", "Matthews' correlation", OF_CLASSES),
  "brier": lower("brier", "Brier score"),
  "calibration-error": lower("calibrationError", "calibration error"),
  "top2": higher("top2", "top-2 accuracy", ["multiclass"]),
  "top3": higher("top3", "top-3 accuracy", ["multiclass"]),
  "top5": higher("top5", "top-5 accuracy", ["multiclass"]),
  "subset-accuracy": higher("subsetAccuracy", "subset accuracy", ["multilabel"]),
  "hamming-loss": lower("hammingLoss", "Hamming loss", ["multilabel"]),
};

/** All names. */
export const monitors = Object.keys(monitored) as readonly Monitor[];

/**
 * Value of a metric of a validation.
 *
 * @param name Which.
 * @param report What was reported of it; a metric that is there is not computed again.
 * @param predictions Logits and targets `[N, K]`, flat; targets of classes one-hot.
 * @returns Null where it is undefined, as a top-5 accuracy of five classes is.
 */
export function monitoredIn(
  name: Monitor,
  report: Report,
  { logits, targets }: { readonly logits: Float32Array; readonly targets: Float32Array },
): number | null {
  const { key } = monitored[name];
  if (key in report) return report[key as "accuracy"];
  const classes = report.task === "binary" ? 1 : report.perClass.length;
  const truth = report.task === "multiclass" ? predictClasses(targets, classes) : targets;
  const measure = measureOf(report.task, logits, truth, classes);
  return measure(new Uint16Array(logits.length / classes).fill(1))[key] ?? null;
}
