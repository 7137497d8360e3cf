/**
 * Softmax over an axis.
 *
 * @module
 */

import { bytesOf, type ComposedOp, defineOp, sizeOf } from "../op.ts";

/** Attributes: the axis, counted from 0; default the last. */
type SoftmaxAttrs = { readonly axis?: number };

/**
 * y = eˣ / Σ eˣ over the last axis, or over `axis`. The row's maximum is taken off first, so that nothing overflows. A
 * row with NaN or +∞ in it is NaN. −∞ gives 0. A row of −∞ alone is left open.
 *
 * VJP: dx = y · (dy − Σ dy · y)
 */
export const softmax: ComposedOp = defineOp<SoftmaxAttrs>({
  kind: "composed",
  name: "softmax",
  shape([x], { axis = x.length - 1 }) {
    if (x.length === 0) throw new TypeError("Cannot softmax a scalar: it takes [..., C]");
    if (!(Number.isInteger(axis) && axis >= 0 && axis < x.length)) {
      throw new RangeError(`Cannot softmax [${x.join(", ")}] over axis ${axis}: give one from 0 to ${x.length - 1}`);
    }
    return x;
  },
  lower(b, [x], { axis = x.shape.length - 1 }) {
    const power = b.exp(b.sub(x, b.max(x, [axis])));
    return b.div(power, b.sum(power, [axis]));
  },
  vjp: ({ b, output, grad, attrs: { axis = output.shape.length - 1 } }) => [
    b.mul(output, b.sub(grad, b.sum(b.mul(grad, output), [axis]))),
  ],
  cost: (call) => ({ flops: 5 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    { inputs: [{ shape: [2, 3, 5] }] },
    { inputs: [{ shape: [4, 8] }] },
    { inputs: [{ shape: [2, 5, 3, 2] }], attrs: { axis: 1 } },
    { inputs: [{ shape: [32, 12, 50, 50] }], bench: true },
  ],
});
