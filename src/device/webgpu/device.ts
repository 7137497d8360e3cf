/**
 * The WebGPU device.
 *
 * @module
 */

import { Choices, type Chooser } from "../../graph/choices.ts";
import type { Graph, Precision } from "../../graph/graph.ts";
import type { Device, MemoryUse, Session, Tuned, TuneOptions } from "../device.ts";
import { memoryUse } from "../memory.ts";
import type { Rates } from "../rates.ts";
import { Tuner } from "../tuner.ts";
import { inPagesBy, sideBySide } from "../state_pages.ts";
import { assumedMemory } from "./assumed_memory.ts";
import { WebGpuContext } from "./context.ts";
import { dispatchesOf } from "./dispatches.ts";
import { MOST_STORAGE } from "./limits.ts";
import { WebGpuSession } from "./session.ts";
import { storedChoicesFor } from "./stored_choices.ts";
import { tunable } from "./tunable.ts";

/** The adapter that {@link openWebGpu} opens, or undefined. */
export async function findAdapter(): Promise<GPUAdapter | undefined> {
  return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? undefined;
}

/** Bytes that are free on the host, where it tells. */
type FreeMemory = () => number | undefined;

/** Features that are used where an adapter has them. */
const WANTED: readonly GPUFeatureName[] = ["timestamp-query", "shader-f16"];

/**
 * Opens the default adapter, or gives undefined where there is none.
 *
 * @param maxBinding Cuts tensors that are larger, in bytes: for tests; the default is the adapter's limit.
 * @param freeMemory Tells how many bytes are free on the host, which a software adapter takes, and half of which a GPU
 * may that shares them; a page cannot know.
 */
export async function openWebGpu(maxBinding?: number, freeMemory?: FreeMemory): Promise<WebGpuDevice | undefined> {
  const adapter = await findAdapter();
  return adapter && await openAdapter(adapter, maxBinding, freeMemory);
}

/** Opens an adapter that nothing was opened on; the rest as {@link openWebGpu}. */
export async function openAdapter(
  adapter: GPUAdapter,
  maxBinding?: number,
  freeMemory?: FreeMemory,
): Promise<WebGpuDevice> {
  const { limits } = adapter;
  const device = await adapter.requestDevice({
    // Without asking, a device has 128 MiB bindings and 256 MiB buffers on any card.
    requiredLimits: {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxStorageBuffersPerShaderStage: Math.min(limits.maxStorageBuffersPerShaderStage, MOST_STORAGE),
      maxStorageTexturesPerShaderStage: limits.maxStorageTexturesPerShaderStage,
    },
    requiredFeatures: WANTED.filter((feature) => adapter.features.has(feature)),
  });
  return new WebGpuDevice(device, adapter.info, maxBinding, freeMemory);
}

/** Runs graphs on an adapter. */
export class WebGpuDevice implements Device {
  readonly kind = "webgpu";
  readonly name = "WebGPU";
  readonly memoryBytes?: number;
  readonly memoryIsAssumed: boolean;
  readonly choices: Choices;
  readonly #context: WebGpuContext;

  constructor(gpu: GPUDevice, info: GPUAdapterInfo, maxBinding?: number, freeMemory?: FreeMemory) {
    this.#context = new WebGpuContext(gpu, info, maxBinding);
    // A software adapter takes the host's memory; of a GPU's, WebGPU tells nothing.
    const { adapterClass } = this.#context;
    const isSoftware = adapterClass === "software";
    this.memoryBytes = isSoftware ? freeMemory?.() : assumedMemory(adapterClass, () => freeMemory?.());
    this.memoryIsAssumed = !isSoftware;
    // What is stored for a processor is nothing to go by where it is taken for a GPU.
    const isForced = isSoftware && !this.isSoftware;
    this.choices = isForced ? new Choices() : storedChoicesFor(this.description);
  }

  get description(): string {
    return this.#context.description;
  }

  get precisions(): readonly Precision[] {
    return this.#context.precisions;
  }

  get maxTensorBytes(): number {
    return this.#context.maxBinding;
  }

  get isSoftware(): boolean {
    return this.#context.isSoftware;
  }

  get rates(): Rates | undefined {
    return this.#context.rates;
  }

  set rates(rates: Rates | undefined) {
    this.#context.rates = rates;
  }

  open(choices: Chooser = this.choices): Session {
    return new WebGpuSession(this.#context, choices);
  }

  measure(graph: Graph, choices: Chooser = this.choices): MemoryUse {
    const program = this.#context.compile(graph, choices);
    if (!this.#context.readsTextures) return memoryUse(program);
    // The texts say what is read from textures.
    const { places } = sideBySide(program.states, this.#context);
    const inPages = inPagesBy((state) => places.get(state)!);
    return memoryUse(program, dispatchesOf(program, this.#context, choices, inPages).textureBytes);
  }

  tune(graphs: readonly Graph[], options: TuneOptions): Promise<Tuned> {
    return new Tuner(tunable(this.#context), options).tune(graphs);
  }

  recover(): Promise<void> {
    return this.#context.recover();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#context.close();
    return Promise.resolve();
  }
}
