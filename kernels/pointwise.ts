/**
 * Convolutions with a 1×1 window: matrix products over the pixels, P = H · W of them a picture.
 *
 * ```text
 * out[n] = weight · x[n]      dx[n] = weightᵀ · dout[n]      dweight = Σ over n of dout[n] · x[n]ᵀ
 * ```
 *
 * Where a picture has few pixels, those of all pictures stand in one product, and the sum over pictures is part of it.
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

/**
 * Do the pixels of all pictures stand side by side in one product? Where a picture has few, its own product would have narrow
 * tiles, or rows that begin anywhere; bringing them together is worth a copy then.
 */
const areTogether = ([, , height, width]: Shape): boolean => height * width < 64 || height * width % 4 !== 0;

/** Pictures [N, C, H, W] as matrices [N, C, P], or together as [C, N · P]. */
function toPixels(b: Builder, x: Tensor): Tensor {
  const [n, c, height, width] = x.shape;
  const each = b.reshape(x, [n, c, height * width]);
  return areTogether(x.shape) ? b.reshape(b.permute(each, [1, 0, 2]), [c, n * height * width]) : each;
}

/** What {@link toPixels} was, with other channels, as pictures. */
function toPictures(b: Builder, pixels: Tensor, [n, , height, width]: Shape): Tensor {
  if (pixels.shape.length === 3) return b.reshape(pixels, [n, pixels.shape[1], height, width]);
  const [c] = pixels.shape;
  return b.reshape(b.permute(b.reshape(pixels, [c, n, height * width]), [1, 0, 2]), [n, c, height, width]);
}

/** The convolution: x [N, C, H, W] and weight [O, C, 1, 1] give [N, O, OH, OW]. */
export function convolvePixels(b: Builder, x: Tensor, weight: Tensor, stride: number): Tensor {
  const taken = subsample(b, x, stride);
  return toPictures(b, b.matmul(asMatrix(b, weight), toPixels(b, taken)), taken.shape);
}

/** Its gradient with respect to x, from dout [N, O, OH, OW]; `size` is [H, W]. */
export function pixelsInputGrad(
  b: Builder,
  weight: Tensor,
  dout: Tensor,
  stride: number,
  size: readonly number[],
): Tensor {
  const dx = b.matmul(asMatrix(b, weight), toPixels(b, dout), { transposeA: true });
  return spread(b, toPictures(b, dx, dout.shape), stride, size);
}

/** Its gradient with respect to the weight [O, C, 1, 1]. */
export function pixelsWeightGrad(b: Builder, x: Tensor, dout: Tensor, stride: number): Tensor {
  const product = b.matmul(toPixels(b, dout), toPixels(b, subsample(b, x, stride)), { transposeB: true });
  const sum = product.shape.length === 3 ? b.sum(product, [0], false) : product;
  return b.reshape(sum, [dout.shape[1], x.shape[1], 1, 1]);
}
