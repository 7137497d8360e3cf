/**
 * Axes in another order.
 *
 * @module
 */

import { bytesOf, type Call, type Cut, defineOp, type KernelOp, type OpSample, shapesText } from "../op.ts";
import { MAX_AXES, mergeAxes, type Strided, stridedKernel, stridesOf } from "./strided.ts";

/** Attributes: which axis of x each axis of the result is. */
type PermuteAttrs = { readonly order: readonly number[] };

function copyOf(call: Pick<Call<PermuteAttrs>, "inputs" | "attrs">): Strided {
  const [x] = call.inputs;
  const strides = stridesOf(x);
  return { axes: call.attrs.order.map((axis) => ({ size: x[axis], stride: strides[axis] })), offset: 0 };
}

const cases: readonly { shape: readonly number[]; order: readonly number[] }[] = [
  { shape: [3, 5], order: [1, 0] },
  { shape: [2, 3, 4, 5], order: [0, 2, 3, 1] },
  { shape: [2, 3, 4, 5], order: [3, 2, 1, 0] },
  { shape: [2, 3, 5, 8], order: [0, 2, 1, 3] },
  { shape: [2, 2, 3, 2, 3, 4], order: [0, 1, 3, 2, 4, 5] },
  { shape: [2, 3], order: [0, 1] },
  // Four by four, and four from anywhere.
  { shape: [8, 12], order: [1, 0] },
  { shape: [3, 8, 4], order: [0, 2, 1] },
  { shape: [2, 4, 3, 8], order: [3, 0, 2, 1] },
  { shape: [3, 8, 9], order: [0, 2, 1] },
];

const samples: readonly OpSample<PermuteAttrs>[] = [
  ...cases.map(({ shape, order }): OpSample<PermuteAttrs> => ({
    inputs: [{ shape }],
    attrs: { order },
    abs: 0,
    rel: 0,
  })),
  { inputs: [{ shape: [32, 128, 32, 32] }], attrs: { order: [0, 2, 3, 1] }, bench: true },
  { inputs: [{ shape: [32, 50, 12, 64] }], attrs: { order: [0, 2, 1, 3] }, bench: true },
];

/** Permutes axes: axis k of the output is axis `order[k]` of x. VJP: the inverse permutation. */
export const permute: KernelOp = defineOp<PermuteAttrs>({
  kind: "kernel",
  name: "permute",
  shape([x], attrs) {
    const order = attrs.order;
    if (order.length !== x.length || x.some((_, axis) => !order.includes(axis))) {
      throw new TypeError(
        `Cannot permute ${shapesText([x])} to order [${order.join(", ")}]: give each axis from 0 to ${
          x.length - 1
        } once`,
      );
    }
    if (mergeAxes(copyOf({ inputs: [x], attrs }).axes).length > MAX_AXES) {
      throw new TypeError(
        `Cannot permute ${shapesText([x])} to order [${order.join(", ")}]: at most ${MAX_AXES} axes may move apart`,
      );
    }
    return order.map((axis) => x[axis]);
  },
  vjp: ({ b, grad, attrs }) => [b.permute(grad, attrs.order.map((_, axis) => attrs.order.indexOf(axis)))],
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  cuts: (call) => call.attrs.order.map((axis, k): Cut => ({ inputs: [axis], output: k })),
  precision: { result: "moved" },
  kernel: stridedKernel(copyOf),
  samples,
});
