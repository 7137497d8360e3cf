/**
 * Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks"): a 3×3
 * convolution at stride 1 by 16 multiplications for each 2×2 tile of the output, where it has 36.
 *
 * ```text
 * out = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        U = G w Gᵀ,  V = Bᵀ x B,  M = U ⊙ V, summed over channels
 * ```
 *
 * ⊙ over all tiles and channels is 16 matrix products, one for each element of the 4×4 tiles, so this is a composition: transforms
 * (`picture_tiles.ts`, `winograd_weight.ts`) around one batched `matmul`. The gradients are its transposes, and
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

import type { ConvForm } from "./conv_window.ts";
import type { Builder, Tensor } from "./op.ts";
import { tilesOf } from "./tile_transforms.ts";

/**
 * Per pixel, the products save a multiple of C · O and the transforms cost one of C + O. On llvmpipe they are even at a quotient of
 * 30; 64 to 128 channels, at 43, gain a quarter, 512 to 512 go twice to seven times as fast.
 */
const LEAST_QUOTIENT = 40;

/** dM of a gradient dout [N, O, H, W]. */
const outputTiles = (b: Builder, dout: Tensor): Tensor =>
  b.op("toTiles", [dout], { of: "winogradOutput", again: false });

/** 3×3 convolutions at stride 1, where neither V nor M would have to be cut. */
export const winograd: ConvForm = {
  name: "winograd",
  can: ({ maxBytes }, x, [o, c, kh, kw], { stride, padding, groups }) =>
    kh === 3 && kw === 3 && stride === 1 && padding === 1 && groups === 1 &&
    4 * 16 * Math.max(o, c) * tilesOf(x).count <= maxBytes,
  pays: ([o, c]) => (c * o) / (c + o) >= LEAST_QUOTIENT,
  forward(b, x, weight) {
    const u = b.op("winogradWeight", [weight], { again: false });
    const v = b.op("toTiles", [x], { of: "winogradInput", again: false });
    return b.op("fromTiles", [b.matmul(u, v)], { of: "winogradOutput", imageSize: x.shape.slice(2) });
  },
  inputGrad(b, weight, dout, x) {
    const u = b.op("winogradWeight", [weight], { again: true });
    const dv = b.matmul(u, outputTiles(b, dout), { transposeA: true });
    return b.op("fromTiles", [dv], { of: "winogradInput", imageSize: x.slice(2) });
  },
  weightGrad(b, x, dout) {
    const v = b.op("toTiles", [x], { of: "winogradInput", again: true });
    return b.op("winogradWeightGrad", [b.matmul(outputTiles(b, dout), v, { transposeB: true })]);
  },
};
