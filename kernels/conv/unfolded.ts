/**
 * Convolutions at stride 2 with few taps, 3×3 with padding 1 or 1×1. Every window is unfolded into the numbers that it
 * sees. The convolution and its gradients are one matrix product each over all windows of all pictures.
 *
 * With P windows in all pictures and K = k² · C numbers in each:
 *
 * ```text
 * out = weight · windows      dwindows = weightᵀ · dout      dweight = dout · windowsᵀ      [O, K] · [K, P]
 * ```
 *
 * Unfolding writes k² C numbers a window, but the products run at the matrix product's rate. A tile of the convolution
 * itself, whose windows are two apart, loads twice what it uses. The windows are unfolded again for the weight's
 * gradient (`again`).
 *
 * @module
 */

import type { ConvForm } from "./conv_window.ts";
import { type Builder, type Shape, sizeOf, type Tensor } from "../op.ts";
import { tilesOf, type TileTransform } from "./tile_transforms.ts";
import { fromPixels, pixelsTogether } from "./pointwise.ts";

/** Of every convolution here. */
const STRIDE = 2;

/** Fewer channels than C · O / (C + O) of this, and unfolding costs more than it saves; 1×1 windows need none. */
const LEAST_QUOTIENT = 40;

const transformOf = ([, , k]: Shape): TileTransform => k === 1 ? "window1" : "window3";

/** A weight [O, C, k, k] as [O, K]. */
const asMatrix = (b: Builder, weight: Tensor): Tensor =>
  b.reshape(weight, [weight.shape[0], sizeOf(weight.shape.slice(1))]);

/** The windows of x [N, C, H, W]: [K, P]. */
function unfold(b: Builder, x: Tensor, weight: Shape, again: boolean): Tensor {
  const tiles = b.op("toTiles", [x], { of: transformOf(weight), again });
  const [c, taps, count] = tiles.shape;
  return b.reshape(tiles, [c * taps, count]);
}

/** Convolutions at stride 2 with windows of 1×1, or of 3×3, where the windows need not be cut. */
export const unfolded: ConvForm = {
  name: "unfolded",
  can: ({ maxBytes }, x, [, c, kh, kw], { stride, padding, groups }) =>
    stride === STRIDE && groups === 1 && kh === kw && ((kh === 1 && padding === 0) || (kh === 3 && padding === 1)) &&
    4 * kh * kw * c * tilesOf(x, STRIDE).count <= maxBytes,
  pays: (_, [o, c, k]) => k === 1 || (c * o) / (c + o) >= LEAST_QUOTIENT,
  forward(b, x, weight) {
    const { rows, columns } = tilesOf(x.shape, STRIDE);
    const out = b.matmul(asMatrix(b, weight), unfold(b, x, weight.shape, false));
    return fromPixels(b, out, [x.shape[0], rows, columns]);
  },
  inputGrad(b, weight, dout, x) {
    const [, c, kh, kw] = weight.shape;
    const windows = b.matmul(asMatrix(b, weight), pixelsTogether(b, dout), { transposeA: true });
    const tiles = b.reshape(windows, [c, kh * kw, windows.shape[1]]);
    return b.op("fromTiles", [tiles], { of: transformOf(weight.shape), imageSize: x.slice(2) });
  },
  weightGrad(b, x, dout, weight) {
    const product = b.matmul(pixelsTogether(b, dout), unfold(b, x, weight, true), { transposeB: true });
    return b.reshape(product, weight);
  },
};
