/**
 * Opens the device that the flags ask for and says which it is.
 *
 * @module
 */

import { cacheFolder } from "../data/store/cache_folder.ts";
import type { Device } from "../device/device.ts";
import { type Backend, openDevice } from "../device/open.ts";
import { ratesOf, ratesText } from "../train/rates.ts";

/** Opens a device; `say` gets a line that names the choice and the adapter. */
export async function chooseDevice(backend: Backend, say: (line: string) => void): Promise<Device> {
  const device = await openDevice(backend);
  const fellBack = backend === "auto" && device.kind === "gpujs" ? " (there is no WebGPU adapter)" : "";
  say(`device ${device.name}${fellBack}: ${device.description}`);
  return device;
}

/** Gives a WebGPU device its rates; `say` gets a line where they were measured just now. */
export async function measureDevice(device: Device, say: (line: string) => void): Promise<void> {
  // gpu.js has one way to everything, and no queue.
  if (device.kind !== "webgpu") return;
  const { rates, isNew, notKept } = await ratesOf(device, cacheFolder());
  if (isNew) say(`rates  ${ratesText(rates)}`);
  if (notKept) say(`note   the rates are not kept: ${notKept}`);
  device.rates = rates;
  if (rates.isProcessor && device.isSoftware) {
    say(`note   ${device.description} is as fast as a processor, and is treated as one`);
  }
}
