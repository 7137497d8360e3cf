/**
 * A step with what it binds: which buffers and textures in which order, each read as one number or four, and how a map
 * runs over its elements. It is decided here, as data; `assemble.ts` then only writes the text.
 *
 * On a software adapter, such as Mesa's llvmpipe, tensors are read as storage textures: reading four numbers for each
 * of eight lanes takes 52 instructions there, and 660 cycles from a buffer. (A sampled texture would take 190: its
 * level of detail is looked up for each lane.) On a GPU buffers are as good.
 *
 * @module
 */

import { opNamed } from "../../../kernels/mod.ts";
import { type Call, sizeOf, type Target, type Wgsl } from "../../../kernels/op.ts";
import type { Chooser } from "../../graph/choices.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import { callOf, keyOf, type Node, type Precision, storageOf } from "../../graph/graph.ts";
import type { Plan } from "../../graph/passes/plan.ts";
import { type PagePlace, type Place, placeKey, type TensorPlace } from "../../graph/place.ts";
import { leavesOf } from "../expression.ts";
import type { Access, TextureFormat } from "./context.ts";
import { divisorBelow, fourWide, sharedRun } from "./runs.ts";

/** What an invocation takes at once: one number or four. */
export type View = "f32" | "vec4f";

/** What is known of the device that the text is for. */
export interface TargetDevice extends Target {
  /** Are tensors read from textures, all but small ones? */
  readonly readsTextures: boolean;
  /** Is what a dispatch only reads bound for reading alone? */
  readonly bindsReadOnly: boolean;
}

/** A tensor read as a texture of rows of {@link TEXTURE_WIDTH}. */
export interface TextureOperand {
  /** Where the tensor is. */
  readonly place: TensorPlace;
  /** One or four numbers a texel. */
  readonly format: TextureFormat;
  /** Number of texels. */
  readonly texels: number;
}

/** A range of a buffer in a bind group. */
export interface Binding {
  readonly name: string;
  /** Where it begins. */
  readonly start: Place;
  readonly bytes: number;
  readonly precision: Precision;
  readonly view: View;
  /** How the dispatch uses the whole buffer. */
  readonly access: Access;
}

/** Where code takes a stored tensor from: a binding, so many bytes from its start, or a texture. */
export type Source =
  | { readonly binding: Binding; readonly at: number }
  | { readonly texture: string; readonly view: View };

/** Where a piece of a step's code takes the stored tensors from that it reads. */
export type Sources = ReadonlyMap<Node, Source>;

/** What all dispatches bind. */
interface Bound {
  readonly step: FusedStep;
  readonly bindings: readonly Binding[];
  /** Bound after those: copied before the dispatch. */
  readonly textures: readonly TextureOperand[];
  /** Where each of the step's results goes. */
  readonly stores: readonly Extract<Source, { binding: unknown }>[];
  /** Of the code that computes the roots. */
  readonly sources: Sources;
}

/** A map with what it binds. */
export interface BoundMap extends Bound {
  readonly view: View;
  /** Elements of the result, in units of `view`. */
  readonly count: number;
  /** How many of these an invocation computes, one after the other: what is broadcast over them is read once. */
  readonly turns: number;
  /** Operands of the result's size, in the order in which they are bound. */
  readonly whole: readonly Source[];
}

/** A kernel, or several equal calls of one, with what they bind. */
export interface BoundKernel extends Bound {
  readonly call: Call;
  /** The kernel's own text. */
  readonly wgsl: Wgsl;
  /** Inputs that are read many times, and where from. */
  readonly operands: readonly { readonly input: number; readonly source: Source }[];
  /** Inputs that may be computed where they are read, and where that code reads from. */
  readonly loads: readonly { readonly input: number; readonly sources: Sources }[];
}

/** The part of a page that can be bound and holds a place, and where in it that begins, in bytes. */
export type WindowOf = (place: TensorPlace) => { readonly window: PagePlace; readonly at: number };

/** Texels in a row: a power of 2, with rows of a multiple of 256 bytes. */
export const TEXTURE_WIDTH = 4096;

/** Smaller tensors are not worth a copy. */
const LEAST_IN_TEXTURE = 4096;

