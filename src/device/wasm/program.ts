/**
 * A program on WebAssembly: the jobs of its steps with addresses in the session's memory, which the Workers have. A run
 * is one message to each.
 *
 * @module
 */

import { sizeOf } from "../../../kernels/op.ts";
import type { Chooser } from "../../graph/choices.ts";
import type { CompiledProgram } from "../../graph/compile.ts";
import { isScalarInput } from "../../graph/graph.ts";
import type { Place } from "../../graph/place.ts";
import { describeStep } from "../../graph/fused_step.ts";
import { inputValues, staleOutputs } from "../checks.ts";
import type { MemoryUse, Program, StepTime, Values } from "../device.ts";
import { memoryUse } from "../memory.ts";
import { COPIED, type Job, type Written } from "./messages.ts";
import type { WasmMemory } from "./memory.ts";
import type { Arg, WrittenJob, WrittenStep } from "./written.ts";
import { writeStep } from "./write_step.ts";

/** A compiled graph over the memory of its session. */
export class WasmProgram implements Program {
  readonly memory: MemoryUse;
  readonly #session: WasmMemory;
  readonly #compiled: CompiledProgram;
  readonly #number: number;
  readonly #steps: readonly WrittenStep[];
  /** Bytes of the arena before what steps share beyond their tensors. */
  readonly #temporaries: number;
  readonly #inputs: ReadonlyMap<string, number>;
  readonly #scalars: ReadonlyMap<string, number>;
  /** Of the arena, when the Workers were given the addresses. */
  #generation = -1;

  constructor(session: WasmMemory, compiled: CompiledProgram, choices: Chooser) {
    this.#session = session;
    this.#compiled = compiled;
    this.memory = memoryUse(compiled);
    this.#number = session.enrol();
    this.#steps = compiled.steps.map((step) => writeStep(step, session.relaxed, choices));
    this.#temporaries = this.memory.temporaries;
    this.#inputs = new Map([...compiled.inputs].map(([name, length]) => [name, session.allocate(4 * length)]));
    const scalars = session.allocate(4 * compiled.scalars.length);
    this.#scalars = new Map(compiled.scalars.map((name, k) => [name, scalars + 4 * k]));
    session.reserve(this.#temporaries + Math.max(0, ...this.#steps.map(({ workspace = 0 }) => workspace)));
  }

  get steps(): number {
    return this.#steps.length;
  }

  prepare(): Promise<void> {
    this.#tell();
    return Promise.resolve();
  }

  run(inputs: Values): void {
    this.#run(inputs);
  }

  async profile(inputs: Values): Promise<StepTime[]> {
    const { times } = await this.#session.pool.ask<"times">((question) => this.#run(inputs, question));
    return this.#compiled.steps.map((step, k) => ({ ...describeStep(step), seconds: times[k] / 1000 }));
  }

  #run(inputs: Values, timed?: number): void {
    const { states, inputs: lengths, scalars } = this.#compiled;
    this.#session.checkStates(states);
    const taken = (name: string, length: number) => inputValues(inputs, name, length).slice();
    const writes: Written[] = [
      ...[...lengths].map(([name, length]) => ({ address: this.#inputs.get(name)!, values: taken(name, length) })),
      ...scalars.map((name) => ({ address: this.#scalars.get(name)!, values: taken(name, 1) })),
    ];
    this.#tell();
    this.#session.pool.run({ type: "run", program: this.#number, writes, timed });
    this.#session.lastRun = this;
  }

  async outputs(): Promise<Record<string, Float32Array>> {
    if (this.#session.lastRun !== this) throw staleOutputs();
    const outputs = [...this.#compiled.outputs];
    const values = await this.#session.readRanges(
      outputs.map(([, [{ place, length }]]) => ({ address: this.#addressOf(place), length })),
    );
    return Object.fromEntries(outputs.map(([name], k) => [name, values[k]]));
  }

  /** Gives the Workers the program, unless they have it with the addresses of now. */
  #tell(): void {
    const { number: session, assembler, pool, generation } = this.#session;
    if (this.#generation === generation) return;
    const steps = this.#steps.map(({ jobs }) => jobs.map((job) => this.#placed(job)));
    const copies = this.#compiled.copies.map(({ from, to }): Job => {
      const length = sizeOf(from.shape);
      const range = { address: this.#addressOf(this.#compiled.places.get(from)!), length };
      return { kind: "copy", chunks: Math.ceil(length / COPIED), from: range, to: this.#addressOf(to) };
    });
    const used = steps.flat().flatMap((job) => job.kind === "module" ? [job.module] : []);
    const modules = new Map(used.map((number) => [number, assembler.modules[number]]));
    pool.tell({ type: "program", session, program: this.#number, modules, steps: [...steps, copies] });
    this.#generation = generation;
  }

  #placed({ code, chunks, args }: WrittenJob): Job {
    const placed = args.map((arg) => this.#valueOf(arg));
    if (typeof code === "string") {
      return { kind: "module", module: this.#session.assembler.assemble(code), chunks, args: placed };
    }
    const { source, constants, table, lengths } = code;
    const ranges = placed.map((address, k) => ({ address, length: lengths[k] }));
    return { kind: "script", chunks, source, constants, table, reads: ranges.slice(0, -1), write: ranges.at(-1)! };
  }

  #valueOf(arg: Arg): number {
    if (typeof arg === "number") return arg;
    if ("scalar" in arg) return this.#scalars.get(arg.scalar)!;
    // A kernel may have a scalar input for an operand.
    if ("tensor" in arg && isScalarInput(arg.tensor)) return this.#scalars.get(arg.tensor.attrs.name as string)!;
    if ("tensor" in arg) return this.#addressOf(this.#compiled.places.get(arg.tensor)!);
    return this.#session.arena.address + this.#temporaries + arg.workspace;
  }

  #addressOf(place: Place): number {
    if (place.in === "state") return this.#session.addressOf(place.name) + place.offset;
    if (place.in === "input") return this.#inputs.get(place.name)! + place.offset;
    return this.#session.arena.address + place.offset;
  }
}
