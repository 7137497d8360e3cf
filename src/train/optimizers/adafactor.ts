/**
 * Adafactor.
 *
 * @module
 */

import { type Shape, sizeOf, type Tensor } from "../../../kernels/op.ts";
import { decayed, type Optimizer } from "./optimizer.ts";

/** Float32's distance from 1 to the next number: PyTorch's ε₁. */
const EPS = 2 ** -23;

/** Least size that the rate is relative to: ε₂. */
const LEAST = 1e-3;

/** A parameter of two axes or more keeps means over its last two. */
const isFactored = (shape: Shape) => shape.length > 1;

/**
 * Adafactor (Shazeer and Stern, 2018) as PyTorch has it: the second moment of a matrix is kept as means of its rows and
 * columns, and the rate is relative to the parameter's size: min(η, 1/√t) · max(10⁻³, RMS(θ)). An update longer than 1
 * in the RMS is shortened to that. The moments' decay is 1 − t^−0.8; weight decay is decoupled.
 *
 * @param options `eps` is ε₁, the least of the second moment's root and of the row means.
 */
export function adafactor({ eps = EPS }: { readonly eps?: number } = {}): Optimizer {
  return {
    name: "adafactor",
    settings: { eps },
    moments: (shape): Record<string, Shape> =>
      isFactored(shape)
        ? { rows: [...shape.slice(0, -1), 1], columns: [...shape.slice(0, -2), 1, shape.at(-1)!] }
        : { v: shape },
    scalars: (learningRate, step) => ({
      learningRate,
      relativeRate: Math.min(learningRate, 1 / Math.sqrt(step + 1)),
      share: (step + 1) ** -0.8,
    }),
    update(inputs) {
      const { b, parameter, grad, moments, scalars: { relativeRate, share }, rate } = inputs;
      const { shape } = parameter;
      const [rows, columns] = [shape.length - 1, shape.length - 2];
      const rms = (x: Tensor) => b.sqrt(b.div(b.sum(b.square(x), undefined, false), sizeOf(shape)));
      const towards = (moment: Tensor, value: Tensor) => b.add(moment, b.mul(b.sub(value, moment), share));
      const next: Record<string, Tensor> = isFactored(shape)
        ? {
          rows: towards(moments.rows, b.mean(b.square(grad), [rows])),
          columns: towards(moments.columns, b.mean(b.square(grad), [columns])),
        }
        : { v: towards(moments.v, b.square(grad)) };
      const variance = isFactored(shape)
        ? b.mul(b.div(next.rows, b.maximum(b.mean(next.rows, [columns]), eps)), next.columns)
        : next.v;
      const scaled = b.div(grad, b.maximum(b.sqrt(variance), eps));
      const length = b.mul(b.mul(b.maximum(rms(parameter), LEAST), relativeRate), rate);
      const step = b.mul(scaled, b.div(length, b.maximum(rms(scaled), 1)));
      return { parameter: b.sub(decayed(inputs), step), moments: next };
    },
  };
}
