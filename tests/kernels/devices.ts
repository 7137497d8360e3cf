/**
 * The devices that the tests run kernels on.
 *
 * @module
 */

import type { Device } from "../../src/device/device.ts";
import { openGpuJs } from "../../src/device/gpujs/device.ts";
import { openWebGpu, WebGpuDevice } from "../../src/device/webgpu/device.ts";

/** A kind of device; a test of one that is not present is ignored, and counted so. */
export interface DeviceKind {
  readonly name: string;
  readonly present: boolean;
  open(): Promise<Device>;
}

const adapter = await navigator.gpu?.requestAdapter();

/** Can the adapter hold tensors in half precision? Tests of that are ignored where it cannot, and counted so. */
export const hasHalf = adapter?.features.has("shader-f16") ?? false;

/** `deno task test:dawn` asks about WebGPU alone. */
const hasGpuJs = !Deno.env.has("DAWN_LIMITS");

/** Every kind of device. */
export const devices: readonly DeviceKind[] = [
  { name: "WebGPU", present: Boolean(adapter), open: async () => (await openWebGpu())! },
  { name: "gpu.js (WebAssembly)", present: hasGpuJs, open: () => openGpuJs("webasm") },
  { name: "gpu.js (JavaScript)", present: hasGpuJs, open: () => openGpuJs("cpu") },
];

/** Is the adapter a processor that plays the GPU? */
export const isSoftware: boolean = adapter?.info.isFallbackAdapter ?? false;

/** The adapter at hand, taken for a GPU: it is given a GPU's kernels. */
export async function openAsGpu(): Promise<WebGpuDevice> {
  const gpu = await (await navigator.gpu.requestAdapter())!.requestDevice();
  return new WebGpuDevice(gpu, {
    ...{ vendor: "", architecture: "", device: "", description: "a GPU", isFallbackAdapter: false },
    ...{ subgroupMinSize: 4, subgroupMaxSize: 128 },
  });
}
