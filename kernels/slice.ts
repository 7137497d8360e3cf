/**
 * A box cut out of a tensor.
 *
 * @module
 */

import { type Attrs, type Call, type Op, type OpSample, type Shape, shapesText, sizeOf } from "./op.ts";
import { MAX_AXES, mergeAxes, type Strided, stridedKernel, stridesOf } from "./strided.ts";

const startOf = (attrs: Attrs) => attrs.start as readonly number[];

function copyOf({ inputs: [x], output, attrs }: Call): Strided {
  const strides = stridesOf(x);
  return {
    axes: output.map((size, axis) => ({ size, stride: strides[axis] })),
    offset: startOf(attrs).reduce((sum, start, axis) => sum + start * strides[axis], 0),
  };
}

function shape([x]: readonly Shape[], attrs: Attrs): Shape {
  const start = startOf(attrs);
  const size = attrs.size as readonly number[];
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

const samples: readonly OpSample[] = [
  ...cases.map(({ shape, start, size }): OpSample => ({ inputs: [{ shape }], attrs: { start, size }, abs: 0, rel: 0 })),
  {
    inputs: [{ shape: [32, 128, 32, 32] }],
    attrs: { start: [0, 64, 0, 0], size: [32, 64, 32, 32] },
    bench: true,
  },
];

/** Elements `start[k]` to `start[k] + size[k] − 1` of each axis k. VJP: the gradient padded with zeros. */
export const slice: Op = {
  name: "slice",
  shape,
  vjp: ({ b, inputs: [x], output, grad, attrs }) => {
    const start = startOf(attrs);
    return [b.pad(grad, start, x.shape.map((size, axis) => size - start[axis] - output.shape[axis]))];
  },
  cost: (call) => ({ flops: 0, bytes: 8 * sizeOf(call.output) }),
  kernel: stridedKernel(copyOf),
  samples,
};
