/**
 * Winograd's minimal filtering (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks"): a 3×3 convolution at
 * stride 1, tile by tile of the output: F(2×2, 3×3) takes 16 multiplications for 4 pixels, F(4×4, 3×3) 36 for 16, where there are 9 a
 * pixel.
 *
 * ```text
 * out = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        U = G w Gᵀ,  V = Bᵀ x B,  M = U ⊙ V, summed over channels
 * ```
 *
 * ⊙ over all tiles and channels is one matrix product for each of the n² elements of a tile, n = m + 2, so this is a composition:
 * transforms (`picture_tiles.ts`, `winograd_weight.ts`) around one batched `matmul`. The gradients are its transposes, and
 * share what they can: dM = A dout Aᵀ serves both.
 *
 * ```text
 * dV = Uᵀ · dM    dx = Σ over overlapping tiles of B dV Bᵀ        dU = dM · Vᵀ    dw = Gᵀ dU G
 * ```
 *
 * With P tiles in all pictures: U [n², O, C], V [n², C, P], M [n², O, P]. U and V are computed again for the backward pass (the
 * attribute `again`): V is (n / m)² times as large as what it comes from.
 *
 * @module
 */

import type { ConvForm } from "./conv_window.ts";
import { type Builder, type Shape, sizeOf, type Tensor } from "./op.ts";
import { type Filtering, filterings, tilesOf } from "./tile_transforms.ts";

/**
 * Multiply-adds that it costs to compute and write a number of V or M and to read it again, measured on llvmpipe: F(4×4, 3×3) and the kernels
 * are even where C · O / (C + O) is 12, F(2×2, 3×3) and the kernels at 30 to 40. A number of U costs half, and one of the weight three
 * quarters of it where the kernels lay it out anew.
 */
const NUMBER_COST = 40;

/** Multiply-adds of the products, and what U, V and M cost. */
function costOf({ tile }: Filtering, x: Shape, [o, c]: Shape): number {
  const { count } = tilesOf(x, tile);
  return (tile + 2) ** 2 * (o * c * (count + NUMBER_COST / 2) + NUMBER_COST * (o + c) * count);
}

/** Multiply-adds of the kernels, and what their weights cost. */
const directCost = ([n, , height, width]: Shape, weight: Shape): number =>
  sizeOf(weight) * (n * height * width + 0.75 * NUMBER_COST);

/** The convolutions in tiles of F(m×m, 3×3), where neither U, V nor M would have to be cut. */
function form(filtering: Filtering): ConvForm {
  const others = Object.values(filterings).filter((other) => other !== filtering);
  const { tile } = filtering;
  const input = `winogradInput${tile}`;
  const output = `winogradOutput${tile}`;
  const weightTiles = (b: Builder, weight: Tensor, again: boolean) => b.op("winogradWeight", [weight], { tile, again });
  const outputTiles = (b: Builder, dout: Tensor) => b.op("toTiles", [dout], { of: output, again: false });
  return {
    name: `winograd${tile}`,
    can: ({ maxBytes }, x, [o, c, kh, kw], { stride, padding, groups }) =>
      kh === 3 && kw === 3 && stride === 1 && padding === 1 && groups === 1 &&
      4 * (tile + 2) ** 2 * Math.max(o * c, Math.max(o, c) * tilesOf(x, tile).count) <= maxBytes,
    pays: (x, weight) =>
      costOf(filtering, x, weight) <
        Math.min(directCost(x, weight), ...others.map((other) => costOf(other, x, weight))),
    forward(b, x, weight) {
      const v = b.op("toTiles", [x], { of: input, again: false });
      const m = b.matmul(weightTiles(b, weight, false), v);
      return b.op("fromTiles", [m], { of: output, imageSize: x.shape.slice(2) });
    },
    inputGrad(b, weight, dout, x) {
      const dv = b.matmul(weightTiles(b, weight, true), outputTiles(b, dout), { transposeA: true });
      return b.op("fromTiles", [dv], { of: input, imageSize: x.slice(2) });
    },
    weightGrad(b, x, dout) {
      const v = b.op("toTiles", [x], { of: input, again: true });
      const du = b.matmul(outputTiles(b, dout), v, { transposeB: true });
      return b.op("winogradWeightGrad", [du], { tile, again: false });
    },
  };
}

/** 3×3 convolutions at stride 1 in tiles of 2×2. */
export const winograd2: ConvForm = form(filterings[2]);
/** The same in tiles of 4×4. */
export const winograd4: ConvForm = form(filterings[4]);
