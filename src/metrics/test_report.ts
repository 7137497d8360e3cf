/**
 * What a test says beyond a validation: more metrics, averages of every kind, intervals by the bootstrap, reliability.
 * `test/metrics.json` of a run directory holds it.
 *
 * Each number of the whole is computed by one function of the pictures' weights. With a weight of 1 each it gives the
 * value, with the counts of a resample the value there, so a metric and its interval cannot differ in what they are.
 *
 * @module
 */
import { meanOfDefined } from "./auroc.ts";
import { bootstrapCounts, type Interval, LEVEL, percentileInterval, RESAMPLES } from "./bootstrap.ts";
import type { Measure } from "./compare.ts";
import { column } from "./column.ts";
import { reliability, type ReliabilityBin } from "./calibration.ts";
import { classCounts, type Counts } from "./confusion.ts";
import { f1, macroAverage, occurring, precision, recall } from "./precision_recall.ts";
import { sigmoid, softmax } from "./predictions.ts";
import { Ranking } from "./ranking.ts";
import {
  type BinaryReport,
  binaryReport,
  type ClassMetrics,
  type MulticlassReport,
  multiclassReport,
  type MultilabelReport,
  multilabelReport,
  type Undefined,
} from "./report.ts";
import {
  BinaryTask,
  countsIn,
  cutOf,
  MulticlassTask,
  MultilabelTask,
  shareOf,
  specificity,
  type Weighable,
} from "./weighed.ts";

/** Averages over classes or labels. */
export interface Averages {
  /** Of the precisions. */
  readonly precision: number | null;
  /** Of the recalls. */
  readonly recall: number | null;
  /** Of the F1s; of all decisions together it is not the harmonic mean of the other two averages. */
  readonly f1: number | null;
  /** Of the areas under the ROC curves that are defined. */
  readonly auroc: number | null;
  /** Of the average precisions that are defined. */
  readonly averagePrecision: number | null;
}

/** What a test says of one class or label besides. */
export interface TestClassMetrics extends ClassMetrics {
  /** Of the samples that are not of the class, the share that was not predicted so. */
  readonly specificity: number | null;
  /** Area under the steps of the precision–recall curve. */
  readonly averagePrecision: number | null;
}

/** Metrics of the whole: those of a task that has no use for one are absent. */
export interface TestMetrics {
  /** Mean recall of the classes that occur; binary and multi-class. */
  readonly balancedAccuracy?: number | null;
  /** Share of the negatives that were predicted so; binary. */
  readonly specificity?: number | null;
  /** Of the positive class; else the mean over classes or labels for which it is defined. */
  readonly averagePrecision: number | null;
  /** Mean squared error of the probabilities, of several classes summed over them, of labels averaged (Brier 1950). */
  readonly brier: number | null;
  /** Expected calibration error over 15 bins: of the top class; of binary and multi-label tasks of each probability. */
  readonly calibrationError: number | null;
  /** Cohen's kappa; binary and multi-class. */
  readonly kappa?: number | null;
  /** Matthews' correlation coefficient; binary and multi-class. */
  readonly matthews?: number | null;
  /** Share of samples whose class is among the two likeliest; of three classes and more. */
  readonly top2?: number | null;
  /** Share of samples whose class is among the three likeliest; of four classes and more. */
  readonly top3?: number | null;
  /** Share of samples whose class is among the five likeliest; of six classes and more. */
  readonly top5?: number | null;
  /** Share of samples on which every label is right; multi-label. */
  readonly subsetAccuracy?: number | null;
  /** Share of labels that are wrong; multi-label. */
  readonly hammingLoss?: number | null;
}

/** What a test adds to the report of a task. */
export interface TestDetails extends TestMetrics {
  /** Averages over classes or labels: of equal weight, of all decisions together, and weighted by their samples. */
  readonly averages: { readonly macro: Averages; readonly micro: Averages; readonly weighted: Averages };
  /** 95% intervals of the metrics of the whole, by their names; null where one is undefined in too many resamples. */
  readonly intervals: Readonly<Record<string, Interval | null>>;
  /** What the intervals come from; null where they were not asked for. */
  readonly bootstrap: { readonly resamples: number; readonly seed: number; readonly level: number } | null;
  /** Probabilities by bins, with what came true. */
  readonly reliability: readonly ReliabilityBin[];
  /** What logits were divided by. */
  readonly temperature: number;
  /** Views of each picture whose probabilities were averaged, where there were several. */
  readonly views?: number;
  /** The part that was tested, where it is not the test part. */
  readonly testedOn?: string;
  /** What should be known of the figures, such as that the tested part has chosen the best epoch. */
  readonly note?: string;
  /** Probability from which on a label is predicted; of a multi-label task one for each label. */
  readonly thresholds?: readonly number[];
}

