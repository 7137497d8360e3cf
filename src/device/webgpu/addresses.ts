/**
 * Where tensors lie in the buffers that the programs of a session share.
 *
 * @module
 */

import { ALIGNMENT, type Place } from "../../graph/plan.ts";

/** A place in a buffer of states, or in one of the arena. */
export interface Address {
  readonly in: "statePage" | "arena";
  /** Number of the buffer. */
  readonly page: number;
  /** In bytes. */
  readonly offset: number;
}

/** Part of a buffer. */
export interface Window extends Address {
  readonly bytes: number;
}

/** Tells where a plan's places are; undefined for inputs, which a program keeps in buffers of its own. */
export type Addresses = (place: Place) => Address | undefined;

/**
 * Lays states out side by side in as few buffers as may be, each small enough to be bound as a whole unless one state is not.
 *
 * @param sizes Numbers of each state.
 * @param most Bytes of a buffer that can be bound.
 * @param first Number of the first buffer.
 */
export function sideBySide(
  sizes: ReadonlyMap<string, number>,
  most: number,
  first = 0,
): { readonly pages: readonly number[]; readonly addresses: ReadonlyMap<string, Address> } {
  const pages: number[] = [];
  const addresses = new Map<string, Address>();
  for (const [name, length] of sizes) {
    const bytes = Math.ceil(4 * length / ALIGNMENT) * ALIGNMENT;
    const last = pages.length - 1;
    if (last < 0 || pages[last] + bytes > most) pages.push(0);
    const page = pages.length - 1;
    addresses.set(name, { in: "statePage", page: first + page, offset: pages[page] });
    pages[page] += bytes;
  }
  return { pages, addresses };
}

/** Addresses of a plan's places, by those of whole states. */
export function addressesBy(addressOf: (state: string) => Address): Addresses {
  return (place) => {
    if (place.in !== "state") return place.in === "input" ? undefined : place;
    const address = addressOf(place.name);
    return { ...address, offset: address.offset + place.offset };
  };
}
