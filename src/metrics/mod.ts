/**
 * Metrics of classifiers: pure functions on arrays, which agree with scikit-learn. Nothing is ever silently 0 or NaN: a
 * value that the data do not define is null.
 *
 * @example
 * ```ts
 * import { auroc, multiclassReport } from "@fovea/fovea";
 *
 * auroc([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1]); // 0.875
 * multiclassReport([3, 1, 0, 2], [0, 1], ["cat", "dog"]).accuracy; // 1
 * ```
 *
 * @module
 */
export { accuracy, labelAccuracies } from "./accuracy.ts";
export { balancedAccuracy, cohenKappa, matthewsCorrelation } from "./agreement.ts";
export { auroc, averagePrecision, meanOfDefined, oneVsRestAuroc } from "./auroc.ts";
export { bootstrapCounts, type Interval, percentileInterval } from "./bootstrap.ts";
export { calibrationError, fitTemperature, reliability, type ReliabilityBin, type Temperature } from "./calibration.ts";
export { type Difference, type McNemar, mcnemar, type Measure, pairedBootstrap } from "./compare.ts";
export { classCounts, confusionMatrix, type Counts } from "./confusion.ts";
export { sigmoidCrossEntropy, softmaxCrossEntropy } from "./loss.ts";
export type { Monitor } from "./monitored.ts";
export { f1, macroAverage, occurring, precision, recall } from "./precision_recall.ts";
export { predictClasses, predictLabels, sigmoid, softmax } from "./predictions.ts";
export {
  type BaseReport,
  type BinaryReport,
  binaryReport,
  type ClassMetrics,
  type LabelMetrics,
  type MulticlassReport,
  multiclassReport,
  type MultilabelReport,
  multilabelReport,
  type Report,
  type Undefined,
} from "./report.ts";
export { type Areas, type PrecisionRecallPoint, Ranking, type RocPoint } from "./ranking.ts";
export {
  type Averages,
  binaryTest,
  type BinaryTestReport,
  measureOf,
  multiclassTest,
  type MulticlassTestReport,
  multilabelTest,
  type MultilabelTestReport,
  type TestClassMetrics,
  type TestDetails,
  type Tested,
  type TestMetrics,
  type TestOptions,
  type TestReport,
  tunedThresholds,
} from "./test_report.ts";
export { specificity } from "./weighed.ts";
