/**
 * A gpu.js session: State as arrays, and programs that run step by step.
 *
 * @module
 */

import { opNamed } from "../../../kernels/mod.ts";
import { sizeOf } from "../../../kernels/op.ts";
import { compile, type CompiledProgram } from "../../graph/compile.ts";
import { callOf, type Graph, liveNodes, type Node, storageOf } from "../../graph/graph.ts";
import { describeStep, type FusedStep } from "../../graph/fused_step.ts";
import type { Device, MemoryUse, Program, Session, StepTime, Values } from "../device.ts";
import { checkPrecision, checkState, checkWrite, inputValues, missingState, staleOutputs } from "../checks.ts";
import { printExpression } from "../expression.ts";
import { JavaScript } from "../javascript.ts";
import { memoryUse } from "../memory.ts";
import { type GpuJsContext, type GpuJsKernel, MAX_TENSOR_BYTES, TARGET } from "./context.ts";

/** State on the host, and programs over it. */
export class GpuJsSession implements Session {
  readonly #device: Device;
  readonly #context: GpuJsContext;
  readonly #states = new Map<string, Float32Array>();
  /** Numbers of each state that was written, or that a program names. */
  readonly #sizes = new Map<string, number>();
  /** The program whose outputs can be read. */
  lastRun?: Program;

  constructor(device: Device, context: GpuJsContext) {
    this.#device = device;
    this.#context = context;
  }

  write(state: string, values: Float32Array): void {
    this.#size(state, values.length);
    checkWrite(state, this.#sizes.get(state)!, values.length);
    this.#states.set(state, values.slice());
  }

  read(states: readonly string[]): Promise<Map<string, Float32Array>> {
    return Promise.resolve(new Map(states.map((name) => [name, this.state(name).slice()])));
  }

  /** The array of a state. */
  state(name: string): Float32Array {
    const values = this.#states.get(name);
    if (!values) throw missingState(name);
    return values;
  }

  compile(graph: Graph): Program {
    checkPrecision(this.#device, graph.precision);
    this.lastRun = undefined;
    const compiled = compile(graph, TARGET);
    const program = new GpuJsProgram(this, this.#context, compiled);
    for (const [name, length] of compiled.states) this.#size(name, length);
    return program;
  }

  /** Gives a state its size, unless it has one. */
  #size(state: string, length: number): void {
    if (!this.#sizes.has(state)) this.#sizes.set(state, length);
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    this.#states.clear();
  }
}

class GpuJsProgram implements Program {
  readonly memory: MemoryUse;
  readonly #session: GpuJsSession;
  readonly #compiled: CompiledProgram;
  readonly #kernels: readonly StepKernel[];
  #outputs: Record<string, Float32Array> = {};

  constructor(session: GpuJsSession, context: GpuJsContext, compiled: CompiledProgram) {
    this.#session = session;
    this.#compiled = compiled;
    this.memory = memoryUse(compiled);
    const { largest, steps } = compiled;
    if (largest > MAX_TENSOR_BYTES) {
      throw new RangeError(`A tensor of ${largest} bytes does not fit: gpu.js takes at most ${MAX_TENSOR_BYTES}`);
    }
    this.#kernels = steps.map((step) => makeKernel(context, step));
  }

  get steps(): number {
    return this.#compiled.steps.length;
  }

  /** gpu.js compiles a kernel when it is first called. */
  prepare(): Promise<void> {
    return Promise.resolve();
  }

  run(inputs: Values): void {
    this.#run(inputs, () => {});
  }

  profile(inputs: Values): Promise<StepTime[]> {
    const times: StepTime[] = [];
    let last = performance.now();
    this.#run(inputs, (step) => {
      const now = performance.now();
      times.push({ ...describeStep(step), seconds: (now - last) / 1000 });
      last = now;
    });
    return Promise.resolve(times);
  }

  #run(inputs: Values, onStep: (step: FusedStep) => void): void {
    const { graph, states, steps, released, outputs } = this.#compiled;
    for (const [name, length] of states) checkState(name, this.#session.state(name).length, length);
    const values = new Map<Node, Float32Array>();
    // A kernel takes a scalar input as an array, a map as a number.
    for (const node of liveNodes(graph)) {
      const name = node.attrs.name as string;
      if (node.op === "state") values.set(node, this.#session.state(name));
      if (node.op === "input") values.set(node, inputValues(inputs, name, sizeOf(node.shape)));
    }
    steps.forEach((step, k) => {
      const { run, tables, scalars } = this.#kernels[k];
      const operands = operandsOf(step).map((node) => values.get(node)!);
      values.set(step.writes[0], run(...operands, ...tables, ...scalars.map((name) => inputs[name][0])));
      for (const node of released[k]) values.delete(node);
      onStep(step);
    });
    // Assignments wait for the last read of the old values, which is now past.
    for (const { state, value } of graph.assignments) this.#session.write(state, values.get(storageOf(value))!);
    this.#outputs = Object.fromEntries([...outputs].map(([name, [{ node }]]) => [name, values.get(node)!]));
    this.#session.lastRun = this;
  }

  outputs(): Promise<Record<string, Float32Array>> {
    if (this.#session.lastRun !== this) return Promise.reject(staleOutputs());
    const copies = Object.entries(this.#outputs).map(([name, values]) => [name, values.slice()]);
    return Promise.resolve(Object.fromEntries(copies));
  }
}

/** Stored tensors in the order in which the step's kernel takes them. */
function operandsOf(step: FusedStep): readonly Node[] {
  return step.kernels.length > 0 ? step.kernels[0].kernel.inputs.map(storageOf) : step.reads;
}

/** A step's kernel, and what it takes after its operands: arrays of constants, then scalar inputs. */
interface StepKernel {
  readonly run: GpuJsKernel;
  readonly tables: readonly Float32Array[];
  readonly scalars: readonly string[];
}

function makeKernel(context: GpuJsContext, step: FusedStep): StepKernel {
  const length = sizeOf(step.writes[0].shape);
  const operands = operandsOf(step).map(({ shape }) => sizeOf(shape));
  if (step.kernels.length > 0) {
    const [{ kernel: node }] = step.kernels;
    const kernel = opNamed(node.op).kernel!;
    const call = callOf(node);
    const tables = kernel.table ? [Float32Array.from(kernel.table(call))] : [];
    const sizes = [...operands, ...tables.map((table) => table.length)];
    return { run: context.kernel(kernel.gpujs.toString(), length, sizes, kernel.params(call)), tables, scalars: [] };
  }
  const names = step.reads.map((_, k) => `a${k}`);
  const language = new JavaScript((leaf) => names[step.reads.indexOf(storageOf(leaf))]);
  const { statements, results } = printExpression(step, step.roots, language);
  const parameters = [...names, ...language.scalars.map((_, k) => `s${k}`)].join(", ");
  const source = `function (${parameters}) {\n${statements.join("\n")}\nreturn ${results[0]};\n}`;
  return { run: context.kernel(source, length, operands, {}), tables: [], scalars: language.scalars };
}
