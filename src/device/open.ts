/**
 * Chooses a device.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import type { Device } from "./device.ts";
import { openGpuJs } from "./gpujs/device.ts";
import { freeHostMemory, heedForceGpu, quietWayland } from "./host.ts";
import { openWebGpu } from "./webgpu/device.ts";

/** `auto` takes WebGPU where there is an adapter, and gpu.js where there is none. */
export type Backend = "auto" | "webgpu" | "gpujs";

/**
 * Opens a device.
 *
 * @throws UserError when WebGPU is asked for by name and there is no adapter.
 * @example
 * ```ts
 * import { openDevice } from "@fovea/fovea";
 * await using device = await openDevice();
 * console.log(device.kind, device.description);
 * ```
 */
export async function openDevice(backend: Backend = "auto"): Promise<Device> {
  return await openAdapter(backend) ?? await openGpuJs();
}

/**
 * Opens WebGPU where that is asked for or there: what can be done before gpu.js is fetched.
 *
 * @returns The device; undefined where gpu.js is to be used.
 * @throws UserError when WebGPU is asked for by name and there is no adapter.
 */
export async function openAdapter(backend: Backend): Promise<Device | undefined> {
  if (backend === "gpujs") return undefined;
  quietWayland();
  heedForceGpu();
  const device = await openWebGpu(undefined, freeHostMemory);
  if (device) return device;
  if (backend === "webgpu") {
    throw new UserError(
      "WebGPU was asked for and there is no adapter here: install a GPU driver (or Mesa's: libegl1 libgl1-mesa-dri), " +
        `or use ${option("backend")} gpujs`,
    );
  }
  return undefined;
}