/** Formats of textures by how numbers are held and read; one number in half precision has none that WebGPU promises. */
const TEXTURE_FORMATS: Readonly<Record<Precision, Readonly<Partial<Record<View, TextureFormat>>>>> = {
  f32: { f32: "r32float", vec4f: "rgba32float" },
  f16: { vec4f: "rgba16float" },
};

/** Most elements, or groups of four, that one invocation of a map computes where they share what they broadcast. */
const MOST_IN_RUN = 16;

/** Binds a map; `windowOf` where it is one of several that share a text, and finds its tensors in windows. */
export function bindMap(step: FusedStep, plan: Plan, device: TargetDevice, windowOf?: WindowOf): BoundMap {
  const binder = new Binder(plan, device, windowOf);
  const [write] = step.writes;
  const size = sizeOf(write.shape);
  const view = size % 4 === 0 && fourWide(step) ? "vec4f" : "f32";
  const count = view === "vec4f" ? size / 4 : size;
  for (const node of step.writes) binder.bind(node, view);
  const whole = step.reads.filter((node) => sizeOf(node.shape) === size).map((node) => binder.read(node, view));
  const sources = binder.sourcesOf(step, step.roots, view);
  const turns = divisorBelow(sharedRun(step) / (size / count), MOST_IN_RUN);
  return { ...binder.finish(step, view), view, count, turns, whole, sources };
}

/** Binds a kernel, in the variant that `choices` say. */
export function bindKernel(step: FusedStep, plan: Plan, device: TargetDevice, choices: Chooser): BoundKernel {
  const binder = new Binder(plan, device);
  const [{ kernel: node }] = step.kernels;
  const { kernel } = opNamed(node.op);
  const call = callOf(node);
  const wgsl = textOf(device, node.op, call, kernel!.candidates && choices.of(node.op, call), step.kernels.length);
  const { prologue = [] } = kernel!;
  // The kernel's own operands come first: the view it reads them through is the binding's.
  const operands = [...node.inputs.keys()].filter((input) => !prologue.includes(input)).map((input) => {
    const source = binder.read(node.inputs[input], wgsl.reads[input]);
    if (viewOf(source) !== wgsl.reads[input]) throw mixed("bind", viewOf(source), wgsl.reads[input]);
    return { input, source };
  });
  const loads = prologue.map((input) => {
    const values = step.kernels.map(({ kernel }) => kernel.inputs[input]);
    for (const value of values) if (step.reads.includes(storageOf(value))) binder.read(value, wgsl.reads[input]);
    return { input, sources: binder.sourcesOf(step, values, wgsl.reads[input]) };
  });
  for (const write of step.writes) binder.bind(write, wgsl.writes);
  const sources = step.kernels.length > 1 ? new Map() : binder.sourcesOf(step, step.roots, wgsl.writes, node);
  return { ...binder.finish(step, wgsl.writes), call, wgsl, operands, loads, sources };
}

/** Kernels' own texts by device: blocks repeat their calls, and a graph is laid out to be measured and compiled. */
const texts = new WeakMap<TargetDevice, Map<string, Wgsl>>();

/** The kernel's text for a number of equal calls. */
function textOf(device: TargetDevice, op: string, call: Call, candidate: string | undefined, calls: number): Wgsl {
  let known = texts.get(device);
  if (!known) texts.set(device, known = new Map());
  // What a device is taken for changes once, when its rates are known.
  const key = `${device.isSoftware} ${op} ${candidate} ${calls} ${keyOf(call)}`;
  let wgsl = known.get(key);
  if (!wgsl) known.set(key, wgsl = opNamed(op).kernel!.wgsl(call, device, candidate, calls));
  return wgsl;
}

/** What an element read from a source is. */
export function viewOf(source: Source): View {
  return "binding" in source ? source.binding.view : source.view;
}

/** One place cannot be bound both ways: `view` is what is asked, `known` what it is bound as. */
function mixed(what: "bind" | "write", known: View, view: View): TypeError {
  return new TypeError(`Cannot ${what} a tensor as ${view}: its place is bound as ${known}`);
}

