/**
 * Copies that read a tensor in another order or in part: the kernel of `permute` and of `slice`.
 *
 * An output axis is its size and its stride in the input. Axes that the input holds one behind the other are merged, so
 * that the index costs one division per axis that is left.
 *
 * @module
 */

import { type Call, type Kernel, linearGrid, type Shape, sizeOf } from "../op.ts";
import code from "./strided.wgsl" with { type: "text" };

/** An axis of the output. */
export interface StridedAxis {
  /** How many elements it has. */
  readonly size: number;
  /** How far apart they are in the input. */
  readonly stride: number;
}

/** A copy. */
export interface Strided {
  /** The output's axes, outermost first. */
  readonly axes: readonly StridedAxis[];
  /** The input element at which it starts. */
  readonly offset: number;
}

/** Most axes that may be left after merging; Swin's windows need five. */
export const MAX_AXES = 6;

/** Distance in elements between neighbours along each axis of a tensor. */
export function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
}

/** `axes` without those of size 1 and with neighbours merged where one stride fits both. */
export function mergeAxes(axes: readonly StridedAxis[]): StridedAxis[] {
  const merged: StridedAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const outer = merged.at(-1);
    if (outer && outer.stride === axis.size * axis.stride) {
      merged[merged.length - 1] = { size: outer.size * axis.size, stride: axis.stride };
    } else {
      merged.push(axis);
    }
  }
  return merged;
}

/**
 * WGSL of `source`: the input element of element i of the `rank` axes that end with axis `last`, one division an axis.
 */
function sourceWgsl(rank: number, last = MAX_AXES - 1): string {
  const axes = Array.from({ length: rank }, (_, k) => last - k);
  const steps = axes.map((axis, k) =>
    k === rank - 1 ? `  at += rest * p.stride${axis};\n` : `  let outer${axis} = quotient(rest, p.size${axis});
  at += (rest - outer${axis} * p.size${axis}) * p.stride${axis};
  rest = outer${axis};
`
  );
  return `fn source(i: u32) -> u32 {\n  var rest = i;\n  var at = p.offset;\n${steps.join("")}  return at;\n}\n`;
}

/** How an output is written: each element by itself, or four neighbours of a row that are read … */
type Layout =
  /** One number at a time. */
  | "elements"
  /** As four neighbours. */
  | "vectors"
  /** From four places. */
  | "gathered"
  /** As a row of a 4 × 4 block, which is read as four columns. */
  | "blocks";

function layoutOf<A>(call: Call<A>, axes: readonly StridedAxis[], offset: number): Layout {
  const inner = axes.at(-1);
  if (!inner || inner.size % 4 !== 0) return "elements";
  const areWhole = (others: readonly StridedAxis[]) =>
    offset % 4 === 0 && sizeOf(call.inputs[0]) % 4 === 0 && others.every(({ stride }) => stride % 4 === 0);
  if (inner.stride === 1 && areWhole(axes.slice(0, -1))) return "vectors";
  const unit = axes.at(-2);
  if (unit?.stride === 1 && unit.size % 4 === 0 && areWhole(axes.toSpliced(-2, 1))) return "blocks";
  return "gathered";
}

/** WGSL of `copy`, which writes what invocation `i` is to write. */
function copyWgsl(layout: Layout, rank: number): string {
  switch (layout) {
    case "elements":
      return `${sourceWgsl(rank)}fn copy(i: u32) {\n  emit(i, load0(source(i)));\n}\n`;
    case "vectors":
      return `${sourceWgsl(rank)}fn copy(i: u32) {\n  emit(i, load0(source(4u * i) / 4u));\n}\n`;
    case "gathered": {
      const places = ["at", "at + step", "at + 2u * step", "at + 3u * step"].map((at) => `load0(${at})`);
      return `${sourceWgsl(rank)}fn copy(i: u32) {
  let at = source(4u * i);
  let step = p.stride${MAX_AXES - 1};
  emit(i, vec4f(${places.join(", ")}));
}
`;
    }
    case "blocks": {
      const [unit, inner] = [MAX_AXES - 2, MAX_AXES - 1];
      const lanes = [0, 1, 2, 3];
      return `${sourceWgsl(rank - 2, MAX_AXES - 3)}fn copy(i: u32) {
  let line = quotient(i, p.size${inner} / 4u);
  let column = 4u * i - line * p.size${inner};
  let outer = quotient(line, p.size${unit} / 4u);
  let row = 4u * line - outer * p.size${unit};
  let at = source(outer) + row + column * p.stride${inner};
${lanes.map((q) => `  let c${q} = load0((at + ${q}u * p.stride${inner}) / 4u);\n`).join("")}${
        lanes.map((v) =>
          `  emit(((outer * p.size${unit} + row + ${v}u) * p.size${inner} + column) / 4u, vec4f(${
            lanes.map((q) => `c${q}[${v}]`).join(", ")
          }));\n`
        ).join("")
      }}
`;
    }
  }
}

/**
 * Kernel of a strided copy.
 *
 * @param copyOf The copy that a call asks for; its axes need not be merged, but at most {@link MAX_AXES} may be left.
 */
export function stridedKernel<A>(copyOf: (call: Call<A>) => Strided): Kernel<A> {
  return {
    params(call) {
      const { axes, offset } = copyOf(call);
      const merged = mergeAxes(axes);
      const filled = [...Array<StridedAxis>(MAX_AXES - merged.length).fill({ size: 1, stride: 0 }), ...merged];
      return {
        total: sizeOf(call.output),
        offset,
        ...Object.fromEntries(filled.flatMap(({ size, stride }, k) => [[`size${k}`, size], [`stride${k}`, stride]])),
      };
    },
    prologue: [0],
    wgsl(call) {
      const { axes, offset } = copyOf(call);
      const merged = mergeAxes(axes);
      const layout = layoutOf(call, merged, offset);
      const each = { elements: 1, vectors: 4, gathered: 4, blocks: 16 }[layout];
      return {
        code: `const EACH = ${each}u;\n${copyWgsl(layout, merged.length)}${code}`,
        reads: [layout === "vectors" || layout === "blocks" ? "vec4f" : "f32"],
        writes: layout === "elements" ? "f32" : "vec4f",
        grid: linearGrid(sizeOf(call.output) / each, 64),
      };
    },
    gpujs: function (x) {
      let rest = this.thread.x;
      let at = this.constants.offset + (rest % this.constants.size5) * this.constants.stride5;
      rest = Math.floor(rest / this.constants.size5);
      at += (rest % this.constants.size4) * this.constants.stride4;
      rest = Math.floor(rest / this.constants.size4);
      at += (rest % this.constants.size3) * this.constants.stride3;
      rest = Math.floor(rest / this.constants.size3);
      at += (rest % this.constants.size2) * this.constants.stride2;
      rest = Math.floor(rest / this.constants.size2);
      at += (rest % this.constants.size1) * this.constants.stride1;
      rest = Math.floor(rest / this.constants.size1);
      return x[at + rest * this.constants.stride0];
    },
  };
}
