/**
 * The weights that a run starts from where the model has none.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Model } from "../models/model.ts";
import { headOf } from "./parameter_groups.ts";
import type { TrainerOptions } from "./options.ts";

/** What they depend on. */
export type InitialOptions =
  & Required<Pick<TrainerOptions, "seed" | "resume">>
  & Pick<TrainerOptions, "headInitScale" | "headInitBias">;

/**
 * Gives every parameter of a model that has no value its initial one. The weights of a head that starts afresh are
 * multiplied by `headInitScale`, and its biases are `headInitBias`: timm's `--head-init-scale` and `--head-init-bias`.
 *
 * @throws UserError when that is asked of a head that has weights.
 */
export function initializeFor(
  model: Model,
  { seed, headInitScale: scale = 1, headInitBias: bias, resume }: InitialOptions,
): void {
  const isOfHead = headOf(model);
  const fresh = model.parameters.filter(({ name }) => isOfHead(name) && !model.weights.has(name));
  // A run that goes on has them in its checkpoint.
  if (fresh.length === 0 && !resume && (scale !== 1 || bias !== undefined)) {
    const asked = scale !== 1 ? `${option("headInitScale")} ${scale}` : `${option("headInitBias")} ${bias}`;
    throw new UserError(`Cannot use ${asked} with ${model.name}: its head has weights already; leave it out`, 2);
  }
  model.initialize(seed);
  for (const { name } of fresh) {
    const values = model.weights.get(name)!;
    if (!name.endsWith("bias")) values.forEach((value, k) => values[k] = scale * value);
    else if (bias !== undefined) values.fill(bias);
  }
}
