/**
 * The memory of a WebGPU session: the buffers of State, the arena that its programs share, and reading back.
 *
 * The session owns State. What a program finds missing is laid out side by side in few buffers (`state_pages.ts`). So a
 * session compiles before it writes. What was written before has a buffer of its own. Programs of a session share one
 * arena, so outputs are read before another program runs.
 *
 * Reading back costs over 10 ms in Deno. So sums of the loss stay on the device between two logs, and several values
 * are read at once.
 *
 * @module
 */

import { checkState, checkWrite, missingState } from "../checks.ts";
import type { Program } from "../device.ts";
import type { PagePlace } from "../../graph/place.ts";
import { type InPages, inPagesBy, type Pieces, sideBySide } from "../state_pages.ts";
import type { WebGpuContext } from "./context.ts";
import { textureSize, type TextureUse } from "./texture_slots.ts";

/** A range to read back: the first `length` numbers of a buffer from `offset` bytes on. */
export interface Range {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly length: number;
}

/** Where a state is. */
interface State {
  readonly pieces: Pieces;
  readonly length: number;
  /** Was it given a value? Until then it only has its place. */
  isWritten: boolean;
}

/** State and an arena on one WebGPU device. */
export class WebGpuMemory implements Disposable {
  readonly context: WebGpuContext;
  /** Where places lie in the buffers that programs share. */
  readonly inPages: InPages = inPagesBy((state) => this.#state(state).pieces);
  readonly #states = new Map<string, State>();
  readonly #buffers: Readonly<Record<PagePlace["in"], GPUBuffer[]>> = { statePage: [], arena: [] };
  readonly #textures = new Map<string, GPUTexture>();
  /** Every buffer, those of programs too: one that was not finished for want of memory leaves none behind. */
  readonly #owned = new Set<GPUBuffer>();
  /** Counts replacements of the arena's buffers: bind groups made before one are stale. */
  generation = 0;
  /** The program whose outputs are still in the arena. */
  lastRun?: Program;

  constructor(context: WebGpuContext) {
    this.context = context;
  }

  /**
   * Gives those of some states that are not there yet their places, side by side; they have no value until they are
   * written. A state never moves: programs have its place in their tables.
   */
  place(sizes: ReadonlyMap<string, number>): void {
    const missing = [...sizes].filter(([name]) => !this.#states.has(name));
    const { pages, places } = sideBySide(new Map(missing), this.context, this.#buffers.statePage.length);
    for (const bytes of pages) this.#buffers.statePage.push(this.createBuffer(bytes));
    for (const [name, length] of missing) {
      this.#states.set(name, { pieces: places.get(name)!, length, isWritten: false });
    }
  }

  /** Creates a state, or gives one a new value. */
  write(name: string, values: Float32Array): void {
    this.place(new Map([[name, values.length]]));
    const state = this.#states.get(name)!;
    checkWrite(name, state.length, values.length);
    state.isWritten = true;
    for (const { buffer, offset, start, length } of this.#ranges(state)) {
      const part = values.subarray(start, start + length) as Float32Array<ArrayBuffer>;
      this.context.gpu.queue.writeBuffer(buffer, offset, part);
    }
  }

  /** Values of states, in one read back. */
  async read(states: readonly string[]): Promise<Map<string, Float32Array>> {
    const ranges = states.map((name) => {
      const state = this.#state(name);
      if (!state.isWritten) throw missingState(name);
      return this.#ranges(state);
    });
    const values = await this.readRanges(ranges.flat());
    return new Map(states.map((name, k) => [name, joined(values.splice(0, ranges[k].length))]));
  }

  /** The pieces of a state, of which `start` is the first number. */
  #ranges({ pieces, length }: State): (Range & { readonly start: number })[] {
    return pieces.map((piece, k) => {
      const start = k * pieces[0].bytes / 4;
      return { ...this.at(piece), start, length: Math.min(piece.bytes / 4, length - start) };
    });
  }

  #state(name: string): State {
    const state = this.#states.get(name);
    if (!state) throw missingState(name);
    return state;
  }

  /** Throws TypeError unless every state was written with so many numbers. */
  checkStates(sizes: ReadonlyMap<string, number>): void {
    for (const [name, length] of sizes) {
      const state = this.#states.get(name);
      checkState(name, state?.isWritten ? state.length : undefined, length);
    }
  }

  /** A buffer of at least so many bytes, freed with the session. */
  createBuffer(
    bytes: number,
    usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  ): GPUBuffer {
    const buffer = this.context.createBuffer({ size: Math.max(256, Math.ceil(bytes / 256) * 256), usage });
    this.#owned.add(buffer);
    return buffer;
  }

  /** One of the textures of a capacity; the programs share them, one after the other. */
  texture({ format, capacity, slot }: TextureUse): GPUTexture {
    const key = `${format} ${capacity} ${slot}`;
    let texture = this.#textures.get(key);
    if (!texture) {
      const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST;
      this.#textures.set(key, texture = this.context.createTexture({ size: textureSize(capacity), format, usage }));
    }
    return texture;
  }

  /** Makes the arena's pages at least so large. */
  reserve(pages: readonly number[]): void {
    this.lastRun = undefined;
    const { arena } = this.#buffers;
    pages.forEach((bytes, k) => {
      if (arena[k]?.size >= bytes) return;
      arena[k]?.destroy();
      this.#owned.delete(arena[k]);
      arena[k] = this.createBuffer(bytes);
      this.generation++;
    });
  }

  /** The buffer and offset of a place. */
  at(place: PagePlace): { buffer: GPUBuffer; offset: number } {
    return { buffer: this.#buffers[place.in][place.page], offset: place.offset };
  }

  /**
   * Copies ranges to the host, in as few maps as buffers of their size allow: each map costs over ten milliseconds in
   * Deno.
   */
  async readRanges(ranges: readonly Range[]): Promise<Float32Array[]> {
    const groups: Range[][] = [];
    let room = 0;
    for (const range of ranges) {
      if (groups.length === 0 || 4 * range.length > room) {
        groups.push([]);
        room = this.context.maxBuffer;
      }
      groups.at(-1)!.push(range);
      room -= 4 * range.length;
    }
    const values: Float32Array[] = [];
    for (const group of groups) values.push(...await this.#readAtOnce(group));
    return values;
  }

  async #readAtOnce(ranges: readonly Range[]): Promise<Float32Array[]> {
    const { gpu } = this.context;
    const starts: number[] = [];
    let bytes = 0;
    for (const { length } of ranges) {
      starts.push(bytes);
      bytes += 4 * length;
    }
    if (bytes === 0) return ranges.map(() => new Float32Array());
    const staging = this.context.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
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
    for (const buffer of this.#owned) buffer.destroy();
    for (const texture of this.#textures.values()) texture.destroy();
  }
}

/** Parts of a tensor as one. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let start = 0;
  for (const part of parts) {
    whole.set(part, start);
    start += part.length;
  }
  return whole;
}
