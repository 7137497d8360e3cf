/**
 * Files of weights: loads them into a model that they fit, and tells what they are of.
 *
 * @module
 */

import { sizeOf } from "../../kernels/op.ts";
import { firstNames } from "../data/names.ts";
import { isFolder } from "../data/paths.ts";
import { UserError } from "../errors.ts";
import type { PositionGrid } from "../interop/keys/family.ts";
import { type Family, type KeyStyle, styleName } from "../interop/keys/mod.ts";
import { NamedWeights } from "../interop/named_weights.ts";
import { resampleGrid } from "../interop/resample.ts";
import {
  createModel,
  families,
  familyOf,
  type Model,
  type ModelDefinition,
  type ModelOptions,
  models,
} from "../models/mod.ts";
import type { ResolvedModelOptions } from "../models/model.ts";
import { ownFamily, type OwnModel, remakeModel } from "../models/own.ts";
import type { Parameter } from "../nn/layer.ts";
import { factsOf, type Preprocessing, type WeightsFacts } from "./checkpoint.ts";
import { readConfig } from "./config.ts";
import { rowOf, weightsPath } from "./published/cached.ts";
import { statedFor } from "./published/stated.ts";
import type { StatedPreprocessing } from "./published_preprocessing.ts";
import { checkpointPath, loadBest } from "./run_directory.ts";

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
  /** Tensors of the file, by its names, that belong to no model. */
  readonly leftOver: readonly string[];
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
  /** How pictures were prepared, where the file says so itself: a checkpoint of Fovea's, or what it has exported. */
  readonly preprocessing?: Preprocessing;
  /** How pictures were prepared, where it is known which published weights they are. */
  readonly stated?: StatedPreprocessing;
  /** What else such a file says of itself: what its logits mean. */
  readonly meaning?: Pick<WeightsFacts, "task" | "classes">;
}

/**
 * Loads weights into a model. The file is safetensors or PyTorch's own, in torchvision's, timm's, Hugging Face's or
 * Microsoft's names, or a checkpoint of Fovea's. For a model of the user's own it has the model's own names. Another
 * number of classes gets a fresh head; another picture size interpolated position embeddings (ViT) or bias tables
 * (Swin), bicubic as PyTorch's `interpolate`. The model changes only if all fits.
 *
 * @param model What gets the weights.
 * @param path The file, a run, of which it is the best checkpoint, or a name of published weights that were fetched:
 * `imagenet:resnet50`.
 * @returns What was loaded and what was not.
 * @throws UserError that names the model that the weights look like, or the first tensor that is missing or of another
 * shape; or when the file cannot be read.
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
export async function loadWeights(model: Model, path: string): Promise<WeightsReport> {
  using weights = await open(path, [], model);
  const matching = matchingOf(model.parameters, weights, model.classes);
  const isOwn = familyOf(model.name) === undefined;
  const problem = isOwn || weights.family === familyOf(model.name)
    ? firstProblem(matching, weights)
    : `it has the tensors of ${weights.family.name}`;
  if (problem !== undefined) throw refusal(path, model, weights, problem);
  await weights.verify();
  const values = new Map<string, Float32Array>();
  for (const { parameter, fate } of matching.fates) {
    if (fate === "fresh") continue;
    const read = await weights.read(parameter.name);
    values.set(parameter.name, fate === "loaded" ? read.values : interpolated(parameter, read, weights));
  }
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
    // The rest of a checkpoint of Fovea's are moments and counters.
    leftOver: weights.metadata.fovea === undefined ? weights.unknown : [],
  };
}

/**
 * Tells what a file's weights are of.
 *
 * @param path The file, a run, of which it is the best checkpoint, or a name of published weights.
 * @param own Models of the user's own.
 * @returns Models and sizes; no models where it is none that is known here.
 * @throws UserError when the file cannot be read or its names are those of no family.
 */
