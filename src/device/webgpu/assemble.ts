/**
 * Assembles the WGSL of a step: the kernel's text (or a map over elements), with the reads, writes and fused
 * elementwise code that its contract in `kernels/op.ts` promises.
 *
 * Sizes and most constants go into a uniform buffer, so that layers that differ only in size share a pipeline.
 *
 * @module
 */

import arithmetic from "./arithmetic.wgsl" with { type: "text" };
import { randomWgsl } from "../../../kernels/random.ts";
import { opNamed } from "../../../kernels/mod.ts";
import { linearGrid, type Shape, sizeOf, type Wgsl } from "../../../kernels/op.ts";
import { inputShapes, type Node, storageOf } from "../../graph/graph.ts";
import type { Location, Plan } from "../../graph/plan.ts";
import type { Step } from "../../graph/step.ts";
import { type Language, printExpression } from "../expression.ts";

/** One dispatch, ready for a pipeline. */
export interface Assembled {
  readonly code: string;
  /** Contents of the uniform buffer at binding 0. */
  readonly params: Uint32Array<ArrayBuffer>;
  /** What is bound from binding 1 on. */
  readonly bindings: readonly Location[];
  /** Tensors that are bound after those as textures: copied before the dispatch. */
  readonly textures: readonly TextureOperand[];
  readonly grid: readonly [number, number, number];
  /** Scalar inputs in `params`: set at every run. */
  readonly scalars: readonly { readonly name: string; readonly at: number }[];
}

/** A tensor read as a texture of rows of {@link TEXTURE_WIDTH}. */
export interface TextureOperand {
  /** Where the tensor is. */
  readonly location: Location;
  /** One or four numbers a texel. */
  readonly format: "r32float" | "rgba32float";
  /** Number of texels. */
  readonly texels: number;
}

/** Texels in a row: a power of 2, with rows of a multiple of 256 bytes. */
export const TEXTURE_WIDTH = 4096;

/** Smaller tensors are not worth a copy. */
const LEAST_IN_TEXTURE = 4096;

type View = "f32" | "vec4f";

const MAP_WORKGROUP = 64;

/** Groups of four that one invocation of a map computes where they share what they broadcast: loads cost most. */
const MAP_CHUNK = 4;

/**
 * The WGSL of one step of a plan.
 *
 * @param useTextures Tensors are read as textures, all but small ones. Where a processor plays the GPU, as
 * Mesa's llvmpipe does, a texel of four numbers costs a tenth of reading them from a buffer; on a GPU buffers are as good.
 */
export function assemble(step: Step, plan: Plan, useTextures: boolean): Assembled {
  const assembly = new Assembly(plan, useTextures);
  return step.kernel ? assembly.kernel(step, step.kernel) : assembly.map(step);
}

/** WGSL by which a tensor's element (or four of them) at an index is read. */
interface Read {
  readonly view: View;
  readonly at: (index: string) => string;
}

interface Binding {
  readonly name: string;
  readonly location: Location;
  view?: View;
}

class Assembly {
  readonly #plan: Plan;
  readonly #useTextures: boolean;
  readonly #bindings: Binding[] = [];
  readonly #textures: TextureOperand[] = [];
  readonly #params: [name: string, value: number][] = [];
  readonly #floats = new DataView(new ArrayBuffer(4));
  readonly #scalars: { name: string; at: number }[] = [];
  #usesRandom = false;

  constructor(plan: Plan, useTextures: boolean) {
    this.#plan = plan;
    this.#useTextures = useTextures;
  }

