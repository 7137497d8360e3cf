/**
 * Sums and maxima over axes. The reduced axes stay with size 1.
 *
 * There are two WGSL variants. Where the last axis is reduced, a workgroup shares one output: its invocations stride
 * over the elements and combine partial results in a tree. Where the last axis is kept, an invocation owns one output,
 * and neighbours read neighbouring elements. Both add in a fixed order: results do not vary between runs.
 *
 * Fused producers are read through `load` and `enter`, so the normalised picture of batch norm, say, is never stored.
 *
 * @module
 */

import {
  bytesOf,
  type Call,
  defineOp,
  type Kernel,
  type KernelOp,
  linearGrid,
  type OpSample,
  type Shape,
  sizeOf,
  type Target,
  type Vjp,
} from "../op.ts";
import { range } from "../writing/tile.ts";
import sharedCode from "./reduce_shared.wgsl" with { type: "text" };
import ownedCode from "./reduce_owned.wgsl" with { type: "text" };

/** Attributes: the axes that are reduced. */
type ReduceAttrs = { readonly axes: readonly number[] };

/**
 * A reduction seen as five axes [k0, r0, k1, r1, k2], kept and reduced in turn, after neighbouring axes of one
 * kind are merged. Every reduction of a training step fits: batch norm is [1, N, C, H·W, 1].
 */
export function collapse(shape: Shape, axes: readonly number[]): [number, number, number, number, number] | undefined {
  const groups: { kept: boolean; size: number }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const kept = !axes.includes(axis);
    const last = groups.at(-1);
    if (last?.kept === kept) last.size *= size;
    else groups.push({ kept, size });
  });
  if (groups.length === 0 || !groups[0].kept) groups.unshift({ kept: true, size: 1 });
  if (groups.length > 5) return undefined;
  const [a, b = 1, c = 1, d = 1, e = 1] = groups.map((group) => group.size);
  // A lone reduced run is the inner one, and a kept run after it the innermost: the kernels loop over rows of r1.
  if (groups.length === 2) return [a, 1, 1, b, 1];
  if (groups.length === 3) return [a, b, 1, 1, c];
  return [a, b, c, d, e];
}

function params({ inputs: [x], attrs }: Call<ReduceAttrs>): Record<string, number> {
  const [k0, r0, k1, r1, k2] = collapse(x, attrs.axes)!;
  return { k0, r0, k1, r1, k2 };
}

/** The parts of the WGSL that differ between a sum and a maximum. */
interface Reduction {
  readonly name: "sum" | "max";
  /** Identity element in WGSL. */
  readonly identity: string;
  /** WGSL expressions of `a` and `b` combined: of f32, and of vec4f. */
  readonly combine: string;
  readonly combine4: string;
  /** WGSL functions that they call. */
  readonly functions?: string;
}

/** Invocations of a workgroup that has an output for each. */
const OWNED_WORKGROUP = 16;

/**
 * Adding up more numbers one by one would lose digits. An invocation adds up each row by itself, four columns apart
 * where it can, then the rows.
 */
const MOST_IN_TURN = 8192;

/**
 * Is a workgroup for an output better than an invocation? On a GPU it is, since neighbours then read neighbouring
 * elements, unless most of them would idle. On a processor barriers cost as much as thousands of elements: there it is
 * better only if the outputs are too few to occupy the cores.
 */
function isWorthSharing(outputs: number, elements: number, { isSoftware }: Target): boolean {
  return isSoftware ? outputs < 2 * OWNED_WORKGROUP : elements > 32;
}

/**
 * `shared`: an output has a workgroup; `owned`: an invocation. Where the last axis is kept there is only the latter,
 * for long sums only the former.
 */
function candidates(call: Call<ReduceAttrs>, target: Target): string[] {
  const { k0, r0, k1, r1, k2 } = params(call);
  if (k2 !== 1) return ["owned"];
  if (Math.max(r0, r1 % 4 === 0 ? r1 / 4 : r1) > MOST_IN_TURN) return ["shared"];
  return isWorthSharing(k0 * k1, r0 * r1, target) ? ["shared", "owned"] : ["owned", "shared"];
}

