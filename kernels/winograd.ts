/**
 * Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks"): a 3×3
 * convolution at stride 1 by 16 multiplications for each 2×2 tile of the output, where it has 36.
 *
 * ```text
 * out = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        U = G w Gᵀ,  V = Bᵀ x B,  M = U ⊙ V, summed over channels
 * ```
 *
 * ⊙ over all tiles and channels is 16 matrix products, one for each element of the 4×4 tiles, so this is a composition: transforms
 * (`winograd_tiles.ts`, `winograd_weight.ts`) around one batched `matmul`. The gradients are its transposes, and
 * share what they can: dM = A dout Aᵀ serves both.
 *
 * ```text
 * dV = Uᵀ · dM    dx = Σ over overlapping tiles of B dV Bᵀ        dU = dM · Vᵀ    dw = Gᵀ dU G
 * ```
 *
 * With P tiles in all pictures: U [16, O, C], V [16, C, P], M [16, O, P]. U and V are computed again for the backward pass (the
 * attribute `again`): V is four times as large as what it comes from.
 *
 * @module
 */

import type { ConvWindow } from "./conv_window.ts";
import type { Builder, Shape, Tensor } from "./op.ts";
import { tilesOf } from "./winograd_tiles.ts";

/**
 * Per pixel, the products save a multiple of C · O and the transforms cost one of C + O. On llvmpipe they are even at a quotient of
 * 30; 64 to 128 channels, at 43, gain a quarter, 512 to 512 go twice to seven times as fast.
 */
const LEAST_QUOTIENT = 40;

/** Is a convolution of `x` [N, C, H, W] with `weight` computed this way? Not where V or M would have to be cut. */
export function isWinograd(
  { maxBytes }: Builder,
  x: Shape,
  [o, c, kh, kw]: Shape,
  { stride, padding, groups }: ConvWindow,
): boolean {
  return kh === 3 && kw === 3 && stride === 1 && padding === 1 && groups === 1 && (c * o) / (c + o) >= LEAST_QUOTIENT &&
    4 * 16 * Math.max(o, c) * tilesOf(x).count <= maxBytes;
}

/** The convolution: x [N, C, H, W] and weight [O, C, 3, 3] give [N, O, H, W]. */
export function convolveWinograd(b: Builder, x: Tensor, weight: Tensor): Tensor {
  const u = b.op("winogradWeight", [weight], { again: false });
  const v = b.op("winogradTiles", [x], { of: "input", again: false });
  return b.op("winogradPictures", [b.matmul(u, v)], { of: "output", imageSize: x.shape.slice(2) });
}

/** dM of a gradient dout [N, O, H, W]. */
const outputTiles = (b: Builder, dout: Tensor): Tensor => b.op("winogradTiles", [dout], { of: "output", again: false });

/** Its gradient with respect to x, from dout [N, O, H, W]. */
export function winogradInputGrad(b: Builder, weight: Tensor, dout: Tensor): Tensor {
  const u = b.op("winogradWeight", [weight], { again: true });
  const dv = b.matmul(u, outputTiles(b, dout), { transposeA: true });
  return b.op("winogradPictures", [dv], { of: "input", imageSize: dout.shape.slice(2) });
}

/** Its gradient with respect to the weight [O, C, 3, 3]. */
export function winogradConvWeightGrad(b: Builder, x: Tensor, dout: Tensor): Tensor {
  const v = b.op("winogradTiles", [x], { of: "input", again: true });
  return b.op("winogradWeightGrad", [b.matmul(outputTiles(b, dout), v, { transposeB: true })]);
}
