/**
 * Writes the WGSL of a bound step: the kernel's text (or a map over elements), with the reads, writes and fused
 * elementwise code that its contract in `kernels/op.ts` promises. Kernels see float32 whatever a tensor is held in:
 * what is in half precision is converted where it is read and where it is written. What is bound was decided before, in
 * `bound_step.ts`.
 *
 * Sizes and most constants go into a uniform buffer, so that layers that differ only in size share a pipeline.
 *
 * @module
 */

import arithmetic from "./arithmetic.wgsl" with { type: "text" };
import half from "./half.wgsl" with { type: "text" };
import { randomWgsl } from "../../../kernels/random.ts";
import { opNamed } from "../../../kernels/mod.ts";
import { linearGrid } from "../../../kernels/op.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import type { Node, Precision } from "../../graph/graph.ts";
import type { Place } from "../../graph/place.ts";
import { printExpression } from "../expression.ts";
import {
  type Binding,
  type BoundKernel,
  type BoundMap,
  type Source,
  type Sources,
  TEXTURE_WIDTH,
  type TextureOperand,
  type View,
  viewOf,
} from "./bound_step.ts";
import type { Access } from "./context.ts";
import { enterWgsl, type Hoist, type Read, type Surroundings, WgslLanguage } from "./wgsl_language.ts";

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

/** The WGSL of a kernel. */
export function assembleKernel(bound: BoundKernel): Assembled {
  return new Assembly(bound.bindings).kernel(bound);
}

/** The WGSL of a map that has a dispatch of its own. */
export function assembleMap(bound: BoundMap): Assembled {
  return new Assembly(bound.bindings).map(bound);
}

/**
 * The WGSL of a map as one of several that share a text and a dispatch. Each workgroup looks up which of them it
 * belongs to. It finds its tensors by their offsets in windows of the buffers they lie in.
 *
 * The text lacks its first line, `const ROWS = …;`, the number of maps. `params` are one row of their table, whose
 * first number, the map's first workgroup, is left open. `grid` counts the map's own workgroups along its first axis.
 */
export function assembleRow(bound: BoundMap): Assembled {
  return new Assembly(bound.bindings, true).row(bound);
}

class Assembly implements Surroundings {
  readonly #bindings: readonly Binding[];
  /** Is it one of several maps, whose tensors lie at offsets that are numbers of its row? */
  readonly #isRow: boolean;
  /** What comes before an index, by source. */
  readonly #offsets = new Map<Source, string>();
  readonly #params: [name: string, value: number][] = [];
  readonly #floats = new DataView(new ArrayBuffer(4));
  readonly #scalars: { name: string; at: number }[] = [];
  /** Where the code that is being written reads from. */
  #sources: Sources = new Map();
  #usesRandom = false;

  constructor(bindings: readonly Binding[], isRow = false) {
    this.#bindings = bindings;
    this.#isRow = isRow;
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

  read(node: Node): Read {
    return this.#readFrom(this.#sources.get(node)!);
  }

  #readFrom(source: Source): Read {
    if ("texture" in source) {
      const { texture, view } = source;
      const [mask, shift] = [TEXTURE_WIDTH - 1, Math.log2(TEXTURE_WIDTH)];
      const texel = (index: string) => `textureLoad(${texture}, vec2u((${index}) & ${mask}u, (${index}) >> ${shift}u))`;
      return { view, at: view === "f32" ? (index) => `${texel(index)}.x` : texel };
    }
    const { name, view, precision } = source.binding;
    const from = this.#offset(source);
    const element = (index: string) => `${name}[${from}${index}]`;
    return { view, at: precision === "f32" ? element : (index) => `${view}(${element(index)})` };
  }

  /** What comes before the index of a source's element. */
  #offset(source: Source): string {
    if (!this.#isRow || "texture" in source) return "";
    let offset = this.#offsets.get(source);
    if (offset === undefined) {
      offset = `${this.uint(source.at / VIEW_BYTES[source.binding.view])} + `;
      this.#offsets.set(source, offset);
    }
    return offset;
  }

