/**
 * What a checkpoint says about itself: enough to make the model again, prepare pictures as in training, and go on.
 *
 * A checkpoint is a safetensors file; this stands as JSON under `fovea` in its metadata.
 *
 * `best` is of the epoch with the best value of the monitored metric, by default the validation accuracy; of equal
 * ones that with the lower validation loss, then the earlier. Of a run with averaged weights it holds the average, and
 * so do the checkpoints of epochs. Of a run with LoRA they hold merged weights. `last` has both, and is opened by the
 * average, merged; it adds moments, counters and how far the run is. A resumed run continues at that step and removes
 * later records from `metrics.jsonl`. It gives the same weights, byte for byte, as one that was never stopped.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import type { Resizing } from "../data/pictures/resize.ts";
import { UserError } from "../errors.ts";
import type { ResolvedModelOptions } from "../models/model.ts";
import type { Model } from "../models/mod.ts";
import { type OwnModel, remakeModel } from "../models/own.ts";
import { type Lora, mergedWeight } from "../nn/lora.ts";

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
  /** The best epoch so far, from 1; none before the first validation. */
  readonly best?: BestEpoch;
  /** What the schedule `plateau` has seen, where that is the run's. */
  readonly plateau?: Plateau;
}

/** What the schedule `plateau` has seen. */
export interface Plateau {
  /** The best value of the monitored metric; absent before there is one. */
  readonly best?: number;
  /** Epochs since. */
  readonly bad: number;
  /** How often the rate has fallen. */
  readonly falls: number;
}

/**
 * The epoch whose validation has the best value of the monitored metric, which is the accuracy unless another is asked
 * for; of equal ones that with the lower loss, then the earlier.
 */
export interface BestEpoch {
  /** From 1. */
  readonly epoch: number;
  /** Validation accuracy. */
  readonly accuracy: number;
  /** Value of the monitored metric, where that is another. */
  readonly monitored?: number;
  /** Validation loss; runs of earlier versions do not have it. */
  readonly loss?: number | null;
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
  /** Of the checkpoint to resume from, where LoRA stands beside weights. */
  readonly lora?: Pick<Lora, "alpha">;
  /** Of the checkpoint to resume from. */
  readonly progress?: Progress;
  /** Of the checkpoint to resume from: how the run began, whatever becomes of `config.json`. */
  readonly run?: Readonly<Record<string, unknown>>;
  /** In its place, of runs of before: every setting with its value. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** What stands before the name of a tensor that is the average of a parameter. */
export const AVERAGE = "average.";

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
  // Another program may have written anything there.
  const info = jsonIn(text) as CheckpointInfo | undefined;
  if (typeof info?.model?.name !== "string") {
    throw new UserError(`${path} is no checkpoint of a run: what it says of itself is damaged`);
  }
  if (info.format !== 1) {
    throw new UserError(`${path} is of checkpoint format ${info.format}: this version reads format 1`);
  }
  const preprocessing = preprocessingIn(info.preprocessing);
  const progress = info.progress && progressIn(info.progress);
  const isWhole = preprocessing && isTask(info.task) && isTexts(info.classes) && isModel(info.model) &&
    (info.epoch === undefined || isCount(info.epoch)) && (info.lora === undefined || isLora(info.lora)) &&
    (info.progress === undefined || progress);
  if (!isWhole) throw new UserError(`${path} is no checkpoint of a run: what it says of itself is damaged`);
  return { ...info, preprocessing, ...progress && { progress } };
}

const isCount = (value: unknown, least = 0): value is number =>
  Number.isSafeInteger(value) && (value as number) >= least;

const isLora = (value: CheckpointInfo["lora"]): boolean =>
  typeof value?.alpha === "number" && value.alpha > 0 && value.alpha < Infinity;

/** What a file holds as arguments of `createModel`; what a model makes of them, it checks itself. */
function isModel({ name: _, ...options }: CheckpointInfo["model"]): boolean {
  const { classes, channels, imageSize, stem, attentionAfter, ...others } = options;
  const isSize = isCount(classes, 1) && isCount(channels, 1) && isCount(imageSize, 1) && imageSize <= MOST;
  const isStem = stem === undefined || ["auto", "imagenet", "small"].includes(stem);
  const isAttention = attentionAfter === undefined || isTexts(attentionAfter);
  return isSize && isStem && isAttention &&
    Object.values(others).every((value) => typeof value !== "object" || value === null);
}

