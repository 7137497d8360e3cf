/**
 * What a comparison comes to, in a paragraph that is made from the figures alone.
 *
 * @module
 */

import { chance, decimal, rangeText } from "../report/figures.ts";
import { metricsOf, type NamedMetric } from "../report/text.ts";
import type { RunRecord } from "../run/record.ts";
import type { ComparedRun, Comparison, Pair, RefusedPair } from "./compare.ts";
import { byRank, type Ranking, rankingOf, superlative } from "./ranking.ts";

/** A metric of a run's test; undefined where it has none. */
const metricIn = ({ test }: RunRecord, { key }: Ranking): NamedMetric | undefined =>
  test && metricsOf(test.report).find((metric) => metric.key === key);

/**
 * The metric by which tested runs are ranked: the one by which their best epochs were chosen, or the accuracy where no
 * test has that.
 */
export function testRanking(records: readonly RunRecord[]): Ranking {
  const ranking = rankingOf(records.map(({ config }) => config.settings));
  const isTested = records.some((record) => typeof metricIn(record, ranking)?.value === "number");
  return isTested ? ranking : rankingOf([]);
}

/** Value of a metric in a run's test; null where it has none. */
export function testedValue(record: RunRecord, ranking: Ranking): number | null {
  return metricIn(record, ranking)?.value ?? null;
}

/** What a ranking's metric is called. */
export function whatIs({ monitor, title }: Ranking, task: string): string {
  return monitor === "accuracy" ? accuracyIn(task) : title;
}

/** By how much the best is better than another. */
export function gainText({ monitor, isLower }: Ranking, best: number, other: number): string {
  return monitor === "accuracy"
    ? `${(100 * (best - other)).toFixed(2)} percentage points above`
    : `${Math.abs(best - other).toFixed(4)} ${isLower ? "below" : "above"}`;
}

/** `0.9521 (95% interval 0.9208 to 0.9667)`. */
function withInterval({ record }: ComparedRun, ranking: Ranking): string {
  const { value, interval } = metricIn(record, ranking)!;
  return decimal(value) + (interval ? ` (95% interval ${rangeText(interval)})` : "");
}

/** What is set beside each other, in words. */
export function accuracyIn(task: string): string {
  return task === "multilabel" ? "mean accuracy over the labels" : "accuracy";
}

/** Below this a difference holds. */
const LEVEL = 0.05;

/** The pair of two runs, in whichever order. */
function pairOf({ pairs }: Comparison, one: string, other: string): Pair | RefusedPair | undefined {
  return pairs.find(({ names }) => names.includes(one) && names.includes(other));
}

/** Does the difference of two runs hold, by McNemar's test? */
export function differenceHolds(comparison: Comparison, one: string, other: string): boolean {
  const pair = pairOf(comparison, one, other);
  return pair !== undefined && !("refused" in pair) && pair.mcnemar.p < LEVEL;
}

/**
 * Whether the difference of two runs holds, or why that cannot be told.
 *
 * @param ranking The metric that differs; default the accuracy.
 */
export function differenceText(
  comparison: Comparison,
  best: string,
  other: string,
  ranking: Ranking = rankingOf([]),
): string {
  const pair = pairOf(comparison, best, other);
  if (!pair) return "";
  if ("refused" in pair) return `Whether the difference holds cannot be told: ${pair.refused}.`;
  if (ranking.monitor !== "accuracy") {
    const { interval, holds } = pair.differences[ranking.key] ?? {};
    if (!interval) return "";
    const range = `its 95% interval is ${rangeText(interval)}, ${pair.names.join(" less ")}, by the bootstrap`;
    return holds ? `The difference holds: ${range}.` : `The difference may be chance: ${range}.`;
  }
  const { mcnemar: { onlyFirst, onlySecond, p }, names } = pair;
  const [alone, others] = names[0] === best ? [onlyFirst, onlySecond] : [onlySecond, onlyFirst];
  const isRight = comparison.runs[0].record.task === "multilabel" ? "has every label right on" : "is right on";
  const counts = `${best} alone ${isRight} ${alone} pictures, ${other} alone on ${others}`;
  return p < LEVEL
    ? `The difference holds: ${counts} (McNemar's exact test, p ${p < 1e-4 ? chance(p) : `= ${chance(p)}`}).`
    : `The difference may be chance: ${counts} (McNemar's exact test, p = ${chance(p)}).`;
}

/**
 * What is best, by how much, and whether that holds.
 *
 * @param comparison The comparison.
 * @returns Sentences.
 */
export function verdictOf(comparison: Comparison): string[] {
  const { runs } = comparison;
  const ranking = testRanking(runs.map(({ record }) => record));
  const valueOf = ({ record }: ComparedRun) => testedValue(record, ranking);
  const compare = byRank(ranking);
  const tested = runs.filter((run) => valueOf(run) !== null).toSorted((a, b) => compare(valueOf(a), valueOf(b)));
  const without = runs.filter(({ record: { test } }) => !test).length;
  const missing = without > 0
    ? [`${without} of the ${runs.length} runs ${without === 1 ? "has" : "have"} no test.`]
    : [];
  if (tested.length === 0) return missing;
  const [best, second] = tested;
  const what = whatIs(ranking, best.record.task);
  if (!second) return [`${best.name} has a test ${what} of ${withInterval(best, ranking)}.`, ...missing];
  const equals = tested.filter((run) => valueOf(run) === valueOf(best));
  if (equals.length > 1) {
    return [
      `${equals.map(({ name }) => name).join(" and ")} have the ${superlative(ranking)} test ${what}: ${
        withInterval(best, ranking)
      }.`,
      ...missing,
    ];
  }
  const [first, next] = [best, second].map((run) => valueOf(run)!);
  return [
    `${best.name} has the ${superlative(ranking)} test ${what} of ${tested.length} runs: ` +
    `${withInterval(best, ranking)}, ${gainText(ranking, first, next)} ${second.name} with ${next.toFixed(4)}.`,
    differenceText(comparison, best.name, second.name, ranking),
    ...missing,
  ].filter((line) => line !== "");
}
