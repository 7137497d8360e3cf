/**
 * Files of weights: loads them into a model that they fit, and tells what they are of.
 *
 * @module
 */

import { firstNames } from "../data/names.ts";
import { isFolder } from "../data/paths.ts";
import { option, UserError } from "../errors.ts";
import type { KeyStyle } from "../interop/keys/mod.ts";
import { NamedWeights } from "../interop/named_weights.ts";
import { families, familyOf, type Model, type ModelOptions, models } from "../models/mod.ts";
import type { ResolvedModelOptions } from "../models/model.ts";
import { ownFamily, type OwnModel, remakeModel } from "../models/own.ts";
import { factsOf, infoOf, type Preprocessing, type WeightsFacts } from "./checkpoint.ts";
import { readConfig } from "./config.ts";
import { rowOf, weightsPath } from "./published/cached.ts";
import { statedFor, statedWindow } from "./published/stated.ts";
import type { StatedPreprocessing } from "./published_preprocessing.ts";
import { checkpointPath, loadBest } from "./run_directory.ts";
import {
  type Fate,
  firstProblem,
  type Fitting,
  fittingModels,
  type Matching,
  matchingOf,
  type Meaning,
  noModel,
  picturePatches,
  refusal,
  stemIn,
} from "./weights_fit.ts";
import { valuesFor } from "./weights_values.ts";
import { windowProblem, windowsIn } from "./weights_window.ts";

/** How weights are loaded. */
export interface LoadWeightsOptions {
  /**
   * Of the weights that are wanted, in a file that has several: a dictionary's key (`model_ema`), or how names begin
   * (`teacher`). Default: the model's own before averages.
   */
  readonly key?: string;
  /**
   * What the model's logits will mean. A checkpoint's head is compared with it: rows of classes of the same names are
   * taken, the others are fresh. Without it, a head of as many classes is taken as it is.
   */
  readonly meaning?: Meaning;
  /** Seed of the rows that are fresh in a head of which others are taken; default 0. */
  readonly seed?: number;
}

/** What became of a file's weights and a model's parameters. */
export interface WeightsReport {
  /** Whose names the file has. */
  readonly style: KeyStyle;
  /** Parameters that have the file's values. */
  readonly loaded: readonly string[];
  /** Parameters of heads for other classes, which the trainer initialises. */
  readonly fresh: readonly string[];
  /** Parameters whose values were interpolated for another picture size. */
  readonly interpolated: readonly string[];
  /** First convolution for another number of channels; one head in the place of two. */
  readonly adapted: readonly string[];
  /** Parameters of heads whose rows were mapped by the names of classes. */
  readonly mapped: readonly string[];
  /** Tensors of the file, by its names, that belong to no model. */
  readonly leftOver: readonly string[];
  /** Where in the file the weights were: keys of dictionaries and the beginning of names; empty at the top. */
  readonly taken: string;
  /** Keys of other weights that the file has. */
  readonly others: readonly string[];
  /** What is to be known besides, a sentence each. */
  readonly notes: readonly string[];
}

/** What a file's weights are of. */
export interface WeightsOrigin {
  /** Whose names the file has. */
  readonly style: KeyStyle;
  /**
   * Names of the models that they fit, the likeliest first; such as `vit-s16` and `deit-s`, which have the same
   * tensors.
   */
  readonly models: readonly string[];
  /** Sizes of that model. */
  readonly options: ModelOptions;
  /** Why they fit none, in one line. */
  readonly misfit?: string;
  /** How pictures were prepared, where the file says so itself: a checkpoint of Fovea's, or what it has exported. */
  readonly preprocessing?: Preprocessing;
  /** How pictures were prepared, where it is known which published weights they are. */
  readonly stated?: StatedPreprocessing;
  /** What else such a file says of itself: what its logits mean. */
  readonly meaning?: Meaning;
}