/**
 * WGSL of what is folded and what is written, where so many calls are computed side by side. It has the element read,
 * `Element`, the number or numbers written, `Result`, and functions of them. Four elements of a row (`isWide &&
 * inRows`) are folded side by side and combined in the end; four outputs are four results.
 */
function arithmetic(
  { identity, combine, combine4, functions = "" }: Reduction,
  calls: number,
  isWide: boolean,
  inRows: boolean,
): string {
  const [element, result] = [isWide ? "vec4f" : "f32", isWide && !inRows ? "vec4f" : "f32"];
  const [foldOne, mergeOne] = [isWide ? "combine4" : "combine", result === "vec4f" ? "combine4" : "combine"];
  const flatOne = (acc: string) =>
    isWide && inRows ? `combine(combine(${acc}.x, ${acc}.y), combine(${acc}.z, ${acc}.w))` : acc;
  const each = (type: string, value: (suffix: string) => string): string =>
    calls === 1 ? value("") : `${type}(${range(calls).map((k) => value(`.v${k}`)).join(", ")})`;
  return `${functions}fn combine(a: f32, b: f32) -> f32 { return ${combine}; }
fn combine4(a: vec4f, b: vec4f) -> vec4f { return ${combine4}; }
alias Element = ${calls === 1 ? element : "Loaded0"};
alias Result = ${calls === 1 ? result : "Emitted"};
fn nothing() -> Element { return ${each("Element", () => `${element}(${identity})`)}; }
fn fold(a: Element, b: Element) -> Element { return ${each("Element", (v) => `${foldOne}(a${v}, b${v})`)}; }
fn flat(a: Element) -> Result { return ${each("Result", (v) => flatOne(`a${v}`))}; }
fn merge(a: Result, b: Result) -> Result { return ${each("Result", (v) => `${mergeOne}(a${v}, b${v})`)}; }
`;
}

function wgsl(reduction: Reduction): Kernel<ReduceAttrs>["wgsl"] {
  return (call, target, candidate = candidates(call, target)[0], calls = 1) => {
    const { k0, k1, r1, k2 } = params(call);
    const outputs = k0 * k1 * k2;
    const inRows = k2 === 1;
    const shared = inRows && candidate === "shared";
    const isWide = inRows ? r1 % 4 === 0 : k2 % 4 === 0;
    const lanes = isWide && !inRows ? 4 : 1;
    const prelude = `const WORKGROUP = ${OWNED_WORKGROUP}u;
const WIDTH: u32 = ${isWide && inRows ? 4 : 1}u;
const LANES: u32 = ${lanes}u;
${arithmetic(reduction, calls, isWide, inRows)}`;
    return {
      code: prelude + (shared ? sharedCode : ownedCode),
      reads: [isWide ? "vec4f" : "f32"],
      writes: lanes === 4 ? "vec4f" : "f32",
      runs: inRows ? { 0: r1 } : undefined,
      grid: shared ? linearGrid(outputs, 1) : linearGrid(outputs / lanes, OWNED_WORKGROUP),
    };
  };
}

function shapeOf(name: string): KernelOp<ReduceAttrs>["shape"] {
  return ([x], attrs) => {
    const axes = attrs.axes;
    const wrong = axes.find((axis) => !(Number.isInteger(axis) && axis >= 0 && axis < x.length));
    if (wrong !== undefined) {
      throw new TypeError(`Cannot ${name} axis ${wrong} of [${x.join(", ")}]: axes go from 0 to ${x.length - 1}`);
    }
    if (!collapse(x, axes)) {
      throw new TypeError(
        `Cannot ${name} [${x.join(", ")}] over axes ${axes.join(", ")}: at most two separate runs of axes`,
      );
    }
    return x.map((size, axis) => axes.includes(axis) ? 1 : size);
  };
}

const smallCases: readonly { shape: Shape; axes: readonly number[] }[] = [
  { shape: [3, 4, 5], axes: [0, 1, 2] },
  { shape: [3, 5], axes: [1] },
  { shape: [7, 5], axes: [0] },
  { shape: [3, 4, 6, 6], axes: [0, 2, 3] },
  { shape: [2, 3, 5, 3], axes: [1, 3] },
  { shape: [4, 3, 8], axes: [1] },
  { shape: [2, 300], axes: [1] },
  { shape: [6], axes: [] },
  { shape: [70, 3, 4], axes: [1, 2] },
  { shape: [2, 40, 6], axes: [0, 2] },
  { shape: [3, 5, 8], axes: [0, 1] },
  { shape: [2, 3, 4, 5, 4], axes: [1, 3] },
];

