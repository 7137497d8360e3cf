/**
 * Where bytes are: one word for it, from the plan to what a device binds.
 *
 * A plan lays temporaries out in pages of an arena, and knows states and inputs by their names. A device that holds
 * states side by side (`src/device/state_pages.ts`) has pages of these, too.
 *
 * @module
 */

import type { Precision } from "./graph.ts";

/** Where some bytes begin, and how many they are. */
interface Bytes {
  readonly offset: number;
  readonly bytes: number;
}

/** Bytes of a page, by its number: of temporaries, or of states that lie side by side. */
export type PagePlace = Bytes & { readonly in: "arena" | "statePage"; readonly page: number };

/** Bytes of a state or an input, by its name. */
export type NamedPlace = Bytes & { readonly in: "state" | "input"; readonly name: string };

/** A place in memory. */
export type Place = PagePlace | NamedPlace;

/** The place of a stored tensor, and how its numbers are held there. */
export type TensorPlace = Place & { readonly precision: Precision };

/** Offsets of places are multiples of this many bytes, as WebGPU's bindings must be. */
export const ALIGNMENT = 256;

/** Tells places apart by where they begin. */
export function placeKey(place: Place): string {
  return `${place.in} ${place.offset} ${"page" in place ? place.page : place.name}`;
}

/** Do two places in pages share a byte? */
export function overlap(a: PagePlace, b: PagePlace): boolean {
  return a.in === b.in && a.page === b.page && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}
