/**
 * The dispatches of a plan: their texts, and the textures that they share.
 *
 * @module
 */

import type { Chooser } from "../../graph/choices.ts";
import type { Plan } from "../../graph/passes/plan.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import { placeKey } from "../../graph/place.ts";
import type { InPages } from "../state_pages.ts";
import { type Assembled, assembleKernel, assembleMap } from "./assemble.ts";
import { bindKernel, bindMap, type TargetDevice } from "./bound_step.ts";
import { type DispatchDevice, pack } from "./multi_tensor.ts";
import { TextureSlots, type TextureUse } from "./texture_slots.ts";

/** One dispatch with its place among the shared textures. */
export interface PlannedDispatch extends Assembled {
  /** What it computes: one step, or maps that share a text. */
  readonly steps: readonly FusedStep[];
  readonly textures: readonly TextureUse[];
}

/** The dispatch of one step: what it binds is decided, then its text is written. */
export function assemble(step: FusedStep, plan: Plan, device: TargetDevice, choices: Chooser): Assembled {
  return step.kernels.length > 0
    ? assembleKernel(bindKernel(step, plan, device, choices))
    : assembleMap(bindMap(step, plan, device));
}

/** The dispatches of a plan, in order, and the bytes of all textures that they read from. */
export function dispatchesOf(
  plan: Plan,
  device: DispatchDevice,
  choices: Chooser,
  inPages: InPages,
): { readonly dispatches: readonly PlannedDispatch[]; readonly textureBytes: number } {
  const slots = new TextureSlots();
  const dispatches = pack(plan, device, inPages).map(({ steps, assembled }): PlannedDispatch => {
    const dispatch = assembled ?? assemble(steps[0], plan, device, choices);
    const written = new Set(steps.flatMap(({ writes }) => writes).map((node) => placeKey(plan.places.get(node)!)));
    return { ...dispatch, steps, textures: slots.assign(dispatch.textures, written) };
  });
  return { dispatches, textureBytes: slots.bytes };
}
