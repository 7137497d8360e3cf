/**
 * gpu.js with the kernels that were made with it.
 *
 * @module
 */

import { randomJs } from "../../../kernels/random.ts";
import type { CompileTarget } from "../../graph/compile.ts";

/** A compiled gpu.js kernel: flat arrays and numbers in, flat array out. */
export type GpuJsKernel = (...inputs: (Float32Array | number)[]) => Float32Array;

/** The part of gpu.js that is used. */
export interface GpuJs {
  addFunction(source: string): void;
  createKernel(
    source: string,
    options: { output: [number]; constants: Readonly<Record<string, number>> },
  ): GpuJsKernel;
  destroy(): Promise<void>;
}

/** What programs are compiled to: maps are fused, kernels write one tensor as it is, and nothing is cut. */
export const TARGET: CompileTarget = {
  fusion: { prologues: false, epilogues: false, manyWrites: false, maxBindings: 16, maxJoined: 16 },
  maxTensor: Infinity,
  maxBuffer: Infinity,
  arena: { maxPage: Number.MAX_SAFE_INTEGER },
};

/** In `webasm` mode an index is a float32, exact below 2^24. */
export const MAX_TENSOR_BYTES = 4 * 2 ** 24;

/** What sessions and programs share. */
export class GpuJsContext {
  readonly #gpu: GpuJs;
  readonly #kernels = new Map<string, GpuJsKernel>();

  constructor(gpu: GpuJs) {
    this.#gpu = gpu;
    for (const source of randomJs) gpu.addFunction(source);
  }

  /**
   * The kernel of a source; the same source with the same sizes is made once.
   *
   * @param output Numbers it computes.
   * @param operands Numbers in each of its arrays: WebAssembly kernels are bound to the sizes they first see.
   */
  kernel(
    source: string,
    output: number,
    operands: readonly number[],
    constants: Readonly<Record<string, number>>,
  ): GpuJsKernel {
    const key = `${output} ${operands} ${JSON.stringify(constants)} ${source}`;
    let kernel = this.#kernels.get(key);
    if (!kernel) this.#kernels.set(key, kernel = this.#gpu.createKernel(source, { output: [output], constants }));
    return kernel;
  }

  /** Gives gpu.js back. */
  async close(): Promise<void> {
    await this.#gpu.destroy();
  }
}
