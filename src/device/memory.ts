/**
 * Sums of a plan's memory.
 *
 * @module
 */

import type { Plan } from "../graph/passes/plan.ts";
import type { Place } from "../graph/place.ts";
import type { MemoryUse } from "./device.ts";

/**
 * Device memory that a plan takes.
 *
 * @param textures Bytes of the textures that tensors are copied into, where a device reads them so.
 */
export function memoryUse(plan: Plan, textures = 0): MemoryUse {
  const sum = (kind: Place["in"]): number => {
    const byPlace = new Map<string, number>();
    for (const place of plan.places.values()) {
      if (place.in !== kind || "page" in place) continue;
      byPlace.set(`${place.offset} ${place.name}`, place.bytes);
    }
    return [...byPlace.values()].reduce((total, bytes) => total + bytes, 0);
  };
  return {
    temporaries: plan.pages.reduce((total, bytes) => total + bytes, 0),
    lowerBound: plan.lowerBound,
    state: sum("state"),
    inputs: sum("input"),
    textures,
    largest: plan.largest,
  };
}

/** All that a program takes, in bytes. */
export function totalOf({ temporaries, state, inputs, textures }: MemoryUse): number {
  return temporaries + state + inputs + textures;
}
