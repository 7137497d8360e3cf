/**
 * Zeros around a tensor.
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
  shapesText,
  sizeOf,
} from "../op.ts";
import code from "./pad.wgsl" with { type: "text" };

/** Attributes: zeros before and after each axis. */
type PadAttrs = { readonly before: readonly number[]; readonly after: readonly number[] };

/** An axis: sizes in the output and the input, and the zeros before the input. */
interface PaddedAxis {
  readonly size: number;
  readonly before: number;
  readonly inner: number;
}

/** Most axes that may be left after merging. */
const MAX_AXES = 4;

/** The axes of a call; an axis without zeros joins the one outside it, whose unit grows by its size. */
function axesOf({ inputs: [x], attrs }: Pick<Call<PadAttrs>, "inputs" | "attrs">): PaddedAxis[] {
  const merged: PaddedAxis[] = [];
  x.forEach((inner, axis) => {
    const before = attrs.before[axis];
    const size = before + inner + attrs.after[axis];
    const outer = merged.at(-1);
    if (outer && size === inner) {
      merged[merged.length - 1] = { size: outer.size * size, before: outer.before * size, inner: outer.inner * size };
    } else {
      merged.push({ size, before, inner });
    }
  });
  return merged;
}

/** WGSL of `locate`: the input element of output element i, or OUTSIDE. Positions before the input wrap around. */
function locateWgsl(rank: number): string {
  const steps = Array.from({ length: rank }, (_, k) => MAX_AXES - 1 - k).map((axis) =>
    `  outer = quotient(rest, p.size${axis});
  place = rest - outer * p.size${axis} - p.before${axis};
  rest = outer;
  inside = inside && place < p.inner${axis};
  at += place * stride;
  stride *= p.inner${axis};
`
  );
  return `const OUTSIDE = 0xffffffffu;
fn locate(i: u32) -> u32 {
  var rest = i;
  var at = 0u;
  var stride = 1u;
  var inside = true;
  var place = 0u;
  var outer = 0u;
${steps.join("")}  return select(OUTSIDE, at, inside);
}
`;
}

const kernel: Kernel<PadAttrs> = {
  params(call) {
    const merged = axesOf(call);
    const filled = [...Array<PaddedAxis>(MAX_AXES - merged.length).fill({ size: 1, before: 0, inner: 1 }), ...merged];
    return {
      total: sizeOf(call.output),
      ...Object.fromEntries(
        filled.flatMap((
          { size, before, inner },
          k,
        ) => [[`size${k}`, size], [`before${k}`, before], [`inner${k}`, inner]]),
      ),
    };
  },
  prologue: [0],
  wgsl(call) {
    const axes = axesOf(call);
    const last = axes.at(-1);
    const vectors = last !== undefined && [last.size, last.before, last.inner].every((count) => count % 4 === 0);
    const element = vectors ? "vec4f" : "f32";
    return {
      code: `const WIDTH = ${vectors ? 4 : 1}u;\nalias Element = ${element};\n${locateWgsl(axes.length)}${code}`,
      reads: [element],
      writes: element,
      grid: linearGrid(sizeOf(call.output) / (vectors ? 4 : 1), 64),
    };
  },
  gpujs: function (x) {
    let rest = this.thread.x;
    const place3 = rest % this.constants.size3 - this.constants.before3;
    rest = Math.floor(rest / this.constants.size3);
    const place2 = rest % this.constants.size2 - this.constants.before2;
    rest = Math.floor(rest / this.constants.size2);
    const place1 = rest % this.constants.size1 - this.constants.before1;
    const place0 = Math.floor(rest / this.constants.size1) - this.constants.before0;
    let value = 0;
    if (
      place0 >= 0 && place0 < this.constants.inner0 && place1 >= 0 && place1 < this.constants.inner1 &&
      place2 >= 0 && place2 < this.constants.inner2 && place3 >= 0 && place3 < this.constants.inner3
    ) {
      value = x[
        ((place0 * this.constants.inner1 + place1) * this.constants.inner2 + place2) * this.constants.inner3 + place3
      ];
    }
    return value;
  },
};

const cases = [
  { shape: [2, 3], before: [1, 0], after: [0, 2] },
  { shape: [2, 3, 3, 4], before: [0, 0, 1, 1], after: [0, 0, 1, 2] },
  { shape: [2, 3, 4], before: [0, 2, 0], after: [0, 1, 0] },
  { shape: [3, 4, 5], before: [0, 1, 2], after: [0, 1, 0] },
  { shape: [4], before: [0], after: [0] },
] as const;

const samples: readonly OpSample<PadAttrs>[] = [
  ...cases.map(({ shape, before, after }): OpSample<PadAttrs> => ({
    inputs: [{ shape }],
    attrs: { before, after },
    abs: 0,
    rel: 0,
  })),
  {
    inputs: [{ shape: [32, 64, 32, 32] }],
    attrs: { before: [0, 0, 1, 1], after: [0, 0, 1, 1] },
    bench: true,
  },
];

/** Adds `before[k]` and `after[k]` zeros on the sides of each axis k. VJP: the gradient's part over x. */
export const pad: KernelOp = defineOp<PadAttrs>({
  kind: "kernel",
  name: "pad",
  shape([x], attrs) {
    const before = attrs.before;
    const after = attrs.after;
    const wrong = before.length !== x.length || after.length !== x.length ||
      [...before, ...after].some((count) => !Number.isInteger(count) || count < 0);
    if (wrong) {
      throw new TypeError(
        `Cannot pad ${shapesText([x])} by [${before.join(", ")}] before and [${after.join(", ")}] after: ` +
          `each takes ${x.length} counts of at least 0`,
      );
    }
    if (axesOf({ inputs: [x], attrs }).length > MAX_AXES) {
      throw new TypeError(`Cannot pad ${shapesText([x])} on so many axes: at most ${MAX_AXES} may be padded`);
    }
    return x.map((size, axis) => before[axis] + size + after[axis]);
  },
  vjp: ({ b, inputs: [x], grad, attrs }) => [b.slice(grad, attrs.before, x.shape)],
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  cuts: ({ inputs: [x], output }) =>
    [...x.keys()].filter((axis) => output[axis] === x[axis]).map((axis) => ({ inputs: [axis], output: axis })),
  precision: { result: "moved" },
  kernel,
  samples,
});
