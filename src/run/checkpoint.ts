/**
 * What a checkpoint says about itself: enough to make the model again, prepare pictures as in training, and go on.
 *
 * A checkpoint is a safetensors file; this stands as JSON under `fovea` in its metadata.
 *
 * `best` is of the highest validation accuracy, of the earlier epoch on a tie. `last` adds moments, counters and how
 * far the run is: a resumed run continues at that step, removes later records from `metrics.jsonl`, and gives the same
 * weights, byte for byte, as one that was never stopped.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import type { Resizing } from "../data/pictures/resize.ts";
import { UserError } from "../errors.ts";
import type { ResolvedModelOptions } from "../models/model.ts";
import { createModel, type Model } from "../models/mod.ts";

/** How pictures become the model's input: resized, cut, normalised. */
export interface Preprocessing extends Resizing {
  /** Mean of each channel, of values from 0 to 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
}

/** How far a run is. */
export interface Progress {
  /** Epochs that are done. */
  readonly epoch: number;
  /** Steps of the next epoch that are done. */
  readonly step: number;
  /** Steps of the whole run that are done. */
  readonly stepsDone: number;
  /** Highest validation accuracy so far and its epoch, from 1; none before the first validation. */
  readonly best?: { readonly epoch: number; readonly accuracy: number };
}

/** What a checkpoint says about itself. */
export interface CheckpointInfo {
  /** Version of this interface: another one is refused. */
  readonly format: 1;
  /** Arguments of `createModel`. */
  readonly model: { readonly name: string } & ResolvedModelOptions;
  /** What the logits mean. */
  readonly task: Task;
  /** Multi-class: class names; multi-label: label names; binary: the target's name. */
  readonly classes: readonly string[];
  /** How pictures were prepared in training, and are to be prepared now. */
  readonly preprocessing: Preprocessing;
  /** Of an epoch's checkpoint, from 1. */
  readonly epoch?: number;
  /** Validation accuracy of that epoch. */
  readonly accuracy?: number | null;
  /** Of the checkpoint to resume from. */
  readonly progress?: Progress;
}

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;

/** A checkpoint in memory. */
export interface Checkpoint {
  /** What it says about itself. */
  readonly info: CheckpointInfo;
  /** The model's parameters by key; in `last` also moments and counters. */
  readonly tensors: Tensors;
}

/** The metadata of a checkpoint's file. */
export function metadataOf(info: CheckpointInfo): Record<string, string> {
  return { format: "pt", fovea: JSON.stringify(info) };
}

/**
 * Reads the metadata of a checkpoint's file.
 *
 * @param path For the error.
 * @throws UserError when the file is not a checkpoint of Fovea's.
 */
export function infoOf(metadata: Readonly<Record<string, string>>, path: string): CheckpointInfo {
  const text = metadata.fovea;
  if (text === undefined) {
    throw new UserError(`${path} is no checkpoint of a run: it does not say which model it is of`);
  }
  const info = parseInfo(text);
  if (typeof info?.model?.name !== "string") {
    throw new UserError(`${path} is no checkpoint of a run: what it says of itself is damaged`);
  }
  if (info.format !== 1) {
    throw new UserError(`${path} is of checkpoint format ${info.format}: this version reads format 1`);
  }
  // The first checkpoints do not name the interpolation: there was but one.
  const { imageSize, square, interpolation = "bilinear", mean, std } = info.preprocessing;
  return {
    ...info,
    preprocessing: { imageSize, square, interpolation, mean, std },
    ...info.progress && { progress: progressOf(info.progress) },
  };
}

/** Runs of before called their steps `updates`, though several steps may make one update. */
function progressOf({ updates, ...progress }: Progress & { readonly updates?: number }): Progress {
  return updates === undefined ? progress : { ...progress, stepsDone: updates };
}

/** The text as JSON, or undefined; another program may have written anything. */
function parseInfo(text: string): CheckpointInfo | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The model of a checkpoint, with its weights.
 *
 * @param path For the error.
 * @throws UserError when a tensor is missing or has another shape.
 */
export function modelOf({ info, tensors }: Checkpoint, path: string): Model {
  const { name, ...options } = info.model;
  const model = createModel(name, options);
  for (const { name: key, shape } of model.parameters) {
    const tensor = tensors.get(key);
    if (!tensor || `${tensor.shape}` !== `${shape}`) {
      const found = tensor ? `has ${key} of [${tensor.shape.join(", ")}]` : `has no ${key}`;
      throw new UserError(`Cannot load ${path} into ${name}: it ${found}, and [${shape.join(", ")}] is needed`);
    }
    model.weights.set(key, tensor.values);
  }
  return model;
}
