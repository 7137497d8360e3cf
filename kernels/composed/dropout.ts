/**
 * Dropout (Srivastava et al., 2014), scaled in training so that evaluation is the identity.
 *
 * @module
 */

import { type Builder, bytesOf, type ComposedOp, defineOp, shapesText, sizeOf, type Tensor } from "../op.ts";

/** Attributes: the share that is dropped, and a number of its own for each dropout of a model. */
type DropoutAttrs = { readonly rate: number; readonly stream: number };

/**
 * 1 where an element is dropped, with probability `rate`. The numbers of a step are functions of its key: nothing is
 * stored.
 */
function dropped(b: Builder, x: Tensor, keyHi: Tensor, keyLo: Tensor, attrs: DropoutAttrs): Tensor {
  const uniform = b.op("random", [keyHi, keyLo], { shape: x.shape, stream: attrs.stream });
  return b.greater(attrs.rate, uniform);
}

/** Zeros where `drop` is 1, else x / (1 − rate). */
const apply = (b: Builder, x: Tensor, drop: Tensor, attrs: DropoutAttrs): Tensor =>
  b.where(drop, 0, b.mul(x, 1 / (1 - attrs.rate)));

/**
 * Dropout of x, of any shape, with the step's scalars keyHi and keyLo (`randomKey`). Attributes: `rate` in [0, 1), and
 * `stream`, a number of its own for each dropout of a model.
 *
 * VJP: the same mask and factor on the gradient; the mask is drawn again from the same key.
 */
export const dropout: ComposedOp = defineOp<DropoutAttrs>({
  kind: "composed",
  name: "dropout",
  shape([x, keyHi, keyLo], { rate }) {
    if (typeof rate !== "number" || !(rate >= 0 && rate < 1)) {
      throw new RangeError(`Cannot dropout at rate ${rate}: give a rate from 0 to below 1`);
    }
    if (keyHi?.length !== 0 || keyLo?.length !== 0) {
      throw new TypeError(`Cannot dropout ${shapesText([x, keyHi ?? [], keyLo ?? []])}: the key is two scalars`);
    }
    return x;
  },
  lower: (b, [x, keyHi, keyLo], attrs) => apply(b, x, dropped(b, x, keyHi, keyLo, attrs), attrs),
  vjp: ({ b, inputs: [x, keyHi, keyLo], attrs, grad }) => [
    apply(b, grad, dropped(b, x, keyHi, keyLo, attrs), attrs),
    undefined,
    undefined,
  ],
  cost: (call) => ({ flops: 30 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    { shape: [8, 9], rate: 0.5 },
    { shape: [5, 8], rate: 0.1 },
    { shape: [512, 4096], rate: 0.5, bench: true },
  ].map(({ shape, rate, bench }) => ({
    inputs: [
      { shape },
      { shape: [], values: "integer", below: 65536 },
      { shape: [], values: "integer", below: 65536 },
    ],
    attrs: { rate, stream: 7 },
    noGrad: [1, 2],
    bench,
  })),
});
