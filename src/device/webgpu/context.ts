/**
 * A WebGPU device with what is cached for it, and the faults it has complained of.
 *
 * @module
 */

import type { GpuKind } from "../../../kernels/op.ts";
import type { Chooser } from "../../graph/choices.ts";
import { compile, type CompiledProgram } from "../../graph/compile.ts";
import type { Graph, Precision } from "../../graph/graph.ts";
import { checkPrecision } from "../checks.ts";
import { DeviceLostError } from "../device_lost.ts";
import { OutOfMemoryError } from "../out_of_memory.ts";
import type { Rates } from "../rates.ts";
import { type AdapterClass, allAreGpus, classify } from "./adapter_class.ts";
import { PROMISED, usable, webGpuTarget } from "./limits.ts";
import { Pipelines } from "./pipelines.ts";

/**
 * Largest buffer on a GPU, in bytes: drivers place several of these where they find no room for one that takes most of
 * the memory.
 */
const MOST_ON_GPU = 2 ** 30;

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
  readonly name = "WebGPU";
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
  /** Largest buffer, in bytes. */
  readonly maxBuffer: number;
  /** What the device was measured to do; undefined where it was not. */
  rates?: Rates;
  /** Is it treated as a GPU, whatever its names and rates say? */
  readonly #isForced = allAreGpus();
  #fault?: Error;
  /** What has been made so far, looked at. */
  #scopes: Promise<unknown> = Promise.resolve();
  #closing = false;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();

  /**
   * @param gpu The device.
   * @param info Of its adapter.
   * @param maxBinding Largest tensor that a kernel is given, in bytes: the device's limit, or less.
   */
  constructor(gpu: GPUDevice, info: GPUAdapterInfo, maxBinding: number = gpu.limits.maxStorageBufferBindingSize) {
    this.gpu = gpu;
    this.pipelines = new Pipelines(gpu, (what, make) => this.make(what, make));
    const limits = usable({ maxBinding, maxBuffer: gpu.limits.maxBufferSize });
    this.maxBinding = limits.maxBinding;
    this.maxBuffer = limits.maxBuffer;
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
      this.#fault = new DeviceLostError(message || reason || "no reason given");
    });
  }

  /**
   * Makes layouts, pipelines or bind groups. That there is no memory for one is a fault of its form, such as more
   * buffers than Metal has slots for, and not of the batch.
   *
   * @param what What is made, for people.
   */
  make<T>(what: string, make: () => T): T {
    this.gpu.pushErrorScope("out-of-memory");
    try {
      return make();
    } finally {
      const scope = this.gpu.popErrorScope().then((error) => {
        if (error) this.#fault ??= new Error(`WebGPU refused a command: it cannot make a ${what}: ${textOf(error)}`);
      }, () => {
        // A device that is lost has no scopes: `lost` tells why.
      });
      this.#scopes = Promise.all([this.#scopes, scope]);
    }
  }

  /** Is it a software adapter? By its names, or by its rates once they are known. */
  get isSoftware(): boolean {
    if (this.#isForced) return false;
    return this.adapterClass === "software" || this.rates?.isProcessor === true;
  }

  /** What kind of GPU it is, where its names tell. */
  get gpuKind(): GpuKind | undefined {
    const { adapterClass } = this;
    return adapterClass === "software" || adapterClass === "unknown" ? undefined : adapterClass;
  }

  /**
   * Is what a dispatch only reads bound for reading alone? Llvmpipe reads it no faster, and more texts take longer to
   * compile.
   */
  get bindsReadOnly(): boolean {
    return !this.isSoftware;
  }

  /** Largest buffer of temporaries, in bytes, unless one alone is larger. */
  get #maxPage(): number {
    return this.isSoftware ? this.maxBuffer : Math.min(this.maxBuffer, MOST_ON_GPU);
  }

  /** Largest buffer of states, in bytes, unless one alone is larger: it can be bound as a whole. */
  get maxStatePage(): number {
    return Math.min(this.maxBinding, this.#maxPage);
  }

  /**
   * Are tensors read from textures? On a processor that takes a tenth of the time, where a dispatch may have enough of
   * them.
   */
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
    } catch (error) {
      // A device that is gone says so in a later turn of the event loop than what it refuses.
      await new Promise((resolve) => setTimeout(resolve));
      throw error;
    } finally {
      await this.#scopes;
      this.check();
    }
  }

  /**
   * Forgets that memory ran out. What was asked for in vain was refused everywhere: that has to be told first, or it
   * would be taken for a fault of later commands.
   */
  async recover(): Promise<void> {
    await this.gpu.queue.onSubmittedWorkDone();
    // Deno tells of faults in a turn of the event loop of their own.
    await new Promise((resolve) => setTimeout(resolve));
    if (this.#fault instanceof OutOfMemoryError) this.#fault = undefined;
    this.check();
  }

  /** Makes a buffer. Throws OutOfMemoryError where it is refused at once; else that is told later, as a fault. */
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    return allocated(() => this.gpu.createBuffer(descriptor));
  }

  /** Makes a texture, as {@link createBuffer} does a buffer. */
  createTexture(descriptor: GPUTextureDescriptor): GPUTexture {
    return allocated(() => this.gpu.createTexture(descriptor));
  }

  /** Compiles a graph for this device. Throws UserError where it cannot hold it in its precision. */
  compile(graph: Graph, choices: Chooser): CompiledProgram {
    checkPrecision(this, graph.precision);
    const { maxBuffer, maxBinding, bindsReadOnly: alternates } = this;
    const limits = { maxBuffer, maxBinding, alternates, maxPage: this.#maxPage, maxTensors: this.#maxTensors };
    return compile(graph, webGpuTarget(limits), choices);
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
      layout = this.make("bind group layout", () => this.gpu.createBindGroupLayout({ entries }));
      this.#layouts.set(key, layout);
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
  return error instanceof GPUOutOfMemoryError
    ? new OutOfMemoryError(textOf(error))
    : new Error(`WebGPU refused a command: ${textOf(error)}`);
}

const textOf = ({ message }: GPUError): string => message.replaceAll("\n", " ");

/** What is allocated; some implementations throw where others tell of it later. */
function allocated<T>(allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (error instanceof RangeError || error instanceof GPUOutOfMemoryError) throw new OutOfMemoryError(error.message);
    throw error;
  }
}
