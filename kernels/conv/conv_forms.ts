/**
 * Which composition computes a convolution. One rule chooses for the convolution and both its gradients, since they
 * share what they make. Where no composition is faster, the kernels `convolve` and `conv2dWeightGradPartial` stay.
 *
 * In this order: patches that lie side by side, 1×1 windows, Winograd's F(4×4, 3×3) or F(2×2, 3×3) at stride 1, and
 * windows unfolded at stride 2. Winograd has 36 products for 16 pixels, or 16 for 4, where there were 9 for each.
 * `winograd.ts` weighs that against the tiles that it writes. The last two bring pictures into tiles by one pair of ops
 * (`picture_tiles.ts`). The backward pass makes its tiles again rather than hold them, since they are larger than their
 * pictures. Where the tiles of a batch cannot be bound, Winograd's go in parts of it.
 *
 * F(4×4) at the usual points 0, ±1, ±2 rounds six times as much as F(2×2); at 0, ±¾, ±1½ (`tile_transforms.ts`) it is
 * twice.
 *
 * @module
 */

import type { ConvForm, ConvWindow } from "./conv_window.ts";
import type { Builder, Shape } from "../op.ts";
import { patches } from "./patches.ts";
import { pointwise } from "./pointwise.ts";
import { unfolded } from "./unfolded.ts";
import { winograd2, winograd4 } from "./winograd.ts";

const forms: readonly ConvForm[] = [patches, pointwise, winograd2, winograd4, unfolded];

/** Name of the kernels, among those of the forms. */
export const DIRECT = "direct";

/**
 * The composition for a convolution of `x` with `weight`; undefined for the kernels.
 *
 * @param name The one to take if it can compute this; by default the first that pays.
 */
export function formOf(
  limits: Pick<Builder, "maxBytes">,
  x: Shape,
  weight: Shape,
  window: ConvWindow,
  name?: string,
): ConvForm | undefined {
  if (name === DIRECT) return undefined;
  const able = forms.filter((form) => form.can(limits, x, weight, window));
  return able.find((form) => form.name === name) ?? able.find(({ pays }) => pays?.(x, weight) ?? true);
}

/**
 * Names of a convolution's variants, but for the one that {@link formOf} chooses. Where windows lie side by side, no
 * kernel is among them. Each number of a picture then meets one tap alone: a tile would share nothing, and be as large
 * as the window.
 */
export function otherForms(x: Shape, weight: Shape, window: ConvWindow): string[] {
  const limits = { maxBytes: Infinity };
  const chosen = formOf(limits, x, weight, window)?.name ?? DIRECT;
  const able = forms.filter((form) => form.can(limits, x, weight, window)).map(({ name }) => name);
  const direct = able.includes(patches.name) ? [] : [DIRECT];
  return [...able, ...direct].filter((name) => name !== chosen);
}

/** Is it a name of {@link otherForms}? */
export const isForm = (name: string): boolean => name === DIRECT || forms.some((form) => form.name === name);
