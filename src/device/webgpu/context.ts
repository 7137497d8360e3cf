/**
 * A WebGPU device with what is cached for it, and the faults it has complained of.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import type { GpuKind } from "../../../kernels/op.ts";
import type { Chooser } from "../../graph/choices.ts";
import { cut } from "../../graph/cut.ts";
import { fuse } from "../../graph/fuse.ts";
import type { Graph, Precision } from "../../graph/graph.ts";
import { lower } from "../../graph/lower.ts";
import { type MemoryLimits, type Plan, plan } from "../../graph/plan.ts";
import { checkPrecision } from "../checks.ts";
import type { Rates } from "../rates.ts";
import { type AdapterClass, allAreGpus, classify } from "./adapter_class.ts";
import { Pipelines } from "./pipelines.ts";

/** Storage buffers that every device lets a dispatch have. */
const PROMISED = 8;

/** More storage buffers than this are of no use: 32 are the norms of 16 gradients. */
export const MOST_STORAGE = 32;

/** Largest buffer on a GPU, in bytes: drivers place several of these where they find no room for one that takes most of the memory. */
const MOST_ON_GPU = 2 ** 30;

const FUSION = { prologues: true, epilogues: true, manyWrites: true, maxBindings: PROMISED } as const;

/** What a device allows. */
export interface DeviceLimits extends MemoryLimits {
  /** Tensors that a dispatch may touch; by default what WebGPU promises. */
  readonly maxTensors?: number;
}

/** Lowers, cuts, fuses and lays out a graph as WebGPU runs it, compositions by plain rules unless told; needs no adapter. */
export function layOut(graph: Graph, limits: DeviceLimits, choices?: Chooser): { graph: Graph; plan: Plan } {
  const lowered = cut(lower(graph, { choices, maxBytes: limits.maxBinding }), limits.maxBinding, choices);
  const fused = fuse(lowered, { ...FUSION, maxJoined: limits.maxTensors ?? PROMISED });
  return { graph: lowered, plan: plan(lowered, fused, limits) };
}

/** Formats of the textures that tensors are read from: one or four numbers a texel. */
export type TextureFormat = "r32float" | "rgba32float" | "rgba16float";

/** How a dispatch uses a buffer, in WGSL's words. */
export type Access = "read" | "read_write";

const BUFFER_TYPES: Readonly<Record<Access, GPUBufferBindingType>> = {
  read: "read-only-storage",
  read_write: "storage",
};