/**
 * Loads weights into a model. The file is safetensors or PyTorch's own, in torchvision's, timm's, Hugging Face's or
 * Microsoft's names, or a checkpoint of Fovea's. What wrappers put before the names is passed over. For a model of the
 * user's own it has the model's own names. Another number of classes gets a fresh head. Another number of channels gets
 * the first convolution summed or repeated, as timm does. Another picture size gets interpolated position embeddings
 * (ViT) or bias tables (Swin), bicubic as PyTorch's `interpolate`. The model changes only if all fits.
 *
 * @param model What gets the weights.
 * @param path The file, the folder or index of several, a run, of which it is the best checkpoint, or a name of
 * published weights that were fetched: `imagenet:resnet50`.
 * @param options Which weights, and what the model's logits will mean.
 * @returns What was loaded and what was not.
 * @throws UserError that names the model that the weights look like, or the first tensor that is missing, of another
 * shape, in a layer of the model's without a place there, or not finite; or when the file cannot be read.
 *
 * @example
 * ```ts
 * import { createModel, loadWeights } from "@fovea/fovea";
 *
 * const model = createModel("resnet18", { classes: 5 });
 * const { loaded, fresh } = await loadWeights(model, "resnet18.pth");
 * console.log(`${loaded.length} loaded; ${fresh.join(", ")} made fresh`);
 * ```
 */
export async function loadWeights(
  model: Model,
  path: string,
  options: LoadWeightsOptions = {},
): Promise<WeightsReport> {
  using weights = await open(path, { key: options.key, model });
  const facts = factsOf(weights.metadata, path);
  const wanted = { parameters: model.parameters, classes: model.classes, meaning: options.meaning };
  const matching = matchingOf(wanted, weights, facts);
  await refuseMisfit(path, model, weights, matching, facts);
  const window = await untoldWindow(path, weights);
  await weights.verify();
  const values = await valuesFor(path, matching, weights, options.seed ?? 0);
  for (const { parameter: { name } } of matching.fates) {
    const found = values.get(name);
    if (found) model.weights.set(name, found);
    else model.weights.delete(name);
  }
  const namesOf = (fate: Fate) =>
    matching.fates.filter((row) => row.fate === fate).map(({ parameter }) => parameter.name);
  return {
    style: weights.style,
    loaded: namesOf("loaded"),
    fresh: namesOf("fresh"),
    interpolated: namesOf("interpolated"),
    adapted: namesOf("adapted"),
    mapped: namesOf("mapped"),
    // The rest of a checkpoint of Fovea's are moments and counters.
    leftOver: weights.metadata.fovea === undefined ? weights.unknown : [],
    taken: weights.taken,
    others: weights.others,
    notes: notesOn(model, weights, matching, { its: facts, said: window?.window }),
  };
}

/** Throws unless the weights fit the model. */
async function refuseMisfit(
  path: string,
  { name, options: { width = 1 } }: Pick<Model, "name" | "options">,
  weights: NamedWeights,
  matching: Matching,
  facts?: WeightsFacts,
): Promise<void> {
  const isFamily = familyOf(name) === undefined || weights.family === familyOf(name);
  const problem = isFamily
    ? firstProblem(matching, weights) ?? await windowFault(path, weights)
    : `it has the tensors of ${weights.family.name}`;
  if (problem === undefined) return;
  const { fitting } = await describe(weights, path, facts);
  const its = fitting.options.width ?? 1;
  const isOtherWidth = fitting.models.includes(name) && its !== width;
  const why = isOtherWidth ? `it is of width ${its}, and ${option("width")} is ${width}: ${problem}` : problem;
  throw refusal(path, name, fitting, weights, why);
}

