/**
 * Gradient clipping: by the norm of the whole, by value, or adaptively. As PyTorch's `clip_grad_norm_` and
 * `clip_grad_value_` and timm's `adaptive_clip_grad` do it.
 *
 * @module
 */

import { type Operand, sizeOf, type Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";

/** A learnt parameter with its gradient. */
export interface Gradient {
  /** The parameter's key. */
  readonly name: string;
  /** Does weight decay apply? */
  readonly decay: boolean;
  /** Factor on the learning rate. */
  readonly rate: number;
  /** Is it of the layer that gives the logits? Default not. */
  readonly isHead?: boolean;
  readonly parameter: Tensor;
  readonly grad: Tensor;
}

/** Gradients on their way to the update. */
export interface Gradients {
  readonly all: readonly Gradient[];
  /** What they are still to be multiplied by: a scalar. */
  readonly factor: Operand;
}

/** How gradients are clipped: in one of the ways, or not at all. */
export interface Clipping {
  /** Greatest norm of the whole gradient. */
  readonly clipNorm?: number;
  /** Greatest size of an element. */
  readonly clipValue?: number;
  /** Greatest norm of each unit's gradient, as a share of the norm of its weights. */
  readonly clipAgc?: number;
}

/** Norms of weights below this count as this, so that a unit that starts at zero can leave it: timm's and NFNet's. */
const LEAST_NORM = 1e-3;

/**
 * Clips gradients.
 *
 * @param normSquared Square of the norm of all of them, before the factor.
 */
export function clip(
  b: GraphBuilder,
  gradients: Gradients,
  normSquared: Tensor,
  { clipNorm, clipValue, clipAgc }: Clipping,
): Gradients {
  const { all, factor } = gradients;
  if (clipNorm !== undefined) {
    const shortened = b.minimum(b.div(clipNorm, b.add(b.mul(b.sqrt(normSquared), factor), 1e-6)), 1);
    return { all, factor: b.mul(shortened, factor) };
  }
  if (clipValue !== undefined) {
    const cut = (grad: Tensor) => b.minimum(b.maximum(b.mul(grad, factor), -clipValue), clipValue);
    return { all: all.map((each) => ({ ...each, grad: cut(each.grad) })), factor: 1 };
  }
  if (clipAgc !== undefined) {
    return { all: all.map((each) => each.isHead ? each : adaptive(b, each, factor, clipAgc)), factor };
  }
  return { all, factor: b.mul(1, factor) };
}

/**
 * Adaptive clipping (Brock et al., 2021, "High-performance large-scale image recognition without normalization",
 * section 4): the gradient of each unit is shortened to a share of the norm of its weights. A unit is a row of a
 * matrix, a filter of a convolution, or a vector as a whole.
 */
function adaptive(b: GraphBuilder, each: Gradient, factor: Operand, share: number): Gradient {
  const { parameter, grad } = each;
  const norm = (x: Tensor) => b.sqrt(b.sum(b.square(x), axesOf(x), x.shape.length > 1));
  const most = b.mul(b.maximum(norm(parameter), LEAST_NORM), share);
  const length = b.mul(norm(grad), factor);
  const shortened = b.where(b.greater(most, length), 1, b.div(most, b.maximum(length, 1e-6)));
  return { ...each, grad: b.mul(grad, shortened) };
}

/** Axes of a unit. */
function axesOf({ shape }: Tensor): number[] | undefined {
  return shape.length > 1 ? shape.slice(1).map((_, k) => k + 1) : undefined;
}

/** Most rows whose sums are computed side by side. */
const MOST_ROWS = 512;

/** Elements that one workgroup adds up about as fast as a dispatch takes. */
const FEW = 4096;

/** Square of the whole gradient's norm, before the factor. */
export function squaredNorm(b: GraphBuilder, { all }: Gradients): Tensor {
  const squares = all.map(({ grad }) => sumOfSquares(b, grad));
  return squares.reduce((sum, square) => b.add(sum, square));
}

/** Σ x², in two passes where x is large: a single sum has one workgroup. */
function sumOfSquares(b: GraphBuilder, x: Tensor): Tensor {
  const size = sizeOf(x.shape);
  if (size <= FEW) return b.sum(b.square(b.reshape(x, [size])), undefined, false);
  const rows = Array.from({ length: MOST_ROWS }, (_, k) => MOST_ROWS - k).find((rows) =>
    size % (4 * rows) === 0 && size >= 64 * rows
  );
  if (rows === undefined) return b.sum(b.square(x), undefined, false);
  return b.sum(b.sum(b.square(b.reshape(x, [rows, size / rows])), [1]), undefined, false);
}
