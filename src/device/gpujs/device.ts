/**
 * The gpu.js device: the fallback where there is no WebGPU, and the second opinion in tests. It runs the same
 * graph, without fusing into kernels, on WebAssembly (or plain JavaScript where that is asked for).
 *
 * Maps are fused; kernels are not, and write one tensor: gpu.js compiles one function for one output.
 *
 * @module
 */

import { Choices } from "../../graph/choices.ts";
import { compile } from "../../graph/compile.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Device, MemoryUse, Session } from "../device.ts";
import { checkPrecision } from "../checks.ts";
import { freeHostMemory } from "../host.ts";
import { memoryUse } from "../memory.ts";
import type { Rates } from "../rates.ts";
import { type GpuJs, GpuJsContext, MAX_TENSOR_BYTES, TARGET } from "./context.ts";
import { GpuJsSession } from "./session.ts";

/** How gpu.js runs kernels: WebAssembly with SIMD, or JavaScript, which adds up in float64. */
export type GpuJsMode = "webasm" | "cpu";

/** A variable, so that Deno fetches gpu.js (128 MB with what it depends on) only when it is used. */
const specifier = "npm:gpu.js@2.24.1";

/** Opens gpu.js. */
export async function openGpuJs(mode: GpuJsMode = "webasm"): Promise<GpuJsDevice> {
  const { GPU } = await import(specifier);
  return new GpuJsDevice(new GPU({ mode }), mode);
}

/** Runs graphs with gpu.js. */
export class GpuJsDevice implements Device {
  readonly kind = "gpujs";
  readonly name = "gpu.js";
  readonly description: string;
  readonly isSoftware = true;
  readonly precisions = ["f32"] as const;
  readonly maxTensorBytes = MAX_TENSOR_BYTES;
  readonly memoryBytes?: number = freeHostMemory();
  /** Every call is computed in one way. */
  readonly choices: Choices = new Choices();
  rates?: Rates;
  readonly #context: GpuJsContext;

  constructor(gpu: GpuJs, mode: GpuJsMode) {
    this.#context = new GpuJsContext(gpu);
    this.description = mode === "webasm" ? "WebAssembly on one thread" : "JavaScript on one thread";
  }

  open(): Session {
    return new GpuJsSession(this, this.#context);
  }

  measure(graph: Graph): MemoryUse {
    checkPrecision(this, graph.precision);
    return memoryUse(compile(graph, TARGET));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }
}
