/**
 * States side by side in pages: where tensors lie in the memory that the programs of a session share.
 *
 * @module
 */

import { piecesOf } from "../graph/passes/cut.ts";
import { ALIGNMENT, type PagePlace, type Place } from "../graph/place.ts";

/** Tells where in pages a plan's places are; undefined for inputs, which a program keeps in buffers of its own. */
export type InPages = (place: Place) => PagePlace | undefined;

/**
 * Where a state is: in one piece, or in several of as many bytes where it is larger than a buffer; the last may have
 * less.
 */
export type Pieces = readonly PagePlace[];

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
): { readonly pages: readonly number[]; readonly places: ReadonlyMap<string, Pieces> } {
  const pages: number[] = [];
  const place = (bytes: number): PagePlace => {
    const last = pages.length - 1;
    if (last < 0 || pages[last] + bytes > maxStatePage) pages.push(0);
    const page = pages.length - 1;
    pages[page] += bytes;
    return { in: "statePage", page: first + page, offset: pages[page] - bytes, bytes };
  };
  const places = new Map<string, Pieces>();
  for (const [name, length] of sizes) {
    const whole = Math.ceil(4 * length / ALIGNMENT) * ALIGNMENT;
    const each = Math.ceil(whole / piecesOf(length, maxBuffer) / ALIGNMENT) * ALIGNMENT;
    const starts = Array.from({ length: Math.max(1, Math.ceil(whole / each)) }, (_, k) => k * each);
    places.set(name, starts.map((start) => place(Math.min(each, whole - start))));
  }
  return { pages, places };
}

/** Finds places in pages by the pieces of states. */
export function inPagesBy(piecesOf: (state: string) => Pieces): InPages {
  return (place) => {
    if ("page" in place) return place;
    if (place.in === "input") return undefined;
    const pieces = piecesOf(place.name);
    const { in: kind, page, offset } = pieces[Math.floor(place.offset / pieces[0].bytes)];
    return { in: kind, page, offset: offset + place.offset % pieces[0].bytes, bytes: place.bytes };
  };
}
