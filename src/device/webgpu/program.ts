/**
 * Replays a planned graph: pipelines, bind groups and the dispatch list are made once; a run uploads its inputs,
 * encodes the list and submits it.
 *
 * @module
 */

import { sizeOf } from "../../../kernels/op.ts";
import type { Chooser } from "../../graph/choices.ts";
import type { Node } from "../../graph/graph.ts";
import type { CompiledProgram } from "../../graph/compile.ts";
import { describeSteps, type FusedStep } from "../../graph/fused_step.ts";
import type { Place } from "../../graph/place.ts";
import { inputValues, staleOutputs } from "../checks.ts";
import type { MemoryUse, Program, StepTime, Values } from "../device.ts";
import { memoryUse } from "../memory.ts";
import { TEXTURE_WIDTH } from "./bound_step.ts";
import { Clock } from "./clock.ts";
import { dispatchesOf, type PlannedDispatch } from "./dispatches.ts";
import type { PipelineSource } from "./pipelines.ts";
import { commandBuffersOf } from "./submits.ts";
import { TEXEL_BYTES, type TextureUse } from "./texture_slots.ts";
import { joined, type WebGpuMemory } from "./memory.ts";

interface Dispatch extends PlannedDispatch, PipelineSource {
  /** Offset of the dispatch's numbers in the program's uniform buffer. */
  readonly paramsAt: number;
}

const UNIFORM_ALIGNMENT = 256;

/** A program of a WebGPU memory. */
export class WebGpuProgram implements Program {
  readonly memory: MemoryUse;
  readonly #memory: WebGpuMemory;
  readonly #compiled: CompiledProgram;
  readonly #dispatches: readonly Dispatch[];
  /** The same, in the command buffers that they are submitted in. */
  readonly #commandBuffers: readonly (readonly Dispatch[])[];
  readonly #uniforms: GPUBuffer;
  /** The uniform buffer on the host, with the scalars of the last run. */
  readonly #params: Uint32Array<ArrayBuffer>;
  readonly #floats: Float32Array;
  /** Where each scalar input stands in the uniform buffer, in numbers. */
  readonly #scalars = new Map<string, number[]>();
  readonly #inputs = new Map<string, { buffer: GPUBuffer; length: number }>();
  /** Values on their way from one state to another. */
  #detour?: GPUBuffer;
  /** Of each dispatch, from the first run on. */
  #pipelines?: readonly GPUComputePipeline[];
  #groups: GPUBindGroup[] = [];
  #generation = -1;

  constructor(memory: WebGpuMemory, compiled: CompiledProgram, choices: Chooser) {
    this.#memory = memory;
    this.#compiled = compiled;
    memory.place(compiled.states);
    const { dispatches, textureBytes } = dispatchesOf(compiled, memory.context, choices, memory.inPages);
    this.memory = memoryUse(compiled, textureBytes);
    let paramsAt = 0;
    const placed = (dispatch: PlannedDispatch): Dispatch => {
      const layout = memory.context.layout(dispatch.bindings, dispatch.textures.map(({ format }) => format));
      const at = paramsAt;
      paramsAt += Math.ceil(dispatch.params.byteLength / UNIFORM_ALIGNMENT) * UNIFORM_ALIGNMENT;
      return { ...dispatch, layout, paramsAt: at };
    };
    this.#commandBuffers = commandBuffersOf(dispatches, memory.context).map((buffer) => buffer.map(placed));
    this.#dispatches = this.#commandBuffers.flat();
    this.#params = new Uint32Array(Math.max(UNIFORM_ALIGNMENT, paramsAt) / 4);
    this.#floats = new Float32Array(this.#params.buffer);
    this.#uniforms = this.#collectParams();
    for (const [name, length] of compiled.inputs) {
      this.#inputs.set(name, { buffer: memory.createBuffer(4 * length), length });
    }
    memory.reserve(compiled.pages);
  }

