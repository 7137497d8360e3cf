/**
 * Opens what a run has left: its config, a checkpoint, and the model with its weights.
 *
 * @module
 */

import type { Model } from "../models/mod.ts";
import type { OwnModel } from "../models/own.ts";
import { type CheckpointInfo, modelOf } from "./checkpoint.ts";
import { readConfig, type RunConfig } from "./config.ts";
import { checkpointPath, epochName, loadBest, loadCheckpoint, loadLast } from "./run_directory.ts";

/**
 * Which checkpoint of a run: the one of the best epoch, the last one, or that of an epoch, from 1.
 */
export type WhichCheckpoint = "best" | "last" | number;

/** How a run is opened. */
export interface OpenRunOptions {
  /** Default `best`. */
  readonly checkpoint?: WhichCheckpoint;
  /** Models of the user's own, by whose names runs may call theirs. */
  readonly models?: readonly OwnModel[];
  /**
   * Is told of a damaged checkpoint and of what is taken in its place: of `best`, the checkpoint of its epoch, of
   * `last` the one before. By default that is written to the console.
   */
  readonly onWarning?: (message: string) => void;
}

/** A run that was opened. */
export interface OpenedRun {
  /** Its directory, as given. */
  readonly path: string;
  /** What it says of itself. */
  readonly config: RunConfig;
  /** What the checkpoint says of itself: task, classes, preprocessing. */
  readonly info: CheckpointInfo;
  /** The model with the checkpoint's weights. */
  readonly model: Model;
}

/**
 * Opens a run.
 *
 * @param path Its directory.
 * @param options Which checkpoint, and models of the user's own.
 * @throws UserError when it is not a run directory, its config or the checkpoint is missing or damaged, or nobody has
 * its model.
 *
 * @example
 * ```ts
 * import { openRun } from "@fovea/fovea";
 *
 * const { model, info } = await openRun("runs/hair", { checkpoint: "last" });
 * console.log(model.name, info.classes, info.preprocessing.imageSize);
 * ```
 */
export async function openRun(path: string, options: OpenRunOptions = {}): Promise<OpenedRun> {
  const { checkpoint: which = "best", models, onWarning = (message) => console.warn(`Warning: ${message}`) } = options;
  const config = await readConfig(path);
  const { checkpoint, name } = which === "best"
    ? await loadBest(path, undefined, onWarning)
    : which === "last"
    ? await loadLast(path, onWarning)
    : { name: epochName(which), checkpoint: await loadCheckpoint(path, epochName(which)) };
  return { path, config, info: checkpoint.info, model: modelOf(checkpoint, checkpointPath(path, name), models) };
}
