/**
 * Assembles the WGSL of a step: the kernel's text (or a map over elements), with the reads, writes and fused
 * elementwise code that its contract in `kernels/op.ts` promises. Kernels see float32 whatever a tensor is held in:
 * what is in half precision is converted where it is read and where it is written.
 *
 * Sizes and most constants go into a uniform buffer, so that layers that differ only in size share a pipeline.
 *
 * @module
 */

import arithmetic from "./arithmetic.wgsl" with { type: "text" };
import half from "./half.wgsl" with { type: "text" };
import { randomWgsl } from "../../../kernels/random.ts";
import { opNamed } from "../../../kernels/mod.ts";
import { type Call, linearGrid, sizeOf, type Target, type Wgsl } from "../../../kernels/op.ts";
import type { Chooser } from "../../graph/choices.ts";
import { callOf, keyOf, type Node, type Precision, storageOf } from "../../graph/graph.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import type { Plan } from "../../graph/passes/plan.ts";
import { type PagePlace, type Place, placeKey, type TensorPlace } from "../../graph/place.ts";
import { printExpression } from "../expression.ts";
import type { Access, TextureFormat } from "./context.ts";
import { divisorBelow, fourWide, sharedRun } from "./runs.ts";
import { enterWgsl, type Hoist, type Read, type Surroundings, type View, WgslLanguage } from "./wgsl_language.ts";

/** One dispatch, ready for a pipeline. */
export interface Assembled {
  readonly code: string;
  /** Contents of the uniform buffer at binding 0. */
  readonly params: Uint32Array<ArrayBuffer>;
  /** What is bound from binding 1 on. */
  readonly bindings: readonly Bound[];
  /** Tensors that are bound after those as textures: copied before the dispatch. */
  readonly textures: readonly TextureOperand[];
  readonly grid: readonly [number, number, number];
  /** Scalar inputs in `params`: set at every run. */
  readonly scalars: readonly { readonly name: string; readonly at: number }[];
}

/** A range of a buffer, and how the dispatch uses the whole buffer. */
export type Bound = Place & { readonly access: Access };

/** A tensor read as a texture of rows of {@link TEXTURE_WIDTH}. */
export interface TextureOperand {
  /** Where the tensor is. */
  readonly place: TensorPlace;
  /** One or four numbers a texel. */
  readonly format: TextureFormat;
  /** Number of texels. */
  readonly texels: number;
}

/** Texels in a row: a power of 2, with rows of a multiple of 256 bytes. */
export const TEXTURE_WIDTH = 4096;

/** Smaller tensors are not worth a copy. */
const LEAST_IN_TEXTURE = 4096;

/** Formats of textures by how numbers are held and read; one number in half precision has none that WebGPU promises. */
const TEXTURE_FORMATS: Readonly<Record<Precision, Readonly<Partial<Record<View, TextureFormat>>>>> = {
  f32: { f32: "r32float", vec4f: "rgba32float" },
  f16: { vec4f: "rgba16float" },
};

/** What a binding's elements are. */
const STORED: Readonly<Record<Precision, Readonly<Record<View, string>>>> = {
  f32: { f32: "f32", vec4f: "vec4f" },
  f16: { f32: "f16", vec4f: "vec4h" },
};

/** Bytes that an index counts. */
const VIEW_BYTES: Readonly<Record<View, number>> = { f32: 4, vec4f: 16 };

const MAP_WORKGROUP = 64;

const MAP_ENTRY = `@compute @workgroup_size(${MAP_WORKGROUP})
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
`;

/** Rows of a uniform table are multiples of so many numbers. */
const ROW_NUMBERS = 4;

/** Most elements, or groups of four, that one invocation of a map computes where they share what they broadcast. */
const MOST_IN_RUN = 16;

/** What is known of the device that the text is for. */
export interface TargetDevice extends Target {
  /** Are tensors read from textures, all but small ones? */
  readonly readsTextures: boolean;
  /** Is what a dispatch only reads bound for reading alone? */
  readonly bindsReadOnly: boolean;
}

/**
 * The WGSL of one step of a plan.
 *
 * On a software adapter, such as Mesa's llvmpipe, tensors are read as storage textures: reading four numbers for each
 * of eight lanes takes 52 instructions there, and 660 cycles from a buffer. (A sampled texture would take 190: its
 * level of detail is looked up for each lane.) On a GPU buffers are as good.
 *
 * @param choices Which candidates of kernels are taken.
 */
