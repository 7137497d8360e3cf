/**
 * Sigmoid cross-entropy, for binary and multi-label tasks.
 *
 * @module
 */

import { type Attrs, bytesOf, type ComposedOp, defineOp, shapesText, sizeOf } from "../op.ts";

/**
 * loss = −w · t · ln σ(x) − (1 − t) · ln(1 − σ(x)), element by element. Inputs: logits x [N, K], targets t [N, K] in
 * [0, 1], posWeight w [K], the weight of a label's positives; output [N, K].
 *
 * With softplus(−x) = −ln σ(x) it is (1 − t) · x + (1 + (w − 1) · t) · softplus(−x). That does not overflow for logits
 * of up to 10³⁸ / max(1, w) on either side. Of NaN it is NaN, and so is its gradient. Of an infinite logit it is
 * infinite, NaN, or 0 on the target's side.
 *
 * VJP: dx = dloss · ((1 − t) · σ(x) − w · t · σ(−x)). Targets and weights get no gradient.
 */
export const sigmoidCrossEntropy: ComposedOp = defineOp<Attrs>({
  kind: "composed",
  name: "sigmoidCrossEntropy",
  shape([logits, targets, posWeight]) {
    const fits = logits.length === 2 && targets && shapesText([logits]) === shapesText([targets]) &&
      posWeight?.length === 1 && posWeight[0] === logits[1];
    if (!fits) {
      throw new TypeError(
        `Cannot sigmoidCrossEntropy ${
          shapesText([logits, targets ?? [], posWeight ?? []])
        }: it takes [N, K], [N, K] and [K]`,
      );
    }
    return logits;
  },
  lower(b, [x, t, w]) {
    const weight = b.add(b.mul(b.sub(w, 1), t), 1);
    return b.add(b.mul(b.sub(1, t), x), b.mul(weight, b.op("softplus", [b.neg(x)])));
  },
  vjp: ({ b, inputs: [x, t, w], grad }) => [
    b.mul(grad, b.sub(b.mul(b.sub(1, t), b.sigmoid(x)), b.mul(b.mul(w, t), b.sigmoid(b.neg(x))))),
    undefined,
    undefined,
  ],
  cost: (call) => ({ flops: 16 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    {
      inputs: [{ shape: [4, 3] }, { shape: [4, 3], values: "integer", below: 2 }, { shape: [3], values: "positive" }],
      noGrad: [1, 2],
    },
    { inputs: [{ shape: [5, 1] }, { shape: [5, 1], values: "probability" }, { shape: [1] }], noGrad: [1, 2] },
    {
      inputs: [{ shape: [512, 40] }, { shape: [512, 40], values: "integer", below: 2 }, { shape: [40] }],
      noGrad: [1, 2],
      bench: true,
    },
  ],
});
