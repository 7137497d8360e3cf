/**
 * Elementwise code in WGSL.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../../kernels/op.ts";
import type { Node } from "../../graph/graph.ts";
import type { Language } from "../expression.ts";
import type { View } from "./bound_step.ts";
import { broadcastIndex, runsOf } from "./runs.ts";

/** Bits of a float's exponent: all are set where it is infinite or NaN. */
const EXPONENT = 0x7f800000;

/** WGSL by which a tensor's element (or four of them) at an index is read. */
export interface Read {
  readonly view: View;
  readonly at: (index: string) => string;
}

/** What the code of one dispatch may ask for beside its text. */
export interface Surroundings {
  /** How a stored tensor is read. */
  read(node: Node): Read;
  /** A number that is not part of the text. */
  uint(value: number): string;
  /** A float that is not part of the text. */
  float(value: number): string;
  /** A float that is set at every run. */
  scalar(name: string): string;
  /** Asks for the random generator's functions. */
  needRandom(): void;
}

/** Broadcast values that stay the same over a run of elements: they are read once for the run. */
export interface Hoist {
  /** Elements of the run; it starts at a multiple of this. */
  readonly run: number;
  /** Name of the variable that holds the run's first index. */
  readonly at: string;
  /** Goes before the names of the values. */
  readonly prefix?: string;
  readonly values: { readonly name: string; readonly value: string }[];
}

/** The function by which a kernel enters a run: it reads what is the same over the run. */
export function enterWgsl(what: string, hoist: Hoist | undefined, view: View): string {
  const values = hoist?.values ?? [];
  const kept = values.map(({ name }) => `var<private> ${name}: ${view};\n`);
  const assigned = values.map(({ name, value }) => `  ${name} = ${value};\n`);
  return `${kept.join("")}fn enter${what}(i: u32) {\n${assigned.join("")}}\n`;
}

/** The language that a map or an epilogue is printed in: elements at index `i`, in units of `view`. */
export class WgslLanguage implements Language {
  readonly #around: Surroundings;
  readonly #view: View;
  readonly #hoist?: Hoist;

  constructor(around: Surroundings, view: View, hoist?: Hoist) {
    this.#around = around;
    this.#view = view;
    this.#hoist = hoist;
  }

  declare(name: string, value: string): string {
    return `let ${name} = ${value};`;
  }

  number(value: number): string {
    // Small numbers belong to the formula; others (1/n, ε) to the layer, and are no part of the text.
    const isPlain = Number.isInteger(value * 2) && Math.abs(value) <= 16 && !Object.is(value, -0);
    return this.#wide(isPlain ? `f32(${value})` : this.#around.float(value));
  }

  scalar(name: string): string {
    return this.#wide(this.#around.scalar(name));
  }

  call(name: string, ...args: string[]): string {
    return `${name}(${args.join(", ")})`;
  }

  select(condition: string, ifTrue: string, ifFalse: string): string {
    return `select(${ifFalse}, ${ifTrue}, ${condition})`;
  }

  isFinite(x: string): string {
    // The exponent's bits come from the uniform buffer: LLVM knows this test by its constants, and takes it for true
    // where it may assume that x is finite.
    const exponent = this.#bits(this.#around.uint(EXPONENT));
    return `(${this.#bitsOf(x)} & ${exponent}) != ${exponent}`;
  }

  isNaN(x: string): string {
    return `(${this.#bitsOf(x)} & ${this.#bits("0x7fffffffu")}) > ${this.#bits("0x7f800000u")}`;
  }

  isNegative(x: string): string {
    // From the smallest number below 0, 0x80000001, to −∞, 0xff800000.
    return `(${this.#bitsOf(x)} - ${this.#bits("0x80000001u")}) < ${this.#bits("0x7f800000u")}`;
  }

  #bitsOf(x: string): string {
    return this.#view === "f32" ? `bitcast<u32>(${x})` : `bitcast<vec4u>(${x})`;
  }

  #bits(value: string): string {
    return this.#view === "f32" ? value : `vec4u(${value})`;
  }

  random(keyHi: string, keyLo: string, stream: number, start: number): string {
    this.#around.needRandom();
    const from = start === 0 ? "" : `${this.#around.uint(start)} + `;
    const uniform = (index: string, lane: string): string =>
      `randomUniform(${from}${index}, ${this.#streamOf(stream)}, u32(${keyHi}${lane}), u32(${keyLo}${lane}))`;
    if (this.#view === "f32") return uniform("i", "");
    return `vec4f(${[0, 1, 2, 3].map((lane) => uniform(`i * 4u + ${lane}u`, ".x")).join(", ")})`;
  }

  readonly #streams = new Map<number, string>();
  #streamOf(stream: number): string {
    if (!this.#streams.has(stream)) this.#streams.set(stream, this.#around.uint(stream));
    return this.#streams.get(stream)!;
  }

  index(start: number): string {
    const from = start === 0 ? "" : `${this.#around.uint(start)} + `;
    return this.#view === "f32" ? `f32(${from}i)` : `(f32(${from}i * 4u) + vec4f(0.0, 1.0, 2.0, 3.0))`;
  }

  leaf(node: Node, shape: Shape): string {
    const isWhole = sizeOf(node.shape) === sizeOf(shape);
    const { view, at: read } = this.#around.read(node);
    const element = (index: string): string =>
      view === "f32" ? read(index) : `${read(`(${index}) / 4u`)}[(${index}) % 4u]`;
    if (isWhole) {
      if (view === this.#view) return read("i");
      return this.#view === "f32" ? element("i") : four((lane) => element(`i * 4u + ${lane}u`));
    }
    if (sizeOf(node.shape) === 1) return this.#hoisted(this.#wide(element("0u")));
    const runs = runsOf(node.shape, shape);
    const sizes = runs.map(({ size }) => this.#around.uint(size));
    const at = (index: string): string => broadcastIndex(runs, sizes, index);
    const inner = runs.at(-1)!;
    if (this.#hoist && !inner.kept && inner.size % this.#hoist.run === 0) {
      const start = this.#view === "f32" ? this.#hoist.at : `(${this.#hoist.at} * 4u)`;
      return this.#hoisted(this.#wide(element(at(start))));
    }
    if (this.#view === "f32") return element(at("i"));
    if (inner.size % 4 !== 0) return four((lane) => element(at(`(i * 4u + ${lane}u)`)));
    if (!inner.kept) return `vec4f(${element(at("(i * 4u)"))})`;
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
