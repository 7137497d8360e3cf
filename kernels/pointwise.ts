/**
 * Convolutions with a 1×1 window: matrix products over the pixels, P = H · W of them a picture.
 *
 * ```text
 * out[n] = weight · x[n]      dx[n] = weightᵀ · dout[n]      dweight = Σ over n of dout[n] · x[n]ᵀ
 * ```
 *
 * A stride takes every so many-th pixel first, and puts the gradient back between zeros.
 *
 * @module
 */

import type { ConvWindow } from "./conv_window.ts";
import type { Builder, Shape, Tensor } from "./op.ts";

/** Does a convolution look at one pixel at a time? */
export function isPointwise([, , kh, kw]: Shape, { padding, groups }: ConvWindow): boolean {
  return kh === 1 && kw === 1 && padding === 0 && groups === 1;
}

/** Pictures [N, C, H, W] as matrices [N, C, P]. */
function toPixels(b: Builder, x: Tensor): Tensor {
  const [n, c, height, width] = x.shape;
  return b.reshape(x, [n, c, height * width]);
}

/** Every `stride`-th row and column of [N, C, H, W], from the first on. */
function subsample(b: Builder, x: Tensor, stride: number): Tensor {
  if (stride === 1) return x;
  const [n, c, height, width] = x.shape;
  const [rows, columns] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const whole = b.pad(x, [0, 0, 0, 0], [0, 0, rows * stride - height, columns * stride - width]);
  const cells = b.reshape(whole, [n, c, rows, stride, columns, stride]);
  return b.reshape(b.slice(cells, [0, 0, 0, 0, 0, 0], [n, c, rows, 1, columns, 1]), [n, c, rows, columns]);
}

/** The transpose of {@link subsample}: zeros between rows and columns. */
function spread(b: Builder, x: Tensor, stride: number, [height, width]: readonly number[]): Tensor {
  if (stride === 1) return x;
  const [n, c, rows, columns] = x.shape;
  const cells = b.reshape(x, [n, c, rows, 1, columns, 1]);
  const gaps = b.pad(cells, [0, 0, 0, 0, 0, 0], [0, 0, 0, stride - 1, 0, stride - 1]);
  const whole = b.reshape(gaps, [n, c, rows * stride, columns * stride]);
  return b.slice(whole, [0, 0, 0, 0], [n, c, height, width]);
}

/** A weight [O, C, 1, 1] as a matrix [O, C]. */
const asMatrix = (b: Builder, weight: Tensor): Tensor => b.reshape(weight, weight.shape.slice(0, 2));

/** The convolution: x [N, C, H, W] and weight [O, C, 1, 1] give [N, O, OH, OW]. */
export function convolvePixels(b: Builder, x: Tensor, weight: Tensor, stride: number): Tensor {
  const taken = subsample(b, x, stride);
  const [n, , height, width] = taken.shape;
  return b.reshape(b.matmul(asMatrix(b, weight), toPixels(b, taken)), [n, weight.shape[0], height, width]);
}

/** Its gradient with respect to x, from dout [N, O, OH, OW]; `size` is [H, W]. */
export function pixelsInputGrad(
  b: Builder,
  weight: Tensor,
  dout: Tensor,
  stride: number,
  size: readonly number[],
): Tensor {
  const [n, , height, width] = dout.shape;
  const dx = b.matmul(asMatrix(b, weight), toPixels(b, dout), { transposeA: true });
  return spread(b, b.reshape(dx, [n, weight.shape[1], height, width]), stride, size);
}

/** Its gradient with respect to the weight [O, C, 1, 1]. */
export function pixelsWeightGrad(b: Builder, x: Tensor, dout: Tensor, stride: number): Tensor {
  const each = b.matmul(toPixels(b, dout), toPixels(b, subsample(b, x, stride)), { transposeB: true });
  return b.reshape(b.sum(each, [0], false), [dout.shape[1], x.shape[1], 1, 1]);
}
