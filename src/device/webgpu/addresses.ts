/**
 * Where tensors lie in the buffers that the programs of a session share.
 *
 * @module
 */

import { piecesOf } from "../../graph/passes/cut.ts";
import { ALIGNMENT, type Place } from "../../graph/passes/plan.ts";

/** A place in a buffer of states, or in one of the arena. */
export interface Address {
  readonly in: "statePage" | "arena";
  /** Number of the buffer. */
  readonly page: number;
  /** In bytes. */
  readonly offset: number;
}

/** Part of a buffer. */
export interface BufferWindow extends Address {
  readonly bytes: number;
}

/** Tells where a plan's places are; undefined for inputs, which a program keeps in buffers of its own. */
export type Addresses = (place: Place) => Address | undefined;

/**
 * Where a state is: in one piece, or in several of as many bytes where it is larger than a buffer; the last may have
 * less.
 */
export type Pieces = readonly BufferWindow[];

/** Bytes of the buffers that states lie in. */
export interface StateBuffers {
  /** Of one that holds several: it can be bound as a whole. */
  readonly maxStatePage: number;
  /** The most that there may be. */
  readonly maxBuffer: number;
}

/**
 * Lays states out side by side in as few buffers as may be, each small enough to be bound as a whole unless one state
 * is not.
 *
 * @param sizes Numbers of each state.
 * @param first Number of the first buffer.
 */
export function sideBySide(
  sizes: ReadonlyMap<string, number>,
  { maxStatePage, maxBuffer }: StateBuffers,
  first = 0,
): { readonly pages: readonly number[]; readonly addresses: ReadonlyMap<string, Pieces> } {
  const pages: number[] = [];
  const place = (bytes: number): BufferWindow => {
    const last = pages.length - 1;
    if (last < 0 || pages[last] + bytes > maxStatePage) pages.push(0);
    const page = pages.length - 1;
    pages[page] += bytes;
    return { in: "statePage", page: first + page, offset: pages[page] - bytes, bytes };
  };
  const addresses = new Map<string, Pieces>();
  for (const [name, length] of sizes) {
    const whole = Math.ceil(4 * length / ALIGNMENT) * ALIGNMENT;
    const each = Math.ceil(whole / piecesOf(length, maxBuffer) / ALIGNMENT) * ALIGNMENT;
    const starts = Array.from({ length: Math.max(1, Math.ceil(whole / each)) }, (_, k) => k * each);
    addresses.set(name, starts.map((start) => place(Math.min(each, whole - start))));
  }
  return { pages, addresses };
}

/** Addresses of a plan's places, by the pieces of states. */
export function addressesBy(piecesOf: (state: string) => Pieces): Addresses {
  return (place) => {
    if (place.in !== "state") return place.in === "input" ? undefined : place;
    const pieces = piecesOf(place.name);
    const { in: kind, page, offset } = pieces[Math.floor(place.offset / pieces[0].bytes)];
    return { in: kind, page, offset: offset + place.offset % pieces[0].bytes };
  };
}
