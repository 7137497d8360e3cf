/**
 * Copies that read a tensor in another order or in part: the kernel of `permute` and of `slice`.
 *
 * An output axis is its size and its stride in the input. Axes that the input holds one behind the other are merged, so
 * that the index costs one division per axis that is left.
 *
 * @module
 */

import { type Call, type Kernel, linearGrid, type Shape, sizeOf } from "./op.ts";
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

/** WGSL of `source`: the input element of output element i, one division per axis. */
function sourceWgsl(rank: number): string {
  const steps = Array.from({ length: rank }, (_, k) => MAX_AXES - 1 - k).map((axis, k) =>
    k === rank - 1 ? `  at += rest * p.stride${axis};\n` : `  let outer${axis} = quotient(rest, p.size${axis});
  at += (rest - outer${axis} * p.size${axis}) * p.stride${axis};
  rest = outer${axis};
`
  );
  return `fn source(i: u32) -> u32 {\n  var rest = i;\n  var at = p.offset;\n${steps.join("")}  return at;\n}\n`;
}

/** Whether four neighbours of the output are always four neighbours of the input, on a multiple of four. */
function fitsVectors(call: Call, { axes, offset }: Strided): boolean {
  const inner = axes.at(-1);
  return inner?.stride === 1 && offset % 4 === 0 && inner.size % 4 === 0 && sizeOf(call.inputs[0]) % 4 === 0 &&
    axes.slice(0, -1).every((axis) => axis.stride % 4 === 0);
}

/**
 * Kernel of a strided copy.
 *
 * @param copyOf The copy that a call asks for; its axes need not be merged, but at most {@link MAX_AXES} may be left.
 */
export function stridedKernel(copyOf: (call: Call) => Strided): Kernel {
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
      const vectors = fitsVectors(call, { axes: merged, offset });
      const width = vectors ? 4 : 1;
      return {
        code: `const WIDTH = ${width}u;\n${sourceWgsl(merged.length)}${code}`,
        reads: [vectors ? "vec4f" : "f32"],
        writes: vectors ? "vec4f" : "f32",
        grid: linearGrid(sizeOf(call.output) / width, 64),
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
