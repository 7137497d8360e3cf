/**
 * The memory of a WebGPU session: the buffers of State, the arena that its programs share, and reading back.
 *
 * @module
 */

import type { Place } from "../../graph/plan.ts";
import { checkState, checkWrite, missingState } from "../checks.ts";
import type { Program } from "../device.ts";
import type { WebGpuContext } from "./context.ts";
import { textureSize, type TextureUse } from "./texture_slots.ts";

/** A range to read back: the first `length` numbers of a buffer from `offset` bytes on. */
export interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly length: number;
}

/** State and an arena on one WebGPU device. */
export class WebGpuMemory implements Disposable {
  readonly context: WebGpuContext;
  readonly #states = new Map<string, { buffer: GPUBuffer; length: number }>();
  readonly #pages: GPUBuffer[] = [];
  readonly #textures = new Map<string, GPUTexture>();
  /** Counts replacements of the arena's buffers: bind groups made before one are stale. */
  generation = 0;
  /** The program whose outputs are still in the arena. */
  lastRun?: Program;

  constructor(context: WebGpuContext) {
    this.context = context;
  }

  /** Creates a state, or gives one a new value. */
  write(state: string, values: Float32Array): void {
    const { gpu } = this.context;
    const known = this.#states.get(state);
    checkWrite(state, known?.length, values.length);
    const buffer = known?.buffer ?? this.createBuffer(4 * values.length);
    this.#states.set(state, { buffer, length: values.length });
    gpu.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
  }

  /** Values of states, in one read back. */
  async read(states: readonly string[]): Promise<Map<string, Float32Array>> {
    const values = await this.readRanges(states.map((name) => ({ ...this.#state(name), offset: 0 })));
    return new Map(states.map((name, k) => [name, values[k]]));
  }

  #state(name: string): { buffer: GPUBuffer; length: number } {
    const state = this.#states.get(name);
    if (!state) throw missingState(name);
    return state;
  }

  /** Throws TypeError unless every state is there with so many numbers. */
  checkStates(sizes: ReadonlyMap<string, number>): void {
    for (const [name, length] of sizes) checkState(name, this.#states.get(name)?.length, length);
  }

  /** A buffer of at least so many bytes. */
  createBuffer(bytes: number): GPUBuffer {
    return this.context.gpu.createBuffer({
      size: Math.max(256, Math.ceil(bytes / 256) * 256),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }

  /** One of the textures of a capacity; the programs share them, one after the other. */
  texture({ format, capacity, slot }: TextureUse): GPUTexture {
    const key = `${format} ${capacity} ${slot}`;
    let texture = this.#textures.get(key);
    if (!texture) {
      const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST;
      this.#textures.set(key, texture = this.context.gpu.createTexture({ size: textureSize(capacity), format, usage }));
    }
    return texture;
  }

  /** Makes the arena's pages at least so large. */
  reserve(pages: readonly number[]): void {
    this.lastRun = undefined;
    pages.forEach((bytes, k) => {
      const page = this.#pages[k];
      if (page && page.size >= bytes) return;
      page?.destroy();
      this.#pages[k] = this.createBuffer(bytes);
      this.generation++;
    });
  }

  /** The buffer and offset of a location outside a program's inputs. */
  place(location: Exclude<Place, { in: "input" }>): { buffer: GPUBuffer; offset: number } {
    return location.in === "arena"
      ? { buffer: this.#pages[location.page], offset: location.offset }
      : { buffer: this.#state(location.name).buffer, offset: location.offset };
  }

  /** Copies ranges to the host, in one map: each map costs over ten milliseconds in Deno. */
  async readRanges(ranges: readonly Range[]): Promise<Float32Array[]> {
    const { gpu } = this.context;
    const starts: number[] = [];
    let bytes = 0;
    for (const { length } of ranges) {
      starts.push(bytes);
      bytes += 4 * length;
    }
    if (bytes === 0) return ranges.map(() => new Float32Array());
    const staging = gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    try {
      const encoder = gpu.createCommandEncoder();
      ranges.forEach(({ buffer, offset, length }, k) => {
        encoder.copyBufferToBuffer(buffer, offset, staging, starts[k], 4 * length);
      });
      gpu.queue.submit([encoder.finish()]);
      await this.context.wait(staging.mapAsync(GPUMapMode.READ));
      const mapped = staging.getMappedRange();
      return ranges.map(({ length }, k) => new Float32Array(mapped.slice(starts[k], starts[k] + 4 * length)));
    } finally {
      staging.destroy();
    }
  }

  /** Frees every buffer. Without this, memory grows: a dropped buffer is no pressure on the collector. */
  [Symbol.dispose](): void {
    for (const { buffer } of this.#states.values()) buffer.destroy();
    for (const page of this.#pages) page.destroy();
    for (const texture of this.#textures.values()) texture.destroy();
  }
}
