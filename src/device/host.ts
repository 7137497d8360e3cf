/**
 * What devices need of the host that Deno runs on. `src/device/webgpu` knows nothing of it, since it runs in a page,
 * too: who opens a device here tells it.
 *
 * What a page runs is listed as `inPage` in `tests/house_test.ts`: kernels, graphs, layers, models, the WebGPU device,
 * a step's graphs, reading safetensors from bytes, and resizing. Neither they nor what they import use Deno, Node or a
 * package. What only a host has is handed to them by who opens it there. `open.ts` hands over the free memory, from
 * here. `src/interop/safetensors_file.ts` hands over files, and a hash that takes them in pieces. `tests/browser`
 * bundles these parts and runs them in headless Chromium.
 *
 * @module
 */

import { takeAllForGpus } from "./webgpu/adapter_class.ts";

/** Bytes that are free on the host; undefined where Deno may not ask. */
export function freeHostMemory(): number | undefined {
  try {
    return Deno.systemMemoryInfo().available;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Keeps the first search for adapters quiet. It asks for a Wayland display, whose library complains on standard error
 * where this variable is not set. An empty folder's name keeps it quiet; nothing is drawn.
 */
export function quietWayland(): void {
  try {
    if (Deno.build.os === "linux" && !Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/nonexistent");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

/**
 * Takes every adapter for a GPU where the environment says `FORCE_GPU=1`, for tests. Where Deno may not read it, it is
 * not set.
 */
export function heedForceGpu(): void {
  try {
    if (Deno.env.get("FORCE_GPU") === "1") takeAllForGpus();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}
