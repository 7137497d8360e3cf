/**
 * What the methods of the picture's own gradient have in common.
 *
 * @module
 */

import type { Vjp } from "../../../kernels/op.ts";
import type { MethodMap } from "../method.ts";
import type { Probe } from "../probe.ts";

/**
 * Gradients of what is explained with respect to pictures.
 *
 * @param images Pictures [N, C, S, S].
 * @param select What is explained, [K].
 * @param rule A gradient rule for ReLU in the place of its own, and its name.
 * @returns [N, C, S, S].
 */
export async function pictureGradients(
  probe: Probe,
  images: Float32Array,
  select: Float32Array,
  rule?: { readonly name: string; readonly relu: Vjp },
): Promise<Float32Array> {
  const { gradient } = await probe.ask(
    `gradient ${rule?.name ?? ""}`,
    images,
    select,
    ({ b, images, gradients }) => b.output("gradient", gradients([images], rule && { relu: rule.relu })[0]),
  );
  return gradient;
}

/** Values [C, S, S] as a map: their sum over the channels, each through `part`. */
export function overChannels(
  { model: { channels, imageSize: side } }: Probe,
  values: Float32Array,
  part: (value: number, index: number) => number,
): MethodMap {
  const map = new Float32Array(side * side);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < map.length; i++) map[i] += part(values[c * map.length + i], c * map.length + i);
  }
  return { side, values: map };
}
