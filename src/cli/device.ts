/**
 * Opens the device that the flags ask for and says which it is.
 *
 * @module
 */

import { cacheFolder } from "../data/store/cache_folder.ts";
import type { Device } from "../device/device.ts";
import { type Backend, openAdapter, openDevice } from "../device/open.ts";
import { ratesOf, ratesText } from "../train/rates.ts";

/** Opens a device; `say` gets a line that names the choice and the adapter. */
export async function chooseDevice(backend: Backend, say: (line: string) => void): Promise<Device> {
  return await chooseAdapter(backend, say) ?? await openGpuJs(say);
}

/**
 * Opens WebGPU where that is asked for or there. Where only gpu.js is left, `say` gets a line that says what to
 * install, before anything is fetched.
 */
export async function chooseAdapter(backend: Backend, say: (line: string) => void): Promise<Device | undefined> {
  const device = await openAdapter(backend);
  if (device) say(`device ${device.name}: ${device.description}`);
  else if (backend === "auto") {
    say(
      "note   there is no WebGPU adapter, and gpu.js is many times slower: install a GPU's driver with Vulkan, or Mesa's for " +
        "the processor (Debian, Ubuntu: apt-get install libegl1 libgl1-mesa-dri)",
    );
  }
  return device;
}

/** Opens gpu.js; `say` gets a line that names it, before it is fetched. */
export async function openGpuJs(say: (line: string) => void): Promise<Device> {
  say("device gpu.js (127 MB, fetched at its first use)");
  return await openDevice("gpujs");
}

/** Operations of a training step that gpu.js does in a second: 7 pictures of 64×64 by naive-cnn on two cores. */
const GPUJS_RATE = 7 * 3 * 42.3e6;

/**
 * How long gpu.js takes for a run, as far as that can be told beforehand.
 *
 * @param multiplyAdds Of a picture in the forward pass.
 * @param pictures That are trained on, all epochs together.
 * @param validated That are validated and tested on.
 */
export function gpuJsTime(multiplyAdds: number, pictures: number, validated: number): string {
  // The backward pass takes twice as long as the forward one.
  const seconds = multiplyAdds * (3 * pictures + validated) / GPUJS_RATE;
  if (seconds < 10) return "a few seconds";
  return seconds < 90
    ? `${Math.round(seconds)} seconds`
    : seconds < 5400
    ? `${Math.round(seconds / 60)} minutes`
    : `${Math.round(seconds / 3600)} hours`;
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