/** What was adapted, and what cannot be told from the file. */
function notesOn(
  { options: { window, normEps }, channels }: Model,
  weights: NamedWeights,
  { fates, rows }: Matching,
  { its, said }: { readonly its?: Meaning; readonly said?: number },
): string[] {
  const { family: { windows, stem, heads }, shapes, metadata } = weights;
  const isAdapted = (layer: string) =>
    fates.some(({ parameter: { name }, fate }) => fate === "adapted" && name === `${layer}.weight`);
  const isUntold = windows && said === undefined && window === undefined && !windowsIn(weights)!.isTold &&
    metadata.fovea === undefined;
  const eps = weights.family.normEps?.[weights.style];
  const fresh = rows?.filter((row) => row < 0).length ?? 0;
  const told: [boolean | undefined, string][] = [
    [
      isAdapted(stem),
      `the first convolution's ${shapes.get(`${stem}.weight`)?.[1]} channels are ${
        channels === 1 ? "summed" : "repeated and scaled"
      } for ${channels}`,
    ],
    [
      isAdapted(heads[0]),
      "the file has one head for two: it is doubled and the other is zero, so that their mean is its logits",
    ],
    [eps !== undefined && eps !== normEps, `they were made with ${eps} in their layer norms: option normEps sets it`],
    [
      rows !== undefined && fresh === rows.length,
      `the weights' head is of other classes (${firstNames(its?.classes ?? [])}): it starts afresh`,
    ],
    [
      rows !== undefined && fresh > 0 && fresh < rows.length,
      `of ${rows?.length} classes the weights' head has ${
        (rows?.length ?? 0) - fresh
      } by name; the others start afresh`,
    ],
    [
      windows && said !== undefined && said !== (window ?? windows.side),
      `the config.json beside the file says that its windows are ${said}×${said}: option window sets that`,
    ],
    [
      isUntold,
      `the file does not tell the side of its windows, nor whether it was fine-tuned from others: ${windows?.side}×${windows?.side} ` +
      "is taken; option window sets another",
    ],
  ];
  return told.flatMap(([isSo, note]) => isSo ? [note] : []);
}

/** What is stated of the windows of a file that does not tell them itself. */
async function untoldWindow(path: string, weights: NamedWeights) {
  const isUntold = weights.metadata.fovea === undefined && windowsIn(weights)?.isTold === false;
  return isUntold ? await statedWindow(path) : undefined;
}

/** Why a file's windows cannot be the model's, by the file or by what is stated beside it. */
async function windowFault(path: string, weights: NamedWeights): Promise<string | undefined> {
  const { before } = await untoldWindow(path, weights) ?? {};
  if (before === undefined) return await windowProblem(weights);
  return `its config.json says that its windows were fine-tuned from ${before}×${before}, and that is not known here`;
}

/**
 * Tells what a file's weights are of.
 *
 * @param path The file, the folder or index of several, a run, of which it is the best checkpoint, or a name of
 * published weights.
 * @param own Models of the user's own.
 * @param key Of the weights that are wanted: see {@link LoadWeightsOptions}.
 * @returns Models and sizes; no models, and why, where it is none that is known here.
 * @throws UserError when the file cannot be read or its names are those of no family.
 */
export async function originOf(path: string, own: readonly OwnModel[] = [], key?: string): Promise<WeightsOrigin> {
  using weights = await open(path, { own, key });
  const { origin } = await describe(weights, path, factsOf(weights.metadata, path));
  if (origin.preprocessing) return origin;
  const [row, stated] = [rowOf(path), await statedFor(path)];
  if (!stated) return origin;
  // Of models with the same tensors, the one that they were published for.
  const likeliest = origin.models.filter((name) => name === row?.model);
  const rest = origin.models.filter((name) => name !== row?.model);
  return {
    ...origin,
    models: [...likeliest, ...rest],
    options: { ...origin.options, ...sideOf(stated, weights) },
    stated,
  };
}

/** Side of the pictures that the weights are for, where no tensor says it. */
function sideOf({ crop }: StatedPreprocessing, { family, shapes }: NamedWeights): Pick<ModelOptions, "imageSize"> {
  return picturePatches(family, shapes) > 0 ? {} : { imageSize: crop };
}

/**
 * Refuses weights that a model cannot take, whatever its classes will be, before it is made.
 *
 * @param path The file.
 * @param model The model's name and sizes.
 * @param key Of the weights that are wanted.
 * @throws UserError as {@link loadWeights}, but for values.
 */
