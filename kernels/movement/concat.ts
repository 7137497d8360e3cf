/**
 * Tensors joined along an axis. The kernel joins two; more are joined in pairs, so that each element moves
 * ⌈log₂ count⌉ times.
 *
 * @module
 */

import {
  type Builder,
  bytesOf,
  type Call,
  type ComposedOp,
  defineOp,
  type KernelOp,
  linearGrid,
  type OpSample,
  type Shape,
  shapesText,
  sizeOf,
  type Tensor,
  type Vjp,
} from "../op.ts";
import code from "./concat_pair.wgsl" with { type: "text" };

/** Attributes: along which axis. */
type ConcatAttrs = { readonly axis: number };

function shape(inputs: readonly Shape[], attrs: ConcatAttrs): Shape {
  const axis = attrs.axis;
  const [first] = inputs;
  if (!first || !(Number.isInteger(axis) && axis >= 0 && axis < first.length)) {
    throw new TypeError(
      `Cannot concat ${shapesText(inputs)} along axis ${axis}: give at least one tensor and one of its axes`,
    );
  }
  for (const other of inputs) {
    if (other.length !== first.length || other.some((size, k) => k !== axis && size !== first[k])) {
      throw new TypeError(
        `Cannot concat ${shapesText(inputs)} along axis ${axis}: the other axes must have equal sizes`,
      );
    }
  }
  return first.map((size, k) => k === axis ? inputs.reduce((sum, other) => sum + other[axis], 0) : size);
}

/** Each input's gradient is its part of the output's. */
const vjp: Vjp<ConcatAttrs> = ({ b, inputs, grad, attrs, needs }) => {
  const axis = attrs.axis;
  let end = 0;
  return inputs.map((x, k) => {
    const start = end;
    end += x.shape[axis];
    return needs[k] ? b.slice(grad, x.shape.map((_, j) => j === axis ? start : 0), x.shape) : undefined;
  });
};

function join(b: Builder, inputs: readonly Tensor[], axis: number): Tensor {
  if (inputs.length === 1) return inputs[0];
  const half = Math.ceil(inputs.length / 2);
  return b.op("concatPair", [join(b, inputs.slice(0, half), axis), join(b, inputs.slice(half), axis)], { axis });
}

/** The joined axis and all inside it, per tensor. */
function params({ inputs: [a, b], attrs }: Call<ConcatAttrs>): { outer: number; aInner: number; bInner: number } {
  const axis = attrs.axis;
  return { outer: sizeOf(a.slice(0, axis)), aInner: sizeOf(a.slice(axis)), bInner: sizeOf(b.slice(axis)) };
}

const pairCases = [
  { shapes: [[2, 3, 4], [2, 2, 4]], axis: 1 },
  { shapes: [[2, 3], [2, 4]], axis: 1 },
  { shapes: [[3], [5]], axis: 0 },
] as const;

/** Joins two tensors along `axis`. VJP: the two parts of the gradient. */
export const concatPair: KernelOp = defineOp<ConcatAttrs>({
  kind: "kernel",
  name: "concatPair",
  shape,
  vjp,
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  cuts: ({ output, attrs }) =>
    [...output.keys()].filter((axis) => axis !== attrs.axis).map((axis) => ({ inputs: [axis, axis], output: axis })),
  precision: { result: "moved" },
  rows: ({ axis }) => axis === 0 ? "joined" : undefined,
  kernel: {
    params: (call) => ({ ...params(call) }),
    prologue: [0, 1],
    wgsl(call) {
      const { aInner, bInner } = params(call);
      const vectors = aInner % 4 === 0 && bInner % 4 === 0;
      const element = vectors ? "vec4f" : "f32";
      return {
        code: `const WIDTH = ${vectors ? 4 : 1}u;\nalias Element = ${element};\n${code}`,
        reads: [element, element],
        writes: element,
        grid: linearGrid(sizeOf(call.output) / (vectors ? 4 : 1), 64),
      };
    },
    gpujs: function (a, b) {
      const row = this.constants.aInner + this.constants.bInner;
      const o = Math.floor(this.thread.x / row);
      const i = this.thread.x % row;
      let value = 0;
      if (i < this.constants.aInner) {
        value = a[o * this.constants.aInner + i];
      } else {
        value = b[o * this.constants.bInner + i - this.constants.aInner];
      }
      return value;
    },
  },
  samples: [
    ...pairCases.map(({ shapes, axis }): OpSample<ConcatAttrs> => ({
      inputs: shapes.map((shape) => ({ shape })),
      attrs: { axis },
      abs: 0,
      rel: 0,
    })),
    { inputs: [{ shape: [32, 64, 32, 32] }, { shape: [32, 64, 32, 32] }], attrs: { axis: 1 }, bench: true },
  ],
});

/**
 * Joins any number of tensors along attribute `axis`; their other axes have equal sizes. VJP: slices of the gradient.
 */
export const concat: ComposedOp = defineOp<ConcatAttrs>({
  kind: "composed",
  name: "concat",
  shape,
  vjp,
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  lower: (b, inputs, attrs) => join(b, inputs, attrs.axis),
  samples: [
    { inputs: [{ shape: [2, 1, 3] }, { shape: [2, 4, 3] }, { shape: [2, 2, 3] }], attrs: { axis: 1 }, abs: 0, rel: 0 },
    { inputs: [{ shape: [2, 3] }], attrs: { axis: 0 }, abs: 0, rel: 0 },
    {
      inputs: [{ shape: [32, 28, 28, 128] }, { shape: [32, 28, 28, 128] }, { shape: [32, 28, 28, 128] }],
      attrs: { axis: 3 },
      bench: true,
    },
  ],
});
