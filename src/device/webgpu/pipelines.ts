/**
 * Pipelines by their texts: a text is compiled once on a device.
 *
 * @module
 */

/** What a pipeline is made of. */
export interface PipelineSource {
  /** WGSL with an entry point `main`. */
  readonly code: string;
  /** Of its one bind group. It follows from the text, whose bindings it describes. */
  readonly layout: GPUBindGroupLayout;
}

/** Makes something of which no fault is one of memory; `what` it is, for people. */
export type Make = <T>(what: string, make: () => T) => T;

/**
 * Pipelines that are compiled at once: enough for the threads that a browser compiles with, and few enough to count
 * them.
 */
const AT_ONCE = 16;

/** The pipelines of a device. */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #make: Make;
  readonly #compiled = new Map<string, GPUComputePipeline>();

  constructor(gpu: GPUDevice, make: Make) {
    this.#gpu = gpu;
    this.#make = make;
  }

  /** The pipeline of a text, compiled now unless it was before. */
  of(source: PipelineSource): GPUComputePipeline {
    let pipeline = this.#compiled.get(source.code);
    if (!pipeline) {
      pipeline = this.#make("pipeline", () => this.#gpu.createComputePipeline(this.#describe(source)));
      this.#compiled.set(source.code, pipeline);
    }
    return pipeline;
  }

  /**
   * Compiles what was not compiled yet, several texts at once where the implementation does that: browsers do, Deno 2.9
   * compiles one after the other.
   *
   * @param onProgress Is told how many of the texts are done.
   * @throws Error for a text that the device refuses.
   */
  async prepare(
    sources: readonly PipelineSource[],
    onProgress?: (done: number, total: number) => void,
  ): Promise<void> {
    const missing = [...new Map(sources.map((source) => [source.code, source])).values()]
      .filter(({ code }) => !this.#compiled.has(code));
    let done = 0;
    for (let first = 0; first < missing.length; first += AT_ONCE) {
      await Promise.all(
        missing.slice(first, first + AT_ONCE).map(async (source) => {
          this.#compiled.set(source.code, await this.#compile(source));
          onProgress?.(++done, missing.length);
        }),
      );
    }
  }

  async #compile(source: PipelineSource): Promise<GPUComputePipeline> {
    try {
      return await this.#make("pipeline", () => this.#gpu.createComputePipelineAsync(this.#describe(source)));
    } catch (error) {
      if (!(error instanceof GPUPipelineError)) throw error;
      throw new Error(`WebGPU refused a kernel: ${error.message.replaceAll("\n", " ")}`);
    }
  }

  #describe({ code, layout }: PipelineSource): GPUComputePipelineDescriptor {
    return {
      layout: this.#make("pipeline layout", () => this.#gpu.createPipelineLayout({ bindGroupLayouts: [layout] })),
      compute: { module: this.#gpu.createShaderModule({ code }), entryPoint: "main" },
    };
  }
}
