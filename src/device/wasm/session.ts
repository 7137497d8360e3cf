/**
 * A session on WebAssembly: its memory and its programs.
 *
 * @module
 */

import { compile } from "../../graph/compile.ts";
import type { Chooser } from "../../graph/choices.ts";
import type { Graph } from "../../graph/graph.ts";
import { checkPrecision } from "../checks.ts";
import type { Device, Program, Session } from "../device.ts";
import { WasmProgram } from "./program.ts";
import type { WasmMemory } from "./memory.ts";
import { TARGET } from "./target.ts";

/** State and programs in one memory. */
export class WasmSession implements Session {
  readonly #device: Device;
  readonly #choices: Chooser;
  readonly #memory: WasmMemory;

  constructor(device: Device, memory: WasmMemory, choices: Chooser) {
    this.#device = device;
    this.#memory = memory;
    this.#choices = choices;
  }

  write(name: string, values: Float32Array): void {
    this.#memory.write(name, values);
  }

  read(names: readonly string[]): Promise<Map<string, Float32Array>> {
    return this.#memory.read(names);
  }

  async settle(): Promise<void> {
    await this.#memory.readRanges([]);
  }

  compile(graph: Graph): Program {
    checkPrecision(this.#device, graph.precision);
    this.#memory.lastRun = undefined;
    const compiled = compile(graph, TARGET, this.#choices);
    for (const [name, length] of compiled.states) this.#memory.place(name, length);
    return new WasmProgram(this.#memory, compiled, this.#choices);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
