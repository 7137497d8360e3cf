/**
 * Softmax over the last axis.
 *
 * @module
 */

import { type Attrs, bytesOf, type ComposedOp, defineOp, sizeOf } from "../op.ts";

/**
 * y = eˣ / Σ eˣ over the last axis. The row's maximum is taken off first, so that nothing overflows. A row with NaN or
 * +∞ in it is NaN. −∞ gives 0. A row of −∞ alone is left open.
 *
 * VJP: dx = y · (dy − Σ dy · y)
 */
export const softmax: ComposedOp = defineOp<Attrs>({
  kind: "composed",
  name: "softmax",
  shape([x]) {
    if (x.length === 0) throw new TypeError("Cannot softmax a scalar: it takes [..., C]");
    return x;
  },
  lower(b, [x]) {
    const last = [x.shape.length - 1];
    const power = b.exp(b.sub(x, b.max(x, last)));
    return b.div(power, b.sum(power, last));
  },
  vjp: ({ b, output, grad }) => [
    b.mul(output, b.sub(grad, b.sum(b.mul(grad, output), [output.shape.length - 1]))),
  ],
  cost: (call) => ({ flops: 5 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    { inputs: [{ shape: [2, 3, 5] }] },
    { inputs: [{ shape: [4, 8] }] },
    { inputs: [{ shape: [32, 12, 50, 50] }], bench: true },
  ],
});