/** The largest side of a picture. */
const MOST = 2 ** 14;

/** What a file holds as a run's progress; undefined for anything else. */
function progressIn(value: unknown): Progress | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  // Runs of before called their steps `updates`, though several steps may make one update.
  const { updates, stepsDone = updates, epoch, step, best, ...others } = value as Partial<Progress> & {
    readonly updates?: number;
  };
  if (!isCount(epoch) || !isCount(step) || !isCount(stepsDone)) return undefined;
  if (best !== undefined && !(isCount(best?.epoch, 1) && Number.isFinite(best.accuracy))) return undefined;
  const { plateau } = others;
  if (plateau !== undefined && !(isCount(plateau?.bad) && isCount(plateau.falls))) return undefined;
  // In the order in which it is written: a run that goes on ends in the same bytes.
  return { epoch, step, stepsDone, ...best && { best }, ...others };
}

/** The text as JSON, or undefined. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isTask(value: unknown): value is Task {
  return value === "binary" || value === "multiclass" || value === "multilabel";
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

/** What a file holds as preprocessing; undefined for anything else. */
function preprocessingIn(value: unknown): Preprocessing | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  // The first checkpoints do not name the interpolation: there was but one.
  const { imageSize, square, interpolation = "bilinear", fit, range, mean, std } = value as Partial<Preprocessing>;
  const isSide = (side: unknown): side is number => Number.isSafeInteger(side) && (side as number) > 0;
  const isNumbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isFinite);
  if (!isSide(imageSize) || !isSide(square) || !isNumbers(mean) || !isNumbers(std)) return undefined;
  if (interpolation !== "bilinear" && interpolation !== "bicubic") return undefined;
  if (fit !== undefined && !["crop", "pad", "squash"].includes(fit)) return undefined;
  if (range !== undefined && (!isNumbers(range) || range.length !== 2 || range[0] >= range[1])) return undefined;
  return { imageSize, square, interpolation, ...fit && { fit }, ...range && { range }, mean, std };
}

/** What a file of weights says of itself. */
export type WeightsFacts = Pick<CheckpointInfo, "task" | "classes" | "preprocessing"> & {
  /** Of the model: of a checkpoint, and of what was exported from one, with all its options. */
  readonly model: { readonly name: string } & Partial<ResolvedModelOptions>;
};

/**
 * What a file of weights says of itself: a checkpoint, or what Fovea has exported.
 *
 * @param metadata Of the file.
 * @param path For the error.
 * @returns The facts; undefined of a file of another program's.
 * @throws UserError when they are damaged.
 */
export function factsOf(metadata: Readonly<Record<string, string>>, path: string): WeightsFacts | undefined {
  if (metadata.fovea !== undefined) return infoOf(metadata, path);
  // What earlier versions have exported.
  const { model, task, classes, preprocessing } = metadata;
  if ([model, task, classes, preprocessing].includes(undefined!)) return undefined;
  const [names, prepared] = [jsonIn(classes), preprocessingIn(jsonIn(preprocessing))];
  if (!isTask(task) || !isTexts(names) || !prepared) {
    throw new UserError(`Cannot use ${path}: what it says of itself is damaged`);
  }
  return { model: { name: model }, task, classes: names, preprocessing: prepared };
}

/**
 * The model of a checkpoint, with its weights.
 *
 * @param path For the error.
 * @param own Models of the user's own, of which it may be.
 * @throws UserError when a tensor is missing or has another shape, or nobody has the model.
 */
export function modelOf({ info, tensors }: Checkpoint, path: string, own: readonly OwnModel[] = []): Model {
  const { model: { name, ...options }, lora } = info;
  const model = remakeModel(name, options, own);
  const tensorOf = (key: string) => tensors.get(AVERAGE + key) ?? tensors.get(key);
  for (const { name: key, shape } of model.parameters) {
    const tensor = tensorOf(key);
    if (!tensor || `${tensor.shape}` !== `${shape}`) {
      const found = tensor ? `has ${key} of [${tensor.shape.join(", ")}]` : `has no ${key}`;
      throw new UserError(`Cannot load ${path} into ${name}: it ${found}, and [${shape.join(", ")}] is needed`);
    }
    model.weights.set(key, lora ? mergedWeight(key, tensor, tensorOf, lora.alpha) : tensor.values);
  }
  return model;
}
