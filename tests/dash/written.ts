/**
 * Runs as training leaves them, for tests of the live page: only the files that it looks at.
 *
 * @module
 */

import { join } from "node:path";

/** A run that was written. */
export interface WrittenRun {
  readonly path: string;
  /** Adds records to its log. */
  add(...records: readonly object[]): Promise<void>;
}

/** The record of a window of training. */
export const trained = (step: number, loss: number | string = 1 / step, more: object = {}) => ({
  ...{ type: "train", epoch: Math.ceil(step / 4), step, loss, lossKind: "plain", learningRate: 0.01, skipped: 0 },
  ...{ imagesPerSecond: 8, ...more },
});

/** The record of a validation. */
export const validated = (step: number, accuracy: number, more: object = {}) => ({
  ...{ type: "val", epoch: Math.ceil(step / 4), step, accuracy, loss: 1 - accuracy, lossKind: "plain", f1: accuracy },
  ...{ auroc: null, ...more },
});

/** Writes a run of two epochs of four steps of two pictures. */
export async function writeRun(path: string, config: object = {}): Promise<WrittenRun> {
  await Deno.mkdir(join(path, "checkpoints"), { recursive: true });
  const known = {
    task: "multiclass",
    model: { name: "lenet" },
    classes: ["a", "b"],
    settings: { epochs: 2, batch: 2 },
  };
  await Deno.writeTextFile(join(path, "config.json"), JSON.stringify({ ...known, ...config }));
  const log = join(path, "metrics.jsonl");
  return {
    path,
    add: (...records) =>
      Deno.writeTextFile(log, records.map((record) => `${JSON.stringify(record)}\n`).join(""), { append: true }),
  };
}
