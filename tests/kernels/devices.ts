/**
 * The devices that the tests run kernels on.
 *
 * @module
 */

import type { Device } from "../../src/device/device.ts";
import { openGpuJs } from "../../src/device/gpujs/device.ts";
import { heedForceGpu } from "../../src/device/host.ts";
import { allAreGpus, classify } from "../../src/device/webgpu/adapter_class.ts";
import { openWebGpu, WebGpuDevice } from "../../src/device/webgpu/device.ts";

/** A kind of device; a test of one that is not present is ignored, and counted so. */
export interface DeviceKind {
  readonly name: string;
  readonly present: boolean;
  open(): Promise<Device>;
}

heedForceGpu();
const adapter = await navigator.gpu?.requestAdapter();

/** Can the adapter hold tensors in half precision? Tests of that are ignored where it cannot, and counted so. */
export const hasHalf = adapter?.features.has("shader-f16") ?? false;

/** `deno task test:dawn` and `test:half` ask about WebGPU alone. */
const hasGpuJs = Deno.env.get("ONLY_WEBGPU") !== "1";

/** Every kind of device. */
export const devices: readonly DeviceKind[] = [
  { name: "WebGPU", present: Boolean(adapter), open: async () => (await openWebGpu())! },
  { name: "gpu.js (WebAssembly)", present: hasGpuJs, open: () => openGpuJs("webasm") },
  { name: "gpu.js (JavaScript)", present: hasGpuJs, open: () => openGpuJs("cpu") },
];

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
