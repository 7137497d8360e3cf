/**
 * A WebGPU session: its memory and its programs.
 *
 * @module
 */

import type { Chooser } from "../../graph/choices.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Program, Session } from "../device.ts";
import type { WebGpuContext } from "./context.ts";
import { WebGpuMemory } from "./memory.ts";
import { WebGpuProgram } from "./program.ts";

/** State and programs on one WebGPU device. */
export class WebGpuSession implements Session {
  readonly #context: WebGpuContext;
  readonly #choices: Chooser;
  readonly #memory: WebGpuMemory;

  constructor(context: WebGpuContext, choices: Chooser) {
    this.#context = context;
    this.#choices = choices;
    this.#memory = new WebGpuMemory(context);
  }

  write(state: string, values: Float32Array): void {
    this.#memory.write(state, values);
  }

  read(states: readonly string[]): Promise<Map<string, Float32Array>> {
    return this.#memory.read(states);
  }

  compile(graph: Graph): Program {
    return new WebGpuProgram(this.#memory, this.#context.compile(graph, this.#choices), this.#choices);
  }

  async settle(): Promise<void> {
    await this.#context.wait(this.#context.gpu.queue.onSubmittedWorkDone());
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