export function assemble(step: FusedStep, plan: Plan, device: TargetDevice, choices: Chooser): Assembled {
  const assembly = new Assembly(plan, device);
  return step.kernels.length > 0 ? assembly.kernel(step, choices) : assembly.map(step);
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

/** The part of a page that can be bound and holds a place, and where in it that begins, in bytes. */
export type WindowOf = (place: TensorPlace) => { readonly window: PagePlace; readonly at: number };

/**
 * The WGSL of a map as one of several that share a text and a dispatch. Each workgroup looks up which of them it
 * belongs to. It finds its tensors by their offsets in windows of the buffers they lie in.
 *
 * The text lacks its first line, `const ROWS = …;`, the number of maps. `params` are one row of their table, whose
 * first number, the map's first workgroup, is left open. `grid` counts the map's own workgroups along its first axis.
 */
export function assembleRow(step: FusedStep, plan: Plan, device: TargetDevice, windowOf: WindowOf): Assembled {
  return new Assembly(plan, device, windowOf).row(step);
}

interface Binding {
  readonly name: string;
  /** Where it begins. */
  readonly start: Place;
  bytes: number;
  readonly precision: Precision;
  readonly view: View;
  isWritten: boolean;
}

/** A stored tensor in a binding. */
interface Stored {
  readonly place: string;
  readonly binding: Binding;
  /** Comes before the index of an element. */
  readonly from: string;
}

class Assembly implements Surroundings {
  readonly #plan: Plan;
  readonly #device: TargetDevice;
  readonly #windowOf?: WindowOf;
  readonly #bindings: Binding[] = [];
  readonly #stored: Stored[] = [];
  readonly #textures: TextureOperand[] = [];
  readonly #params: [name: string, value: number][] = [];
  readonly #floats = new DataView(new ArrayBuffer(4));
  readonly #scalars: { name: string; at: number }[] = [];
  #usesRandom = false;

  constructor(plan: Plan, device: TargetDevice, windowOf?: WindowOf) {
    this.#plan = plan;
    this.#device = device;
    this.#windowOf = windowOf;
  }

  /** A stored tensor that is bound already. */
  #storedOf(node: Node): Stored | undefined {
    const place = placeKey(this.#plan.places.get(storageOf(node))!);
    return this.#stored.find((other) => other.place === place);
  }

  /** Binds a stored tensor, as `view` where what it is in is not bound for another already. */
  bind(node: Node, view: View): Stored {
    const known = this.#storedOf(node);
    if (known) return known;
    const place = this.#plan.places.get(storageOf(node))!;
    const { window: start, at } = this.#windowOf?.(place) ?? { window: place, at: 0 };
    let binding = this.#bindings.find((other) => placeKey(other.start) === placeKey(start));
    if (!binding) {
      const { precision } = place;
      this.#bindings.push(
        binding = {
          name: `b${this.#bindings.length}`,
          ...{ start, bytes: 0, precision, view, isWritten: false },
        },
      );
    }
    binding.bytes = Math.max(binding.bytes, at + place.bytes);
    const from = this.#windowOf ? `${this.uint(at / VIEW_BYTES[binding.view])} + ` : "";
    const stored = { place: placeKey(place), binding, from };
    this.#stored.push(stored);
    return stored;
  }

  /** A number that is not part of the text. */
  uint(value: number): string {
    const name = `u${this.#params.length}`;
    this.#params.push([name, value]);
    return `p.${name}`;
  }

  float(value: number): string {
    this.#floats.setFloat32(0, value);
    return `bitcast<f32>(${this.uint(this.#floats.getUint32(0))})`;
  }

  /** A float that is set at every run. */
  scalar(name: string): string {
    this.#scalars.push({ name, at: this.#params.length });
    return this.float(0);
  }

  needRandom(): void {
    this.#usesRandom = true;
  }

  map(step: FusedStep): Assembled {
    const { invocations, length, lines } = this.#mapBody(step);
    return this.#finish(
      `${MAP_ENTRY}  let first = ((wid.y * num.x + wid.x) * ${MAP_WORKGROUP}u + l) * ${length};
${indent(lines)}
}
`,
      linearGrid(invocations, MAP_WORKGROUP),
    );
  }

  row(step: FusedStep): Assembled {
    this.#params.push(["group", 0]);
    const { invocations, length, lines } = this.#mapBody(step);
    while (this.#params.length % ROW_NUMBERS !== 0) this.#params.push([`unused${this.#params.length}`, 0]);
    return this.#finish(
      `${MAP_ENTRY}  let group = wid.y * num.x + wid.x;
  var row = 0u;
  for (var leap = 1u << firstLeadingBit(ROWS); leap > 0u; leap >>= 1u) {
    if (row + leap < ROWS && rows[row + leap].group <= group) {
      row += leap;
    }
  }
  let p = rows[row];
  let first = ((group - p.group) * ${MAP_WORKGROUP}u + l) * ${length};
${indent(lines)}
}
`,
      [Math.ceil(invocations / MAP_WORKGROUP), 1, 1],
    );
  }

  /** What an invocation of a map does from its element `first` on, and how many of `length` elements each there are. */
  #mapBody(
    step: FusedStep,
  ): { readonly invocations: number; readonly length: string; readonly lines: readonly string[] } {
    const [write] = step.writes;
    const size = sizeOf(write.shape);
    const view = size % 4 === 0 && fourWide(step) ? "vec4f" : "f32";
    const count = view === "vec4f" ? size / 4 : size;
    this.#params.push(["count", count]);
    for (const node of step.writes) this.bind(node, view);
    for (const node of step.reads) if (sizeOf(node.shape) === size) this.read(node, view);
    const turns = divisorBelow(sharedRun(step) / (size / count), MOST_IN_RUN);
    // Rows have one text whatever their sizes divide by.
    const isRun = turns > 1 || this.#windowOf !== undefined;
    const hoist: Hoist | undefined = isRun ? { run: turns * (size / count), at: "first", values: [] } : undefined;
    const { statements, results } = printExpression(step, step.roots, new WgslLanguage(this, view, hoist));
    const body = [...statements, ...step.writes.map((node, k) => this.#store(node, view, results[k]))];
    const shared = hoist?.values ?? [];
    const guard = ["if (first >= p.count) {", "  return;", "}"];
    if (shared.length === 0) {
      return { invocations: count, length: "1u", lines: [...guard, "let i = first;", ...body] };
    }
    const length = this.uint(turns);
    const lines = [
      ...guard,
      ...shared.map(({ name, value }) => `let ${name} = ${value};`),
      `for (var v = 0u; v < ${length}; v++) {`,
      ...["let i = first + v;", ...body].map((line) => `  ${line}`),
      "}",
    ];
    return { invocations: count / turns, length, lines };
  }

  kernel(step: FusedStep, choices: Chooser): Assembled {
    const [{ kernel: node }] = step.kernels;
    const { kernel } = opNamed(node.op);
    const call = callOf(node);
    const candidate = kernel!.candidates && choices.of(node.op, call);
    const wgsl = textOf(this.#device, node.op, call, candidate, step.kernels.length);
    this.#params.push(...Object.entries(kernel!.params(call)));
    // The kernel's own operands come first: the view it reads them through is the binding's.
    const operands = [...node.inputs.keys()].filter((k) => !kernel!.prologue?.includes(k));
    const loads = operands.map((k) => this.#operand(node.inputs[k], k, wgsl.reads[k]));
    for (const k of kernel!.prologue ?? []) loads.push(this.#load(step, k, wgsl));
    for (const write of step.writes) this.bind(write, wgsl.writes);
    return this.#finish(loads.join("") + this.#emit(step, wgsl) + wgsl.code, wgsl.grid);
  }

  /** The function by which a kernel writes. */
  #emit(step: FusedStep, wgsl: Wgsl): string {
    if (step.kernels.length > 1) {
      const lines = step.writes.map((write, k) => this.#store(write, wgsl.writes, `value.v${k}`));
      return `${structure("Emitted", step, wgsl.writes)}fn emit(i: u32, value: Emitted) {\n${indent(lines)}\n}\n`;
    }
    const [write] = step.writes;
    const hoist: Hoist | undefined = wgsl.emitRun === undefined
      ? undefined
      : { run: wgsl.emitRun, at: "i", prefix: "e_", values: [] };
    const body = printExpression(step, step.roots, new WgslLanguage(this, wgsl.writes, hoist), "value");
    const result = step.roots.length > 0 ? body.results[0] : "value";
    return `${enterWgsl("Emit", hoist, wgsl.writes)}fn emit(i: u32, value: ${wgsl.writes}) {
${indent([...body.statements, this.#store(write, wgsl.writes, result)])}
}
`;
  }

  /** An operand that is read many times. */
  #operand(input: Node, k: number, view: View): string {
    const read = this.read(input, view);
    if (read.view !== view) throw new TypeError(`Cannot bind one tensor both as ${read.view} and as ${view}`);
    return `fn load${k}(i: u32) -> ${view} {\n  return ${read.at("i")};\n}\n`;
  }

  /** How a stored tensor is read, as `view` where its binding is not taken for another already. */
  read(node: Node, view: View): Read {
    const { precision } = this.#plan.places.get(storageOf(node))!;
    const format = TEXTURE_FORMATS[precision][view];
    // What is written in place is read there too: its line is in the processor's cache then, and nothing is copied.
    if (
      this.#device.readsTextures && !this.#windowOf && !this.#storedOf(node) && format &&
      sizeOf(node.shape) >= LEAST_IN_TEXTURE
    ) {
      const name = this.#texture(node, view, format);
      const texel = (index: string) =>
        `textureLoad(${name}, vec2u((${index}) & ${TEXTURE_WIDTH - 1}u, (${index}) >> ${Math.log2(TEXTURE_WIDTH)}u))`;
      return { view, at: view === "f32" ? (index) => `${texel(index)}.x` : texel };
    }
    const { binding, from } = this.bind(node, view);
    const element = (index: string) => `${binding.name}[${from}${index}]`;
    return { view: binding.view, at: precision === "f32" ? element : (index) => `${binding.view}(${element(index)})` };
  }

  #texture(node: Node, view: View, format: TextureFormat): string {
    const place = this.#plan.places.get(storageOf(node))!;
    const same = (other: TextureOperand) => placeKey(other.place) === placeKey(place) && other.format === format;
    let at = this.#textures.findIndex(same);
    if (at < 0) {
      const texels = Math.ceil(sizeOf(node.shape) / (view === "f32" ? 1 : 4));
      at = this.#textures.push({ place, format, texels }) - 1;
    }
    return `t${at}`;
  }

  /** The function by which a kernel reads its input `k`, in the prologue. */
  #load(step: FusedStep, k: number, wgsl: Wgsl): string {
    const view = wgsl.reads[k];
    const inputs = step.kernels.map(({ kernel }) => kernel.inputs[k]);
    for (const input of inputs) if (step.reads.includes(storageOf(input))) this.read(input, view);
    const run = wgsl.runs?.[k];
    const hoist: Hoist | undefined = run === undefined ? undefined : { run, at: "i", values: [], prefix: `k${k}_` };
    const { statements, results } = printExpression(step, inputs, new WgslLanguage(this, view, hoist));
    const isOne = inputs.length === 1;
    const type = isOne ? view : `Loaded${k}`;
    const load = `fn load${k}(i: u32) -> ${type} {
${indent([...statements, `return ${isOne ? results[0] : `${type}(${results.join(", ")})`};`])}
}
`;
    return (isOne ? "" : structure(type, step, view)) + enterWgsl(`${k}`, hoist, view) + load;
  }

  #store(node: Node, view: View, value: string): string {
    const { binding, from } = this.bind(node, view);
    binding.isWritten = true;
    if (binding.view !== view) {
      throw new TypeError(`Cannot write a tensor as ${view} in place of one read as ${binding.view}`);
    }
    const element = `${binding.name}[${from}i]`;
    return `${element} = ${
      binding.precision === "f32" ? value : `${view === "f32" ? "toHalf" : "toHalf4"}(${value})`
    };`;
  }

  /** How each binding is used: alike for all that lie in one buffer, since WebGPU allows no mix within one. */
  #accesses(): Access[] {
    const written = new Set(this.#bindings.filter(({ isWritten }) => isWritten).map(({ start }) => bufferOf(start)));
    const isRead = ({ start }: Binding) => this.#device.bindsReadOnly && !written.has(bufferOf(start));
    return this.#bindings.map((binding) => isRead(binding) ? "read" : "read_write");
  }

  #finish(code: string, grid: readonly [number, number, number]): Assembled {
    if (this.#params.length === 0) this.#params.push(["unused", 0]);
    const fields = this.#params.map(([name]) => `  ${name}: u32,`).join("\n");
    const accesses = this.#accesses();
    const declarations = this.#bindings.map(({ name, view, precision }, k) =>
      `@group(0) @binding(${k + 1}) var<storage, ${accesses[k]}> ${name}: array<${STORED[precision][view]}>;`
    );
    const textures = this.#textures.map(({ format }, k) =>
      `@group(0) @binding(${this.#bindings.length + k + 1}) var t${k}: texture_storage_2d<${format}, read>;`
    );
    const numbers = this.#windowOf ? "rows: array<Params, ROWS>" : "p: Params";
    const header = `struct Params {\n${fields}\n}\n@group(0) @binding(0) var<uniform> ${numbers};\n${
      [...declarations, ...textures].join("\n")
    }\n`;
    const isHalf = this.#bindings.some(({ precision }) => precision === "f16");
    return {
      code: (isHalf ? `enable f16;\n${header}${half}` : header) + arithmetic + (this.#usesRandom ? randomWgsl : "") +
        code,
      params: Uint32Array.from(this.#params, ([, number]) => number),
      bindings: this.#bindings.map(({ start, bytes }, k) => ({ ...start, bytes, access: accesses[k] })),
      textures: this.#textures,
      grid,
      scalars: this.#scalars,
    };
  }
}

/** A structure with a value for each of a step's kernels. */
function structure(name: string, step: FusedStep, view: View): string {
  return `struct ${name} {\n${indent(step.kernels.map((_, k) => `v${k}: ${view},`))}\n}\n`;
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

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
