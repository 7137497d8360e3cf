/**
 * What a comparison comes to, in a paragraph that is made from the figures alone.
 *
 * @module
 */

import { chance, decimal, rangeText } from "../report/figures.ts";
import { metricsOf } from "../report/text.ts";
import type { ComparedRun, Comparison, Pair, RefusedPair } from "./compare.ts";

const accuracyOf = ({ record: { test } }: ComparedRun): number | null => test?.report.accuracy ?? null;

/** `0.9521 (95% interval 0.9208 to 0.9667)`. */
function withInterval({ record: { test } }: ComparedRun): string {
  const { value, interval } = metricsOf(test!.report).find(({ key }) => key === "accuracy")!;
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

/** Whether the difference of two runs holds, or why that cannot be told. */
export function differenceText(comparison: Comparison, best: string, other: string): string {
  const pair = pairOf(comparison, best, other);
  if (!pair) return "";
  if ("refused" in pair) return `Whether the difference holds cannot be told: ${pair.refused}.`;
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
  const tested = runs.filter((run) => accuracyOf(run) !== null)
    .toSorted((a, b) => accuracyOf(b)! - accuracyOf(a)!);
  const without = runs.length - tested.length;
  const missing = without > 0
    ? [`${without} of the ${runs.length} runs ${without === 1 ? "has" : "have"} no test.`]
    : [];
  if (tested.length === 0) return missing;
  const [best, second] = tested;
  const what = accuracyIn(best.record.task);
  if (!second) return [`${best.name} has a test ${what} of ${withInterval(best)}.`, ...missing];
  const equals = tested.filter((run) => accuracyOf(run) === accuracyOf(best));
  if (equals.length > 1) {
    return [
      `${equals.map(({ name }) => name).join(" and ")} have the highest test ${what}: ${withInterval(best)}.`,
      ...missing,
    ];
  }
  const gain = accuracyOf(best)! - accuracyOf(second)!;
  return [
    `${best.name} has the highest test ${what} of ${tested.length} runs: ${withInterval(best)}, ` +
    `${(100 * gain).toFixed(2)} percentage points above ${second.name} with ${accuracyOf(second)!.toFixed(4)}.`,
    differenceText(comparison, best.name, second.name),
    ...missing,
  ].filter((line) => line !== "");
}
