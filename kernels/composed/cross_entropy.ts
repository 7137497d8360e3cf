/**
 * Softmax cross-entropy against target probabilities: one-hot rows, smoothed labels or soft labels. Class weights go
 * into the targets (each column times its weight), which is what PyTorch does with probabilities.
 *
 * @module
 */

import { type Attrs, bytesOf, type ComposedOp, defineOp, shapesText, sizeOf } from "../op.ts";

/**
 * loss[n] = −Σ_c targets[n, c] · ln softmax(logits)[n, c]. Inputs: logits [N, C], targets [N, C]; output [N].
 *
 * Logits may be as large as 10³⁸ on either side. The loss of a sample is not finite where one of its logits is not.
 *
 * VJP: dlogits = dloss · (softmax(logits) · Σ_c targets − targets). The targets get no gradient.
 */
export const crossEntropy: ComposedOp = defineOp<Attrs>({
  kind: "composed",
  name: "crossEntropy",
  shape([logits, targets]) {
    if (logits.length !== 2 || shapesText([logits]) !== shapesText([targets ?? []])) {
      throw new TypeError(
        `Cannot crossEntropy ${shapesText([logits, targets ?? []])}: it takes logits and targets of [N, C]`,
      );
    }
    return [logits[0]];
  },
  lower: (b, [logits, targets]) =>
    b.reshape(b.neg(b.sum(b.mul(targets, b.op("logSoftmax", [logits])), [1])), [logits.shape[0]]),
  vjp({ b, inputs: [logits, targets], grad }) {
    const probability = b.exp(b.op("logSoftmax", [logits]));
    const slope = b.sub(b.mul(probability, b.sum(targets, [1])), targets);
    return [b.mul(b.reshape(grad, [logits.shape[0], 1]), slope), undefined];
  },
  cost: (call) => ({ flops: 7 * sizeOf(call.inputs[0]), bytes: bytesOf(call) }),
  samples: [
    { inputs: [{ shape: [4, 5] }, { shape: [4, 5], values: "probability" }], noGrad: [1] },
    { inputs: [{ shape: [3, 8] }, { shape: [3, 8], values: "positive" }], noGrad: [1] },
    { inputs: [{ shape: [512, 1000] }, { shape: [512, 1000], values: "probability" }], noGrad: [1], bench: true },
  ],
});