export async function originOf(path: string, own: readonly OwnModel[] = []): Promise<WeightsOrigin> {
  using weights = await open(path, own);
  const origin = describe(weights, path);
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
 * Opens a file. Its names are read as those of the model that it says it is of, or of `model`, where that is the user's
 * own.
 */
async function open(given: string, own: readonly OwnModel[], model?: Model): Promise<NamedWeights> {
  const path = await fileAt(given);
  return await NamedWeights.open(path, families, (metadata) => {
    if (model && !familyOf(model.name)) return ownFamily(model);
    const facts = factsOf(metadata, path);
    if (!facts) return undefined;
    const { name, ...options } = facts.model;
    if (!own.some((model) => model.name === name)) return familyOf(name);
    // What was exported of a model of the user's own says all of its options.
    return ownFamily(remakeModel(name, options as ResolvedModelOptions, own));
  });
}

/** The file of weights; of a run, its best checkpoint; of a name, what was fetched. */
async function fileAt(given: string): Promise<string> {
  const path = await weightsPath(given);
  if (!await isFolder(path)) return path;
  await readConfig(path);
  // Where it is damaged, that of its epoch.
  const { name } = await loadBest(path, undefined, (message) => console.warn(`Warning: ${message}`));
  return checkpointPath(path, name);
}

/** What happens to a parameter. */
type Fate = "loaded" | "fresh" | "interpolated" | "missing" | "misshapen";

/** What happens to all parameters, and tensors of the family for which the model has no place. */
interface Matching {
  readonly fates: readonly { readonly parameter: Parameter; readonly fate: Fate }[];
  readonly homeless: readonly string[];
}

function matchingOf(parameters: readonly Parameter[], weights: NamedWeights, classes: number): Matching {
  const { family: { heads }, shapes } = weights;
  const hasBias = (head: string) => parameters.some(({ name }) => name === `${head}.bias`);
  const isFresh = (head: string) =>
    shapes.get(`${head}.weight`)?.[0] !== classes || (hasBias(head) && !shapes.has(`${head}.bias`));
  const fresh = heads.filter(isFresh);
  const fates = parameters.map((parameter) => {
    const inHead = (head: string) => parameter.name.startsWith(`${head}.`);
    return { parameter, fate: fresh.some(inHead) ? "fresh" : fateOf(parameter, weights) };
  });
  const names = new Set(parameters.map(({ name }) => name));
  return { fates, homeless: [...shapes.keys()].filter((name) => !names.has(name)) };
}

function fateOf(parameter: Parameter, weights: NamedWeights): Fate {
  const shape = weights.shapes.get(parameter.name);
  if (!shape) return "missing";
  if (`${shape}` === `${parameter.shape}`) return "loaded";
  return gridsOf(parameter, shape, weights) ? "interpolated" : "misshapen";
}

/**
 * Sides of the grids in a file's tensor and in the model's, and the rows before them; undefined if they are no grids.
 */
function gridsOf(
  { name, shape: wanted }: Parameter,
  shape: readonly number[],
  { family: { grid }, shapes }: NamedWeights,
): { from: number; to: number; before: number } | undefined {
  if (!grid || !name.endsWith(grid.key) || shape.length !== wanted.length) return undefined;
  if (shape.some((size, axis) => axis !== grid.axis && size !== wanted[axis])) return undefined;
  const before = tokensBefore(grid, shapes);
  const [from, to] = [shape, wanted].map((sizes) => Math.sqrt(sizes[grid.axis] - before));
  return Number.isInteger(from) && Number.isInteger(to) && from > 0 ? { from, to, before } : undefined;
}

function interpolated(
  parameter: Parameter,
  { shape, values }: { readonly shape: readonly number[]; readonly values: Float32Array },
  weights: NamedWeights,
): Float32Array {
  const { from, to, before } = gridsOf(parameter, shape, weights)!;
  const kept = before * parameter.shape.at(-1)!;
  const out = new Float32Array(sizeOf(parameter.shape));
  out.set(values.subarray(0, kept));
  out.set(resampleGrid(values.subarray(kept), from, to), kept);
  return out;
}

/** Why weights do not fit, or undefined. */
function firstProblem({ fates, homeless }: Matching, { shapes, family }: NamedWeights): string | undefined {
  const shown = (shape: readonly number[]) => `[${shape.join(", ")}]`;
  const misshapen = fates.find(({ fate }) => fate === "misshapen")?.parameter;
  if (misshapen) {
    const { name, shape } = misshapen;
    const advice = family.advice?.[name];
    return `its ${name} is ${shown(shapes.get(name)!)}, and ${shown(shape)} is needed${advice ? `; ${advice}` : ""}`;
  }
  const missing = fates.filter(({ fate }) => fate === "missing").map(({ parameter }) => parameter.name);
  if (missing.length > 0) return `it has no ${firstNames(missing)}`;
  return homeless.length > 0
    ? `its ${firstNames(homeless)} ${homeless.length > 1 ? "have" : "has"} no place`
    : undefined;
}

function refusal(path: string, model: Model, weights: NamedWeights, problem: string): UserError {
  const cannot = `Cannot load ${path} into ${model.name}`;
  const { models: fitting, style } = describe(weights, path);
  const isOther = fitting.length > 0 && !fitting.includes(model.name);
  return new UserError(
    isOther
      ? `${cannot}: it looks like ${fitting[0]} in ${styleName(style)}; take the model ${fitting[0]}`
      : `${cannot}: ${problem}`,
  );
}

/** What a file says of itself, or else the models of the family that the tensors fit, tried one after the other. */
function describe(weights: NamedWeights, path: string): WeightsOrigin {
  const { family, style } = weights;
  const facts = factsOf(weights.metadata, path);
  const said = facts && {
    preprocessing: facts.preprocessing,
    meaning: { task: facts.task, classes: facts.classes },
  };
  if (facts) {
    const { name, classes, ...options } = facts.model;
    if (classes !== undefined) {
      // Which one `auto` was depends on the picture's size, and another may be asked for.
      const stem = options.stem === "auto" ? stemIn(weights, models.find((known) => known.name === name)) : {};
      return { style, models: [name], options: { classes, ...options, ...stem }, ...said };
    }
  }
  // What earlier versions exported says the model's name and how pictures are prepared, and none of its sizes.
  const candidates = facts ? models.filter(({ name }) => name === facts.model.name) : models;
  const fitting: string[] = [];
  let found: ModelOptions | undefined;
  for (const definition of candidates.filter((definition) => definition.family === family)) {
    const options = optionsFor(definition, weights, facts?.preprocessing.imageSize);
    if (!options) continue;
    // Layers whose size follows from the picture's are made here to be compared; their values are not.
    const { parameters } = createModel(definition.name, options);
    if (firstProblem(matchingOf(parameters, weights, options.classes), weights) !== undefined) continue;
    found ??= options;
    fitting.push(definition.name);
  }
  return { style, models: fitting, options: found ?? { classes: 1 }, ...said };
}

/**
 * The sizes that the tensors would have come from, if they were a model's; undefined if it has no such sizes.
 *
 * @param said Side of the pictures, where the file says it.
 */
function optionsFor(definition: ModelDefinition, weights: NamedWeights, said?: number): ModelOptions | undefined {
  const { imageSize: published, minImageSize } = definition;
  const { family, shapes } = weights;
  const [, channels = 3, kernel = 1] = shapes.get(`${family.stem}.weight`) ?? [];
  const [classes = 1] = shapes.get(`${family.heads[0]}.weight`) ?? [];
  const imageSize = picturePatches(family, shapes) * kernel || (said ?? published);
  if (channels < 1 || classes < 1 || imageSize < minImageSize) return undefined;
  return {
    ...{ classes, channels, imageSize },
    ...stemIn(weights, definition),
    // Where they start is no matter: the file has them.
    ...[...shapes.keys()].some((name) => name.endsWith("ls1.gamma")) ? { layerScale: 1 } : {},
  };
}

/** Which of its first layers a model has, where it may have several. */
function stemIn({ family, shapes }: NamedWeights, definition?: ModelDefinition): Pick<ModelOptions, "stem"> {
  if (!definition?.takes?.includes("stem")) return {};
  return { stem: shapes.get(`${family.stem}.weight`)?.[2] === 3 ? "small" : "imagenet" };
}

/** Patches along a side of the picture, where a tensor has a place for each patch; else 0. */
function picturePatches({ grid }: Family, shapes: ReadonlyMap<string, readonly number[]>): number {
  if (grid?.over !== "picture") return 0;
  const [, shape] = [...shapes].find(([name]) => name.endsWith(grid.key)) ?? [];
  const side = shape ? Math.sqrt(shape[grid.axis] - tokensBefore(grid, shapes)) : 0;
  return Number.isInteger(side) ? side : 0;
}

function tokensBefore({ before }: PositionGrid, shapes: ReadonlyMap<string, unknown>): number {
  return before.filter((token) => shapes.has(token)).length;
}
