/**
 * Times dispatches by the device's own clock.
 *
 * @module
 */

import type { WebGpuContext } from "./context.ts";

/** Most queries a set may have (WebGPU's limit). */
const MOST = 4096;

/** The time at which the first dispatch of a command buffer began and at which each ended. */
export class Clock implements Disposable {
  readonly #context: WebGpuContext;
  readonly #count: number;
  readonly #sets: readonly GPUQuerySet[];
  readonly #resolved: GPUBuffer;
  readonly #read: GPUBuffer;

  /**
   * @param count Dispatches.
   * @throws Error where the adapter has no timestamps.
   */
  constructor(context: WebGpuContext, count: number) {
    const { gpu } = context;
    if (!gpu.features.has("timestamp-query")) throw new Error("Cannot time steps: the adapter has no timestamp-query");
    this.#context = context;
    this.#count = count;
    // Query 0 is the beginning; query k + 1 the end of dispatch k.
    this.#sets = Array.from(
      { length: Math.ceil((count + 1) / MOST) },
      (_, k) => gpu.createQuerySet({ type: "timestamp", count: Math.min(MOST, count + 1 - k * MOST) }),
    );
    const size = 8 * (count + 1);
    this.#resolved = gpu.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.#read = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  /** What the pass of dispatch `k` notes. */
  pass(k: number): GPUComputePassTimestampWrites {
    const end = { querySet: this.#sets[Math.floor((k + 1) / MOST)], endOfPassWriteIndex: (k + 1) % MOST };
    return k === 0 ? { ...end, beginningOfPassWriteIndex: 0 } : end;
  }

  /** Encodes what brings the times to the host. */
  resolve(encoder: GPUCommandEncoder): void {
    this.#sets.forEach((set, k) => encoder.resolveQuerySet(set, 0, set.count, this.#resolved, 8 * k * MOST));
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#read, 0, this.#read.size);
  }

  /** Seconds of each dispatch, what happened since the one before included. */
  async read(): Promise<number[]> {
    await this.#context.wait(this.#read.mapAsync(GPUMapMode.READ));
    const ticks = new BigUint64Array(this.#read.getMappedRange().slice(0));
    return Array.from({ length: this.#count }, (_, k) => Number(ticks[k + 1] - ticks[k]) / 1e9);
  }

  /** Frees the queries and buffers. */
  [Symbol.dispose](): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved.destroy();
    this.#read.destroy();
  }
}
