/**
 * Puts Dawn in the place of Deno's own WebGPU, before a test file is loaded: `deno test --preload`.
 *
 * `DAWN_LIMITS=promised` hides what an adapter has beyond the limits that WebGPU promises. `FORCE_GPU=1` takes the
 * adapter for a GPU, whatever its name says. `DAWN_BACKEND=null` gives no adapter: what needs numbers is ignored, and
 * counted so.
 *
 * @module
 */

import { type Dawn, loadDawn } from "./package.ts";

const dawn = await loadDawn();
if (typeof dawn === "string") throw new Error(`npm's webgpu is not here: ${dawn}`);

for (const [name, value] of Object.entries(dawn.globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

/** All that was opened: what the collector takes while Dawn uses it ends the process. */
const kept: unknown[] = [];

/** A GPU in name. */
function disguised({ vendor }: GPUAdapterInfo): GPUAdapterInfo {
  return {
    ...{ vendor, architecture: "", device: "", description: "a GPU by FORCE_GPU", isFallbackAdapter: false },
    ...{ subgroupMinSize: 4, subgroupMaxSize: 128 },
  };
}

/** Limits of a device for which nothing was asked: those that WebGPU promises. */
async function promisedLimits(gpu: GPU): Promise<GPUSupportedLimits> {
  const device = await (await gpu.requestAdapter())!.requestDevice();
  kept.push(device);
  return device.limits;
}

function gpuOf({ create }: Dawn): Pick<GPU, "requestAdapter"> {
  const gpu = create([]);
  kept.push(gpu);
  return {
    async requestAdapter(options) {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return adapter;
      kept.push(adapter);
      const { features } = adapter;
      const info = Deno.env.get("FORCE_GPU") === "1" ? disguised(adapter.info) : adapter.info;
      const limits = Deno.env.get("DAWN_LIMITS") === "promised" ? await promisedLimits(gpu) : adapter.limits;
      return { info, limits, features, requestDevice: (asked) => adapter.requestDevice(asked) } as GPUAdapter;
    },
  };
}

const isNull = Deno.env.get("DAWN_BACKEND") === "null";
Object.defineProperty(navigator, "gpu", { value: isNull ? undefined : gpuOf(dawn), configurable: true });
