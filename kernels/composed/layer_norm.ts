/**
 * Layer normalisation over the last axis (Ba, Kiros and Hinton, 2016).
 *
 * @module
 */

import {
  type Builder,
  bytesOf,
  type ComposedOp,
  defineOp,
  type Shape,
  shapesText,
  sizeOf,
  type Tensor,
} from "../op.ts";

/** Attributes: what is added to the variance. */
type NormAttrs = { readonly eps: number };

/** x̂ = (x − mean) · rstd over the last axis, and rstd, of size 1 there. */
function standardize(b: Builder, x: Tensor, eps: number): { xhat: Tensor; rstd: Tensor } {
  const last = [x.shape.length - 1];
  const centred = b.sub(x, b.mean(x, last));
  const rstd = b.rsqrt(b.add(b.mean(b.square(centred), last), eps));
  return { xhat: b.mul(centred, rstd), rstd };
}

/**
 * Layer norm: x [..., D], gamma [D], beta [D]; attribute `eps`. y = x̂ · gamma + beta with x̂ = (x − mean) / √(variance
 * + eps) of each row, the variance biased.
 *
 * VJP, with g = dy · gamma and means over the row:
 *
 * ```text
 * dbeta = Σ dy        dgamma = Σ dy · x̂        dx = rstd · (g − mean(g) − x̂ · mean(g · x̂))
 * ```
 */
export const layerNorm: ComposedOp = defineOp<NormAttrs>({
  kind: "composed",
  name: "layerNorm",
  shape([x, gamma, beta]) {
    const fits = (v: Shape | undefined) => v?.length === 1 && v[0] === x.at(-1);
    if (!fits(gamma) || !fits(beta)) {
      throw new TypeError(`Cannot layerNorm ${shapesText([x, gamma, beta])}: it takes [..., D], [D] and [D]`);
    }
    return x;
  },
  lower(b, [x, gamma, beta], attrs) {
    return b.add(b.mul(standardize(b, x, attrs.eps).xhat, gamma), beta);
  },
  vjp({ b, inputs: [x, gamma, beta], attrs, grad, needs }) {
    const last = [x.shape.length - 1];
    const { xhat, rstd } = standardize(b, x, attrs.eps);
    const g = b.mul(grad, gamma);
    const centred = b.sub(b.sub(g, b.mean(g, last)), b.mul(xhat, b.mean(b.mul(g, xhat), last)));
    return [
      needs[0] ? b.mul(rstd, centred) : undefined,
      needs[1] ? b.sumTo(b.mul(grad, xhat), gamma.shape) : undefined,
      needs[2] ? b.sumTo(grad, beta.shape) : undefined,
    ];
  },
  cost: (call) => ({ flops: 8 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    { inputs: [{ shape: [2, 3, 8] }, { shape: [8] }, { shape: [8] }], attrs: { eps: 1e-5 } },
    { inputs: [{ shape: [4, 5] }, { shape: [5] }, { shape: [5] }], attrs: { eps: 1e-6 } },
    { inputs: [{ shape: [32, 50, 768] }, { shape: [768] }, { shape: [768] }], attrs: { eps: 1e-6 }, bench: true },
  ],
});
