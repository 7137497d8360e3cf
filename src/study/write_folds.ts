/**
 * Writes what a cross-validation comes to: means over its folds, and what its models say of the pictures that they were
 * not trained on.
 *
 * @module
 */

import { join } from "node:path";
import { makeFolder, writeAtomic } from "../files.ts";
import type { TestReport } from "../metrics/mod.ts";
import { confusionChart } from "../report/confusion.ts";
import { decimal, NONE, rangeText } from "../report/figures.ts";
import { comparePage } from "../report/page/compare_page.ts";
import { testCaptions } from "../report/page/run_page.ts";
import { markdownOf, type TextTable } from "../report/tables.ts";
import { testCharts } from "../report/test_charts.ts";
import { metricsOf } from "../report/text.ts";
import { answersOf } from "../run/answers.ts";
import type { Predictions } from "../run/evaluate.ts";
import type { TestRecord } from "../run/record.ts";
import { testOf } from "../run/test_folder.ts";
import { compareRuns } from "./compare.ts";
import { metricsTable, numbersTable } from "./compare_tables.ts";
import { type EndedRun, meanAndDeviation } from "./study_tables.ts";
import { accuracyIn } from "./verdict.ts";
import { csvOf, linksTo } from "./write_comparison.ts";
import type { MissingRun } from "./write_study.ts";

/** Curves of more folds cannot be told apart. */
const MOST_CURVES = 8;

/** The answers of all folds one after the other: each picture by the model that has not seen it. */
function outOfFold(tests: readonly TestRecord[]): Predictions {
  const logits = tests.flatMap(({ predictions, report: { temperature } }) =>
    Array.from(predictions!.logits, (logit) => logit / temperature)
  );
  const targets = tests.flatMap(({ predictions }) => [...predictions!.targets]);
  return { logits: Float32Array.from(logits), targets: Float32Array.from(targets) };
}

/** A metric over the folds, and over all pictures. */
interface FoldedMetric {
  readonly name: string;
  /** Of the folds in which it is defined. */
  readonly values: readonly number[];
  readonly whole: number | null;
  readonly interval: readonly [low: number, high: number] | null;
}

function foldedMetrics(tests: readonly TestRecord[], whole: TestReport): FoldedMetric[] {
  const each = tests.map(({ report }) => metricsOf(report));
  return metricsOf(whole).map(({ key, name, value, interval }) => ({
    name,
    values: each.flatMap((metrics) => metrics.find((metric) => metric.key === key)?.value ?? []),
    ...{ whole: value, interval },
  }));
}

function meansTable(metrics: readonly FoldedMetric[], folds: number): TextTable {
  return {
    title: "Means over the folds, and out of fold",
    heads: ["metric", "mean", "standard deviation", "lowest", "highest", "out of fold", "95% interval"],
    rows: metrics.map(({ name, values, whole, interval }) => {
      const rest = [decimal(whole), interval ? rangeText(interval) : NONE];
      if (values.length === 0) return [name, NONE, NONE, NONE, NONE, ...rest];
      const { mean, deviation } = meanAndDeviation(values);
      const some = values.length < folds ? ` of ${values.length} folds` : "";
      return [
        ...[name, `${decimal(mean)}${some}`, decimal(deviation)],
        ...[decimal(Math.min(...values)), decimal(Math.max(...values)), ...rest],
      ];
    }),
  };
}

/** Numbers of the folds, with their means and deviations and those of all pictures below them. */
function numbersOf(folds: TextTable, metrics: readonly FoldedMetric[]): TextTable {
  const row = (name: string, values: (metric: FoldedMetric) => readonly (number | null)[]): string[] => {
    const cells = new Map(metrics.flatMap((metric) => {
      const [value, low, high] = values(metric);
      return [[metric.name, value], [`${metric.name} low`, low], [`${metric.name} high`, high]] as const;
    }));
    return folds.heads.map((head, c) => c === 0 ? name : String(cells.get(head) ?? ""));
  };
  const overFolds = (of: "mean" | "deviation") => ({ values }: FoldedMetric) =>
    values.length === 0 ? [] : [meanAndDeviation(values)[of]];
  return {
    ...folds,
    rows: [
      ...folds.rows,
      row("mean", overFolds("mean")),
      row("standard deviation", overFolds("deviation")),
      row("out of fold", ({ whole, interval }) => [whole, ...interval ?? []]),
    ],
  };
}

