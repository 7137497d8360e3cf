/**
 * Convolutions with a 1×1 window: matrix products over the pixels, P = H · W of them a picture.
 *
 * ```text
 * out[n] = weight · x[n]      dx[n] = weightᵀ · dout[n]      dweight = Σ over n of dout[n] · x[n]ᵀ
 * ```
 *
 * Where a picture has few pixels, those of all pictures stand in one product, and the sum over pictures is part of it.
 * With a stride of 2 they are `unfolded.ts`.
 *
 * @module
 */

import type { ConvForm } from "./conv_window.ts";
import type { Builder, Tensor } from "../op.ts";

/** A weight [O, C, 1, 1] as a matrix [O, C]. */
const asMatrix = (b: Builder, weight: Tensor): Tensor => b.reshape(weight, weight.shape.slice(0, 2));

/** The pixels of pictures [N, C, H, W] side by side: [C, N · H · W]. */
export function pixelsTogether(b: Builder, x: Tensor): Tensor {
  const [n, c, height, width] = x.shape;
  return b.reshape(b.permute(b.reshape(x, [n, c, height * width]), [1, 0, 2]), [c, n * height * width]);
}

/** Pixels, together or by picture, as pictures [N, C, H, W]. */
export function fromPixels(b: Builder, pixels: Tensor, [n, height, width]: readonly number[]): Tensor {
  const c = pixels.shape.at(-2)!;
  const each = pixels.shape.length === 3 ? pixels : b.permute(b.reshape(pixels, [c, n, height * width]), [1, 0, 2]);
  return b.reshape(each, [n, c, height, width]);
}

/**
 * Pictures as matrices [N, C, P]; together where they have few pixels. A product of a picture's own would have narrow
 * tiles then, or rows that begin anywhere; bringing them together is worth a copy.
 */
function toPixels(b: Builder, x: Tensor): Tensor {
  const [n, c, height, width] = x.shape;
  const areFew = height * width < 64 || height * width % 4 !== 0;
  return areFew ? pixelsTogether(b, x) : b.reshape(x, [n, c, height * width]);
}

/** Convolutions with a 1×1 window at stride 1. */
export const pointwise: ConvForm = {
  name: "pointwise",
  can: (_, _x, [, , kh, kw], { stride, padding, groups }) =>
    kh === 1 && kw === 1 && stride === 1 && padding === 0 && groups === 1,
  forward: (b, x, weight) =>
    fromPixels(b, b.matmul(asMatrix(b, weight), toPixels(b, x)), [x.shape[0], ...x.shape.slice(2)]),
  inputGrad: (b, weight, dout, [n, , height, width]) =>
    fromPixels(b, b.matmul(asMatrix(b, weight), toPixels(b, dout), { transposeA: true }), [n, height, width]),
  weightGrad(b, x, dout, weight) {
    const product = b.matmul(toPixels(b, dout), toPixels(b, x), { transposeB: true });
    return b.reshape(product.shape.length === 3 ? b.sum(product, [0], false) : product, weight);
  },
};
