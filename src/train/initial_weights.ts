/**
 * The weights that a run starts from where the model has none.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import type { TrainerOptions } from "./options.ts";
import { headOf } from "./parameter_groups.ts";

/** What they depend on. */
export type InitialOptions =
  & Required<Pick<TrainerOptions, "seed" | "resume">>
  & Pick<TrainerOptions, "headInitScale" | "headInitBias">;

/** Models whose head was scaled or biased here: another run of the same model goes on from it. */
const done = new WeakSet<Model>();

/**
 * Gives every parameter of a model that has no value its initial one. A head that starts afresh is multiplied by
 * `headInitScale`, and its biases are then `headInitBias`: timm's `--head-init-scale` and `--head-init-bias`.
 *
 * @throws UserError when that would change nothing.
 */
export function initializeFor(
  model: Model,
  { seed, headInitScale: scale = 1, headInitBias: bias, resume }: InitialOptions,
): void {
  const isOfHead = headOf(model);
  const keys = model.parameters.map(({ name }) => name).filter(isOfHead);
  const fresh = keys.filter((key) => !model.weights.has(key));
  model.initialize(seed);
  // A run that goes on has its head in the checkpoint.
  if (resume || done.has(model) || (scale === 1 && bias === undefined)) return;
  const refused = (name: "headInitScale" | "headInitBias", why: string) =>
    new UserError(`Cannot use ${option(name)} ${name === "headInitBias" ? bias : scale}: ${why}; leave it out`, 2);
  if (fresh.length === 0) {
    const why = keys.length > 0
      ? `the head of ${model.name} has weights already`
      : `no layer of ${model.name} gives its logits`;
    throw refused(scale !== 1 ? "headInitScale" : "headInitBias", why);
  }
  const values = fresh.map((key) => model.weights.get(key)!);
  const biases = values.filter((_, k) => fresh[k].endsWith("bias"));
  if (scale !== 1 && !values.some((array) => array.some((value) => value !== 0))) {
    throw refused("headInitScale", `the head of ${model.name} starts at zero`);
  }
  if (bias !== undefined && biases.length === 0) throw refused("headInitBias", `the head of ${model.name} has no bias`);
  for (const array of values) array.forEach((value, k) => array[k] = scale * value);
  if (bias !== undefined) { for (const array of biases) array.fill(bias); }
  done.add(model);
}