  /** The binding of a stored tensor; tensors that share a place share it. */
  bind(node: Node, view: View): Binding {
    const location = this.#plan.locations.get(storageOf(node))!;
    const key = placeOf(location);
    let binding = this.#bindings.find((other) => placeOf(other.location) === key);
    if (!binding) this.#bindings.push(binding = { name: `b${this.#bindings.length}`, location });
    binding.view ??= view;
    return binding;
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

  map(step: Step): Assembled {
    const [write] = step.writes;
    const size = sizeOf(write.shape);
    const view = size % 4 === 0 && fourWide(step) ? "vec4f" : "f32";
    const count = view === "vec4f" ? size / 4 : size;
    this.#params.push(["count", count]);
    for (const node of step.writes) this.bind(node, view);
    for (const node of step.reads) if (sizeOf(node.shape) === size) this.read(node, view);
    const hoist: Hoist | undefined = view === "vec4f" && count % MAP_CHUNK === 0
      ? { run: 4 * MAP_CHUNK, at: "first", values: [] }
      : undefined;
    const { statements, results } = printExpression(step, step.roots, new WgslLanguage(this, view, hoist));
    const body = [...statements, ...step.writes.map((node, k) => this.#store(node, view, results[k]))];
    const shared = hoist?.values ?? [];
    const chunk = shared.length > 0 ? MAP_CHUNK : 1;
    const lines = chunk === 1 ? ["let i = first;", ...body] : [
      ...shared.map(({ name, value }) => `let ${name} = ${value};`),
      `for (var v = 0u; v < ${chunk}u; v++) {`,
      ...["let i = first + v;", ...body].map((line) => `  ${line}`),
      "}",
    ];
    return this.#finish(
      `@compute @workgroup_size(${MAP_WORKGROUP})
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let first = ((wid.y * num.x + wid.x) * ${MAP_WORKGROUP}u + l) * ${chunk}u;
  if (first >= p.count) {
    return;
  }
${indent(lines)}
}
`,
      linearGrid(count / chunk, MAP_WORKGROUP),
    );
  }

  kernel(step: Step, node: Node): Assembled {
    const { kernel } = opNamed(node.op);
    const call = { inputs: inputShapes(node), output: node.shape, attrs: node.attrs };
    const wgsl = kernel!.wgsl(call);
    this.#params.push(...Object.entries(kernel!.params(call)));
    // The kernel's own operands come first: the view it reads them through is the binding's.
    const operands = [...node.inputs.keys()].filter((k) => !kernel!.prologue?.includes(k));
    const loads = operands.map((k) => this.#operand(node.inputs[k], k, wgsl.reads[k]));
    for (const k of kernel!.prologue ?? []) loads.push(this.#load(step, node.inputs[k], k, wgsl));
    const [write] = step.writes;
    this.bind(write, wgsl.writes);
    const hoist: Hoist | undefined = wgsl.emitRun === undefined
      ? undefined
      : { run: wgsl.emitRun, at: "i", prefix: "e_", values: [] };
    const body = printExpression(step, step.roots, new WgslLanguage(this, wgsl.writes, hoist), "value");
    const result = step.roots.length > 0 ? body.results[0] : "value";
    const emit = `${enterWgsl("Emit", hoist, wgsl.writes)}fn emit(i: u32, value: ${wgsl.writes}) {
${indent([...body.statements, this.#store(write, wgsl.writes, result)])}
}
`;
    return this.#finish(loads.join("") + emit + wgsl.code, wgsl.grid);
  }

  /** An operand that is read many times. */
  #operand(input: Node, k: number, view: View): string {
    const read = this.read(input, view);
    if (read.view !== view) throw new TypeError(`Cannot bind one tensor both as ${read.view} and as ${view}`);
    return `fn load${k}(i: u32) -> ${view} {\n  return ${read.at("i")};\n}\n`;
  }

  /** How a stored tensor is read, as `view` where its binding is not taken for another already. */
  read(node: Node, view: View): Read {
    if (this.#useTextures && sizeOf(node.shape) >= LEAST_IN_TEXTURE) {
      const name = this.#texture(node, view);
      const texel = (index: string) =>
        `textureLoad(${name}, vec2u((${index}) & ${TEXTURE_WIDTH - 1}u, (${index}) >> ${
          Math.log2(TEXTURE_WIDTH)
        }u), 0)`;
      return { view, at: view === "f32" ? (index) => `${texel(index)}.x` : texel };
    }
    const binding = this.bind(node, view);
    return { view: binding.view!, at: (index) => `${binding.name}[${index}]` };
  }

  #texture(node: Node, view: View): string {
    const location = this.#plan.locations.get(storageOf(node))!;
    const format = view === "f32" ? "r32float" : "rgba32float";
    const same = (other: TextureOperand) => placeOf(other.location) === placeOf(location) && other.format === format;
    let at = this.#textures.findIndex(same);
    if (at < 0) {
      const texels = sizeOf(node.shape) / (view === "f32" ? 1 : 4);
      at = this.#textures.push({ location, format, texels }) - 1;
    }
    return `t${at}`;
  }

  #load(step: Step, input: Node, k: number, wgsl: Wgsl): string {
    const view = wgsl.reads[k];
    if (step.reads.includes(storageOf(input))) this.read(input, view);
    const run = wgsl.runs?.[k];
    const hoist: Hoist | undefined = run === undefined ? undefined : { run, at: "i", values: [], prefix: `k${k}_` };
    const body = printExpression(step, [input], new WgslLanguage(this, view, hoist));
    const load = `fn load${k}(i: u32) -> ${view} {
${indent([...body.statements, `return ${body.results[0]};`])}
}
`;
    return enterWgsl(`${k}`, hoist, view) + load;
  }

  #store(node: Node, view: View, value: string): string {
    const binding = this.bind(node, view);
    if (binding.view !== view) {
      throw new TypeError(`Cannot write a tensor as ${view} in place of one read as ${binding.view}`);
    }
    return `${binding.name}[i] = ${value};`;
  }

