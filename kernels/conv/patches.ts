/**
 * Convolutions whose windows lie side by side, as those that make a vision transformer's tokens. Each picture is cut
 * into patches. The convolution and its gradients are matrix products over them.
 *
 * With P = OH · OW patches of K = C · k² numbers:
 *
 * ```text
 * out[n] = weight · patches[n]ᵀ      dpatches[n] = dout[n]ᵀ · weight      dweight = Σ over n of dout[n] · patches[n]
 * ```
 *
 * @module
 */

import type { ConvForm } from "./conv_window.ts";
import { type Builder, sizeOf, type Tensor } from "../op.ts";

/** Pictures [N, C, H, W] as patches [N, P, K]. */
function toPatches(b: Builder, x: Tensor, side: number): Tensor {
  const [n, c, height, width] = x.shape;
  const cut = b.reshape(x, [n, c, height / side, side, width / side, side]);
  return b.reshape(b.permute(cut, [0, 2, 4, 1, 3, 5]), [n, height * width / side ** 2, c * side ** 2]);
}

/** A weight [O, C, k, k] as a matrix [O, K]. */
const asMatrix = (b: Builder, weight: Tensor): Tensor =>
  b.reshape(weight, [weight.shape[0], sizeOf(weight.shape.slice(1))]);

/** Convolutions whose windows cover every element once. */
export const patches: ConvForm = {
  name: "patches",
  can: (_, [, , height, width], [, , kh, kw], { stride, padding, groups }) =>
    kh === stride && kw === stride && stride > 1 && padding === 0 && groups === 1 && height % stride === 0 &&
    width % stride === 0,
  forward(b, x, weight) {
    const [n, , height, width] = x.shape;
    const [o, , side] = weight.shape;
    const product = b.matmul(asMatrix(b, weight), toPatches(b, x, side), { transposeB: true });
    return b.reshape(product, [n, o, height / side, width / side]);
  },
  inputGrad(b, weight, dout) {
    const [n, o, rows, columns] = dout.shape;
    const [, c, side] = weight.shape;
    const slopes = b.reshape(dout, [n, o, rows * columns]);
    const product = b.matmul(slopes, asMatrix(b, weight), { transposeA: true });
    const placed = b.permute(b.reshape(product, [n, rows, columns, c, side, side]), [0, 3, 1, 4, 2, 5]);
    return b.reshape(placed, [n, c, rows * side, columns * side]);
  },
  weightGrad(b, x, dout, weight) {
    const [n, o, rows, columns] = dout.shape;
    const all = toPatches(b, x, weight[2]);
    const [, p, k] = all.shape;
    // The patches of all pictures in one: the sum over pictures is then part of the product.
    const slopes = b.reshape(b.permute(b.reshape(dout, [n, o, rows * columns]), [0, 2, 1]), [n * p, o]);
    return b.reshape(b.matmul(slopes, b.reshape(all, [n * p, k]), { transposeA: true }), weight);
  },
};
