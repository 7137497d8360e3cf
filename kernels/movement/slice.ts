/**
 * A box cut out of a tensor.
 *
 * @module
 */

import { type Call, defineOp, type KernelOp, type OpSample, type Shape, shapesText, sizeOf } from "../op.ts";
import { MAX_AXES, mergeAxes, type Strided, stridedKernel, stridesOf } from "./strided.ts";

/** Attributes: where the block begins, and its size. */
type SliceAttrs = { readonly start: readonly number[]; readonly size: readonly number[] };

function copyOf({ inputs: [x], output, attrs }: Call<SliceAttrs>): Strided {
  const strides = stridesOf(x);
  return {
    axes: output.map((size, axis) => ({ size, stride: strides[axis] })),
    offset: attrs.start.reduce((sum, start, axis) => sum + start * strides[axis], 0),
  };
}

function shape([x]: readonly Shape[], attrs: SliceAttrs): Shape {
  const start = attrs.start;
  const size = attrs.size;
  const fits = (axis: number) =>
    Number.isInteger(start[axis]) && Number.isInteger(size[axis]) && start[axis] >= 0 && size[axis] >= 1 &&
    start[axis] + size[axis] <= x[axis];
  if (start.length !== x.length || size.length !== x.length || !x.every((_, axis) => fits(axis))) {
    throw new TypeError(
      `Cannot slice ${shapesText([x])} from [${start.join(", ")}] with size [${size.join(", ")}]: ` +
        "each axis takes a start from 0 and a size from 1 that end within it",
    );
  }
  if (mergeAxes(copyOf({ inputs: [x], output: size, attrs }).axes).length > MAX_AXES) {
    throw new TypeError(`Cannot slice ${shapesText([x])}: at most ${MAX_AXES} axes may be cut`);
  }
  return size;
}

const cases = [
  { shape: [3, 4, 5], start: [0, 1, 2], size: [3, 2, 3] },
  { shape: [4, 3, 8], start: [1, 0, 4], size: [2, 3, 4] },
  { shape: [6, 5], start: [2, 0], size: [3, 5] },
  { shape: [7], start: [3], size: [1] },
  // Four neighbours that do not start, or do not stay, on a multiple of four.
  { shape: [8], start: [1], size: [4] },
  { shape: [4, 6], start: [0, 0], size: [4, 4] },
] as const;

const samples: readonly OpSample<SliceAttrs>[] = [
  ...cases.map(({ shape, start, size }): OpSample<SliceAttrs> => ({
    inputs: [{ shape }],
    attrs: { start, size },
    abs: 0,
    rel: 0,
  })),
  {
    inputs: [{ shape: [32, 128, 32, 32] }],
    attrs: { start: [0, 64, 0, 0], size: [32, 64, 32, 32] },
    bench: true,
  },
];

/** Elements `start[k]` to `start[k] + size[k] − 1` of each axis k. VJP: the gradient padded with zeros. */
export const slice: KernelOp = defineOp<SliceAttrs>({
  kind: "kernel",
  name: "slice",
  shape,
  vjp: ({ b, inputs: [x], output, grad, attrs }) => {
    const start = attrs.start;
    return [b.pad(grad, start, x.shape.map((size, axis) => size - start[axis] - output.shape[axis]))];
  },
  cost: (call) => ({ flops: 0, bytes: 8 * sizeOf(call.output) }),
  precision: { result: "moved" },
  rows: () => "taken",
  kernel: stridedKernel(copyOf),
  samples,
});
