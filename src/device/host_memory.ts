/**
 * Memory of the host, for devices that have none of their own.
 *
 * @module
 */

/** Bytes that are free on the host; undefined where Deno may not ask. */
export function freeHostMemory(): number | undefined {
  try {
    return Deno.systemMemoryInfo().available;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
