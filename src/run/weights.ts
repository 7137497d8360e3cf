/**
 * Pretrained weights: loads them into a model that they fit, or makes the model that they are of.
 *
 * Names are translated by one table a family (`family` in `src/models/<family>.ts`, read by `src/interop/keys/`), in
 * both directions: loading, recognising and `export`. A file is of another model if a tensor of the family is missing,
 * misshapen or without a place.
 *
 * @module
 */

import { sizeOf } from "../../kernels/op.ts";
import { firstNames } from "../data/names.ts";
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
  modelNamed,
  type ModelOptions,
  models,
} from "../models/mod.ts";
import type { Parameter } from "../nn/layer.ts";
import { infoOf, type Preprocessing } from "./checkpoint.ts";
import { preprocessingFor } from "./published_preprocessing.ts";

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
  /** How pictures were prepared, where the file says so itself: a checkpoint of Fovea's. */
  readonly preprocessing?: Preprocessing;
}

/**
 * Loads weights into a model: safetensors or PyTorch's own files, in torchvision's, timm's, Hugging Face's or
 * Microsoft's names, or a checkpoint of Fovea's. Another number of classes gets a fresh head; another picture size
 * interpolated position embeddings (ViT) or bias tables (Swin), bicubic as PyTorch's `interpolate`. The model changes
 * only if all fits.
 *
 * @param model What gets the weights.
 * @param path The file.
 * @returns What was loaded and what was not.
 * @throws UserError that names the model that the weights look like, or the first tensor that is missing or of another
 * shape; or when the file cannot be read.
 *
 * @example
 * ```ts
 * import { createModel, loadWeights } from "jsr:@fovea/fovea";
 *
 * const model = createModel("resnet18", { classes: 5 });
 * const { loaded, fresh } = await loadWeights(model, "resnet18.pth");
 * console.log(`${loaded.length} loaded; ${fresh.join(", ")} made fresh`);
 * ```
 */
export async function loadWeights(model: Model, path: string): Promise<WeightsReport> {
  using weights = await open(path);
  const matching = matchingOf(model.parameters, weights, model.classes);
  const problem = weights.family === familyOf(model.name)
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
 * @param path The file.
 * @returns Models and sizes; no models where it is none that is known here.
 * @throws UserError when the file cannot be read or its names are those of no family.
 */
export async function originOf(path: string): Promise<WeightsOrigin> {
  using weights = await open(path);
  return describe(weights, path);
}

/**
 * The model that a file's weights are of, with those weights: recognised by the tensors' names and shapes, or from what
 * a checkpoint of Fovea's says of itself.
 *
 * @param path The file.
 * @returns The model, and how its pictures are prepared.
 * @throws UserError when the file cannot be read, or its weights are of no model that is known here.
 */
export async function openModel(path: string): Promise<{ model: Model; preprocessing: Preprocessing }> {
  const { models: [name], options, style, preprocessing } = await originOf(path);
  if (name === undefined) {
    throw new UserError(`Cannot make a model of ${path}: its weights are of no model that is known here`);
  }
  const model = createModel(name, options);
  await loadWeights(model, path);
  return { model, preprocessing: preprocessing ?? preprocessingFor(style, modelNamed(name), model.imageSize) };
}

function open(path: string): Promise<NamedWeights> {
  return NamedWeights.open(
    path,
    families,
    (metadata) => metadata.fovea === undefined ? undefined : familyOf(infoOf(metadata, path).model.name),
  );
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
  const isFresh = (head: string) => shapes.get(`${head}.weight`)?.[0] !== classes || !shapes.has(`${head}.bias`);
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
      ? `${cannot}: it looks like ${fitting[0]} in ${styleName(style)}; give --model ${fitting[0]}`
      : `${cannot}: ${problem}`,
  );
}

/**
 * What a checkpoint says of itself, or else the models of the family that the tensors fit, tried one after the other.
 */
function describe(weights: NamedWeights, path: string): WeightsOrigin {
  const { family, style, metadata } = weights;
  if (metadata.fovea !== undefined) {
    const { model: { name, ...options }, preprocessing } = infoOf(metadata, path);
    return { style, models: [name], options, preprocessing };
  }
  const fitting: string[] = [];
  let found: ModelOptions | undefined;
  for (const definition of models.filter((definition) => definition.family === family)) {
    const options = optionsFor(definition, weights);
    if (!options) continue;
    const { parameters } = createModel(definition.name, options);
    if (firstProblem(matchingOf(parameters, weights, options.classes), weights) !== undefined) continue;
    found ??= options;
    fitting.push(definition.name);
  }
  return { style, models: fitting, options: found ?? { classes: 1 } };
}

/** The sizes that the tensors would have come from, if they were a model's; undefined if it has no such sizes. */
function optionsFor(
  { imageSize: published, minImageSize, takes = [] }: ModelDefinition,
  { family, shapes }: NamedWeights,
): ModelOptions | undefined {
  const [, channels = 3, kernel = 1] = shapes.get(`${family.stem}.weight`) ?? [];
  const [classes = 1] = shapes.get(`${family.heads[0]}.weight`) ?? [];
  const imageSize = picturePatches(family, shapes) * kernel || published;
  if (channels < 1 || classes < 1 || imageSize < minImageSize) return undefined;
  return {
    ...{ classes, channels, imageSize },
    ...takes.includes("stem") ? { stem: kernel === 3 ? "small" : "imagenet" } : {},
    // Where they start is no matter: the file has them.
    ...[...shapes.keys()].some((name) => name.endsWith("ls1.gamma")) ? { layerScale: 1 } : {},
  };
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
