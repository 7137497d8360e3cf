/**
 * A comparison as tables: for a page, Markdown and CSV.
 *
 * @module
 */

import { metricNames, metricsOf, type NamedMetric } from "../report/text.ts";
import type { TextTable } from "../report/tables.ts";
import type { ComparedRun, Comparison, Pair, RefusedPair } from "./compare.ts";

const NONE = "–";

const decimal = (value: number | null | undefined): string =>
  value === null || value === undefined ? NONE : value.toFixed(4);

/** `61.6 k`, `1.8 G`. */
export function short(count: number | null): string {
  if (count === null) return NONE;
  const [unit, scale] = count >= 1e9 ? [" G", 1e9] : count >= 1e6 ? [" M", 1e6] : count >= 1e3 ? [" k", 1e3] : ["", 1];
  return `${Number((count / scale).toPrecision(3))}${unit}`;
}

/** `48 s`, `12 min 3 s`, `2 h 5 min`. */
export function duration(seconds: number | null): string {
  if (seconds === null) return NONE;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  return s < 3600
    ? `${Math.floor(s / 60)} min ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}

/** Metrics that head a comparison; the others are in the CSV file. */
const HEAD = ["accuracy", "balancedAccuracy", "precision", "recall", "f1", "auroc", "loss"];

const metrics = ({ record: { test } }: ComparedRun): readonly NamedMetric[] => {
  // A test of an earlier version has no intervals.
  if (!test) return [];
  return metricsOf({ ...test.report, intervals: test.report.intervals ?? {} });
};

/** Metrics of each run with their intervals, and what it cost. */
export function metricsTable({ runs }: Comparison): TextTable {
  const present = HEAD.map((key) => runs.flatMap(metrics).find((metric) => metric.key === key)).filter((found) =>
    found !== undefined
  );
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
          return interval ? `${decimal(value)} (${decimal(interval[0])} to ${decimal(interval[1])})` : decimal(value);
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

/** `< 0.0001`, `0.0421`. */
export function chance(p: number): string {
  return p < 1e-4 ? "< 0.0001" : p.toFixed(4);
}

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
          const range = interval ? ` (${decimal(interval[0])} to ${decimal(interval[1])})` : "";
          return `${sign}${decimal(difference)}${range}${holds ? ", holds" : ""}`;
        }),
      ];
    }),
  };
}

/** Settings that the runs differ in. */
export function settingsTable({ runs, settings }: Comparison): TextTable {
  const text = (value: unknown) => value === null ? NONE : typeof value === "string" ? value : JSON.stringify(value);
  return {
    title: "Settings that differ",
    heads: ["setting", ...runs.map(({ name }) => name)],
    rows: settings.map(({ name, values }) => [name, ...values.map(text)]),
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
