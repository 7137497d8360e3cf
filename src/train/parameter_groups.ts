/**
 * Which parameters are learnt, and how fast: freezing, factors on the learning rate, and layer-wise decay of it.
 *
 * Each learnt key has a factor on the learning rate. A frozen key has none, so no gradient, moment or assignment is
 * traced for it. The factor is a constant in the update, so pipelines stay shared. Layer-wise decay goes by the
 * numbers in a model's names (`layer1.0`, `encoder_layer_3`): see {@link layersOf}. In the first epochs of a run the
 * head alone may be learnt: see {@link probeOf}.
 *
 * @module
 */

import { nearest, option, UserError } from "../errors.ts";
import { familyOf, type Model } from "../models/mod.ts";
import { ownFamily } from "../models/own.ts";
import type { Parameter } from "../nn/layer.ts";
import type { TrainerOptions } from "./options.ts";

/** What of a model is learnt. */
export interface Learning {
  /** Factor on the learning rate by key, of the parameters that are learnt, in the model's order. */
  readonly rates: ReadonlyMap<string, number>;
  /** Keys of parameters and running statistics that stay as they are. */
  readonly frozen: ReadonlySet<string>;
}

/** The options that say what is learnt. */
export type LearningOptions = Required<Pick<TrainerOptions, "freeze" | "learningRateScale" | "layerDecay">>;

/** All parameters learnt at the full rate. */
export function learnAll(parameters: readonly Parameter[]): Learning {
  return learningOf(parameters, { freeze: [], learningRateScale: {}, layerDecay: 1 });
}

/**
 * What of a model is learnt.
 *
 * @param parameters Of the model, in the order of the computation.
 * @param options Of the trainer: see there.
 * @param fixed Keys that are frozen whatever the options say; default none.
 * @throws UserError when a pattern fits no key, a factor is not above 0, or nothing is left to learn.
 */
export function learningOf(
  parameters: readonly Parameter[],
  { freeze, learningRateScale, layerDecay }: LearningOptions,
  fixed: ReadonlySet<string> = new Set(),
): Learning {
  const keysOf = (some: readonly Parameter[]) => some.map(({ name }) => name);
  const free = parameters.filter(({ name }) => !fixed.has(name));
  const trainable = free.filter((parameter) => parameter.trainable);
  const what = fixed.size > 0 ? "parameter beside what is frozen" : "parameter";
  const frozen = new Set([...fixed, ...freeze.flatMap((pattern) => matching(pattern, keysOf(free), "freeze", what))]);
  const rates = layerRates(trainable, layerDecay);
  for (const [pattern, factor] of Object.entries(learningRateScale)) {
    checkFactor(`the learning rate of ${pattern}`, factor);
    for (const key of matching(pattern, keysOf(trainable), "scale the learning rate of", what)) {
      rates.set(key, rates.get(key)! * factor);
    }
  }
  for (const key of frozen) rates.delete(key);
  if (rates.size === 0) {
    throw new UserError(`Cannot freeze ${freeze.join(", ")}: nothing is left to learn; leave the head out`, 2);
  }
  return { rates, frozen };
}

/**
 * What is learnt of a model while all but its head is frozen, running statistics too: a linear probe.
 *
 * @param learning What is learnt of it afterwards.
 * @throws UserError when the head is not known, or is frozen.
 */
export function probeOf(model: Model, { rates, frozen }: Learning): Learning {
  const isOfHead = headOf(model);
  const ofHead = [...rates].filter(([key]) => isOfHead(key));
  if (ofHead.length === 0) {
    throw new UserError(
      `Cannot learn the head of ${model.name} alone: ${
        frozen.size > 0 ? "it is frozen" : "no layer gives its logits"
      }; leave ${option("freezeEpochs")} out`,
      2,
    );
  }
  const others = model.parameters.filter(({ name }) => !isOfHead(name)).map(({ name }) => name);
  return { rates: new Map(ofHead), frozen: new Set([...frozen, ...others]) };
}

/** Is a key of the layers that give the logits? */
export function headOf(model: Model): (key: string) => boolean {
  const { heads } = familyOf(model.name) ?? ownFamily(model);
  return (key) => heads.some((head) => key.startsWith(`${head}.`));
}

function checkFactor(what: string, factor: number): void {
  if (factor > 0 && factor < Infinity) return;
  throw new UserError(`Cannot multiply ${what} by ${factor}: give a number above 0, or freeze the parameters`, 2);
}

