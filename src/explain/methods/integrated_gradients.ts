/**
 * Integrated gradients (Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017).
 *
 * @module
 */

import type { Method } from "../method.ts";
import type { Probe } from "../probe.ts";
import { overChannels, pictureGradients } from "./backward.ts";
import { meanOf } from "./smoothgrad.ts";

/**
 * Σ over the channels of (x − x′) · the mean of ∂y/∂x on the straight way from x′ to x (equation 1). The baseline x′ is
 * the mean colour, 0 as the model takes pictures. The way is cut into equal parts, of which the middle counts. The
 * map's sum is the logit of x less that of x′, but for the parts' width.
 */
export const integratedGradients: Method = {
  name: "integrated-gradients",
  summary:
    "gradients on the way from the mean colour to the picture; their sum is the logit's rise (Sundararajan 2017)",
  uses: ["steps"],
  isSigned: true,
  lacks: () => undefined,
  explain: async (probe, { image, select, steps = 32 }) =>
    overChannels(probe, await integratedGradient(probe, image, select, steps), (value) => value),
};

/** What each number of a picture adds to the logit, [C, S, S]. */
export async function integratedGradient(
  probe: Probe,
  image: Float32Array,
  select: Float32Array,
  steps: number,
): Promise<Float32Array> {
  const way = new Float32Array(steps * image.length);
  for (let k = 0; k < steps; k++) {
    way.set(image.map((value) => value * (k + 0.5) / steps), k * image.length);
  }
  const mean = meanOf(await pictureGradients(probe, way, select), image.length);
  return mean.map((slope, i) => slope * image[i]);
}
