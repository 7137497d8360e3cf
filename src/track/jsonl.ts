/**
 * `metrics.jsonl`: the losses and metrics of a run, a JSON object a line.
 *
 * | type    | fields                                                                             |
 * | ------- | ---------------------------------------------------------------------------------- |
 * | `train` | `epoch`, `step`, `loss`, `lossKind`, `learningRate`, `skipped`, `imagesPerSecond`  |
 * |         | in half precision `lossScale` and `overflows` too                                  |
 * | `val`   | `epoch`, `step`, `accuracy`, `loss`, `lossKind`, `f1`, `auroc`; where they apply   |
 * |         | the monitored metric by its name, and `average`: `ema` or `swa`                    |
 * | `early` | `epoch`, `step`, `best`, `monitor`, `patience`: the run ended before its last      |
 * |         | epoch                                                                              |
 *
 * Metrics of the user's own are fields of `val` under `own.` and their names. Epochs and steps count from 1. Losses of
 * one `lossKind` can be compared: see `LossKind` in `tracker.ts`. Numbers that are not finite are strings: see
 * `appendRecord` in `src/files.ts`.
 *
 * @module
 */

import { join } from "node:path";
import { appendRecord, readRecords, writeAtomic } from "../files.ts";
import type { LogFacts, Note, TestFacts, Tracker, ValidationFacts } from "./tracker.ts";

/** A record of `metrics.jsonl`. */
export type MetricsRecord = Readonly<Record<string, string | number | null>> & { readonly step: number };

/** Path of a run's `metrics.jsonl`. */
export function metricsPath(run: string): string {
  return join(run, "metrics.jsonl");
}

/** Keeps the records of a run in its directory. */
export class JsonlTracker implements Tracker {
  readonly name = "metrics.jsonl";
  readonly #path: string;

  /** @param run The run directory. */
  constructor(run: string) {
    this.#path = metricsPath(run);
  }

  /** Removes the records of later steps: the run that goes on writes them again. */
  async rewind(step: number): Promise<void> {
    const records = (await readRecords(this.#path)) as MetricsRecord[];
    // That it ended early is said anew where it still does.
    const kept = records.filter((record) => record.step <= step && record.type !== "early");
    if (kept.length === records.length) return;
    await writeAtomic(this.#path, kept.map((record) => `${JSON.stringify(record)}\n`).join(""));
  }

  /** Adds a record of type `train`. */
  log(facts: LogFacts): Promise<void> {
    return appendRecord(this.#path, logRecord(facts));
  }

  /** Adds a record of type `val`. */
  validation(facts: ValidationFacts): Promise<void> {
    return appendRecord(this.#path, validationRecord(facts));
  }

  /** Adds a record of type `early` where the run has ended before its last epoch. */
  async note(note: Note): Promise<void> {
    if (note.type !== "trained" || !note.endedEarly) return;
    await appendRecord(this.#path, {
      type: "early",
      epoch: note.epochs,
      best: note.best?.epoch ?? null,
      ...note.endedEarly,
    });
  }
}

/** The record of a window of steps. */
export function logRecord({ lossScale, imagesPerSecond, ...facts }: LogFacts): MetricsRecord {
  const scale = lossScale && { lossScale: lossScale.scale, overflows: lossScale.overflows };
  return { type: "train", ...facts, ...scale, imagesPerSecond };
}

/** The record of a validation. */
export function validationRecord(facts: ValidationFacts): MetricsRecord {
  const { epoch, step, lossKind, report: { accuracy, loss, f1, auroc }, metrics, monitored, average } = facts;
  return {
    ...{ type: "val", epoch, step, accuracy, loss, lossKind, f1, auroc },
    ...monitored && { [monitored.name]: monitored.value },
    ...average && { average },
    ...ownFields(metrics),
  };
}

/** Metrics of the user's own under the names by which records have them. */
export function ownFields(metrics: TestFacts["metrics"]): TestFacts["metrics"] {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`own.${name}`, value]));
}
