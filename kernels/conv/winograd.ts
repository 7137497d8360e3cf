/**
 * Winograd's minimal filtering (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks"): a 3×3
 * convolution at stride 1, tile by tile of the output: F(2×2, 3×3) takes 16 multiplications for 4 pixels, F(4×4, 3×3)
 * 36 for 16, where there are 9 a pixel.
 *
 * ```text
 * out = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A        U = G w Gᵀ,  V = Bᵀ x B,  M = U ⊙ V, summed over channels
 * ```
 *
 * ⊙ over all tiles and channels is one matrix product for each of the n² elements of a tile, n = m + 2. So this is a
 * composition: transforms (`picture_tiles.ts`, `winograd_weight.ts`) around one batched `matmul`. The gradients are its
 * transposes, and share what they can: dM = A dout Aᵀ serves both.
 *
 * ```text
 * dV = Uᵀ · dM    dx = Σ over overlapping tiles of B dV Bᵀ        dU = dM · Vᵀ    dw = Gᵀ dU G
 * ```
 *
 * With P tiles in all pictures: U [n², O, C], V [n², C, P], M [n², O, P]. U and V are computed again for the backward
 * pass (the attribute `again`): V is (n / m)² times as large as what it comes from.
 *
 * @module
 */

import type { ConvForm } from "./conv_window.ts";
import { type Builder, type Shape, sizeOf, type Tensor } from "../op.ts";
import { range } from "../writing/tile.ts";
import { type Filtering, filterings, tilesOf } from "./tile_transforms.ts";

/**
 * Multiply-adds that it costs to compute and write a number of V or M and to read it again, measured on llvmpipe:
 * F(4×4, 3×3) and the kernels are even where C · O / (C + O) is 12, F(2×2, 3×3) and the kernels at 30 to 40. A number
 * of U costs half, and one of the weight three quarters of it where the kernels lay it out anew.
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

/**
 * Parts of the batch, as few as may be, for which neither U, V nor M would have to be cut. Undefined where there are
 * none.
 */
function partsOf({ tile }: Filtering, [n, ...picture]: Shape, [o, c]: Shape, maxBytes: number): number | undefined {
  const bytes = 4 * (tile + 2) ** 2;
  const most = Math.floor(maxBytes / (bytes * Math.max(o, c) * tilesOf([1, ...picture], tile).count));
  return most < 1 || bytes * o * c > maxBytes ? undefined : Math.max(1, Math.ceil(n / most));
}

/** Part k of the pictures; `again` for the backward pass, which does not keep the forward pass's. */
function partOf(b: Builder, x: Tensor, k: number, parts: number, again: boolean): Tensor {
  if (parts === 1) return x;
  const [n, ...picture] = x.shape;
  const most = Math.ceil(n / parts);
  const size = [Math.min(most, n - k * most), ...picture];
  return b.op("slice", [x], { start: [k * most, 0, 0, 0], size, again });
}

/**
 * The results of parts from `first` on, each put to its neighbours as soon as they are there: until then both take
 * memory.
 */
function together(b: Builder, count: number, of: (k: number) => Tensor, first = 0): Tensor {
  if (count === 1) return of(first);
  const half = Math.ceil(count / 2);
  return b.concat([together(b, half, of, first), together(b, count - half, of, first + half)], 0);
}

/** The convolutions in tiles of F(m×m, 3×3), in parts of the batch where tiles of all of it would have to be cut. */
function form(filtering: Filtering): ConvForm {
  const others = Object.values(filterings).filter((other) => other !== filtering);
  const { tile } = filtering;
  const input = `winogradInput${tile}`;
  const output = `winogradOutput${tile}`;
  const weightTiles = (b: Builder, weight: Tensor, again: boolean) => b.op("winogradWeight", [weight], { tile, again });
  const outputTiles = (b: Builder, dout: Tensor, again = false) => b.op("toTiles", [dout], { of: output, again });
  const partsIn = (b: Builder, x: Shape, weight: Shape) => partsOf(filtering, x, weight, b.maxBytes)!;
  return {
    name: `winograd${tile}`,
    can: ({ maxBytes }, x, weight, { stride, padding, groups }) =>
      weight[2] === 3 && weight[3] === 3 && stride === 1 && padding === 1 && groups === 1 &&
      partsOf(filtering, x, weight, maxBytes) !== undefined,
    pays: (x, weight) =>
      costOf(filtering, x, weight) <
        Math.min(directCost(x, weight), ...others.map((other) => costOf(other, x, weight))),
    forward(b, x, weight) {
      const parts = partsIn(b, x.shape, weight.shape);
      return together(b, parts, (k) => {
        const v = b.op("toTiles", [partOf(b, x, k, parts, false)], { of: input, again: false });
        const m = b.matmul(weightTiles(b, weight, false), v);
        return b.op("fromTiles", [m], { of: output, imageSize: x.shape.slice(2) });
      });
    },
    inputGrad(b, weight, dout, x) {
      const parts = partsIn(b, x, weight.shape);
      return together(b, parts, (k) => {
        const dm = outputTiles(b, partOf(b, dout, k, parts, true));
        const dv = b.matmul(weightTiles(b, weight, true), dm, { transposeA: true });
        return b.op("fromTiles", [dv], { of: input, imageSize: x.slice(2) });
      });
    },
    weightGrad(b, x, dout) {
      const parts = partsIn(b, x.shape, [dout.shape[1], x.shape[1]]);
      const products = range(parts).map((k) => {
        const v = b.op("toTiles", [partOf(b, x, k, parts, true)], { of: input, again: true });
        // The input's gradient takes the same tiles. Holding those of many parts until then would take what parts save.
        const dm = outputTiles(b, partOf(b, dout, k, parts, true), parts > 2);
        return b.matmul(dm, v, { transposeB: true });
      });
      const du = products.reduce((sum, product) => b.add(sum, product));
      return b.op("winogradWeightGrad", [du], { tile, again: false });
    },
  };
}

/** 3×3 convolutions at stride 1 in tiles of 2×2. */
export const winograd2: ConvForm = form(filterings[2]);
/** The same in tiles of 4×4. */
export const winograd4: ConvForm = form(filterings[4]);
