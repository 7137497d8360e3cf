/**
 * How much memory is counted on where WebGPU does not tell.
 *
 * @module
 */

/**
 * Bytes that are counted on in a card with memory of its own. Nearly all that are in use have 4 GiB, most have 8, of which the
 * desktop and the browser take one or two.
 */
const OF_A_CARD = 4 * 2 ** 30;

/**
 * Names of adapters that share the host's memory: Apple's, Intel's but for the Arc cards, AMD's within processors, and those of
 * phones and small boards.
 */
const SHARING =
  /apple|intel(?!.*\barc\b.*\b[ab]\d{3}m?\b)|radeon.*\b(graphics|\d{3}m)\b|amd custom gpu|adreno|mali|immortalis|xclipse|powervr|\bv3d\b|tegra/i;

/**
 * Bytes that programs on an adapter may take unless the user says otherwise. A guess: WebGPU tells nothing of a GPU's memory.
 *
 * @param info Of the adapter.
 * @param freeOnHost Gives the bytes that are free on the host, where that is known; asked where they are shared.
 */
export function assumedMemory(
  { vendor, architecture, description }: Pick<GPUAdapterInfo, "vendor" | "architecture" | "description">,
  freeOnHost: () => number | undefined,
): number {
  const free = SHARING.test(`${vendor} ${architecture} ${description}`) ? freeOnHost() : undefined;
  // Half of what is free: the other half is for the pictures, the weights that are saved, and the desktop.
  return free === undefined ? OF_A_CARD : Math.floor(free / 2);
}
