/**
 * Convolutions whose windows lie side by side, as those that make a vision transformer's tokens: each picture is cut into patches,
 * and the convolution and its gradients are matrix products over them.
 *
 * With P = OH · OW patches of K = C · k² numbers:
 *
 * ```text
 * out[n] = weight · patches[n]ᵀ      dpatches[n] = dout[n]ᵀ · weight      dweight = Σ over n of dout[n] · patches[n]
 * ```
 *
 * @module
 */

import type { ConvWindow } from "./conv_window.ts";
import { type Builder, type Shape, sizeOf, type Tensor } from "./op.ts";

/** Do the windows of a convolution of `x` with `weight` cover every element once? */
export function isPatching(x: Shape, weight: Shape, { stride, padding, groups }: ConvWindow): boolean {
  const [, , height, width] = x;
  const [, , kh, kw] = weight;
  return kh === stride && kw === stride && stride > 1 && padding === 0 && groups === 1 && height % stride === 0 &&
    width % stride === 0;
}

/** Pictures [N, C, H, W] as patches [N, P, K]. */
function toPatches(b: Builder, x: Tensor, side: number): Tensor {
  const [n, c, height, width] = x.shape;
  const cut = b.reshape(x, [n, c, height / side, side, width / side, side]);
  return b.reshape(b.permute(cut, [0, 2, 4, 1, 3, 5]), [n, height * width / side ** 2, c * side ** 2]);
}

/** A weight [O, C, k, k] as a matrix [O, K]. */
const asMatrix = (b: Builder, weight: Tensor): Tensor =>
  b.reshape(weight, [weight.shape[0], sizeOf(weight.shape.slice(1))]);

/** The convolution: x [N, C, H, W] and weight [O, C, k, k] give [N, O, OH, OW]. */
export function convolvePatches(b: Builder, x: Tensor, weight: Tensor): Tensor {
  const [n, , height, width] = x.shape;
  const [o, , side] = weight.shape;
  const product = b.matmul(asMatrix(b, weight), toPatches(b, x, side), { transposeB: true });
  return b.reshape(product, [n, o, height / side, width / side]);
}

/** Its gradient with respect to x, from dout [N, O, OH, OW]. */
export function patchesInputGrad(b: Builder, weight: Tensor, dout: Tensor): Tensor {
  const [n, o, rows, columns] = dout.shape;
  const [, c, side] = weight.shape;
  const patches = b.matmul(b.reshape(dout, [n, o, rows * columns]), asMatrix(b, weight), { transposeA: true });
  const placed = b.permute(b.reshape(patches, [n, rows, columns, c, side, side]), [0, 3, 1, 4, 2, 5]);
  return b.reshape(placed, [n, c, rows * side, columns * side]);
}

/** Its gradient with respect to the weight [O, C, side, side]. */
export function patchesWeightGrad(b: Builder, x: Tensor, dout: Tensor, side: number): Tensor {
  const [n, o, rows, columns] = dout.shape;
  const patches = toPatches(b, x, side);
  const [, p, k] = patches.shape;
  // The patches of all pictures in one: the sum over pictures is then part of the product.
  const slopes = b.reshape(b.permute(b.reshape(dout, [n, o, rows * columns]), [0, 2, 1]), [n * p, o]);
  return b.reshape(b.matmul(slopes, b.reshape(patches, [n * p, k]), { transposeA: true }), [o, x.shape[1], side, side]);
}
