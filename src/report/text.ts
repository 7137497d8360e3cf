/**
 * A report for the terminal: at most 100 columns wide, as long as numbers allow.
 *
 * @module
 */
import { unicodeWidth } from "@std/cli/unicode-width";
import type { LabelMetrics, Report, Undefined } from "../metrics/report.ts";
import type { TestClassMetrics, TestMetrics, TestReport } from "../metrics/test_report.ts";
import { printable } from "../printable.ts";
import { decimal, NONE, rangeText } from "./figures.ts";
import { shorten } from "./names.ts";

/** Columns of the terminal that a line takes at most. */
const COLUMNS = 100;

/** Columns of a name at the head of a row. */
const NAME_COLUMNS = 24;

/** Reasons and confusions that are listed before the rest is only counted. */
const LISTED = 20;

/**
 * Lays out the metrics of an evaluation: the headline, a table of the classes or labels, the confusion matrix, and why
 * values are undefined. Rows of the matrix are the truth; a multi-label task has a row of four counts per label.
 *
 * A matrix too wide for its names has numbers above its columns; one too wide for numbers is replaced by its most
 * frequent confusions.
 *
 * @param report The report of any task.
 * @returns Lines without a newline at the end. Names are harmless to a terminal and aligned if wide.
 *
 * @example
 * ```ts
 * import { formatReport } from "./text.ts";
 * import { binaryReport } from "../metrics/report.ts";
 *
 * console.log(formatReport(binaryReport([-1.5, 0.2, 2], [0, 0, 1], ["plain", "glasses"])));
 * ```
 */
export function formatReport(report: Report): string {
  const parts = [headline(report), classTable(report), confusionText(report), reasons(report)];
  return parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n");
}

/** Metrics of the whole in their order, as people call them. */
export const metricNames:
  & Readonly<Record<"accuracy" | "precision" | "recall" | "f1" | "auroc" | "loss", string>>
  & Readonly<Record<keyof TestMetrics, string>> = {
    accuracy: "accuracy",
    balancedAccuracy: "balanced accuracy",
    subsetAccuracy: "subset accuracy",
    hammingLoss: "Hamming loss",
    top2: "top-2 accuracy",
    top3: "top-3 accuracy",
    top5: "top-5 accuracy",
    precision: "precision",
    recall: "recall",
    specificity: "specificity",
    f1: "F1",
    auroc: "auROC",
    averagePrecision: "average precision",
    kappa: "Cohen's kappa",
    matthews: "Matthews' correlation",
    loss: "log loss",
    brier: "Brier score",
    calibrationError: "calibration error",
  };

/** A metric of the whole. */
export interface NamedMetric {
  /** Its key in the report. */
  readonly key: keyof typeof metricNames;
  /** As people call it. */
  readonly name: string;
  /** Null where it is undefined. */
  readonly value: number | null;
  /** Its 95% interval, where there is one. */
  readonly interval: readonly [low: number, high: number] | null;
}

/**
 * The metrics of the whole that a test has, in the order of {@link metricNames}.
 *
 * @param report The test.
 */
export function metricsOf(report: TestReport): NamedMetric[] {
  return (Object.keys(metricNames) as (keyof typeof metricNames)[]).flatMap((key) => {
    const value = report[key];
    if (value === undefined) return [];
    // A test of an earlier version has no intervals.
    return [{ key, name: metricNames[key], value, interval: report.intervals?.[key] ?? null }];
  });
}

/** Rows of a table of the whole: name, value, 95% interval. */
export function metricRows(report: TestReport): string[][] {
  return metricsOf(report).map(({ name, value, interval }) => [
    name,
    decimal(value),
    interval ? rangeText(interval) : NONE,
  ]);
}

/** What is averaged over classes or labels. */
const AVERAGED = ["precision", "recall", "f1", "auroc", "averagePrecision"] as const;

/** A table of the averages over classes or labels, its heads first. */
export function averageRows({ averages, task, perClass }: TestReport): string[][] {
  return [
    [
      `averages over ${perClass.length} ${task === "multilabel" ? "labels" : "classes"}`,
      ...AVERAGED.map((key) => metricNames[key]),
    ],
    ...(["macro", "micro", "weighted"] as const).map((how) => [
      how,
      ...AVERAGED.map((key) => decimal(averages[how][key])),
    ]),
  ];
}

/** Metrics that the classes or labels of a report have, in the order of their columns. */
export function classKeys(report: Report) {
  return (["accuracy", "precision", "recall", "specificity", "f1", "auroc", "averagePrecision"] as const)
    .filter((key) => report.perClass.some((row) => key in row));
}

/**
 * Lays out a test: each metric of the whole with its 95% interval, the averages over classes or labels, a table of
 * these, the confusion matrix, and why values are undefined.
 *
 * @param report The report of a test of any task.
 * @returns Lines without a newline at the end, as of {@link formatReport}.
 */
export function formatTest(report: TestReport): string {
  const columns = report.bootstrap ? 3 : 2;
  const whole = aligned(
    [["metric", "value", "95% interval"], ...metricRows(report)].map((row) => row.slice(0, columns)),
  );
  const [, scope] = headline(report);
  const decided = decidedBy(report);
  const parts = [
    [...whole, scope, ...decided],
    aligned(averageRows(report)),
    classTable(report),
    confusionText(report),
    reasons(report),
  ];
  return parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n")).join("\n\n");
}

