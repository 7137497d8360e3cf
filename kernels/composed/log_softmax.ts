/**
 * Logarithm of the softmax over the last axis.
 *
 * @module
 */

import { type Attrs, bytesOf, type ComposedOp, defineOp, sizeOf } from "../op.ts";

/**
 * y = z − ln Σ eᶻ with z = x − max x, over the last axis: neither overflows nor takes the logarithm of 0. A row with
 * NaN or +∞ in it is NaN. −∞ gives −∞. A row of −∞ alone is left open.
 *
 * VJP: dx = dy − eʸ · Σ dy
 */
export const logSoftmax: ComposedOp = defineOp<Attrs>({
  kind: "composed",
  name: "logSoftmax",
  shape([x]) {
    if (x.length === 0) throw new TypeError("Cannot logSoftmax a scalar: it takes [..., C]");
    return x;
  },
  lower(b, [x]) {
    const last = [x.shape.length - 1];
    const z = b.sub(x, b.max(x, last));
    return b.sub(z, b.log(b.sum(b.exp(z), last)));
  },
  vjp: ({ b, output, grad }) => [
    b.sub(grad, b.mul(b.exp(output), b.sum(grad, [output.shape.length - 1]))),
  ],
  cost: (call) => ({ flops: 5 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    { inputs: [{ shape: [2, 3, 5] }] },
    { inputs: [{ shape: [4, 8] }] },
    { inputs: [{ shape: [512, 1000] }], bench: true },
  ],
});
