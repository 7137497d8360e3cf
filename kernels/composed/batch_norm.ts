/**
 * Batch normalisation over the batch and the picture (Ioffe and Szegedy, 2015, algorithm 1).
 *
 * The op is the training form, which normalises by the batch's own moments. A layer gets the same moments for its
 * running statistics from {@link batchMoments}: equal calls give equal nodes, so they are computed once. In
 * evaluation the layer calls {@link normalize} with the running statistics.
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

/** Every axis but the channels'. */
const reducedAxes = (x: Shape): number[] => x.flatMap((_, axis) => axis === 1 ? [] : [axis]);

/** A tensor of [C] as [1, C, 1, …], to broadcast against `x`. */
const perChannel = (b: Builder, v: Tensor, x: Tensor): Tensor =>
  b.reshape(v, x.shape.map((size, axis) => axis === 1 ? size : 1));

/**
 * Mean and biased variance of each channel, by the two-pass formula: E[(x − E[x])²] does not cancel as E[x²] − E[x]²
 * does.
 *
 * @param b The graph's builder.
 * @param x [N, C, …].
 * @returns Two tensors of [1, C, 1, …].
 */
export function batchMoments(b: Builder, x: Tensor): { mean: Tensor; variance: Tensor } {
  const axes = reducedAxes(x.shape);
  const mean = b.mean(x, axes);
  return { mean, variance: b.mean(b.square(b.sub(x, mean)), axes) };
}

/**
 * (x − mean) / √(variance + eps) · gamma + beta.
 *
 * @param b The graph's builder.
 * @param x [N, C, …].
 * @param moments Mean and variance, of C elements each.
 * @param gamma [C].
 * @param beta [C].
 * @param eps Added to the variance, so that a constant channel does not divide by zero.
 * @returns A tensor of x's shape.
 */
export function normalize(
  b: Builder,
  x: Tensor,
  { mean, variance }: { readonly mean: Tensor; readonly variance: Tensor },
  gamma: Tensor,
  beta: Tensor,
  eps: number,
): Tensor {
  // The factor is of C elements: all that is done per element of x is one subtraction and one multiply-add.
  const factor = b.mul(perChannel(b, gamma, x), b.rsqrt(b.add(perChannel(b, variance, x), eps)));
  return b.add(b.mul(b.sub(x, perChannel(b, mean, x)), factor), perChannel(b, beta, x));
}

/**
 * Batch norm in training: x [N, C, …], gamma [C], beta [C]; attribute `eps`.
 *
 * VJP, with x̂ = (x − mean) · rstd and M elements a channel (section 3 of the paper, simplified):
 *
 * ```text
 * dbeta = Σ dy        dgamma = Σ dy · x̂        dx = gamma · rstd · (dy − dbeta / M − x̂ · dgamma / M)
 * ```
 */
export const batchNorm: ComposedOp = defineOp<NormAttrs>({
  kind: "composed",
  name: "batchNorm",
  shape([x, gamma, beta]) {
    const fits = (v: Shape | undefined) => v?.length === 1 && v[0] === x[1];
    if (x.length < 2 || !fits(gamma) || !fits(beta)) {
      throw new TypeError(`Cannot batchNorm ${shapesText([x, gamma, beta])}: it takes [N, C, …], [C] and [C]`);
    }
    return x;
  },
  lower: (b, [x, gamma, beta], attrs) => normalize(b, x, batchMoments(b, x), gamma, beta, attrs.eps),
  vjp({ b, inputs: [x, gamma], attrs, grad }) {
    const axes = reducedAxes(x.shape);
    const { mean, variance } = batchMoments(b, x);
    const rstd = b.rsqrt(b.add(variance, attrs.eps));
    const xhat = b.mul(b.sub(x, mean), rstd);
    const dbeta = b.sum(grad, axes);
    const dgamma = b.sum(b.mul(grad, xhat), axes);
    const share = sizeOf(gamma.shape) / sizeOf(x.shape);
    const centred = b.sub(b.sub(grad, b.mul(dbeta, share)), b.mul(xhat, b.mul(dgamma, share)));
    return [
      b.mul(b.mul(perChannel(b, gamma, x), rstd), centred),
      b.reshape(dgamma, gamma.shape),
      b.reshape(dbeta, gamma.shape),
    ];
  },
  cost: (call) => ({ flops: 8 * sizeOf(call.output), bytes: bytesOf(call) }),
  samples: [
    { inputs: [{ shape: [4, 3, 2, 3] }, { shape: [3], values: "positive" }, { shape: [3] }], attrs: { eps: 1e-5 } },
    { inputs: [{ shape: [6, 5] }, { shape: [5], values: "positive" }, { shape: [5] }], attrs: { eps: 1e-3 } },
    { inputs: [{ shape: [32, 32, 64, 64] }, { shape: [32] }, { shape: [32] }], attrs: { eps: 1e-5 }, bench: true },
  ],
});
