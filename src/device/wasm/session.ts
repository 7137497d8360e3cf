/**
 * A session on WebAssembly: State and an arena in one shared memory, and programs over them.
 *
 * @module
 */

import { compile } from "../../graph/compile.ts";
import type { Chooser } from "../../graph/choices.ts";
import type { Graph } from "../../graph/graph.ts";
import { checkPrecision, checkState, checkWrite, missingState } from "../checks.ts";
import type { Device, Program, Session } from "../device.ts";
import type { Assembler } from "./assembler.ts";
import { SharedMemory } from "./memory.ts";
import { type Numbers, SCRATCH } from "./messages.ts";
import type { Pool } from "./pool.ts";
import { type ProgramHost, WasmProgram } from "./program.ts";
import { TARGET } from "./target.ts";

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

/** State and programs in one memory. */
export class WasmSession implements Session, ProgramHost {
  readonly pool: Pool;
  readonly assembler: Assembler;
  /** By which Workers know it. */
  readonly number: number = numbered++;
  /** Does the host have relaxed SIMD? */
  readonly relaxed: boolean;
  readonly #device: Device;
  readonly #choices: Chooser;
  readonly #memory = new SharedMemory();
  readonly #states = new Map<string, State>();
  readonly #programs: number[] = [];
  /** Temporaries, and what steps share beyond them. */
  readonly arena: Shared = { address: 0, bytes: 0 };
  /** Counts moves of the arena: addresses from before one are stale. */
  generation = 0;
  /** The program whose outputs are still in the arena. */
  lastRun?: Program;

  constructor(device: Device, pool: Pool, assembler: Assembler, relaxed: boolean, choices: Chooser) {
    this.relaxed = relaxed;
    this.#device = device;
    this.pool = pool;
    this.assembler = assembler;
    this.#choices = choices;
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

  write(name: string, values: Float32Array): void {
    this.place(name, values.length);
    const state = this.#states.get(name)!;
    checkWrite(name, state.length, values.length);
    state.isWritten = true;
    const write = { address: state.address, values: values.slice() };
    this.pool.tellLeader({ type: "write", session: this.number, write }, [write.values.buffer]);
  }

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

  async settle(): Promise<void> {
    await this.readRanges([]);
  }

  compile(graph: Graph): Program {
    checkPrecision(this.#device, graph.precision);
    this.lastRun = undefined;
    const compiled = compile(graph, TARGET, this.#choices);
    for (const [name, length] of compiled.states) this.place(name, length);
    return new WasmProgram(this, compiled);
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
