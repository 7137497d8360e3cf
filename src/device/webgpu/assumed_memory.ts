/**
 * How much memory is counted on where WebGPU does not tell.
 *
 * @module
 */

/**
 * Bytes that are counted on in a card with memory of its own. Nearly all that are in use have 4 GiB, most have 8, of
 * which the desktop and the browser take one or two.
 */
const OF_A_CARD = 4 * 2 ** 30;

/** Names of adapters that share the host's memory. */
const SHARING = new RegExp(
  [
    "apple",
    // All but the Arc cards.
    "intel(?!.*\\barc\\b.*\\b[ab]\\d{3}m?\\b)",
    // Those within processors.
    "radeon.*\\b(graphics|\\d{3}m)\\b",
    "amd custom gpu",
    // Phones and small boards.
    "adreno|mali|immortalis|xclipse|powervr|\\bv3d\\b|tegra",
  ].join("|"),
  "i",
);

/**
 * Bytes that programs on an adapter may take unless the user says otherwise: a guess, since WebGPU tells nothing of a
 * GPU's memory.
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