  #finish(code: string, grid: readonly [number, number, number]): Assembled {
    if (this.#params.length === 0) this.#params.push(["unused", 0]);
    const fields = this.#params.map(([name]) => `  ${name}: u32,`).join("\n");
    const declarations = this.#bindings.map(({ name, view }, k) =>
      // Always read_write: the places of one dispatch may share a buffer, which no other access mode allows.
      `@group(0) @binding(${k + 1}) var<storage, read_write> ${name}: array<${view}>;`
    );
    const textures = this.#textures.map((_, k) =>
      `@group(0) @binding(${this.#bindings.length + k + 1}) var t${k}: texture_2d<f32>;`
    );
    const header = `struct Params {\n${fields}\n}\n@group(0) @binding(0) var<uniform> p: Params;\n${
      [...declarations, ...textures].join("\n")
    }\n`;
    return {
      code: header + arithmetic + (this.#usesRandom ? randomWgsl : "") + code,
      params: Uint32Array.from(this.#params, ([, number]) => number),
      bindings: this.#bindings.map(({ location }) => location),
      textures: this.#textures,
      grid,
      scalars: this.#scalars,
    };
  }
}

/** Tells places apart. */
export function placeOf(location: Location): string {
  return location.in === "arena" ? `arena ${location.page} ${location.offset}` : `${location.in} ${location.name}`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}

/** One run of neighbouring axes that a broadcast operand has, or lacks. */
interface Run {
  readonly kept: boolean;
  size: number;
}

/** The axes of `shape`, merged into runs that `operand` has in full or broadcasts over. */
function runsOf(operand: Shape, shape: Shape): Run[] {
  const runs: Run[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const kept = (operand[axis - shape.length + operand.length] ?? 1) !== 1;
    const last = runs.at(-1);
    if (last?.kept === kept) last.size *= size;
    else runs.push({ kept, size });
  });
  return runs;
}

/** Can the map read each operand four elements at a time, or one for four? */
function fourWide(step: Step): boolean {
  const [write] = step.writes;
  const fits = (node: Node): boolean => {
    const last = runsOf(node.shape, write.shape).at(-1);
    return sizeOf(node.shape) === 1 || last === undefined || last.size % 4 === 0;
  };
  const seen = new Set<Node>();
  const check = (node: Node): boolean =>
    node.inputs.every((input) => {
      if (seen.has(input)) return true;
      seen.add(input);
      return step.reads.includes(storageOf(input)) ? fits(input) : check(input);
    });
  return step.roots.every(check);
}

/** Broadcast values that stay the same over a run of elements: they are read once for the run. */
interface Hoist {
  /** Elements of the run; it starts at a multiple of this. */
  readonly run: number;
  /** Name of the variable that holds the run's first index. */
  readonly at: string;
  /** Goes before the names of the values. */
  readonly prefix?: string;
  readonly values: { readonly name: string; readonly value: string }[];
}

/** The function by which a kernel enters a run: it reads what is the same over the run. */
function enterWgsl(what: string, hoist: Hoist | undefined, view: View): string {
  if (!hoist) return "";
  const kept = hoist.values.map(({ name }) => `var<private> ${name}: ${view};\n`).join("");
  return `${kept}fn enter${what}(i: u32) {
${indent(hoist.values.map(({ name, value }) => `${name} = ${value};`))}
}
`;
}

class WgslLanguage implements Language {
  readonly #assembly: Assembly;
  readonly #view: View;
  readonly #hoist?: Hoist;

  constructor(assembly: Assembly, view: View, hoist?: Hoist) {
    this.#assembly = assembly;
    this.#view = view;
    this.#hoist = hoist;
  }

  declare(name: string, value: string): string {
    return `let ${name} = ${value};`;
  }

  number(value: number): string {
    // Small numbers belong to the formula; others (1/n, ε) to the layer, and are no part of the text.
    const isPlain = Number.isInteger(value * 2) && Math.abs(value) <= 16 && !Object.is(value, -0);
    return this.#wide(isPlain ? `f32(${value})` : this.#assembly.float(value));
  }