/**
 * Writes `report.html`, `folds.md`, `folds.csv` and `metrics.json`, the test of all pictures out of fold, to a folder.
 *
 * @param folder The folder.
 * @param of How many folds were planned.
 * @param runs Those that have ended, in their order, at least one.
 * @param missing Those that have failed.
 * @param seed Of the bootstrap.
 * @param resamples Its resamples; default 1000.
 * @returns Path of the page.
 * @throws UserError when ECharts could be neither found nor fetched.
 */
export async function writeFolds(
  folder: string,
  of: number,
  runs: readonly EndedRun[],
  missing: readonly MissingRun[],
  seed: number,
  resamples?: number,
): Promise<string> {
  const records = runs.map(({ record }) => record);
  const [{ task, model, config: { classes = [] } }] = records;
  const tests = records.flatMap(({ test }) => test?.predictions ? [test] : []);
  const predictions = outOfFold(tests);
  const whole = testOf(task, predictions, classes, { seed, resamples });
  const metrics = foldedMetrics(tests, whole);
  const comparison = compareRuns(records, { resamples: 1 });
  const tables = [meansTable(metrics, runs.length), { ...metricsTable(comparison), title: "Each fold" }];
  const summary = [...summaryOf(metrics, task, runs.length, predictions.targets.length / classes.length)];
  const notes = [
    ...runs.length < of ? [`${runs.length} of ${of} folds have ended: the figures are of these alone.`] : [],
    ...missing.map(({ name, why }) => `${name}: ${why}.`),
    "Each fold was the test part of one run; val, which chose its best epoch, was taken from the rest. Standard " +
    "deviations are of samples (n − 1). Out of fold, each picture is answered by the one model that has not seen it; " +
    "auROC and average precision there set scores of several models in one order, and may be below their means.",
    ...runs.length > MOST_CURVES ? [`Curves are those of the first ${MOST_CURVES} folds.`] : [],
  ];
  const title = `${of} folds: ${task}, ${model}`;
  await makeFolder(folder);
  await writeAtomic(join(folder, "metrics.json"), `${JSON.stringify(whole, null, 2)}\n`);
  await writeAtomic(
    join(folder, "folds.md"),
    `${[`# ${title}`, ...summary, ...notes, ...tables.map(markdownOf)].join("\n\n")}\n`,
  );
  await writeAtomic(join(folder, "folds.csv"), csvOf(numbersOf(numbersTable(comparison), metrics)));
  const names = whole.perClass.map(({ name }) => name);
  const charts = [
    { name: "confusion", chart: confusionChart(whole, names), caption: "Out of fold: confusion matrix" },
    ...Array.from(testCharts(whole, answersOf(task, predictions, whole)), ([name, chart]) => ({
      ...{ name, chart },
      caption: `Out of fold: ${testCaptions[name]}`,
    })),
  ];
  const page = join(folder, "report.html");
  await writeAtomic(
    page,
    await comparePage({
      ...{ title, tables, charts },
      summary: [...summary, ...notes],
      runs: runs.slice(0, MOST_CURVES).map(({ planned: { name }, record: { log } }) => ({ name, records: log })),
      links: await linksTo(records, folder),
    }),
  );
  return page;
}

/** What the folds come to, in a sentence. */
function summaryOf([{ values, whole, interval }]: readonly FoldedMetric[], task: string, folds: number, size: number) {
  if (values.length === 0) return ["No fold has a test."];
  const { mean, deviation } = meanAndDeviation(values);
  const spread = deviation === null ? "" : ` ± ${decimal(deviation)}`;
  const range = interval ? ` (95% interval ${rangeText(interval)})` : "";
  return [
    `The test ${accuracyIn(task)} over ${folds} ${folds === 1 ? "fold" : "folds"} is ${
      decimal(mean)
    }${spread}; out of fold, over ` +
    `all ${size.toLocaleString("en")} pictures, it is ${decimal(whole)}${range}.`,
  ];
}