/**
 * Keys that a pattern fits; there must be some.
 *
 * @param purpose What they are wanted for, as in "Cannot freeze conv9".
 * @param what What they are the keys of.
 */
export function matching(
  pattern: string,
  keys: readonly string[],
  purpose: string,
  what = "parameter",
): string[] {
  const fits = globOf(pattern);
  const found = keys.filter((key) => fits.test(key));
  if (found.length > 0) return found;
  const modules = new Set(keys.flatMap((key) => [...key.matchAll(/\.|$/g)].map(({ index }) => key.slice(0, index))));
  const near = nearest(pattern.replace(/\.?\*$/, ""), modules);
  const top = [...new Set(keys.map((key) => key.split(".")[0]))].join(", ");
  const hint = near ? `did you mean ${near}?` : `its modules are ${top}`;
  throw new UserError(`Cannot ${purpose} ${pattern}: the model has no such ${what}; ${hint}`, 2);
}

/**
 * The expression of a pattern of keys: `*` is any run of letters, dots too, `?` one letter, `[0-5]` and `[!0-5]` one of
 * several or none of them. A pattern that fits a module fits all that is in it.
 */
function globOf(pattern: string): RegExp {
  const source = pattern.replaceAll(/\[(!?)([^\]\\]+)\]|\*|\?|[\\^$.|+()[\]{}]/g, (part, not, letters) => {
    if (letters !== undefined) return `[${not ? "^" : ""}${letters.replaceAll("^", "\\^")}]`;
    return part === "*" ? ".*" : part === "?" ? "." : `\\${part}`;
  });
  try {
    return new RegExp(`^${source}(\\..*)?$`);
  } catch (error) {
    throw new UserError(`Cannot read the pattern ${pattern}: ${(error as Error).message}`, 2);
  }
}

/** Factors on the learning rate by key: `decay` for each layer between a parameter's and the uppermost. */
function layerRates(parameters: readonly Parameter[], decay: number): Map<string, number> {
  checkFactor("the learning rate from layer to layer", decay);
  const layers = layersOf(parameters);
  return new Map(
    layers.flatMap((keys, depth) => keys.map((key): [string, number] => [key, decay ** (layers.length - 1 - depth)])),
  );
}

/**
 * Layers of a model from the embedding up, as keys, for layer-wise decay of the learning rate (Bao et al., "BEiT",
 * 2021, as its code and timm's group them). They follow from the names alone:
 *
 * - A block is what one number tells from others, `encoder_layer_3`, `layer2.0`, `features.1.1`, `features.10`; where a
 *   model numbers nothing, each of its modules is one. Each block is a layer.
 * - What comes before the first block is a layer, the embedding or stem; what comes after the last is one, the head.
 * - What lies between two blocks belongs to the one before it, as does a block of vectors only, a norm.
 *
 * @param parameters Learnt parameters, in the order of the computation.
 * @returns Keys of each layer, the lowest first.
 */
export function layersOf(parameters: readonly Pick<Parameter, "name" | "shape">[]): string[][] {
  const units = parameters.map(({ name }) => unitOf(name));
  const deepest = Math.max(0, ...units.map(({ numbers }) => numbers));
  const isBlock = (k: number) => units[k].numbers === deepest;
  const matrices = new Set(units.filter((_, k) => parameters[k].shape.length > 1).map(({ path }) => path));
  const lastBlock = units.findLastIndex((_, k) => isBlock(k));
  const layers: string[][] = [];
  let current: string | undefined;
  parameters.forEach(({ name }, k) => {
    const { path } = units[k];
    const place = k > lastBlock ? "head" : isBlock(k) && matrices.has(path) ? path : current ?? "stem";
    if (place !== current) layers.push([]);
    current = place;
    layers.at(-1)!.push(name);
  });
  return layers;
}

/**
 * The smallest unit that a parameter is grouped by, and how many there are. It is the path up to the end of the first
 * run of numbers, such as `layer2.0` of `layer2.0.bn1.weight`; without numbers, the module.
 */
function unitOf(key: string): { readonly path: string; readonly numbers: number } {
  const parts = key.split(".");
  const isNumber = (part: string) => /(^|layer_?)\d+$/.test(part);
  const first = parts.findIndex(isNumber);
  if (first < 0) return { path: parts.slice(0, -1).join(".") || key, numbers: 0 };
  let end = first;
  while (isNumber(parts[end] ?? "")) end++;
  return { path: parts.slice(0, end).join("."), numbers: end - first };
}
