/**
 * The memory of a session on WebAssembly: State, the arena that its programs share, and reading back.
 *
 * @module
 */

import { checkState, checkWrite, missingState } from "../checks.ts";
import type { Program } from "../device.ts";
import type { Assembler } from "./assembler.ts";
import { SharedMemory } from "./shared_memory.ts";
import { type Numbers, SCRATCH } from "./messages.ts";
import type { Pool } from "./pool.ts";

/** Numbers given to sessions and programs, which Workers know them by. */
let numbered = 0;

interface State extends Numbers {
  isWritten: boolean;
}

/** A part of the memory that programs share one after the other. */
interface Shared {
  address: number;
  bytes: number;
}

/** State and an arena in one shared memory. */
export class WasmMemory implements Disposable {
  readonly pool: Pool;
  readonly assembler: Assembler;
  /** By which Workers know it. */
  readonly number: number = numbered++;
  /** Does the host have relaxed SIMD? */
  readonly relaxed: boolean;
  readonly #memory = new SharedMemory();
  readonly #states = new Map<string, State>();
  readonly #programs: number[] = [];
  /** Temporaries, and what steps share beyond them. */
  readonly arena: Shared = { address: 0, bytes: 0 };
  /** Counts moves of the arena: addresses from before one are stale. */
  generation = 0;
  /** The program whose outputs are still in the arena. */
  lastRun?: Program;

  constructor(pool: Pool, assembler: Assembler, relaxed: boolean) {
    this.pool = pool;
    this.assembler = assembler;
    this.relaxed = relaxed;
    const scratch = this.allocate(SCRATCH * pool.threads);
    pool.tell({ type: "session", session: this.number, memory: this.#memory.memory, scratch });
  }

  /** Address of memory that stays until the session ends. */
  allocate(bytes: number): number {
    return this.#memory.allocate(bytes);
  }

  /** Makes the arena at least so large. */
  reserve(bytes: number): void {
    this.lastRun = undefined;
    if (this.arena.bytes >= bytes) return;
    this.#memory.release(this.arena.address, this.arena.bytes);
    this.arena.bytes = 0;
    this.arena.address = this.allocate(bytes);
    this.arena.bytes = bytes;
    this.generation++;
  }

  /** A number for a new program. */
  enrol(): number {
    this.#programs.push(numbered);
    return numbered++;
  }

  /** Creates a state, or gives one a new value. */
  write(name: string, values: Float32Array): void {
    this.place(name, values.length);
    const state = this.#states.get(name)!;
    checkWrite(name, state.length, values.length);
    state.isWritten = true;
    const write = { address: state.address, values: values.slice() };
    this.pool.tellLeader({ type: "write", session: this.number, write }, [write.values.buffer]);
  }

  /** Values of states, in one read back. */
  async read(names: readonly string[]): Promise<Map<string, Float32Array>> {
    const values = await this.readRanges(names.map((name) => {
      const state = this.#states.get(name);
      if (!state?.isWritten) throw missingState(name);
      return state;
    }));
    return new Map(names.map((name, k) => [name, values[k]]));
  }

  /** Copies ranges out of the memory, after all that was asked for before. */
  async readRanges(ranges: readonly Numbers[]): Promise<readonly Float32Array[]> {
    const plain = ranges.map(({ address, length }) => ({ address, length }));
    const { values } = await this.pool.ask<"values">((question) =>
      this.pool.tellLeader({ type: "read", session: this.number, question, ranges: plain }, [])
    );
    return values;
  }

  /** Gives a state its place, unless it has one. */
  place(name: string, length: number): void {
    if (this.#states.has(name)) return;
    this.#states.set(name, { address: this.allocate(4 * length), length, isWritten: false });
  }

  /** Address of a state's first number. */
  addressOf(name: string): number {
    return this.#states.get(name)!.address;
  }

  /** Throws TypeError unless every state was written with so many numbers. */
  checkStates(sizes: ReadonlyMap<string, number>): void {
    for (const [name, length] of sizes) {
      const state = this.#states.get(name);
      checkState(name, state?.isWritten ? state.length : undefined, length);
    }
  }

  [Symbol.dispose](): void {
    this.pool.drop(this.number, this.#programs);
    this.#states.clear();
  }
}
