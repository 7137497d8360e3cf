/**
 * All metrics of a task in one object, as `test/metrics.json` of a run directory holds it.
 *
 * A value that is not defined on the data is null, and {@link Undefined} says which and why. Macro averages are
 * scikit-learn's (see `precision_recall.ts`). An undefined precision, recall or F1 counts as 0 in them. Those of a
 * multi-class task's classes that occur neither in the truth nor in the predictions do not count. The mean auROC leaves
 * undefined ones out.
 *
 * @module
 */
import { column } from "./column.ts";
import { accuracy, labelAccuracies } from "./accuracy.ts";
import { auroc, meanOfDefined, oneVsRestAuroc } from "./auroc.ts";
import { checkIndices, checkLengths } from "./check.ts";
import { classCounts, confusionMatrix, type Counts } from "./confusion.ts";
import { sigmoidCrossEntropy, softmaxCrossEntropy } from "./loss.ts";
import { f1, macroAverage, occurring, precision, recall } from "./precision_recall.ts";
import { predictClasses, predictLabels, softmax } from "./predictions.ts";

/** Why a value is null. */
export interface Undefined {
  /** The metric's key in the report. */
  metric:
    | ("accuracy" | "precision" | "recall" | "f1" | "auroc" | "loss")
    | ("balancedAccuracy" | "specificity" | "averagePrecision" | "brier" | "calibrationError" | "kappa" | "matthews")
    | ("top2" | "top3" | "top5" | "subsetAccuracy" | "hammingLoss");
  /** The class or label whose value it is; null for the value of the whole. */
  class: string | null;
  /** The reason, as a clause, and how averages treat it. */
  reason: string;
}

/** The metrics of one class against the rest. */
export interface ClassMetrics {
  /** Name of the class. */
  name: string;
  /** Samples of the class in the truth. */
  support: number;
  /** Of those predicted so, the share that is right. */
  precision: number | null;
  /** Of those that are so, the share that was found. */
  recall: number | null;
  /** Harmonic mean of precision and recall. */
  f1: number | null;
  /** Area under the ROC curve, one against the rest. */
  auroc: number | null;
}

/** The metrics of one label of a multi-label task. */
export interface LabelMetrics extends ClassMetrics {
  /** Share of samples on which this label is right. */
  accuracy: number | null;
}

/** What the reports of all three tasks share. */
export interface BaseReport {
  /** Share of right predictions; of a multi-label task the mean over labels. */
  accuracy: number | null;
  /** Of the positive class in a binary task, else the macro average. */
  precision: number | null;
  /** Of the positive class in a binary task, else the macro average. */
  recall: number | null;
  /** Of the positive class in a binary task, else the macro average. */
  f1: number | null;
  /** Of the positive class in a binary task, else the mean over the classes for which it is defined. */
  auroc: number | null;
  /** Mean cross-entropy in nats, without class weights or label smoothing. */
  loss: number | null;
  /** Why values are null; empty when none is. */
  undefined: Undefined[];
}

/** Report of a binary task. */
export interface BinaryReport extends BaseReport {
  /** Tells the reports apart. */
  task: "binary";
  /** The negative and the positive class. */
  perClass: ClassMetrics[];
  /** `[2, 2]`, rows the truth: `[[tn, fp], [fn, tp]]`. */
  confusion: number[][];
}

/** Report of a multi-class task. */
export interface MulticlassReport extends BaseReport {
  /** Tells the reports apart. */
  task: "multiclass";
  /** One entry per class. */
  perClass: ClassMetrics[];
  /** `[classes, classes]`, rows the truth. */
  confusion: number[][];
}

/** Report of a multi-label task. */
export interface MultilabelReport extends BaseReport {
  /** Tells the reports apart. */
  task: "multilabel";
  /** One entry per label. */
  perClass: LabelMetrics[];
  /** `[labels, 2, 2]`: a binary confusion matrix `[[tn, fp], [fn, tp]]` per label. */
  confusion: number[][][];
}

/** The report of any task. */
export type Report = BinaryReport | MulticlassReport | MultilabelReport;

/**
 * The report of a task with one label.
 *
 * @param logits Logits `[N]`.
 * @param targets True labels `[N]`, 0 or 1.
 * @param names Names of the negative and the positive class.
 * @param cut Logit at and above which the positive class is predicted.
 * @returns The metrics of the positive class, and both classes.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If a logit is not finite or a target is not 0 or 1; the message names the index.
 *
 * @example
 * ```ts
 * import { binaryReport } from "@fovea/fovea";
 *
 * binaryReport([-1.5, 0.2, 2], [0, 0, 1], ["plain", "glasses"]).recall; // 1
 * ```
 */
export function binaryReport(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  names: readonly [string, string] = ["negative", "positive"],
  cut = 0,
): BinaryReport {
  const notes: Undefined[] = [];
  checkLengths("logits", logits, targets);
  const predictions = predictLabels(logits, [cut]);
  const confusion = confusionMatrix(predictions, targets, 2);
  // Turning scores and labels round leaves the area as it is: both classes have one auROC.
  const area = auroc(logits, targets);
  const perClass = classCounts(confusion).map((counts, c) => classMetrics(names[c], counts, area, notes, ""));
  return {
    task: "binary",
    accuracy: orNote(accuracy(predictions, targets), "accuracy", null, "there are no samples", notes),
    precision: perClass[1].precision,
    recall: perClass[1].recall,
    f1: perClass[1].f1,
    auroc: area,
    loss: orNote(sigmoidCrossEntropy(logits, targets), "loss", null, "there are no samples", notes),
    perClass,
    confusion,
    undefined: notes,
  };
}

