/**
 * The trackers that keep a run in its directory, by name.
 *
 * @module
 */

import type { ConsoleOutput } from "./console.ts";
import { CsvTracker } from "./csv.ts";
import { JsonlTracker } from "./jsonl.ts";
import { LiveTracker } from "./live.ts";
import { TensorBoardTracker } from "./tensorboard/tracker.ts";
import type { Note, Tracker } from "./tracker.ts";
import { WandbTracker } from "./wandb/tracker.ts";

/** What a run may be recorded by. */
export type TrackerName = "csv" | "jsonl" | "tensorboard" | "wandb";

/** What a tracker is made with. */
export interface TrackerParts {
  /** The run directory. */
  readonly run: string;
  /** Tells something that people should read. */
  readonly tell: (note: Note) => void;
  /** What is shown on the terminal. */
  readonly console?: ConsoleOutput;
}

/** Trackers that are asked for; what writes `metrics.jsonl`, `metrics.csv` and `live.json` is always among them. */
export function openTrackers(names: readonly TrackerName[], parts: TrackerParts): Tracker[] {
  const { run } = parts;
  return [
    new JsonlTracker(run),
    new CsvTracker(run),
    new LiveTracker(run),
    ...names.includes("tensorboard") ? [new TensorBoardTracker(run)] : [],
    ...names.includes("wandb") ? [new WandbTracker(parts)] : [],
  ];
}
