/**
 * How much memory is counted on where WebGPU does not tell.
 *
 * @module
 */

import type { AdapterClass } from "./adapter_class.ts";

/**
 * Bytes that are counted on in a card with memory of its own. Nearly all that are in use have 4 GiB, most have 8, of
 * which the desktop and the browser take one or two.
 */
const OF_A_CARD = 4 * 2 ** 30;

/**
 * Bytes that programs on an adapter may take unless the user says otherwise. A guess: WebGPU tells nothing of a GPU's
 * memory.
 *
 * @param adapter What it is. One that is not known is taken for a card.
 * @param freeOnHost Gives the bytes that are free on the host, where that is known; asked where they are shared.
 */
export function assumedMemory(adapter: AdapterClass, freeOnHost: () => number | undefined): number {
  const free = adapter === "integrated" || adapter === "apple" ? freeOnHost() : undefined;
  // Half of what is free: the other half is for the pictures, the weights that are saved, and the desktop.
  return free === undefined ? OF_A_CARD : Math.floor(free / 2);
}