  scalar(name: string): string {
    return this.#wide(this.#assembly.scalar(name));
  }

  call(name: string, ...args: string[]): string {
    return `${name}(${args.join(", ")})`;
  }

  select(condition: string, ifTrue: string, ifFalse: string): string {
    return `select(${ifFalse}, ${ifTrue}, ${condition})`;
  }

  isFinite(x: string): string {
    // On the exponent's bits: compilers assume that x is finite.
    return this.#view === "f32"
      ? `(bitcast<u32>(${x}) & 0x7f800000u) != 0x7f800000u`
      : `(bitcast<vec4u>(${x}) & vec4u(0x7f800000u)) != vec4u(0x7f800000u)`;
  }

  random(keyHi: string, keyLo: string, stream: number): string {
    this.#assembly.needRandom();
    const uniform = (index: string, lane: string): string =>
      `randomUniform(${index}, ${this.#streamOf(stream)}, u32(${keyHi}${lane}), u32(${keyLo}${lane}))`;
    if (this.#view === "f32") return uniform("i", "");
    return `vec4f(${[0, 1, 2, 3].map((lane) => uniform(`i * 4u + ${lane}u`, ".x")).join(", ")})`;
  }

  readonly #streams = new Map<number, string>();
  #streamOf(stream: number): string {
    if (!this.#streams.has(stream)) this.#streams.set(stream, this.#assembly.uint(stream));
    return this.#streams.get(stream)!;
  }

  index(): string {
    return this.#view === "f32" ? "f32(i)" : "(f32(i) * 4.0 + vec4f(0.0, 1.0, 2.0, 3.0))";
  }

  leaf(node: Node, shape: Shape): string {
    const isWhole = sizeOf(node.shape) === sizeOf(shape);
    const { view, at: read } = this.#assembly.read(node, isWhole ? this.#view : "f32");
    const element = (index: string): string =>
      view === "f32" ? read(index) : `${read(`(${index}) / 4u`)}[(${index}) % 4u]`;
    if (isWhole) {
      if (view === this.#view) return read("i");
      return this.#view === "f32" ? element("i") : four((lane) => element(`i * 4u + ${lane}u`));
    }
    if (sizeOf(node.shape) === 1) return this.#hoisted(this.#wide(element("0u")));
    const runs = runsOf(node.shape, shape);
    const sizes = runs.map(({ size }) => this.#assembly.uint(size));
    const at = (index: string): string => broadcastIndex(runs, sizes, index);
    const inner = runs.at(-1)!;
    if (this.#hoist && !inner.kept && inner.size % this.#hoist.run === 0) {
      const start = this.#view === "f32" ? this.#hoist.at : `(${this.#hoist.at} * 4u)`;
      return this.#hoisted(this.#wide(element(at(start))));
    }
    if (this.#view === "f32") return element(at("i"));
    const last = runs.at(-1)!;
    if (last.size % 4 !== 0) return four((lane) => element(at(`(i * 4u + ${lane}u)`)));
    if (!last.kept) return `vec4f(${element(at("(i * 4u)"))})`;
    const start = at("(i * 4u)");
    return view === "vec4f" ? read(`(${start}) / 4u`) : four((lane) => read(`${start} + ${lane}u`));
  }

  /** A value that is the same over the run, where there is one; the value itself otherwise. */
  #hoisted(value: string): string {
    if (!this.#hoist) return value;
    const { values, prefix = "" } = this.#hoist;
    const name = `${prefix}h${values.length}`;
    values.push({ name, value });
    return name;
  }

  #wide(scalar: string): string {
    return this.#view === "f32" ? scalar : `vec4f(${scalar})`;
  }
}

function four(element: (lane: number) => string): string {
  return `vec4f(${[0, 1, 2, 3].map(element).join(", ")})`;
}

/** Position in the broadcast operand of the element at `index` of the whole: its kept axes, one after the other. */
function broadcastIndex(runs: readonly Run[], sizes: readonly string[], index: string): string {
  const terms: string[] = [];
  const inner: string[] = [];
  const stride: string[] = [];
  for (let k = runs.length - 1; k >= 0; k--) {
    if (runs[k].kept) {
      const shifted = inner.length > 0 ? `quotient(${index}, ${inner.join(" * ")})` : index;
      const wrapped = k > 0 ? `remainder(${shifted}, ${sizes[k]})` : shifted;
      terms.push([wrapped, ...stride].join(" * "));
      stride.push(sizes[k]);
    }
    inner.push(sizes[k]);
  }
  return terms.join(" + ") || "0u";
}
