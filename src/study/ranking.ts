/**
 * By which metric runs are ranked: the one by which their best epochs were chosen, `monitor`.
 *
 * @module
 */

import { type Monitor, monitored, monitors } from "../metrics/monitored.ts";

/** A metric, and which way is better. */
export interface Ranking {
  /** Its name in a validation's record. */
  readonly monitor: Monitor;
  /** Its key in a test. */
  readonly key: string;
  /** What people call it. */
  readonly title: string;
  /** Is a lower value better? */
  readonly isLower: boolean;
}

/** Settings of a run, where they are known. */
type Known = Readonly<Record<string, unknown>> | undefined;

/**
 * The metric by which runs are ranked; the accuracy, where they were chosen by several.
 *
 * @param settings Of each run, as given or as its `config.json` has them.
 */
export function rankingOf(settings: readonly Known[]): Ranking {
  const names = new Set(settings.map((each) => monitors.find((name) => name === each?.monitor) ?? "accuracy"));
  const [monitor] = names.size === 1 ? names : ["accuracy" as const];
  const { key, title, isLower } = monitored[monitor];
  return { monitor, key, title, isLower };
}

/** For sorting: what is better comes first, what is undefined last. */
export function byRank({ isLower }: Ranking): (a: number | null, b: number | null) => number {
  return (a, b) => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return isLower ? a - b : b - a;
  };
}

/** The metric at the ends of a run's epochs, by its log. */
export function validatedIn(log: readonly Readonly<Record<string, unknown>>[], { monitor }: Ranking): number[] {
  const last = new Map(
    log.flatMap(({ type, epoch, [monitor]: value }) =>
      type === "val" && typeof value === "number" ? [[epoch, value] as const] : []
    ),
  );
  return [...last.values()];
}

/** The best of some values; null of none. */
export function bestOf(values: readonly number[], ranking: Ranking): number | null {
  return values.toSorted(byRank(ranking))[0] ?? null;
}

/** `highest`, or of what is better below `lowest`. */
export function superlative({ isLower }: Ranking): string {
  return isLower ? "lowest" : "highest";
}
