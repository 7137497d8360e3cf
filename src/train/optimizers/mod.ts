/**
 * Optimisers by name.
 *
 * A new one has a file or a function here, its name in the settings, and a case in `fixtures/train/make_optimizers.py`,
 * which writes what its published implementation does in ten steps.
 *
 * @module
 */

import type { Settings } from "../../run/settings.ts";
import { adafactor } from "./adafactor.ts";
import { adam, adamW, lamb, lion, nadam, radam } from "./adam.ts";
import { lookahead } from "./lookahead.ts";
import { muon } from "./muon.ts";
import type { Optimizer, OptimizerSettings } from "./optimizer.ts";
import { rmsprop, sgd } from "./sgd.ts";

export { adafactor } from "./adafactor.ts";
export { adam, type AdamOptions, adamW, type CycledAdamOptions, lamb, lion, nadam, radam } from "./adam.ts";
export { lookahead, type LookaheadOptions } from "./lookahead.ts";
export { muon, type MuonOptions } from "./muon.ts";
export type { Optimizer, OptimizerSettings, Update, UpdateInputs } from "./optimizer.ts";
export { rmsprop, type RmspropOptions, sgd, type SgdOptions } from "./sgd.ts";

/** Each rule, given the settings that apply to it. */
const rules: Readonly<Record<Settings["optimizer"], (settings: OptimizerSettings) => Optimizer>> = {
  sgd,
  rmsprop,
  adam,
  adamw: adamW,
  nadam,
  radam,
  lamb,
  lion,
  adafactor,
  muon,
};

/** The rule that settings ask for. */
export function optimizerOf(
  { optimizer, lookahead: every, ...settings }: Pick<Settings, "optimizer" | "lookahead"> & OptimizerSettings,
): Optimizer {
  const rule = rules[optimizer](settings);
  return every === 0 ? rule : lookahead(rule, { every });
}
