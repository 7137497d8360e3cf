/**
 * The trackers that keep a run in its directory, by name.
 *
 * @module
 */

import { CsvTracker } from "./csv.ts";
import { JsonlTracker } from "./jsonl.ts";
import { TensorBoardTracker } from "./tensorboard/tracker.ts";
import type { Tracker } from "./tracker.ts";

/** What a run may be recorded by. */
export type TrackerName = "csv" | "jsonl" | "tensorboard" | "wandb";

/** What a tracker is made with. */
export interface TrackerParts {
  /** The run directory. */
  readonly run: string;
}

/** Trackers that are asked for; what writes `metrics.jsonl` and `metrics.csv` is always among them. */
export function openTrackers(names: readonly TrackerName[], { run }: TrackerParts): Tracker[] {
  return [
    new JsonlTracker(run),
    new CsvTracker(run),
    ...names.includes("tensorboard") ? [new TensorBoardTracker(run)] : [],
  ];
}