  get steps(): number {
    return this.#dispatches.length;
  }

  async prepare(onProgress?: (done: number, total: number) => void): Promise<void> {
    const { context } = this.#memory;
    await context.wait(context.pipelines.prepare(this.#dispatches, onProgress));
  }

  /** Puts the numbers of all dispatches into one buffer. */
  #collectParams(): GPUBuffer {
    const { gpu } = this.#memory.context;
    for (const { params, paramsAt, scalars } of this.#dispatches) {
      this.#params.set(params, paramsAt / 4);
      for (const { name, at } of scalars) {
        this.#scalars.set(name, [...this.#scalars.get(name) ?? [], paramsAt / 4 + at]);
      }
    }
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const buffer = this.#memory.createBuffer(this.#params.byteLength, usage);
    gpu.queue.writeBuffer(buffer, 0, this.#params);
    return buffer;
  }

  /** Takes the values of a run's inputs. */
  #upload(inputs: Values): void {
    const { queue } = this.#memory.context.gpu;
    for (const [name, { buffer, length }] of this.#inputs) {
      queue.writeBuffer(buffer, 0, inputValues(inputs, name, length) as Float32Array<ArrayBuffer>);
    }
    for (const [name, places] of this.#scalars) {
      const [value] = inputValues(inputs, name, 1);
      for (const at of places) this.#floats[at] = value;
    }
    if (this.#scalars.size > 0) queue.writeBuffer(this.#uniforms, 0, this.#params);
  }

  #place(place: Place): { buffer: GPUBuffer; offset: number } {
    if (place.in === "input") return { buffer: this.#inputs.get(place.name)!.buffer, offset: place.offset };
    return this.#memory.at(this.#memory.inPages(place)!);
  }

  #bind(): void {
    if (this.#generation === this.#memory.generation) return;
    const { context } = this.#memory;
    this.#memory.checkStates(this.#compiled.states);
    const descriptors = this.#dispatches.map((
      { layout, bindings, textures, params, paramsAt },
    ): GPUBindGroupDescriptor => ({
      layout,
      entries: [
        {
          binding: 0,
          resource: { buffer: this.#uniforms, offset: paramsAt, size: Math.ceil(params.byteLength / 16) * 16 },
        },
        ...bindings.map((place, k) => ({
          binding: k + 1,
          // A kernel may read four numbers at a time to the end: places are apart by more than that.
          resource: { ...this.#place(place), size: Math.ceil(place.bytes / 16) * 16 },
        })),
        ...textures.map((operand, k) => ({
          binding: bindings.length + k + 1,
          resource: this.#memory.texture(operand).createView(),
        })),
      ],
    }));
    this.#groups = context.make("bind group", () => descriptors.map((group) => context.gpu.createBindGroup(group)));
    this.#generation = this.#memory.generation;
  }

  run(inputs: Values): void {
    this.#memory.context.check();
    this.#upload(inputs);
    // An empty command buffer has crashed Deno.
    if (this.#dispatches.length > 0) this.#submit();
    this.#memory.lastRun = this;
  }

  /** Encodes and submits the command buffers; with `clock`, every dispatch is a pass of its own, whose end is noted. */
  #submit(clock?: Clock): void {
    this.#bind();
    const { gpu } = this.#memory.context;
    let encoder = gpu.createCommandEncoder();
    let first = 0;
    for (const [at, dispatches] of this.#commandBuffers.entries()) {
      if (at > 0) {
        gpu.queue.submit([encoder.finish()]);
        encoder = gpu.createCommandEncoder();
      }
      this.#encode(encoder, dispatches, first, clock);
      first += dispatches.length;
    }
    clock?.resolve(encoder);
    this.#copyStates(encoder);
    gpu.queue.submit([encoder.finish()]);
  }

  /** Encodes dispatches, of which the first is number `first` of the run's. */
  #encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[], first: number, clock?: Clock): void {
    const { pipelines } = this.#memory.context;
    this.#pipelines ??= this.#dispatches.map((dispatch) => pipelines.of(dispatch));
    let pass: GPUComputePassEncoder | undefined;
    for (const [k, { grid, textures }] of dispatches.entries()) {
      const copied = textures.filter(({ copies }) => copies);
      if (copied.length > 0 || clock) {
        pass?.end();
        pass = undefined;
        for (const use of copied) this.#copyToTexture(encoder, use);
      }
      pass ??= encoder.beginComputePass(clock && { timestampWrites: clock.pass(first + k) });
      pass.setPipeline(this.#pipelines[first + k]);
      pass.setBindGroup(0, this.#groups[first + k]);
      pass.dispatchWorkgroups(...grid);
    }
    pass?.end();
  }

  /** Gives states the values that could not be computed in their places. */
  #copyStates(encoder: GPUCommandEncoder): void {
    const { copies, places } = this.#compiled;
    const within = copies.filter(({ from }) => places.get(from)!.in === "state");
    for (const { from, to } of copies) {
      let source = this.#place(places.get(from)!);
      const target = this.#place(to);
      const bytes = 4 * sizeOf(from.shape);
      if (source.buffer === target.buffer) {
        // Within one buffer nothing can be copied.
        this.#detour ??= this.#memory.createBuffer(Math.max(...within.map(({ from }) => 4 * sizeOf(from.shape))));
        encoder.copyBufferToBuffer(source.buffer, source.offset, this.#detour, 0, bytes);
        source = { buffer: this.#detour, offset: 0 };
      }
      encoder.copyBufferToBuffer(source.buffer, source.offset, target.buffer, target.offset, bytes);
    }
  }

  async profile(inputs: Values): Promise<StepTime[]> {
    const { context } = this.#memory;
    using clock = new Clock(context, this.#dispatches.length);
    context.check();
    this.#upload(inputs);
    if (this.#dispatches.length > 0) this.#submit(clock);
    this.#memory.lastRun = this;
    const seconds = await clock.read();
    const precisionOf = (node: Node) => this.#compiled.places.get(node)!.precision;
    // The parts of a dispatch that was split stand side by side, and have the same steps.
    const times = new Map<readonly FusedStep[], number>();
    this.#dispatches.forEach(({ steps }, k) => times.set(steps, (times.get(steps) ?? 0) + seconds[k]));
    return [...times].map(([steps, seconds]) => ({ ...describeSteps(steps, precisionOf), seconds }));
  }

  /** Copies a tensor into its texture: whole rows, then what is left. */
  #copyToTexture(encoder: GPUCommandEncoder, use: TextureUse): void {
    const { place, format, texels } = use;
    const { buffer, offset } = this.#place(place);
    const texture = this.#memory.texture(use);
    const rows = Math.floor(texels / TEXTURE_WIDTH);
    const rest = texels % TEXTURE_WIDTH;
    const bytesPerRow = TEXTURE_WIDTH * TEXEL_BYTES[format];
    if (rows > 0) encoder.copyBufferToTexture({ buffer, offset, bytesPerRow }, { texture }, [TEXTURE_WIDTH, rows]);
    if (rest > 0) {
      const source = { buffer, offset: offset + rows * bytesPerRow, bytesPerRow };
      encoder.copyBufferToTexture(source, { texture, origin: [0, rows] }, [rest, 1]);
    }
  }

  async outputs(): Promise<Record<string, Float32Array>> {
    if (this.#memory.lastRun !== this) throw staleOutputs();
    const outputs = [...this.#compiled.outputs];
    const values = await this.#memory.readRanges(
      outputs.flatMap(([, parts]) => parts).map(({ place, length }) => ({ ...this.#place(place), length })),
    );
    return Object.fromEntries(outputs.map(([name, parts]) => [name, joined(values.splice(0, parts.length))]));
  }
}
