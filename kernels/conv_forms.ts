/**
 * Which composition computes a convolution. One rule chooses for it and both its gradients, since they share what they make; what
 * no composition fits is left to the kernels `convolve` and `conv2dWeightGradPartial`.
 *
 * @module
 */

import type { ConvForm, ConvWindow } from "./conv_window.ts";
import type { Builder, Shape } from "./op.ts";
import { patches } from "./patches.ts";
import { pointwise } from "./pointwise.ts";
import { unfolded } from "./unfolded.ts";
import { winograd } from "./winograd.ts";

const forms: readonly ConvForm[] = [patches, pointwise, winograd, unfolded];

/** The composition for a convolution of `x` with `weight`, if there is one. */
export function formOf(b: Builder, x: Shape, weight: Shape, window: ConvWindow): ConvForm | undefined {
  return forms.find((form) => form.fits(b, x, weight, window));
}