type Growing = { -readonly [K in keyof Binding]: Binding[K] };

/** Collects what a step binds, in the order in which it is asked for. */
class Binder {
  readonly #plan: Plan;
  readonly #device: TargetDevice;
  readonly #windowOf?: WindowOf;
  readonly #bindings: Growing[] = [];
  /** Stored tensors that are bound, by place. */
  readonly #bound = new Map<string, { readonly binding: Growing; readonly at: number }>();
  readonly #textures: TextureOperand[] = [];

  constructor(plan: Plan, device: TargetDevice, windowOf?: WindowOf) {
    this.#plan = plan;
    this.#device = device;
    this.#windowOf = windowOf;
  }

  #placeOf(node: Node): TensorPlace {
    return this.#plan.places.get(storageOf(node))!;
  }

  /** Binds a stored tensor, as `view` where what it is in is not bound for another already. */
  bind(node: Node, view: View): { readonly binding: Growing; readonly at: number } {
    const place = this.#placeOf(node);
    let bound = this.#bound.get(placeKey(place));
    if (bound) return bound;
    const { window: start, at } = this.#windowOf?.(place) ?? { window: place, at: 0 };
    let binding = this.#bindings.find((other) => placeKey(other.start) === placeKey(start));
    if (!binding) {
      const { precision } = place;
      const name = `b${this.#bindings.length}`;
      this.#bindings.push(binding = { name, start, bytes: 0, precision, view, access: "read_write" });
    }
    binding.bytes = Math.max(binding.bytes, at + place.bytes);
    this.#bound.set(placeKey(place), bound = { binding, at });
    return bound;
  }

  /** Where a stored tensor is read from, as `view` where its binding is not taken for another already. */
  read(node: Node, view: View): Source {
    const { precision } = this.#placeOf(node);
    const format = TEXTURE_FORMATS[precision][view];
    // What is written in place is read there too: its line is in the processor's cache then, and nothing is copied.
    const isTexture = this.#device.readsTextures && !this.#windowOf &&
      !this.#bound.has(placeKey(this.#placeOf(node))) &&
      sizeOf(node.shape) >= LEAST_IN_TEXTURE;
    return isTexture && format ? { texture: this.#texture(node, view, format), view } : this.bind(node, view);
  }

  #texture(node: Node, view: View, format: TextureFormat): string {
    const place = this.#placeOf(node);
    let at = this.#textures.findIndex((other) => placeKey(other.place) === placeKey(place) && other.format === format);
    if (at < 0) {
      const texels = Math.ceil(sizeOf(node.shape) / (view === "f32" ? 1 : 4));
      at = this.#textures.push({ place, format, texels }) - 1;
    }
    return `t${at}`;
  }

  /** Where the code of some values reads from, in the order of its text; what is broadcast is read number by number. */
  sourcesOf(step: FusedStep, values: readonly Node[], view: View, kernel?: Node): Sources {
    return new Map(
      leavesOf(step, values, kernel).map(({ node, shape }) =>
        [node, this.read(node, sizeOf(node.shape) === sizeOf(shape) ? view : "f32")] as const
      ),
    );
  }

  /** What is bound, and where the results go. */
  finish(step: FusedStep, view: View): Pick<Bound, "step" | "bindings" | "textures" | "stores"> {
    const stores = step.writes.map((write) => {
      const store = this.bind(write, view);
      if (store.binding.view !== view) throw mixed("write", store.binding.view, view);
      return store;
    });
    // Alike for all that lie in one buffer, since WebGPU allows no mix within one.
    const written = new Set(stores.map(({ binding }) => bufferOf(binding.start)));
    for (const binding of this.#bindings) {
      if (this.#device.bindsReadOnly && !written.has(bufferOf(binding.start))) binding.access = "read";
    }
    return { step, bindings: this.#bindings, textures: this.#textures, stores };
  }
}

/** Tells buffers apart. States count as one: where each lies is not known when a text is written. */
function bufferOf(place: Place): string {
  switch (place.in) {
    case "arena":
      return `arena ${place.page}`;
    case "input":
      return `input ${place.name}`;
    default:
      return "states";
  }
}