/** Views, thresholds and a temperature, where they are not the usual ones. */
function decidedBy({ thresholds = [], temperature, views, task, perClass }: TestReport): string[] {
  const lines = [
    ...views === undefined ? [] : [`probabilities of ${views} views of each picture averaged`],
    ...temperature === 1 ? [] : [`logits divided by the temperature ${temperature.toFixed(4)}`],
  ];
  if (thresholds.every((threshold) => threshold === 0.5)) return lines;
  const names = task === "binary" ? [perClass[1].name] : perClass.map(({ name }) => name);
  const each = thresholds.slice(0, LISTED).map((at, l) => `${nameOf(names[l])} from ${at.toFixed(3)}`);
  return [...lines, "predicted at a probability of", ...each.map((line) => `  ${line}`), ...more(thresholds.length)];
}

/** The values of the whole, and what they are of. */
function headline(report: Report): string[] {
  const keys = ["accuracy", "precision", "recall", "f1", "auroc", "loss"] as const;
  const scope = {
    binary: () => `precision, recall, f1 and auroc are those of ${nameOf(report.perClass[1].name)}`,
    multiclass: () => "precision, recall, f1 and auroc are means over the classes",
    multilabel: () => "all are means over the labels",
  };
  return [keys.map((key) => `${key} ${decimal(report[key])}`).join("   "), scope[report.task]()];
}

/** A row per class or label. */
function classTable(report: Report): string[] {
  const keys = classKeys(report);
  const noun = report.task === "multilabel" ? "label" : "class";
  const rows = report.perClass.map((row) => [
    nameOf(row.name),
    ...keys.map((key) => decimal((row as LabelMetrics & TestClassMetrics)[key])),
    String(row.support),
  ]);
  return aligned([
    [noun, ...keys.map((key) => key === "averagePrecision" ? "avg precision" : key), "support"],
    ...rows,
  ]);
}

function confusionText(report: Report): string[] {
  if (report.task === "multilabel") {
    const rows = report.confusion.map((matrix, l) => [nameOf(report.perClass[l].name), ...matrix.flat().map(String)]);
    const title = "confusion matrices (true and false negatives and positives)";
    return [title, ...aligned([["label", "tn", "fp", "fn", "tp"], ...rows])];
  }
  const { confusion } = report;
  const names = report.perClass.map(({ name }) => nameOf(name));
  const title = "confusion matrix (rows: truth, columns: predicted)";
  const named = aligned([["", ...names], ...confusion.map((row, c) => [names[c], ...row.map(String)])]);
  if (fits(named)) return [title, ...named];
  const numbered = aligned([
    ["", ...names.map((_, c) => String(c + 1))],
    ...confusion.map((row, c) => [`${String(c + 1).padStart(2)} ${names[c]}`, ...row.map(String)]),
  ]);
  return fits(numbered) ? [title, ...numbered] : frequentConfusions(confusion, names);
}

/** The largest counts off the diagonal. */
function frequentConfusions(confusion: readonly (readonly number[])[], names: readonly string[]): string[] {
  const mistakes = confusion.flatMap((row, truth) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({ truth, predicted, count, share: count / support }))
      .filter(({ predicted, count }) => predicted !== truth && count > 0);
  }).sort((a, b) => b.count - a.count);
  const title = `most frequent confusions (the matrix of ${names.length} classes is too wide to show)`;
  if (mistakes.length === 0) return [title, "none"];
  const rows = mistakes.slice(0, LISTED).map(({ truth, predicted, count, share }) => [
    `${names[truth]} → ${names[predicted]}`,
    String(count),
    `${(100 * share).toFixed(1)} %`,
  ]);
  return [title, ...aligned([["truth → predicted", "count", "of the class"], ...rows]), ...more(mistakes.length)];
}

/** Why values are undefined. */
function reasons({ undefined: notes }: Report): string[] {
  if (notes.length === 0) return [];
  return [`undefined values (${NONE})`, ...notes.slice(0, LISTED).map(reason), ...more(notes.length)];
}

function reason({ metric, class: name, reason }: Undefined): string {
  if (name === null) return `${metric}: ${reason}`;
  const shown = nameOf(name);
  // The clause has the name as it was found.
  const line = `${metric} of ${shown}: ${reason.replaceAll(name, () => shown)}`;
  // What follows the last comma or semicolon is after the name.
  return unicodeWidth(line) <= COLUMNS ? line : line.replace(/(.*[,;]) /, "$1\n  ");
}

/** The line after a list of which only the first were shown. */
function more(count: number): string[] {
  return count > LISTED ? [`… and ${count - LISTED} more`] : [];
}

/**
 * Lines of a table.
 *
 * @param rows Its cells, the heads first.
 * @param isNumber Columns that end at the right; default all but the first, which starts at the left.
 */
export function aligned(
  rows: readonly (readonly string[])[],
  isNumber: (column: number) => boolean = (column) => column > 0,
): string[] {
  const widths = rows[0].map((_, c) => rows.reduce((widest, row) => Math.max(widest, unicodeWidth(row[c])), 0));
  return rows.map((row) =>
    row.map((cell, c) => {
      const space = " ".repeat(widths[c] - unicodeWidth(cell));
      return isNumber(c) ? space + cell : cell + space;
    }).join("  ").trimEnd()
  );
}

function fits(lines: readonly string[]): boolean {
  return lines.every((line) => unicodeWidth(line) <= COLUMNS);
}

function nameOf(name: string): string {
  return shorten(printable(name), NAME_COLUMNS);
}
