/**
 * The WebAssembly device: programs run on all cores by Workers over one shared memory.
 *
 * @module
 */

import { Choices, type Chooser } from "../../graph/choices.ts";
import { compile } from "../../graph/compile.ts";
import type { Graph } from "../../graph/graph.ts";
import { checkPrecision } from "../checks.ts";
import type { Device, MemoryUse, Session, Tuned, TuneOptions } from "../device.ts";
import { freeHostMemory } from "../host.ts";
import { memoryUse } from "../memory.ts";
import type { Rates } from "../rates.ts";
import { Tuner } from "../tuner.ts";
import { Assembler } from "./assembler.ts";
import { MOST_BYTES, SharedMemory } from "./shared_memory.ts";
import { Pool } from "./pool.ts";
import { WasmSession } from "./session.ts";
import { WasmMemory } from "./memory.ts";
import { hasRelaxedSimd } from "./support.ts";
import { TARGET } from "./target.ts";
import { hasWays, waysOfKernel } from "./write_step.ts";

/** More threads than this gain little: they share the memory's bandwidth. */
const MOST_THREADS = 16;

/** Ways that a quick tuning times beside the heuristic's. */
const QUICK = 3;

/** How it runs. */
export interface WasmOptions {
  /** Threads; by default one for each core. What is computed does not depend on it. */
  readonly threads?: number;
  /** Is a product and a sum one instruction? By default where the host has it. */
  readonly relaxed?: boolean;
}

/**
 * Opens WebAssembly.
 *
 * @throws UserError when the host has no memory that threads share to give, or does not start them.
 */
export async function openWasm(options: WasmOptions = {}): Promise<WasmDevice> {
  const { threads = navigator.hardwareConcurrency, relaxed = hasRelaxedSimd() } = options;
  // As every session will: what cannot be had is known now.
  new SharedMemory();
  const [assembler, pool] = await Promise.all([Assembler.open(), Pool.open(Math.min(threads, MOST_THREADS))]);
  return new WasmDevice(pool, assembler, relaxed);
}

/** Runs graphs with WebAssembly. */
export class WasmDevice implements Device {
  readonly kind = "wasm";
  readonly name = "WebAssembly";
  readonly description: string;
  readonly isSoftware = true;
  readonly precisions = ["f32"] as const;
  readonly maxTensorBytes = MOST_BYTES;
  readonly memoryBytes?: number;
  readonly choices: Choices = new Choices();
  rates?: Rates;
  readonly #pool: Pool;
  readonly #assembler: Assembler;
  readonly #relaxed: boolean;

  constructor(pool: Pool, assembler: Assembler, relaxed: boolean) {
    this.#relaxed = relaxed;
    this.#pool = pool;
    this.#assembler = assembler;
    const free = freeHostMemory();
    this.memoryBytes = free === undefined ? undefined : Math.min(free, MOST_BYTES);
    const threads = `${pool.threads} thread${pool.threads === 1 ? "" : "s"}`;
    this.description = `the processor (${threads}, ${relaxed ? "relaxed SIMD" : "SIMD"})`;
  }

  open(choices: Chooser = this.choices): Session {
    return new WasmSession(this, new WasmMemory(this.#pool, this.#assembler, this.#relaxed), choices);
  }

  measure(graph: Graph, choices: Chooser = this.choices): MemoryUse {
    checkPrecision(this, graph.precision);
    return memoryUse(compile(graph, TARGET, choices));
  }

  tune(graphs: readonly Graph[], options: TuneOptions): Promise<Tuned> {
    return new Tuner({
      target: { isSoftware: true },
      quick: QUICK,
      hasClock: true,
      hasCandidates: hasWays,
      candidates: waysOfKernel,
      compile: (graph, choices) => compile(graph, TARGET, choices),
      open: (choices) => this.open(choices),
    }, options).tune(graphs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }
}