/** What a test makes of a report. */
export type Tested<R extends { perClass: ClassMetrics[] }> = Omit<R, "perClass"> & TestDetails & {
  /** One entry per class or label. */
  perClass: (R["perClass"][number] & TestClassMetrics)[];
};

/** The report of a test of a binary task. */
export type BinaryTestReport = Tested<BinaryReport>;
/** The report of a test of a multi-class task. */
export type MulticlassTestReport = Tested<MulticlassReport>;
/** The report of a test of a multi-label task. */
export type MultilabelTestReport = Tested<MultilabelReport>;
/** The report of a test of any task. */
export type TestReport = BinaryTestReport | MulticlassTestReport | MultilabelTestReport;

/** How a test is reported. */
export interface TestOptions {
  /** Resamples of the bootstrap; default 1000, 0 for no intervals. */
  readonly resamples?: number;
  /** Start of its random numbers; default 1. */
  readonly seed?: number;
  /** What logits are divided by; default 1. */
  readonly temperature?: number;
  /** Views of each picture that the answers are means of, which the report says where there are several; default 1. */
  readonly views?: number;
  /**
   * Probability from which on something is predicted, of a binary task one, of a multi-label task one for each label;
   * default 0.5.
   */
  readonly thresholds?: readonly number[];
}

/** Samples times columns times resamples up to which what ranks gets intervals: seconds. */
const MOST_RANKED = 2e9;

/** Intervals of all metrics of the whole. */
function intervalsOf(task: Weighable, resamples: number, seed: number): Record<string, Interval | null> {
  const ranks = task.samples * task.columns * resamples <= MOST_RANKED;
  const drawn = new Map<string, (number | null)[]>();
  for (const counts of bootstrapCounts(task.samples, resamples, seed)) {
    for (const [name, value] of Object.entries(task.measure(counts, ranks))) {
      const values = drawn.get(name);
      if (values) values.push(value);
      else drawn.set(name, [value]);
    }
  }
  return Object.fromEntries([...drawn].map(([name, values]) => [name, percentileInterval(values)]));
}

/** Averages of a metric that ranks, weighted by support, over those that are defined. */
function bySupport(values: readonly (number | null)[], support: readonly number[]): number | null {
  let [sum, total] = [0, 0];
  values.forEach((value, c) => {
    if (value === null) return;
    sum += value * support[c];
    total += support[c];
  });
  return shareOf(sum, total);
}

/** The three averages over classes or labels. */
function averagesOf(
  rows: readonly TestClassMetrics[],
  counts: readonly Counts[],
  macro: Pick<Averages, "precision" | "recall" | "f1">,
  pooled: Ranking,
): TestDetails["averages"] {
  const all = counts.reduce(
    (sum, { tp, fp, fn, tn }) => ({ tp: sum.tp + tp, fp: sum.fp + fp, fn: sum.fn + fn, tn: sum.tn + tn }),
    { tp: 0, fp: 0, fn: 0, tn: 0 },
  );
  const support = rows.map((row) => row.support);
  // As in the macro average, what is undefined counts as 0 here.
  const orZero = (values: readonly (number | null)[]) => bySupport(values.map((value) => value ?? 0), support);
  return {
    macro: {
      precision: macro.precision,
      recall: macro.recall,
      f1: macro.f1,
      auroc: meanOfDefined(rows.map(({ auroc }) => auroc)),
      averagePrecision: meanOfDefined(rows.map(({ averagePrecision }) => averagePrecision)),
    },
    micro: {
      precision: precision(all),
      recall: recall(all),
      f1: f1(all),
      ...pooled.areas(),
    },
    weighted: {
      precision: orZero(rows.map((row) => row.precision)),
      recall: orZero(rows.map((row) => row.recall)),
      f1: orZero(rows.map((row) => row.f1)),
      auroc: bySupport(rows.map(({ auroc }) => auroc), support),
      averagePrecision: bySupport(rows.map(({ averagePrecision }) => averagePrecision), support),
    },
  };
}

