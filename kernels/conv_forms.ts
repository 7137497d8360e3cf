/**
 * Which composition computes a convolution. One rule chooses for it and both its gradients, since they share what they make; what
 * no composition is faster for is left to the kernels `convolve` and `conv2dWeightGradPartial`.
 *
 * @module
 */

import type { ConvForm, ConvWindow } from "./conv_window.ts";
import type { Builder, Shape } from "./op.ts";
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
 * Names of the ways to compute a convolution, but for the one that {@link formOf} chooses. Where windows lie side by side the kernels are
 * none of them: each number of a picture meets one tap alone, so that a tile would share nothing and be as large as the window.
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
