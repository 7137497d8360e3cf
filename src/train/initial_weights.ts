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

/** Models whose head was made here: another run of the same model goes on from it. */
const made = new WeakSet<Model>();

/**
 * Gives every parameter of a model that has no value its initial one. A head that starts afresh is multiplied by
 * `headInitScale`, and its biases are then `headInitBias`: timm's `--head-init-scale` and `--head-init-bias`.
 *
 * @throws UserError when that would change nothing.
 */
export function initializeFor(model: Model, { seed, headInitScale, headInitBias, resume }: InitialOptions): void {
  const isOfHead = headOf(model);
  const fresh = model.parameters.map(({ name }) => name).filter((name) => isOfHead(name) && !model.weights.has(name));
  model.initialize(seed);
  const head = fresh.map((name) => ({ values: model.weights.get(name)!, isBias: name.endsWith("bias") }));
  // A run that goes on has its head in the checkpoint.
  const goesOn = resume || made.has(model);
  if (head.length > 0) made.add(model);
  if (headInitScale !== undefined && headInitScale !== 1 && !goesOn) {
    if (head.length > 0 && head.every(({ values }) => values.every((value) => value === 0))) {
      throw cannotUse("headInitScale", headInitScale, `the head of ${model.name} starts at zero`);
    }
    refuseWithout(head, "headInitScale", headInitScale, model);
    for (const { values } of head) values.forEach((value, k) => values[k] = headInitScale * value);
  }
  if (headInitBias !== undefined && !goesOn) {
    refuseWithout(head, "headInitBias", headInitBias, model);
    const biases = head.filter(({ isBias }) => isBias);
    if (biases.length === 0) throw cannotUse("headInitBias", headInitBias, `the head of ${model.name} has no bias`);
    for (const { values } of biases) values.fill(headInitBias);
  }
}

function refuseWithout(head: readonly unknown[], name: string, value: number, model: Model): void {
  if (head.length > 0) return;
  const isOfHead = headOf(model);
  const hasHead = model.parameters.some((parameter) => isOfHead(parameter.name));
  const why = hasHead ? `the head of ${model.name} has weights already` : `no layer of ${model.name} gives its logits`;
  throw cannotUse(name, value, why);
}

const cannotUse = (name: string, value: number, why: string): UserError =>
  new UserError(`Cannot use ${option(name)} ${value}: ${why}; leave it out`, 2);
