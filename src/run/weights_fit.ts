/**
 * How a file's weights fit a model: what becomes of each parameter, and why they do not.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import { firstNames, printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import type { PositionGrid } from "../interop/keys/family.ts";
import { type Family, styleName } from "../interop/keys/mod.ts";
import type { NamedWeights } from "../interop/named_weights.ts";
import { createModel, type ModelDefinition, type ModelOptions, models } from "../models/mod.ts";
import { placesIn } from "../models/stage_attention.ts";
import { ATTENTION_POOL, type Parameter } from "../nn/mod.ts";
import type { WeightsFacts } from "./checkpoint.ts";
import { windowsIn } from "./weights_window.ts";

/** What logits mean: a task, and names of its classes in the order of the logits. */
export interface Meaning {
  /** What the logits are of. */
  readonly task: Task;
  /** Names of classes or labels. */
  readonly classes: readonly string[];
}

/** What happens to a parameter. */
export type Fate =
  | "loaded"
  | "fresh"
  | "interpolated"
  | "adapted" // Another number of channels, or one head in the place of two.
  | "mapped" // Rows of a head by the names of classes.
  | "missing"
  | "misshapen";

/** Row of a file's head for each class of the model's; -1 for one that is fresh. */
export type RowMap = readonly number[];

/** What happens to all parameters, and tensors of the family for which the model has no place. */
export interface Matching {
  readonly fates: readonly { readonly parameter: Parameter; readonly fate: Fate }[];
  /** By Fovea's names. */
  readonly homeless: readonly string[];
  /** By the file's names: of layers of the model's, but nothing that it has. */
  readonly foreign: readonly string[];
  /** How rows of the heads are mapped, where they are. */
  readonly rows?: RowMap;
}

/** What a model is, as far as weights ask. */
export interface Wanted {
  readonly parameters: readonly Parameter[];
  readonly classes: number;
  /** What its logits will mean, where it is known. */
  readonly meaning?: Meaning;
}

/** What becomes of a model's parameters. */
export function matchingOf({ parameters, classes, meaning }: Wanted, weights: NamedWeights, its?: Meaning): Matching {
  const { family: { heads, secondHead }, shapes } = weights;
  const rows = meaning && its && rowsByName(meaning, its);
  const hasBias = (head: string) => parameters.some(({ name }) => name === `${head}.bias`);
  const isAlone = secondHead !== undefined && isSecondMissing(secondHead, weights);
  const isFresh = (head: string): boolean => {
    // One head for two: what becomes of it becomes of both.
    if (isAlone && head === secondHead!.name) return isFresh(heads[0]);
    if (hasBias(head) && !shapes.has(`${head}.bias`)) return true;
    const count = shapes.get(`${head}.weight`)?.[0];
    if (rows) return count !== its!.classes.length || rows.every((row) => row < 0);
    return count !== classes;
  };
  const fresh = heads.filter(isFresh);
  // Blocks that an option puts between a model's own layers.
  const stages = models.filter(({ family }) => family === weights.family).flatMap(({ stages }) => stages ?? []);
  const blocks = new Set(placesIn(shapes.keys(), stages));
  const hasPool = hasAttentionPool(shapes);
  const isPutIn = (name: string) =>
    placesIn([name], stages).some((place) => !blocks.has(place)) || (!hasPool && ATTENTION_POOL.includes(name));
  const isKept = rows === undefined || (rows.length === its!.classes.length && rows.every((row, i) => row === i));
  const fates = parameters.map((parameter) => {
    const head = heads.find((head) => parameter.name.startsWith(`${head}.`));
    if (isPutIn(parameter.name) || (head !== undefined && fresh.includes(head))) {
      return { parameter, fate: "fresh" as const };
    }
    if (head !== undefined && isAlone) return { parameter, fate: "adapted" as const };
    const fate = head !== undefined && !isKept ? rowFate(parameter, weights) : fateOf(parameter, weights);
    return { parameter, fate };
  });
  const names = new Set(parameters.map(({ name }) => name));
  const homeless = [...shapes.keys()].filter((name) => !names.has(name));
  // The rest of a checkpoint of Fovea's are moments and counters.
  const foreign = weights.metadata.fovea === undefined ? weights.foreign(fresh) : [];
  return { fates, homeless, foreign, ...isKept ? {} : { rows } };
}

/** Whether a file has anything of a pooling that attends. */
function hasAttentionPool(shapes: ReadonlyMap<string, unknown>): boolean {
  return ATTENTION_POOL.some((name) => shapes.has(name));
}

/** Rows by the classes' names; of another task there are none. */
function rowsByName(meaning: Meaning, its: Meaning): RowMap {
  return meaning.classes.map((name) => meaning.task === its.task ? its.classes.indexOf(name) : -1);
}

