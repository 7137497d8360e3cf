/**
 * Adapts a model by LoRA (`src/nn/lora.ts`): which of its layers, and what of it is learnt then.
 *
 * The head is learnt whole, as in peft's `modules_to_save`; all else stays as it is. A model is adapted for one call of
 * `fit`: it is traced with the thin products, and so the step, its memory and its moments follow. What is given back
 * are merged weights of the model as it was.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import { Model } from "../models/mod.ts";
import { isLowRank, type Lora, mergedWeight } from "../nn/lora.ts";
import type { Tensors } from "../run/checkpoint.ts";
import { initializeFor, type InitialOptions } from "./initial_weights.ts";
import type { TrainerOptions } from "./options.ts";
import { headOf, matching } from "./parameter_groups.ts";

/** The options that say how a model is adapted. */
export type LoraOptions = Pick<TrainerOptions, "lora" | "loraAlpha" | "loraDropout" | "loraTargets">;

/** Models that have what others lack. */
const FITTING = "vit-b32, swin-t or vgg16";

/**
 * Which layers of a model are adapted, and how; undefined where none are to be.
 *
 * @throws UserError when it has no layer for it, a pattern fits none, or a layer is too narrow.
 */
export function loraFor(model: Model, options: LoraOptions): Lora | undefined {
  const { lora: rank, loraAlpha: alpha = 8, loraDropout: dropout = 0, loraTargets: patterns = [] } = options;
  if (rank === undefined) return undefined;
  const isOfHead = headOf(model);
  const dense = model.parameters.filter(({ name, isDense }) => isDense && !isOfHead(name));
  if (dense.length === 0) {
    throw new UserError(
      `Cannot adapt ${model.name} with ${option("lora")} ${rank}: it has no dense layers but its head; take a model ` +
        `that has, such as ${FITTING}, or learn a part of it with ${option("freeze")} or ${option("freezeEpochs")}`,
      2,
    );
  }
  const keys = dense.map(({ name }) => name);
  const asked = new Set(
    patterns.flatMap((pattern) => matching(pattern, keys, "adapt", "dense layer below its head")),
  );
  const some = patterns.length > 0 ? dense.filter(({ name }) => asked.has(name)) : dense;
  const isWide = ({ shape }: typeof dense[number]) => Math.min(...shape) > rank;
  // Of layers that were not asked for by name, those that are narrower stay as they are: Swin V2's network of the bias.
  const tooNarrow = patterns.length > 0 ? some.find((each) => !isWide(each)) : some.some(isWide) ? undefined : some[0];
  if (tooNarrow) {
    const { name, shape } = tooNarrow;
    throw new UserError(
      `Cannot adapt ${model.name} with ${option("lora")} ${rank}: its ${name} is [${shape.join(", ")}], and two ` +
        `matrices of this rank are as large; give a rank below ${Math.min(...shape)}`,
      2,
    );
  }
  return { rank, alpha, dropout, targets: new Set(some.filter(isWide).map(({ name }) => name)) };
}

/**
 * A model as it is trained: with what stands beside its layers. It has the weights that the model has, and the model
 * gets initial ones where it has none.
 *
 * @throws UserError as {@link loraFor} and {@link initializeFor}, and when the model has no weights at all.
 */
export function adapted(model: Model, options: LoraOptions & InitialOptions): Model {
  const lora = loraFor(model, options);
  // A run that goes on has them in its checkpoint.
  if (lora && model.weights.size === 0 && !options.resume) {
    throw new UserError(
      `Cannot adapt ${model.name} with ${
        option("lora")
      } ${lora.rank}: it has no weights yet, and what they are would ` +
        `not be learnt; give ${option("pretrained")}`,
      2,
    );
  }
  initializeFor(model, options);
  if (!lora) return model;
  const made = new Model(model.name, model.layer, model.options, lora);
  for (const [name, values] of model.weights) made.weights.set(name, values);
  return made;
}

/** Keys of an adapted model that stay as they are; none of another. */
export function fixedIn(model: Model): ReadonlySet<string> {
  if (!model.lora) return new Set();
  const isOfHead = headOf(model);
  return new Set(model.parameters.map(({ name }) => name).filter((name) => !isLowRank(name) && !isOfHead(name)));
}

/** Weights of a model as it was, of those of the adapted one. */
export function mergedTensors({ lora }: Model, tensors: Tensors): Tensors {
  if (!lora) return tensors;
  const tensorOf = (key: string) => tensors.get(key);
  const own = [...tensors].filter(([key]) => !isLowRank(key));
  return new Map(
    own.map(([key, tensor]) => [key, { ...tensor, values: mergedWeight(key, tensor, tensorOf, lora.alpha) }]),
  );
}