  map(bound: BoundMap): Assembled {
    const { invocations, length, lines } = this.#mapBody(bound);
    return this.#finish(
      `${MAP_ENTRY}  let first = ((wid.y * num.x + wid.x) * ${MAP_WORKGROUP}u + l) * ${length};
${indent(lines)}
}
`,
      linearGrid(invocations, MAP_WORKGROUP),
      bound.textures,
    );
  }

  row(bound: BoundMap): Assembled {
    this.#params.push(["group", 0]);
    const { invocations, length, lines } = this.#mapBody(bound);
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
    { step, view, count, turns, stores, whole, sources }: BoundMap,
  ): { readonly invocations: number; readonly length: string; readonly lines: readonly string[] } {
    this.#params.push(["count", count]);
    for (const source of [...stores, ...whole]) this.#offset(source);
    // Rows have one text whatever their sizes divide by.
    const isRun = turns > 1 || this.#isRow;
    const elements = turns * (view === "vec4f" ? 4 : 1);
    const hoist: Hoist | undefined = isRun ? { run: elements, at: "first", values: [] } : undefined;
    this.#sources = sources;
    const { statements, results } = printExpression(step, step.roots, new WgslLanguage(this, view, hoist));
    const body = [...statements, ...stores.map((store, k) => this.#store(store, results[k]))];
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

  kernel(bound: BoundKernel): Assembled {
    const { step, call, wgsl, operands } = bound;
    this.#params.push(...Object.entries(opNamed(step.kernels[0].kernel.op).kernel!.params(call)));
    const loads = operands.map(({ input, source }) =>
      `fn load${input}(i: u32) -> ${viewOf(source)} {\n  return ${this.#readFrom(source).at("i")};\n}\n`
    );
    for (const { input, sources } of bound.loads) loads.push(this.#load(bound, input, sources));
    return this.#finish(loads.join("") + this.#emit(bound) + wgsl.code, wgsl.grid, bound.textures);
  }

  /** The function by which a kernel writes. */
  #emit({ step, wgsl, stores, sources }: BoundKernel): string {
    if (step.kernels.length > 1) {
      const lines = stores.map((store, k) => this.#store(store, `value.v${k}`));
      return `${structure("Emitted", step, wgsl.writes)}fn emit(i: u32, value: Emitted) {\n${indent(lines)}\n}\n`;
    }
    const hoist: Hoist | undefined = wgsl.emitRun === undefined
      ? undefined
      : { run: wgsl.emitRun, at: "i", prefix: "e_", values: [] };
    this.#sources = sources;
    const body = printExpression(step, step.roots, new WgslLanguage(this, wgsl.writes, hoist), "value");
    const result = step.roots.length > 0 ? body.results[0] : "value";
    return `${enterWgsl("Emit", hoist, wgsl.writes)}fn emit(i: u32, value: ${wgsl.writes}) {
${indent([...body.statements, this.#store(stores[0], result)])}
}
`;
  }

  /** The function by which a kernel reads its input `k`, in the prologue. */
  #load({ step, wgsl }: BoundKernel, k: number, sources: Sources): string {
    const view = wgsl.reads[k];
    const inputs = step.kernels.map(({ kernel }) => kernel.inputs[k]);
    const run = wgsl.runs?.[k];
    const hoist: Hoist | undefined = run === undefined ? undefined : { run, at: "i", values: [], prefix: `k${k}_` };
    this.#sources = sources;
    const { statements, results } = printExpression(step, inputs, new WgslLanguage(this, view, hoist));
    const isOne = inputs.length === 1;
    const type = isOne ? view : `Loaded${k}`;
    const load = `fn load${k}(i: u32) -> ${type} {
${indent([...statements, `return ${isOne ? results[0] : `${type}(${results.join(", ")})`};`])}
}
`;
    return (isOne ? "" : structure(type, step, view)) + enterWgsl(`${k}`, hoist, view) + load;
  }

  #store(store: Source & { readonly binding: Binding }, value: string): string {
    const { name, view, precision } = store.binding;
    const held = precision === "f32" ? value : `${view === "f32" ? "toHalf" : "toHalf4"}(${value})`;
    return `${name}[${this.#offset(store)}i] = ${held};`;
  }

  #finish(
    code: string,
    grid: readonly [number, number, number],
    textures: readonly TextureOperand[] = [],
  ): Assembled {
    if (this.#params.length === 0) this.#params.push(["unused", 0]);
    const fields = this.#params.map(([name]) => `  ${name}: u32,`).join("\n");
    const declarations = this.#bindings.map(({ name, view, precision, access }, k) =>
      `@group(0) @binding(${k + 1}) var<storage, ${access}> ${name}: array<${STORED[precision][view]}>;`
    );
    const declared = textures.map(({ format }, k) =>
      `@group(0) @binding(${this.#bindings.length + k + 1}) var t${k}: texture_storage_2d<${format}, read>;`
    );
    const numbers = this.#isRow ? "rows: array<Params, ROWS>" : "p: Params";
    const header = `struct Params {\n${fields}\n}\n@group(0) @binding(0) var<uniform> ${numbers};\n${
      [...declarations, ...declared].join("\n")
    }\n`;
    const isHalf = this.#bindings.some(({ precision }) => precision === "f16");
    return {
      code: (isHalf ? `enable f16;\n${header}${half}` : header) + arithmetic + (this.#usesRandom ? randomWgsl : "") +
        code,
      params: Uint32Array.from(this.#params, ([, number]) => number),
      bindings: this.#bindings.map(({ start, bytes, access }) => ({ ...start, bytes, access })),
      textures,
      grid,
      scalars: this.#scalars,
    };
  }
}

/** A structure with a value for each of a step's kernels. */
function structure(name: string, step: FusedStep, view: View): string {
  return `struct ${name} {\n${indent(step.kernels.map((_, k) => `v${k}: ${view},`))}\n}\n`;
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join("\n");
}
