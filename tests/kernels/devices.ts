/**
 * The devices that the tests run kernels on.
 *
 * @module
 */

import type { Device } from "../../src/device/device.ts";
import { openGpuJs } from "../../src/device/gpujs/device.ts";
import { openWebGpu } from "../../src/device/webgpu/device.ts";

/** A kind of device; a test of one that is not present is ignored, and counted so. */
export interface DeviceKind {
  readonly name: string;
  readonly present: boolean;
  open(): Promise<Device>;
}

const adapter = await navigator.gpu?.requestAdapter();

/** Can the adapter hold tensors in half precision? Tests of that are ignored where it cannot, and counted so. */
export const hasHalf = adapter?.features.has("shader-f16") ?? false;

/** Every kind of device. */
export const devices: readonly DeviceKind[] = [
  { name: "WebGPU", present: Boolean(adapter), open: async () => (await openWebGpu())! },
  { name: "gpu.js (WebAssembly)", present: true, open: () => openGpuJs("webasm") },
  { name: "gpu.js (JavaScript)", present: true, open: () => openGpuJs("cpu") },
];
