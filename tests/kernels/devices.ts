/**
 * The devices that the tests run kernels on.
 *
 * @module
 */

import type { Device } from "../../src/device/device.ts";
import { heedForceGpu } from "../../src/device/host.ts";
import { allAreGpus, classify } from "../../src/device/webgpu/adapter_class.ts";
import { deviceKinds } from "../../src/device/registry.ts";
import { WebGpuDevice } from "../../src/device/webgpu/device.ts";

/** A device that tests open; a test of one that is not present is ignored, and counted so. */
export interface DeviceUnderTest {
  readonly name: string;
  readonly present: boolean;
  open(): Promise<Device>;
}

heedForceGpu();
const adapter = await navigator.gpu?.requestAdapter();

/** Can the adapter hold tensors in half precision? Tests of that are ignored where it cannot, and counted so. */
export const hasHalf = adapter?.features.has("shader-f16") ?? false;

/** `deno task test:dawn` and `test:half` ask about WebGPU alone. */
const kinds = deviceKinds.filter(({ kind }) => kind === "webgpu" || Deno.env.get("ONLY_WEBGPU") !== "1");

/** Every kind of device, in every way to run it; one that is not present is there to be ignored. */
export const devices: readonly DeviceUnderTest[] = (await Promise.all(kinds.map(async ({ name, find, others = {} }) => {
  const found = await find(true);
  const present = "open" in found;
  const open = async () => {
    const again = await find(true);
    if ("missing" in again) throw new Error(again.missing);
    return await again.open();
  };
  return [
    { name, present, open },
    ...Object.entries(others).map(([way, open]) => ({ name: `${name} (${way})`, present, open })),
  ];
}))).flat();

/** Is the adapter a software adapter, and is it treated so? */
export const isSoftware: boolean = Boolean(adapter) && classify(adapter!.info).class === "software" && !allAreGpus();

/** The adapter at hand, which reports these limits in the place of its own. */
export async function openWithLimits(limits: Partial<Record<keyof GPUSupportedLimits, number>>): Promise<WebGpuDevice> {
  const fresh = (await navigator.gpu.requestAdapter())!;
  const gpu = await fresh.requestDevice();
  const reported = new Proxy(gpu.limits, {
    get: (own, name) => limits[name as keyof GPUSupportedLimits] ?? Reflect.get(own, name, own),
  });
  Object.defineProperty(gpu, "limits", { value: reported });
  return new WebGpuDevice(gpu, fresh.info);
}

/** The adapter at hand, taken for a GPU of this name: it is given a GPU's kernels. */
export async function openAsGpu(description = "a GPU"): Promise<WebGpuDevice> {
  const gpu = await (await navigator.gpu.requestAdapter())!.requestDevice();
  return new WebGpuDevice(gpu, {
    ...{ vendor: "", architecture: "", device: "", description, isFallbackAdapter: false },
    ...{ subgroupMinSize: 4, subgroupMaxSize: 128 },
  });
}
