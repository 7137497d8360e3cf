/**
 * The tables of a study: means and deviations over its seeds, and what each group of runs reached.
 *
 * @module
 */

import { NONE } from "../report/figures.ts";
import { metricNames, metricsOf } from "../report/text.ts";
import type { TextTable } from "../report/tables.ts";
import type { RunRecord } from "../run/record.ts";
import { rankingOf } from "./ranking.ts";
import type { PlannedRun } from "./study_file.ts";

/** A run of a study that has ended, with its test. */
export interface EndedRun {
  /** What was planned. */
  readonly planned: PlannedRun;
  /** What its directory says. */
  readonly record: RunRecord;
}

/** Runs that differ in their seeds alone. */
export interface SeedGroup {
  /** Their choices on the other axes, joined. */
  readonly name: string;
  /** Those choices. */
  readonly choices: Readonly<Record<string, string>>;
  /** The runs. */
  readonly runs: readonly EndedRun[];
}

/** The axis over which means are taken. */
const SEED = "seed";

/** Groups runs that differ in their seeds alone, in the order of the study's file. */
export function seedGroups(runs: readonly EndedRun[]): SeedGroup[] {
  const groups = new Map<string, { choices: Record<string, string>; runs: EndedRun[] }>();
  for (const run of runs.toSorted((a, b) => a.planned.place - b.planned.place)) {
    const { [SEED]: _, ...choices } = run.planned.choices;
    const name = Object.values(choices).join("-") || run.planned.name;
    const group = groups.get(name) ?? { choices, runs: [] };
    group.runs.push(run);
    groups.set(name, group);
  }
  return Array.from(groups, ([name, group]) => ({ name, ...group }));
}

/** Mean and sample standard deviation; the deviation of one value is null. */
export function meanAndDeviation(
  values: readonly number[],
): { readonly mean: number; readonly deviation: number | null } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, deviation: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}

/** Metrics of a study's tables: those of the 2023 study, and what is needed beside accuracy on unbalanced classes. */
const SHOWN = ["accuracy", "balancedAccuracy", "subsetAccuracy", "precision", "recall", "f1", "auroc", "loss"] as const;

/** `0.9238 ± 0.0041`. */
function cellOf(values: readonly (number | null)[]): string {
  const defined = values.filter((value) => value !== null);
  if (defined.length === 0) return NONE;
  const { mean, deviation } = meanAndDeviation(defined);
  return deviation === null ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)}`;
}

/**
 * What each group of runs reached on its test split.
 *
 * @param title What the table is called.
 * @param groups The groups, of one task.
 */
export function groupsTable(title: string, groups: readonly SeedGroup[]): TextTable {
  const tests = groups.map(({ runs }) => runs.flatMap(({ record: { test } }) => test ? [metricsOf(test.report)] : []));
  const ranking = rankingOf(groups.flatMap(({ runs }) => runs.map(({ record: { config } }) => config.settings)));
  const keys = [...new Set([...SHOWN, ranking.key as keyof typeof metricNames])].filter((key) =>
    tests.flat().some((metrics) => metrics.some((metric) => metric.key === key))
  );
  return {
    title,
    heads: ["runs", "seeds", ...keys.map((key) => metricNames[key])],
    rows: groups.map(({ name, runs }, g) => [
      name,
      String(runs.length),
      ...keys.map((key) =>
        cellOf(tests[g].flatMap((metrics) => metrics.filter((metric) => metric.key === key).map(({ value }) => value)))
      ),
    ]),
  };
}