/**
 * The report of a task in which each sample has one of several classes.
 *
 * @param logits Logits `[N, classes]`, flat; the largest is the prediction. auROC ranks their softmax.
 * @param targets True classes `[N]`.
 * @param names Names of the classes.
 * @returns The macro averages, and each class against the rest.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is not finite or a target is no class index; the message names the index.
 *
 * @example
 * ```ts
 * import { multiclassReport } from "@fovea/fovea";
 *
 * multiclassReport([3, 1, 0, 0, 2, 1], [0, 2], ["black", "blond", "brown"]).confusion;
 * // [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
 * ```
 */
export function multiclassReport(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  names: readonly string[],
): MulticlassReport {
  const notes: Undefined[] = [];
  const classes = names.length;
  checkLengths("logits", logits, targets, classes);
  const predictions = predictClasses(logits, classes);
  const confusion = confusionMatrix(predictions, targets, classes);
  const counts = classCounts(confusion);
  const areas = oneVsRestAuroc(softmax(logits, classes), targets, classes);
  const perClass = counts.map((each, c) => {
    const { tp, fp, fn } = each;
    const effect = tp + fp + fn === 0 ? "left out of the macro average" : "counts as 0 in the macro average";
    return classMetrics(names[c], each, areas[c], notes, `; ${effect}`);
  });
  return {
    task: "multiclass",
    accuracy: orNote(accuracy(predictions, targets), "accuracy", null, "there are no samples", notes),
    ...averages(occurring(counts), areas, notes),
    loss: orNote(softmaxCrossEntropy(logits, targets, classes), "loss", null, "there are no samples", notes),
    perClass,
    confusion,
    undefined: notes,
  };
}

/**
 * The report of a task in which each sample has any number of labels.
 *
 * @param logits Logits `[N, labels]`, flat.
 * @param targets True labels `[N, labels]`, flat, 0 or 1.
 * @param names Names of the labels.
 * @param cuts Logit of each label at and above which it is predicted; default 0.
 * @returns The means over labels, and each label.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is not finite or a target is not 0 or 1; the message names the index.
 *
 * @example
 * ```ts
 * import { multilabelReport } from "@fovea/fovea";
 *
 * multilabelReport([2, -1, 1, 3], [1, 0, 0, 1], ["glasses", "hat"]).perClass[0].accuracy; // 0.5
 * ```
 */
export function multilabelReport(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  names: readonly string[],
  cuts: readonly number[] = [0],
): MultilabelReport {
  const notes: Undefined[] = [];
  checkLengths("logits", logits, targets);
  checkIndices("targets", targets, 2);
  const predictions = predictLabels(logits, cuts);
  const accuracies = labelAccuracies(predictions, targets, names.length);
  const truth = names.map((_, l) => column(targets, l, names.length));
  const confusion = truth.map((labels, l) => confusionMatrix(column(predictions, l, names.length), labels, 2));
  const counts = confusion.map((matrix) => classCounts(matrix)[1]);
  const areas = truth.map((labels, l) => auroc(column(logits, l, names.length), labels));
  const perClass = counts.map((each, l) => ({
    ...classMetrics(names[l], each, areas[l], notes, "; counts as 0 in the macro average"),
    accuracy: orNote(accuracies[l], "accuracy", names[l], "there are no samples", notes),
  }));
  return {
    task: "multilabel",
    accuracy: orNote(meanOfDefined(accuracies), "accuracy", null, "there are no samples", notes),
    ...averages(targets.length === 0 ? [] : counts, areas, notes),
    loss: orNote(sigmoidCrossEntropy(logits, targets), "loss", null, "there are no samples", notes),
    perClass,
    confusion,
    undefined: notes,
  };
}

/** One class's row; `effect` is what its undefined precision, recall or F1 does to the average. */
function classMetrics(
  name: string,
  counts: Counts,
  area: number | null,
  notes: Undefined[],
  effect: string,
): ClassMetrics {
  const support = counts.tp + counts.fn;
  const oneSided = support === 0 ? "no sample is" : "every sample is";
  return {
    name,
    support,
    precision: orNote(precision(counts), "precision", name, `no sample was predicted ${name}${effect}`, notes),
    recall: orNote(recall(counts), "recall", name, `no sample is ${name}${effect}`, notes),
    f1: orNote(f1(counts), "f1", name, `no sample is or was predicted ${name}${effect}`, notes),
    auroc: orNote(area, "auroc", name, `${oneSided} ${name}, so there is nothing to rank`, notes),
  };
}

/** Macro precision, recall and F1 over `counts`, and the mean of the defined auROCs. */
function averages(
  counts: readonly Counts[],
  areas: readonly (number | null)[],
  notes: Undefined[],
): Pick<BaseReport, "precision" | "recall" | "f1" | "auroc"> {
  const none = "there are no samples";
  return {
    precision: orNote(macroAverage(counts, precision), "precision", null, none, notes),
    recall: orNote(macroAverage(counts, recall), "recall", null, none, notes),
    f1: orNote(macroAverage(counts, f1), "f1", null, none, notes),
    auroc: orNote(meanOfDefined(areas), "auroc", null, "it is defined for no class", notes),
  };
}

/** Passes a value through; notes why if it is null. */
function orNote(
  value: number | null,
  metric: Undefined["metric"],
  name: string | null,
  reason: string,
  notes: Undefined[],
): number | null {
  if (value === null) notes.push({ metric, class: name, reason });
  return value;
}