/** Whether a file has the second head's token and not the head: its logits are those of the first. */
function isSecondMissing({ name, token }: NonNullable<Family["secondHead"]>, { shapes }: NamedWeights): boolean {
  return shapes.has(token) && !shapes.has(`${name}.weight`);
}

function fateOf(parameter: Parameter, weights: NamedWeights): Fate {
  const shape = weights.shapes.get(parameter.name);
  if (!shape) return "missing";
  if (`${shape}` === `${parameter.shape}`) return "loaded";
  if (isOtherChannels(parameter, shape, weights.family)) return "adapted";
  return gridsOf(parameter, shape, weights) ? "interpolated" : "misshapen";
}

/** A head's tensor of which rows are taken. */
function rowFate(parameter: Parameter, weights: NamedWeights): Fate {
  const shape = weights.shapes.get(parameter.name);
  if (!shape) return "missing";
  return `${shape.slice(1)}` === `${parameter.shape.slice(1)}` ? "mapped" : "misshapen";
}

/** Whether it is the first convolution, for a number of channels that it can be adapted to. */
function isOtherChannels({ name, shape: wanted }: Parameter, shape: readonly number[], { stem }: Family): boolean {
  if (name !== `${stem}.weight` || shape.length !== 4 || wanted.length !== 4) return false;
  if (shape.some((size, axis) => axis !== 1 && size !== wanted[axis])) return false;
  return shape[1] > 0 && (wanted[1] === 1 || shape[1] === 1 || shape[1] === 3);
}

/**
 * Sides of the grids in a file's tensor and in the model's, and the rows before them; undefined if they are no grids.
 */
export function gridsOf(
  { name, shape: wanted }: Parameter,
  shape: readonly number[],
  { family: { grid }, shapes }: NamedWeights,
): { from: number; to: number; before: number } | undefined {
  if (!grid || !name.endsWith(grid.key) || shape.length !== wanted.length) return undefined;
  if (shape.some((size, axis) => axis !== grid.axis && size !== wanted[axis])) return undefined;
  const [before, others] = [shape, wanted].map((sizes) => tokensBefore(grid, shapes, sizes[grid.axis]));
  if (before !== others) return undefined;
  const [from, to] = [shape, wanted].map((sizes) => Math.sqrt(sizes[grid.axis] - before));
  return Number.isInteger(from) && Number.isInteger(to) && from > 0 ? { from, to, before } : undefined;
}

/** Why weights do not fit, in the file's own names, or undefined. */
export function firstProblem({ fates, homeless, foreign }: Matching, weights: NamedWeights): string | undefined {
  const { shapes, family } = weights;
  const shown = (shape: readonly number[]) => `[${shape.join(", ")}]`;
  const none = (names: readonly string[]) => `its ${firstNames(names)} ${names.length > 1 ? "have" : "has"} no place`;
  const misshapen = fates.find(({ fate }) => fate === "misshapen")?.parameter;
  if (misshapen) {
    const { name, shape } = misshapen;
    const its = shapes.get(name)!;
    // Of convolutions: which one it is shows in the kernel alone.
    const advice = `${its.slice(2)}` === `${shape.slice(2)}` ? undefined : family.advice?.[name];
    return `its ${printable(weights.nameOf(name))} is ${shown(its)}, and ${shown(shape)} is needed${
      advice ? `; ${advice}` : ""
    }`;
  }
  const missing = fates.filter(({ fate }) => fate === "missing").map(({ parameter }) => weights.nameOf(parameter.name));
  if (missing.length > 0) return `it has no ${firstNames(missing)}`;
  if (homeless.length > 0) return none(homeless.map((name) => weights.nameOf(name)));
  return foreign.length > 0 ? none(foreign) : undefined;
}

/** Why weights do not fit, where a network is known that they are of and that is none of the models. */
export function relativeProblem(weights: NamedWeights): string | undefined {
  const shapes = weights.bareShapes();
  const relative = weights.family.relatives?.find(({ isIt }) => isIt(shapes));
  return relative && `it looks like ${relative.name}, which is not known here`;
}

/** The models of the family that the tensors fit, and the nearest one where none does. */
export interface Fitting {
  readonly models: readonly string[];
  readonly options: ModelOptions;
  readonly nearest?: { readonly model: string; readonly problem: string };
}

/**
 * Tries the models of the family that a file's tensors are of, one after the other.
 *
 * @param facts What the file says of itself.
 */