/** Adds what a test says of each class. */
function rowsOf<R extends ClassMetrics>(
  rows: readonly R[],
  counts: readonly Counts[],
  precisions: readonly (number | null)[],
  notes: Undefined[],
): (R & TestClassMetrics)[] {
  return rows.map((row, c) => {
    const extra = { specificity: specificity(counts[c]), averagePrecision: precisions[c] };
    if (extra.specificity === null) {
      notes.push({ metric: "specificity", class: row.name, reason: `every sample is ${row.name}` });
    }
    if (extra.averagePrecision === null) {
      notes.push({ metric: "averagePrecision", class: row.name, reason: `no sample is ${row.name}` });
    }
    return { ...row, ...extra };
  });
}

/** Why metrics of the whole are undefined. */
const reasons: Readonly<Record<keyof TestMetrics, string>> = {
  balancedAccuracy: "there are no samples",
  specificity: "every sample is positive",
  averagePrecision: "it is defined for no class",
  brier: "there are no samples",
  calibrationError: "there are no samples",
  kappa: "truth and predictions are all of one class",
  matthews: "the truth or the predictions are all of one class",
  top2: "there are no samples",
  top3: "there are no samples",
  top5: "there are no samples",
  subsetAccuracy: "there are no samples",
  hammingLoss: "there are no samples",
};

/** Of a task that was made ready: the metrics that a validation has not, the intervals, and reasons for nulls. */
function wholeOf(
  task: Weighable,
  notes: Undefined[],
  { resamples = RESAMPLES, seed = 1, temperature = 1, views = 1 }: TestOptions,
): TestMetrics & Pick<TestDetails, "intervals" | "bootstrap" | "temperature" | "views"> {
  const values = task.measure(new Uint16Array(task.samples).fill(1), true);
  const metrics = Object.fromEntries(Object.entries(values).filter(([name]) => Object.hasOwn(reasons, name)));
  for (const [name, value] of Object.entries(metrics)) {
    const metric = name as keyof TestMetrics;
    if (value === null) notes.push({ metric, class: null, reason: reasons[metric] });
  }
  const isDrawn = resamples > 0 && task.samples > 0;
  return {
    // Each task measures the metrics that it has.
    ...metrics as unknown as TestMetrics,
    intervals: isDrawn ? intervalsOf(task, resamples, seed) : {},
    bootstrap: isDrawn ? { resamples, seed, level: LEVEL } : null,
    temperature,
    ...views > 1 && { views },
  };
}

const scaled = (logits: ArrayLike<number>, temperature = 1): Float64Array =>
  new Float64Array(logits).map((logit) => logit / temperature);

/**
 * The report of a test of a binary task.
 *
 * @param logits Logits `[N]`.
 * @param targets True labels `[N]`, 0 or 1.
 * @param names Names of the negative and the positive class.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If a logit is not finite or a target is not 0 or 1; the message names the index.
 *
 * @example
 * ```ts
 * import { binaryTest } from "@fovea/fovea";
 *
 * binaryTest([-1.5, 0.2, 2, 1], [0, 0, 1, 1], ["plain", "glasses"]).specificity; // 0.5
 * ```
 */
export function binaryTest(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  names: readonly [string, string],
  options: TestOptions = {},
): BinaryTestReport {
  const { temperature, thresholds: [threshold] = [0.5] } = options;
  const x = scaled(logits, temperature);
  const report = binaryReport(x, targets, names, cutOf(threshold));
  const notes = [...report.undefined];
  const task = new BinaryTask(x, targets, threshold);
  const counts = classCounts(report.confusion);
  const negatives = new Ranking(x.map((logit) => -logit), Uint8Array.from(targets, (target) => 1 - target));
  const precisions = [negatives.areas().averagePrecision, task.column.ranking.areas().averagePrecision];
  const perClass = rowsOf(report.perClass, counts, precisions, notes);
  const some = occurring(counts);
  const macro = {
    precision: macroAverage(some, precision),
    recall: macroAverage(some, recall),
    f1: macroAverage(some, f1),
  };
  const { probabilities } = task.column;
  const pooled = new Ranking(
    // Logits rank as probabilities do, and equal ones stay equal.
    [...x.map((logit) => -logit), ...x],
    [...Array.from(targets, (target) => 1 - target), ...Array.from(targets)],
  );
  return {
    ...report,
    ...wholeOf(task, notes, options),
    perClass,
    averages: averagesOf(perClass, counts, macro, pooled),
    reliability: reliability(probabilities, targets),
    thresholds: [threshold],
    undefined: notes,
  };
}

