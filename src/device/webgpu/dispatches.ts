/**
 * The dispatches of a plan: their texts, and the textures that they share.
 *
 * @module
 */

import type { Chooser } from "../../graph/choices.ts";
import type { Plan } from "../../graph/plan.ts";
import { assemble, type Assembled, placeOf, type TargetDevice } from "./assemble.ts";
import { TextureSlots, type TextureUse } from "./texture_slots.ts";

/** One dispatch with its place among the shared textures. */
export interface PlannedDispatch extends Assembled {
  readonly textures: readonly TextureUse[];
}

/** The dispatches of a plan, in order, and the bytes of all textures that they read from. */
export function dispatchesOf(
  plan: Plan,
  device: TargetDevice,
  choices: Chooser,
): { readonly dispatches: readonly PlannedDispatch[]; readonly textureBytes: number } {
  const slots = new TextureSlots();
  const dispatches = plan.steps.map((step): PlannedDispatch => {
    const assembled = assemble(step, plan, device, choices);
    const written = new Set(step.writes.map((node) => placeOf(plan.locations.get(node)!)));
    return { ...assembled, textures: slots.assign(assembled.textures, written) };
  });
  return { dispatches, textureBytes: slots.bytes };
}