const samples: readonly OpSample<ReduceAttrs>[] = [
  ...smallCases.map(({ shape, axes }): OpSample<ReduceAttrs> => ({
    inputs: [{ shape, values: "distinct" }],
    attrs: { axes },
  })),
  { inputs: [{ shape: [32, 32, 64, 64] }], attrs: { axes: [0, 2, 3] }, bench: true },
  { inputs: [{ shape: [64, 4096] }], attrs: { axes: [0] }, bench: true },
  { inputs: [{ shape: [1600, 768] }], attrs: { axes: [1] }, bench: true },
];

function reduction(parts: Reduction, gpujs: Kernel<ReduceAttrs>["gpujs"], vjp: Vjp<ReduceAttrs>): KernelOp {
  return defineOp<ReduceAttrs>({
    kind: "kernel",
    name: parts.name,
    shape: shapeOf(parts.name),
    vjp,
    cost: (call) => ({ flops: sizeOf(call.inputs[0]), bytes: bytesOf(call) }),
    cuts: ({ attrs }) => [{ inputs: [0], output: attrs.axes.includes(0) ? parts.name : 0 }],
    precision: { result: "full" },
    kernel: { params, prologue: [0], joins: true, candidates, wgsl: wgsl(parts), gpujs },
    samples,
  });
}

/** Sum over `axes`. VJP: the gradient is spread over what was summed. */
export const sum: KernelOp = reduction(
  { name: "sum", identity: "0.0", combine: "a + b", combine4: "a + b" },
  function (x) {
    const kept2 = this.thread.x % this.constants.k2;
    const kept1 = Math.floor(this.thread.x / this.constants.k2) % this.constants.k1;
    const kept0 = Math.floor(this.thread.x / (this.constants.k2 * this.constants.k1));
    let total = 0;
    for (let i = 0; i < this.constants.r0; i++) {
      for (let j = 0; j < this.constants.r1; j++) {
        total += x[
          (((kept0 * this.constants.r0 + i) * this.constants.k1 + kept1) * this.constants.r1 + j) * this.constants.k2 +
          kept2
        ];
      }
    }
    return total;
  },
  ({ b, inputs: [x], grad }) => [b.broadcastTo(grad, x.shape)],
);

/**
 * Maximum over `axes`: NaN where one is in it, and no less than −3.4e38, the smallest finite number. VJP: the gradient
 * is shared equally by the elements that attain it.
 */
export const max: KernelOp = reduction(
  // Not max(): a NaN that enters must come out. It is known by its bits, since compilers take `b != b` for false and a
  // comparison with NaN for what they like.
  {
    name: "max",
    identity: "-3.4028234663852886e38",
    combine: "select(select(a, b, b > a && !isNaN(a)), b, isNaN(b))",
    combine4: "select(select(a, b, (b > a) & !isNaN4(a)), b, isNaN4(b))",
    functions: `fn isNaN(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn isNaN4(x: vec4f) -> vec4<bool> { return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u); }
`,
  },
  function (x) {
    const kept2 = this.thread.x % this.constants.k2;
    const kept1 = Math.floor(this.thread.x / this.constants.k2) % this.constants.k1;
    const kept0 = Math.floor(this.thread.x / (this.constants.k2 * this.constants.k1));
    let best = -3.4028234663852886e38;
    for (let i = 0; i < this.constants.r0; i++) {
      for (let j = 0; j < this.constants.r1; j++) {
        const value = x[
          (((kept0 * this.constants.r0 + i) * this.constants.k1 + kept1) * this.constants.r1 + j) * this.constants.k2 +
          kept2
        ];
        if (value > best || value !== value) {
          best = value;
        }
      }
    }
    return best;
  },
  ({ b, inputs: [x], output, grad, attrs }) => {
    const hits = b.equal(x, output);
    return [b.div(b.mul(grad, hits), b.sum(hits, attrs.axes))];
  },
);