/**
 * The report of a test of a multi-class task.
 *
 * @param logits Logits `[N, classes]`, flat.
 * @param targets True classes `[N]`.
 * @param names Names of the classes.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is not finite or a target is no class index; the message names the index.
 */
export function multiclassTest(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  names: readonly string[],
  options: TestOptions = {},
): MulticlassTestReport {
  const x = scaled(logits, options.temperature);
  const report = multiclassReport(x, targets, names);
  const notes = [...report.undefined];
  const task = new MulticlassTask(x, targets, names.length);
  const counts = classCounts(report.confusion);
  const perClass = rowsOf(report.perClass, counts, task.rankings.map((each) => each.areas().averagePrecision), notes);
  const oneHot = new Uint8Array(x.length);
  for (let i = 0; i < targets.length; i++) oneHot[i * names.length + targets[i]] = 1;
  return {
    ...report,
    ...wholeOf(task, notes, options),
    perClass,
    averages: averagesOf(perClass, counts, report, new Ranking(softmax(x, names.length), oneHot)),
    reliability: reliability(task.confidences, task.hits),
    undefined: notes,
  };
}

/**
 * The report of a test of a multi-label task.
 *
 * @param logits Logits `[N, labels]`, flat.
 * @param targets True labels `[N, labels]`, flat, 0 or 1.
 * @param names Names of the labels.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is not finite or a target is not 0 or 1; the message names the index.
 */
export function multilabelTest(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  names: readonly string[],
  options: TestOptions = {},
): MultilabelTestReport {
  const thresholds = options.thresholds ?? names.map(() => 0.5);
  const x = scaled(logits, options.temperature);
  const report = multilabelReport(x, targets, names, thresholds.map(cutOf));
  const notes = [...report.undefined];
  const task = new MultilabelTask(x, targets, names.length, thresholds);
  const counts = report.confusion.map(countsIn);
  const precisions = task.labels.map(({ ranking }) => ranking.areas().averagePrecision);
  const perClass = rowsOf(report.perClass, counts, precisions, notes);
  const probabilities = x.map(sigmoid);
  return {
    ...report,
    ...wholeOf(task, notes, options),
    perClass,
    averages: averagesOf(perClass, counts, report, new Ranking(probabilities, targets)),
    reliability: reliability(probabilities, targets),
    thresholds,
    undefined: notes,
  };
}

/** The probability next to 1: at 1 itself, which a logit of 37 rounds to, nothing would be predicted. */
const MOST_SURE = 1 - Number.EPSILON / 2;

/**
 * The threshold of each label with the highest F1, as a probability; 0.5 for a label that never occurs.
 *
 * @param logits Logits `[N, labels]` of a split that is not tested, flat.
 * @param targets True labels `[N, labels]`, flat, 0 or 1.
 * @param labels The number of labels.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is NaN or a target is not 0 or 1; the message names the index.
 */
export function tunedThresholds(logits: ArrayLike<number>, targets: ArrayLike<number>, labels: number): number[] {
  return Array.from({ length: labels }, (_, l) => {
    const best = new Ranking(column(logits, l, labels), column(targets, l, labels)).bestF1();
    return best === null ? 0.5 : Math.min(MOST_SURE, sigmoid(best.threshold));
  });
}

/**
 * The metrics of the whole as a function of how often each picture counts, for comparisons of models on the same
 * pictures.
 *
 * @param task What the logits mean.
 * @param logits Logits `[N, K]`, flat; of a binary task `[N]`.
 * @param targets True classes `[N]`, or labels of the logits' shape, 0 or 1.
 * @param classes Classes or labels, K; of a binary task 1.
 * @param options Temperature and thresholds.
 */
export function measureOf(
  task: TestReport["task"],
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
  { temperature, thresholds }: TestOptions = {},
): Measure {
  const x = scaled(logits, temperature);
  const weighable = task === "binary"
    ? new BinaryTask(x, targets, thresholds?.[0] ?? 0.5)
    : task === "multiclass"
    ? new MulticlassTask(x, targets, classes)
    : new MultilabelTask(x, targets, classes, thresholds ?? new Array<number>(classes).fill(0.5));
  return (counts) => weighable.measure(counts, true);
}
