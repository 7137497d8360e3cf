/**
 * The numbers of a run under the names that TensorBoard and W&B show them by: `train/loss`, `val/accuracy`, `test/f1`.
 *
 * @module
 */

import { ownFields } from "./jsonl.ts";
import type { LogFacts, RunFacts, TestFacts } from "./tracker.ts";

/** Numbers by name; one that is undefined is left out. */
export type Scalars = Readonly<Record<string, number>>;

/** The numbers of a window of steps. */
export function logScalars({ epoch, loss, learningRate, imagesPerSecond, skipped, lossScale }: LogFacts): Scalars {
  return {
    epoch,
    ...loss !== null && { "train/loss": loss },
    "train/learningRate": learningRate,
    "train/imagesPerSecond": imagesPerSecond,
    "train/skipped": skipped,
    ...lossScale && { "train/lossScale": lossScale.scale, "train/overflows": lossScale.overflows },
  };
}

/** All numbers of a report, and metrics of the user's own. */
export function reportScalars(
  group: "val" | "test",
  { report, metrics }: Pick<TestFacts, "report" | "metrics">,
): Scalars {
  const numbers = Object.entries({ ...report, ...ownFields(metrics) }).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(numbers.map(([name, value]) => [`${group}/${name}`, value]));
}

/** A setting of a run, as a tracker shows it. */
export type HyperParameter = string | number | boolean;

/** The settings of a run that apply, flat: `normalize.mean` of an object within, lists as one text. */
export function hyperParameters({ config }: Pick<RunFacts, "config">): Record<string, HyperParameter> {
  return Object.fromEntries(flat("", config.settings));
}

function flat(path: string, value: unknown): [string, HyperParameter][] {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return [[path, value]];
  if (Array.isArray(value)) return [[path, value.join(", ")]];
  return Object.entries(value ?? {}).flatMap(([name, field]) => flat(path ? `${path}.${name}` : name, field));
}
