/**
 * A run directory as training leaves it, without training.
 *
 * @module
 */

import { join } from "node:path";
import type { Task } from "../../src/data/labels.ts";
import type { Model } from "../../src/models/mod.ts";
import type { CheckpointInfo } from "../../src/run/checkpoint.ts";
import { RunDirectory } from "../../src/run/run_directory.ts";

/** What a written run is of. */
export interface WrittenRun {
  readonly task?: Task;
  readonly classes?: readonly string[];
  readonly config?: Readonly<Record<string, unknown>>;
  /** Names of its checkpoints. */
  readonly checkpoints?: readonly string[];
}

/** What a checkpoint of a model says of itself. */
export function infoFor(model: Model, { task = "multiclass", classes = ["a", "b"] }: WrittenRun = {}): CheckpointInfo {
  const { name, options, imageSize, channels } = model;
  return {
    format: 1,
    model: { name, ...options },
    task,
    classes,
    preprocessing: {
      ...{ imageSize, square: imageSize + 4, interpolation: "bicubic" },
      mean: [0.5, 0.4, 0.3].slice(0, channels),
      std: [0.2, 0.3, 0.4].slice(0, channels),
    },
  };
}

/** Writes a run of a model, with its initial weights unless it has others, to a folder; gives its path. */
export async function writeRun(folder: string, model: Model, run: WrittenRun = {}): Promise<string> {
  model.initialize(1);
  const path = join(folder, `run-${crypto.randomUUID()}`);
  const directory = new RunDirectory(path);
  await directory.begin(run.config ?? {});
  const tensors = new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, values: model.weights.get(name)! }]),
  );
  for (const name of run.checkpoints ?? ["best"]) await directory.saveCheckpoint(name, tensors, infoFor(model, run));
  await directory.close();
  return path;
}
