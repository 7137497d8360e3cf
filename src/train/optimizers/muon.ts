/**
 * Muon.
 *
 * @module
 */

import type { Builder, Tensor } from "../../../kernels/op.ts";
import { adamW } from "./adam.ts";
import { decayed, momentsOf, type Optimizer } from "./optimizer.ts";

/** Of the quintic iteration x ← a x + b x³ + c x⁵, which brings singular values near 1 (Jordan et al., 2024). */
const [A, B, C] = [3.4445, -4.775, 2.0315];

/** Iterations. */
const TIMES = 5;

/** Options of {@link muon}. */
export interface MuonOptions {
  /** Default 0.95. */
  readonly momentum?: number;
  /** Nesterov's form: default true. */
  readonly nesterov?: boolean;
}

/**
 * Muon (Jordan et al., 2024) for matrices, that is weights of two axes: the momentum's singular values are all brought
 * near 1 before it is subtracted. Everything else, convolutions too, is AdamW's.
 *
 * Both take the same learning rate and decay: Muon's step is times 0.2 √max(rows, columns), by which it is as long as
 * AdamW's (Liu et al., 2025; PyTorch's `match_rms_adamw`). Weight decay is decoupled. Computed in float32, where
 * PyTorch has bfloat16.
 */
export function muon({ momentum = 0.95, nesterov = true }: MuonOptions = {}): Optimizer {
  const rest = adamW();
  const momenta = momentsOf("momentum");
  return {
    name: "muon",
    settings: { momentum, nesterov },
    moments: (shape) => shape.length === 2 ? momenta(shape) : rest.moments(shape),
    scalars: rest.scalars,
    update(inputs) {
      const { b, parameter, grad, moments, scalars, rate } = inputs;
      const { shape } = parameter;
      if (shape.length !== 2) return rest.update(inputs);
      const mix = (x: Tensor, y: Tensor) => b.add(b.mul(x, momentum), b.mul(y, 1 - momentum));
      const velocity = mix(moments.momentum, grad);
      const direction = orthogonal(b, nesterov ? mix(velocity, grad) : velocity);
      const length = 0.2 * Math.sqrt(Math.max(...shape)) * rate;
      return {
        parameter: b.sub(decayed(inputs), b.mul(direction, b.mul(scalars.learningRate, length))),
        moments: { momentum: velocity },
      };
    },
  };
}

/** The matrix with its singular values brought near 1: of G = UΣVᵀ about UVᵀ. */
function orthogonal(b: Builder, matrix: Tensor): Tensor {
  const [rows, columns] = matrix.shape;
  const isTall = rows > columns;
  const norm = b.sqrt(b.sum(b.square(matrix), undefined, false));
  let x = b.div(matrix, b.maximum(norm, 1e-7));
  // The smaller side has the smaller square.
  for (let time = 0; time < TIMES; time++) {
    const square = b.matmul(x, x, isTall ? { transposeA: true } : { transposeB: true });
    const factor = b.add(b.mul(square, B), b.mul(b.matmul(square, square), C));
    x = b.add(b.mul(x, A), isTall ? b.matmul(x, factor) : b.matmul(factor, x));
  }
  return x;
}
