/**
 * Elements moved around in a circle.
 *
 * @module
 */

import { type Builder, bytesOf, type ComposedOp, defineOp, type OpSample, shapesText, type Tensor } from "../op.ts";

/** Attributes: places by which each axis moves. */
type RollAttrs = { readonly shifts: readonly number[] };

/** `x` moved on by `shift` along `axis`: its end, then its start. */
function rollAxis(b: Builder, x: Tensor, axis: number, shift: number): Tensor {
  const size = x.shape[axis];
  const moved = (shift % size + size) % size;
  if (moved === 0) return x;
  const part = (start: number, count: number) =>
    b.slice(x, x.shape.map((_, k) => k === axis ? start : 0), x.shape.map((all, k) => k === axis ? count : all));
  return b.concat([part(size - moved, moved), part(0, size - moved)], axis);
}

const cases: readonly { shape: readonly number[]; shifts: readonly number[] }[] = [
  { shape: [2, 5, 4, 3], shifts: [0, -2, 1, 0] },
  { shape: [2, 6, 8], shifts: [0, 0, 3] },
  { shape: [4, 3], shifts: [-5, 0] },
  { shape: [3, 4], shifts: [3, 0] },
];

const samples: readonly OpSample<RollAttrs>[] = [
  ...cases.map(({ shape, shifts }): OpSample<RollAttrs> => ({
    inputs: [{ shape }],
    attrs: { shifts },
    abs: 0,
    rel: 0,
  })),
  { inputs: [{ shape: [8, 56, 56, 96] }], attrs: { shifts: [0, -3, -3, 0] }, bench: true },
];

/**
 * Moves element i of each axis k to i + `shifts[k]`. What passes the end comes in at the start, as with PyTorch's
 * `roll`. VJP: the gradient moved back.
 */
export const roll: ComposedOp = defineOp<RollAttrs>({
  kind: "composed",
  name: "roll",
  shape([x], attrs) {
    const shifts = attrs.shifts;
    if (shifts.length !== x.length || !shifts.every(Number.isInteger)) {
      throw new TypeError(
        `Cannot roll ${shapesText([x])} by [${shifts.join(", ")}]: give one whole number for each axis`,
      );
    }
    return x;
  },
  lower: (b, [x], attrs) => attrs.shifts.reduce((y, shift, axis) => rollAxis(b, y, axis, shift), x),
  vjp: ({ b, grad, attrs }) => [b.op("roll", [grad], { shifts: attrs.shifts.map((shift) => -shift) })],
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  samples,
});
