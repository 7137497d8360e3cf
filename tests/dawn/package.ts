/**
 * Dawn, the WebGPU implementation of Chrome, Edge and Node, as npm's package `webgpu` brings it: the second opinion on
 * what WGSL and WebGPU are, beside wgpu in Deno.
 *
 * @module
 */

/** The package's version: part of what a pass is kept by. */
export const VERSION = "0.6.2";

/** What the package exports. */
export interface Dawn {
  /**
   * Opens an implementation; flags such as `backend=null`. It must be kept, or the collector takes its devices' ground
   * away.
   */
  create(flags: readonly string[]): GPU;
  /** `GPUBufferUsage` and the other names that WebGPU defines. */
  readonly globals: Readonly<Record<string, unknown>>;
}

/** A variable, so that Deno fetches the package (132 MB) only when it is used. */
const specifier = "npm:webgpu@0.6.2";

/** Dawn, or why it is not here: tests that need it are ignored then, and counted so. */
export async function loadDawn(): Promise<Dawn | string> {
  try {
    return await import(specifier);
  } catch (error) {
    return (error as Error).message.split("\n")[0];
  }
}
