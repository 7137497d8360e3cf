/**
 * Opens a trained model, wherever it is: in a run, in a checkpoint, in a file of weights.
 *
 * @module
 */

import { isFolder } from "../data/paths.ts";
import { UserError } from "../errors.ts";
import { createModel, type Model, modelNamed } from "../models/mod.ts";
import { remakeModel } from "../models/own.ts";
import type { ResolvedModelOptions } from "../models/model.ts";
import { readCalibration } from "./calibration.ts";
import type { CheckpointInfo, Preprocessing } from "./checkpoint.ts";
import { openRun, type OpenRunOptions } from "./open_run.ts";
import { preprocessingFor } from "./published_preprocessing.ts";
import { hasWeights, loadWeights, originOf } from "./weights.ts";

/** What is opened, and how. */
export interface OpenModelOptions extends OpenRunOptions {
  /** Of the weights that are wanted, in a file that has several: see `loadWeights`. */
  readonly weightsKey?: string;
}

/** A model that was opened. */
export interface OpenedModel {
  /** With its weights. */
  readonly model: Model;
  /** How its pictures are prepared. */
  readonly preprocessing: Preprocessing;
  /** What its logits mean; undefined of weights that others have published, which do not say it. */
  readonly meaning?: Pick<CheckpointInfo, "task" | "classes">;
  /** What logits are divided by: of a run that was calibrated with these weights. */
  readonly temperature?: number;
}

/**
 * Opens a model with its weights. Of a run it is that of a checkpoint. Of a file, it is recognised by the tensors'
 * names and shapes, or from what a checkpoint or an export of Fovea's says of itself.
 *
 * @param path A run directory, a file of weights, or a name of published weights that were fetched:
 * `imagenet:resnet50`.
 * @param options Which checkpoint of a run, and models of the user's own.
 * @returns The model, and how its pictures are prepared.
 * @throws UserError when nothing can be read there, or the weights are of no model that is known.
 *
 * @example
 * ```ts
 * import { conv2d, flatten, lazyLinear, Model, openModel, relu, sequential } from "@fovea/fovea";
 *
 * const layer = sequential({ conv: conv2d(3, 8, 3), relu: relu(), flatten: flatten(), head: lazyLinear(5) });
 * const myCnn = new Model("my-cnn", layer, { classes: 5, channels: 3, imageSize: 32, stem: "auto" });
 * const { model } = await openModel("runs/mine", { models: [myCnn] });
 * ```
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  if (await isFolder(path) && !await hasWeights(path)) {
    const { model, info: { preprocessing, task, classes, epoch } } = await openRun(path, options);
    const { temperature } = await readCalibration(path, epoch) ?? {};
    return { model, preprocessing, meaning: { task, classes }, ...(temperature !== undefined && { temperature }) };
  }
  const { weightsKey: key } = options;
  const origin = await originOf(path, options.models, key);
  const { models: [name], options: sizes, style, preprocessing, stated, meaning, misfit } = origin;
  if (name === undefined) {
    throw new UserError(misfit ?? `Cannot make a model of ${path}: its weights are of no model that is known here`);
  }
  const isOwn = options.models?.some((model) => model.name === name);
  const model = isOwn ? remakeModel(name, sizes as ResolvedModelOptions, options.models) : createModel(name, sizes);
  const { fresh } = await loadWeights(model, path, { key });
  if (fresh.length > 0) {
    throw new UserError(`Cannot use ${path} as it is: it has no head (${fresh.join(", ")}); train from it`);
  }
  const published = () => preprocessingFor(style, modelNamed(name), model.imageSize, stated);
  return { model, preprocessing: preprocessing ?? published(), meaning };
}