export function fittingModels(weights: NamedWeights, facts?: WeightsFacts): Fitting {
  const candidates = facts ? models.filter(({ name }) => name === facts.model.name) : models;
  const fitting: string[] = [];
  let found: ModelOptions | undefined;
  let nearest: { model: string; problem: string; faults: number } | undefined;
  for (const definition of candidates.filter(({ family }) => family === weights.family)) {
    const options = optionsFor(definition, weights, facts?.preprocessing.imageSize);
    if (!options) continue;
    // Layers whose size follows from the picture's are made here to be compared; their values are not.
    const { parameters } = createModel(definition.name, options);
    const matching = matchingOf({ parameters, classes: options.classes }, weights);
    const problem = firstProblem(matching, weights);
    if (problem === undefined) {
      found ??= options;
      fitting.push(definition.name);
      continue;
    }
    const faults = faultsIn(matching);
    if (!nearest || faults < nearest.faults) nearest = { model: definition.name, problem, faults };
  }
  return {
    models: fitting,
    options: found ?? { classes: 1 },
    ...fitting.length === 0 && nearest ? { nearest: { model: nearest.model, problem: nearest.problem } } : {},
  };
}

function faultsIn({ fates, homeless, foreign }: Matching): number {
  const bad = fates.filter(({ fate }) => fate === "missing" || fate === "misshapen").length;
  return bad + homeless.length + foreign.length;
}

/** The error of weights that do not fit a model. */
export function refusal(
  path: string,
  model: string,
  { models: fitting, nearest }: Fitting,
  weights: NamedWeights,
  problem: string,
): UserError {
  const cannot = `Cannot load ${path} into ${model}`;
  if (fitting.length > 0 && !fitting.includes(model)) {
    return new UserError(
      `${cannot}: it looks like ${fitting[0]} in ${styleName(weights.style)}; take the model ${fitting[0]}`,
    );
  }
  const relative = fitting.length === 0 ? relativeProblem(weights) : undefined;
  const near = nearest && nearest.model !== model ? `; the nearest model is ${nearest.model}` : "";
  return new UserError(relative ? `${cannot}: ${relative}; ${problem}` : `${cannot}: ${problem}${near}`);
}

/** The error of weights that fit no model. */
export function noModel(path: string, { nearest }: Fitting, weights: NamedWeights): UserError {
  const why = relativeProblem(weights) ?? "its weights are of no model that is known here";
  const near = nearest && `; the nearest model is ${nearest.model}: ${nearest.problem}`;
  return new UserError(`Cannot use ${path}: ${why}${near ?? ""}`);
}

/**
 * The sizes that the tensors would have come from, if they were a model's; undefined if it has no such sizes.
 *
 * @param said Side of the pictures, where the file says it.
 */
function optionsFor(definition: ModelDefinition, weights: NamedWeights, said?: number): ModelOptions | undefined {
  const { imageSize: published, minImageSize, takes = [], heads = [] } = definition;
  const { family, shapes } = weights;
  const [, channels = 3, kernel = 1] = shapes.get(`${family.stem}.weight`) ?? [];
  const [classes = 1] = shapes.get(`${family.heads[0]}.weight`) ?? [];
  const windows = takes.includes("window") ? windowsIn(weights) : undefined;
  const attentionAfter = placesIn(shapes.keys(), definition.stages);
  const imageSize = picturePatches(family, shapes) * kernel || (said ?? windows?.imageSize ?? published);
  if (channels < 1 || classes < 1 || imageSize < minImageSize) return undefined;
  return {
    ...{ classes, channels, imageSize },
    ...stemIn(weights, definition),
    ...attentionAfter.length > 0 && { attentionAfter },
    ...heads.includes("attention-pool") && hasAttentionPool(shapes) && { head: "attention-pool" },
    ...windows?.window === undefined ? {} : { window: windows.window },
    ...takes.includes("normEps") && family.normEps?.[weights.style] ? { normEps: family.normEps[weights.style] } : {},
    // Where they start is no matter: the file has them.
    ...[...shapes.keys()].some((name) => name.endsWith("ls1.gamma")) ? { layerScale: 1 } : {},
  };
}

/** Which of its first layers a model has, where it may have several. */
export function stemIn({ family, shapes }: NamedWeights, definition?: ModelDefinition): Pick<ModelOptions, "stem"> {
  if (!definition?.takes?.includes("stem")) return {};
  return { stem: shapes.get(`${family.stem}.weight`)?.[2] === 3 ? "small" : "imagenet" };
}

/** Patches along a side of the picture, where a tensor has a place for each patch; else 0. */
export function picturePatches({ grid }: Family, shapes: ReadonlyMap<string, readonly number[]>): number {
  if (grid?.over !== "picture") return 0;
  const [, shape] = [...shapes].find(([name]) => name.endsWith(grid.key)) ?? [];
  const side = shape ? Math.sqrt(shape[grid.axis] - tokensBefore(grid, shapes, shape[grid.axis])) : 0;
  return Number.isInteger(side) ? side : 0;
}

/** Places before the grid among so many: those of the tokens that a file has, but where a grid is all there is. */
function tokensBefore({ before }: PositionGrid, shapes: ReadonlyMap<string, unknown>, places: number): number {
  return Number.isInteger(Math.sqrt(places)) ? 0 : before.filter((token) => shapes.has(token)).length;
}
