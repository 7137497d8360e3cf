/**
 * The dispatches of a plan: their texts, and the textures that they share.
 *
 * @module
 */

import type { Chooser } from "../../graph/choices.ts";
import type { Plan } from "../../graph/plan.ts";
import type { Step } from "../../graph/step.ts";
import type { Addresses } from "./addresses.ts";
import { assemble, type Assembled, placeOf, type TargetDevice } from "./assemble.ts";
import { Packer } from "./multi_tensor.ts";
import { TextureSlots, type TextureUse } from "./texture_slots.ts";

/** One dispatch with its place among the shared textures. */
export interface PlannedDispatch extends Assembled {
  /** What it computes: one step, or maps that share a text. */
  readonly steps: readonly Step[];
  readonly textures: readonly TextureUse[];
}

/** What dispatches are written for. */
export interface DispatchDevice extends TargetDevice {
  /** Bytes of a buffer that can be bound. */
  readonly maxBinding: number;
}

/** The dispatches of a plan, in order, and the bytes of all textures that they read from. */
export function dispatchesOf(
  plan: Plan,
  device: DispatchDevice,
  choices: Chooser,
  addresses: Addresses,
): { readonly dispatches: readonly PlannedDispatch[]; readonly textureBytes: number } {
  const packer = new Packer(plan, device, addresses, device.maxBinding);
  const packed = [...plan.steps.flatMap((step) => packer.add(step)), ...packer.finish()];
  const slots = new TextureSlots();
  const dispatches = packed.map(({ steps, assembled }): PlannedDispatch => {
    const dispatch = assembled ?? assemble(steps[0], plan, device, choices);
    const written = new Set(steps.flatMap(({ writes }) => writes).map((node) => placeOf(plan.locations.get(node)!)));
    return { ...dispatch, steps, textures: slots.assign(dispatch.textures, written) };
  });
  return { dispatches, textureBytes: slots.bytes };
}