export async function checkWeights(
  path: string,
  model: Pick<Model, "name" | "parameters" | "classes" | "options">,
  key?: string,
): Promise<void> {
  using weights = await open(path, { key });
  const facts = factsOf(weights.metadata, path);
  await refuseMisfit(path, model, weights, matchingOf(model, weights), facts);
}

/** How a file is opened. */
interface Opening {
  readonly own?: readonly OwnModel[];
  readonly model?: Model;
  readonly key?: string;
}

/**
 * Opens a file. Its names are read as those of the model that it says it is of, or of `model`, where that is the user's
 * own.
 */
async function open(given: string, { own = [], model, key }: Opening): Promise<NamedWeights> {
  const path = await fileAt(given);
  const familyFrom = (metadata: NamedWeights["metadata"]) => {
    if (metadata.fovea !== undefined && infoOf(metadata, path).lora) {
      throw new UserError(
        `Cannot use ${path}: it keeps what LoRA learns beside the weights, for its run to go on; give the run, whose ` +
          "best checkpoint has merged weights",
      );
    }
    if (model && !familyOf(model.name)) return ownFamily(model);
    const facts = factsOf(metadata, path);
    if (!facts) return undefined;
    const { name, ...options } = facts.model;
    if (!own.some((model) => model.name === name)) return familyOf(name);
    // What was exported of a model of the user's own says all of its options.
    return ownFamily(remakeModel(name, options as ResolvedModelOptions, own));
  };
  return await NamedWeights.open(path, families, { familyFrom, key });
}

/** The file of weights: of a run, its best checkpoint; of a name, what was fetched; a folder of weights as it is. */
async function fileAt(given: string): Promise<string> {
  const path = await weightsPath(given);
  if (!await isFolder(path) || await hasWeights(path)) return path;
  await readConfig(path);
  // Where it is damaged, that of its epoch.
  const { name } = await loadBest(path, undefined, (message) => console.warn(`Warning: ${message}`));
  return checkpointPath(path, name);
}

/** Whether a folder has files of weights at its top, where a run has none. */
export async function hasWeights(folder: string): Promise<boolean> {
  for await (const { name } of Deno.readDir(folder)) {
    if (/^(pytorch_)?model[.-].*(safetensors|bin)(\.index\.json)?$/.test(name)) return true;
  }
  return false;
}

/** What a file says of itself, or else the models of the family that the tensors fit. */
async function describe(
  weights: NamedWeights,
  path: string,
  facts?: WeightsFacts,
): Promise<{ origin: WeightsOrigin; fitting: Fitting }> {
  const { style } = weights;
  const said = facts && {
    preprocessing: facts.preprocessing,
    meaning: { task: facts.task, classes: facts.classes },
  };
  if (facts) {
    const { name, classes, ...options } = facts.model;
    if (classes !== undefined) {
      // Which one `auto` was depends on the picture's size, and another may be asked for.
      const stem = options.stem === "auto" ? stemIn(weights, models.find((known) => known.name === name)) : {};
      const fitting = { models: [name], options: { classes, ...options, ...stem } };
      return { origin: { style, ...fitting, ...said }, fitting };
    }
  }
  // What earlier versions exported says the model's name and how pictures are prepared, and none of its sizes.
  const found = fittingModels(weights, facts);
  const { before: _, ...stated } = await untoldWindow(path, weights) ?? {};
  const tried = { ...found, options: { ...found.options, ...stated } };
  const problem = tried.models.length > 0 ? await windowFault(path, weights) : undefined;
  const fitting = problem === undefined
    ? tried
    : { models: [], options: tried.options, nearest: { model: tried.models[0], problem } };
  const misfit = fitting.models.length === 0 ? noModel(path, fitting, weights).message : undefined;
  const { models: names, options } = fitting;
  return { origin: { style, models: names, options, misfit, ...said }, fitting };
}
