/**
 * SmoothGrad (Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017).
 *
 * @module
 */

import { randomStream } from "../../random.ts";
import type { Method } from "../method.ts";
import type { Probe } from "../probe.ts";
import { overChannels, pictureGradients } from "./backward.ts";

/** Stream of the noise. */
const noiseStream = 0x5a007;

/**
 * Σ over the channels of |the mean of ∂y/∂x over noisy copies of the picture|. The noise's deviation is a share of the
 * range of the picture's values.
 */
export const smoothgrad: Method = {
  name: "smoothgrad",
  summary: "the mean of the class's gradient over noisy copies of the picture (Smilkov 2017)",
  uses: ["samples", "noise", "seed"],
  isSigned: false,
  lacks: () => undefined,
  explain: async (probe, { image, select, samples = 24, noise = 0.15, seed = 0 }) => {
    const [least, most] = image.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
    const draws = normalDraws(samples * image.length, seed).map((draw) => draw * noise * (most - least));
    const mean = await smoothGradient(probe, image, select, draws);
    return overChannels(probe, mean, Math.abs);
  },
};

/**
 * The mean gradient over copies of a picture.
 *
 * @param noise What is added to each copy, [copies, C, S, S].
 * @returns [C, S, S].
 */
export async function smoothGradient(
  probe: Probe,
  image: Float32Array,
  select: Float32Array,
  noise: Float32Array,
): Promise<Float32Array> {
  const noisy = noise.map((value, i) => image[i % image.length] + value);
  return meanOf(await pictureGradients(probe, noisy, select), image.length);
}

/** The mean of [N, size] over N. */
export function meanOf(values: Float32Array, size: number): Float32Array {
  const count = values.length / size;
  const mean = new Float64Array(size);
  for (let i = 0; i < values.length; i++) mean[i % size] += values[i];
  return Float32Array.from(mean, (sum) => sum / count);
}

/** Numbers of the normal distribution, by Box and Muller. */
function normalDraws(count: number, seed: number): Float32Array {
  const next = randomStream(noiseStream, seed);
  const uniform = () => (next() + 0.5) / 2 ** 32;
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
