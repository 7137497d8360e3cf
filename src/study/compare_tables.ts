/**
 * A comparison as tables: for a page, Markdown and CSV.
 *
 * @module
 */

import { chance, decimal, duration, NONE, rangeText, settingText, short } from "../report/figures.ts";
import { metricNames, metricsOf, type NamedMetric } from "../report/text.ts";
import type { TextTable } from "../report/tables.ts";
import type { ComparedRun, Comparison, Pair, RefusedPair } from "./compare.ts";
import { rankingOf } from "./ranking.ts";

/** Metrics that head a comparison; the others are in the CSV file. */
const HEAD = ["accuracy", "balancedAccuracy", "precision", "recall", "f1", "auroc", "loss"];

const metrics = ({ record: { test } }: ComparedRun): readonly NamedMetric[] => test ? metricsOf(test.report) : [];

/** Metrics of each run with their intervals, and what it cost. */
export function metricsTable({ runs }: Comparison): TextTable {
  const { key: ranked } = rankingOf(runs.map(({ record: { config } }) => config.settings));
  const present = [...new Set([...HEAD, ranked])].map((key) =>
    runs.flatMap(metrics).find((metric) => metric.key === key)
  ).filter((found) => found !== undefined);
  return {
    title: "Test",
    heads: [
      ...["run", "model", "pretrained"],
      ...present.map(({ name }) => name),
      ...["parameters", "multiply-adds", "images/s", "training"],
    ],
    rows: runs.map((run) => {
      const own = metrics(run);
      const { parameters, multiplyAdds, imagesPerSecond, seconds } = run.cost;
      return [
        run.name,
        run.record.model,
        run.record.config.settings?.pretrained ? "yes" : "no",
        ...present.map(({ key }) => {
          const metric = own.find((each) => each.key === key);
          if (!metric) return NONE;
          const { value, interval } = metric;
          return interval ? `${decimal(value)} (${rangeText(interval)})` : decimal(value);
        }),
        ...[short(parameters), short(multiplyAdds), imagesPerSecond === null ? NONE : imagesPerSecond.toFixed(0)],
        duration(seconds),
      ];
    }),
  };
}

/** Metrics whose differences are shown. */
const DIFFERENCES = ["accuracy", "balancedAccuracy", "f1", "auroc", "loss"] as const;

const isPair = (pair: Pair | RefusedPair): pair is Pair => !("refused" in pair);

/** For each two runs whether they differ, or why that cannot be told. */
export function pairsTable({ pairs }: Comparison): TextTable {
  const shown = DIFFERENCES.filter((key) => pairs.some((pair) => isPair(pair) && key in pair.differences));
  return {
    title: "Pairs",
    heads: [
      "first and second",
      "right alone",
      "McNemar's p",
      ...shown.map((key) => `difference of ${metricNames[key]}`),
    ],
    rows: pairs.map((pair) => {
      const name = pair.names.join(" and ");
      if (!isPair(pair)) return [name, pair.refused, NONE, ...shown.map(() => NONE)];
      const { onlyFirst, onlySecond, p } = pair.mcnemar;
      return [
        name,
        `${onlyFirst} and ${onlySecond}`,
        chance(p),
        ...shown.map((key) => {
          const found = pair.differences[key];
          if (!found || found.difference === null) return NONE;
          const { difference, interval, holds } = found;
          const sign = difference > 0 ? "+" : "";
          const range = interval ? ` (${rangeText(interval)})` : "";
          return `${sign}${decimal(difference)}${range}${holds ? ", holds" : ""}`;
        }),
      ];
    }),
  };
}

/** Settings that the runs differ in. */
export function settingsTable({ runs, settings }: Comparison): TextTable {
  return {
    title: "Settings that differ",
    heads: ["setting", ...runs.map(({ name }) => name)],
    rows: settings.map(({ name, values }) => [name, ...values.map(settingText)]),
  };
}

/** All metrics of the runs in numbers, for spreadsheets. */
export function numbersTable({ runs }: Comparison): TextTable {
  const found = new Map(runs.flatMap(metrics).map((metric) => [metric.key, metric.name]));
  const number = (value: number | null | undefined) => value === null || value === undefined ? "" : String(value);
  return {
    title: "Metrics",
    heads: [
      ...["run", "model"],
      ...[...found.values()].flatMap((name) => [name, `${name} low`, `${name} high`]),
      ...["parameters", "multiply-adds", "images/s", "training seconds"],
    ],
    rows: runs.map((run) => {
      const own = metrics(run);
      const { parameters, multiplyAdds, imagesPerSecond, seconds } = run.cost;
      return [
        ...[run.name, run.record.model],
        ...[...found.keys()].flatMap((key) => {
          const metric = own.find((each) => each.key === key);
          return [number(metric?.value), number(metric?.interval?.[0]), number(metric?.interval?.[1])];
        }),
        ...[number(parameters), number(multiplyAdds), number(imagesPerSecond), number(seconds)],
      ];
    }),
  };
}
