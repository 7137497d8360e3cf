/**
 * Opens the device that the flags ask for and says which it is.
 *
 * @module
 */

import type { Device } from "../device/device.ts";
import { type Backend, openDevice } from "../device/open.ts";

/** Opens a device; `say` gets a line that names the choice and the adapter. */
export async function chooseDevice(backend: Backend, say: (line: string) => void): Promise<Device> {
  const device = await openDevice(backend);
  const fellBack = backend === "auto" && device.kind === "gpujs" ? " (there is no WebGPU adapter)" : "";
  say(`device ${device.kind === "webgpu" ? "WebGPU" : "gpu.js"}${fellBack}: ${device.description}`);
  return device;
}