/** What sessions and programs share. */
export class WebGpuContext {
  readonly kind = "webgpu";
  readonly gpu: GPUDevice;
  readonly pipelines: Pipelines;
  /** The adapter, for people. */
  readonly description: string;
  /** How temporaries can be held. */
  readonly precisions: readonly Precision[];
  /** What the adapter is by its names. */
  readonly adapterClass: AdapterClass;
  /** Largest tensor that a kernel is given, in bytes. */
  readonly maxBinding: number;
  /** What the device was measured to do; undefined where it was not. */
  rates?: Rates;
  /** Is it treated as a GPU, whatever its names and rates say? */
  readonly #isForced = allAreGpus();
  #fault?: Error;
  #closing = false;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  /**
   * @param gpu The device.
   * @param info Of its adapter.
   * @param maxBinding Largest tensor that a kernel is given, in bytes: the device's limit, or less.
   */
  constructor(gpu: GPUDevice, info: GPUAdapterInfo, maxBinding: number = gpu.limits.maxStorageBufferBindingSize) {
    this.gpu = gpu;
    this.pipelines = new Pipelines(gpu);
    this.maxBinding = maxBinding;
    const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(" ");
    this.precisions = gpu.features.has("shader-f16") ? ["f32", "f16"] : ["f32"];
    this.adapterClass = classify(info).class;
    // What is measured so is of another device.
    this.description = this.#isForced && this.adapterClass === "software" ? `${name} taken for a GPU` : name;
    // A validation error is silent unless it is listened for; nothing computed after it is to be believed.
    gpu.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#fault ??= faultOf((event as GPUUncapturedErrorEvent).error);
    });
    gpu.lost.then(({ reason, message }) => {
      if (this.#closing) return;
      this.#fault = new UserError(
        `The GPU was lost (${
          message || reason || "no reason given"
        }): what it said after that is not kept; go on with --resume`,
      );
    });
  }

  /** Does a processor play the GPU? By its names, or by its rates once they are known. */
  get isSoftware(): boolean {
    if (this.#isForced) return false;
    return this.adapterClass === "software" || this.rates?.isProcessor === true;
  }

  /** What kind of GPU it is, where its names tell. */
  get gpuKind(): GpuKind | undefined {
    const { adapterClass } = this;
    return adapterClass === "software" || adapterClass === "unknown" ? undefined : adapterClass;
  }

  /** Is what a dispatch only reads bound for reading alone? Llvmpipe reads it no faster, and more texts take longer to compile. */
  get bindsReadOnly(): boolean {
    return !this.isSoftware;
  }

  /** Largest buffer of temporaries, in bytes, unless one alone is larger. */
  get maxBuffer(): number {
    return Math.min(this.gpu.limits.maxBufferSize, this.isSoftware ? Infinity : MOST_ON_GPU);
  }

  /** Largest buffer of states, in bytes, unless one alone is larger: it can be bound as a whole. */
  get maxPage(): number {
    return Math.min(this.maxBinding, this.maxBuffer);
  }

  /** Are tensors read from textures? On a processor that takes a tenth of the time, where a dispatch may have enough of them. */
  get readsTextures(): boolean {
    return this.isSoftware && this.gpu.limits.maxStorageTexturesPerShaderStage >= PROMISED;
  }

  /** Tensors that a dispatch may touch. */
  get #maxTensors(): number {
    const { maxStorageBuffersPerShaderStage, maxStorageTexturesPerShaderStage } = this.gpu.limits;
    return this.readsTextures
      ? Math.min(maxStorageBuffersPerShaderStage, maxStorageTexturesPerShaderStage)
      : maxStorageBuffersPerShaderStage;
  }

  /** Throws what the device has complained of since it was opened. */
  check(): void {
    if (this.#fault) throw this.#fault;
  }

  /** Waits for the device; throws what it has complained of by then, whether or not it says that all went well. */
  async wait(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } finally {
      this.check();
    }
  }

  /** Lowers, cuts, fuses and lays out a graph for this device. Throws UserError where it cannot hold it in its precision. */
  plan(graph: Graph, choices: Chooser): { graph: Graph; plan: Plan } {
    checkPrecision(this, graph.precision);
    const { maxBuffer, maxBinding, bindsReadOnly } = this;
    return layOut(graph, { maxBuffer, maxBinding, alternates: bindsReadOnly, maxTensors: this.#maxTensors }, choices);
  }

  /** Layout of a dispatch: the numbers, then tensors in buffers, then textures of these formats. */
  layout(storage: readonly { readonly access: Access }[], textures: readonly TextureFormat[]): GPUBindGroupLayout {
    const key = `${storage.map(({ access }) => access)} ${textures}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const visibility = GPUShaderStage.COMPUTE;
      const entries: GPUBindGroupLayoutEntry[] = [{ binding: 0, visibility, buffer: { type: "uniform" } }];
      for (const { access } of storage) {
        entries.push({ binding: entries.length, visibility, buffer: { type: BUFFER_TYPES[access] } });
      }
      for (const format of textures) {
        entries.push({ binding: entries.length, visibility, storageTexture: { access: "read-only", format } });
      }
      this.#layouts.set(key, layout = this.gpu.createBindGroupLayout({ entries }));
    }
    return layout;
  }

  /** Gives the device back. */
  close(): void {
    this.#closing = true;
    this.gpu.destroy();
  }
}

function faultOf(error: GPUError): Error {
  const message = error.message.replaceAll("\n", " ");
  return error instanceof GPUOutOfMemoryError
    ? new UserError(`The GPU has no memory left (${message}): give a smaller --batch or --image-size`)
    : new Error(`WebGPU refused a command: ${message}`);
}
