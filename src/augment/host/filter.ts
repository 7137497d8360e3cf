/**
 * Transformations that mix neighbouring pixels.
 *
 * @module
 */

import { blend } from "./colour.ts";
import type { Pixels } from "./picture_view.ts";

/** A picture smoothed over 3×3 pixels, the middle one five times: Pillow's `ImageFilter.SMOOTH`. Its border stays. */
function smoothed(picture: Pixels): Pixels {
  const { width, height, channels, data } = picture;
  const out = data.slice();
  const row = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + channels; i < (y + 1) * row - channels; i++) {
      const above = data[i - row - channels] + data[i - row] + data[i - row + channels];
      const below = data[i + row - channels] + data[i + row] + data[i + row + channels];
      out[i] = (above + below + data[i - channels] + 5 * data[i] + data[i + channels]) / 13 + 0.5;
    }
  }
  return { ...picture, data: out };
}

/** Sharper above 1, smoother below: Pillow's `ImageEnhance.Sharpness`. */
export const sharpness = (picture: Pixels, factor: number): Pixels => blend(smoothed(picture), picture, factor);

/** Place of a mirrored line: −1 is 1, and so on, as often as needed. */
function reflected(place: number, length: number): number {
  if (length === 1) return 0;
  const round = 2 * (length - 1);
  const within = ((place % round) + round) % round;
  return within < length ? within : round - within;
}

/** Adds so many numbers of one array, times a weight, to those of another. */
function addTo(out: Float64Array, to: number, from: Float64Array, at: number, count: number, weight: number): void {
  for (let i = 0; i < count; i++) out[to + i] += weight * from[at + i];
}

/**
 * Gaussian blur, as torchvision's `gaussian_blur`, with a kernel that reaches three deviations.
 *
 * @param picture The picture.
 * @param sigma Standard deviation in pixels.
 */
export function gaussianBlur(picture: Pixels, sigma: number): Pixels {
  const { width, height, channels, data } = picture;
  const reach = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-0.5 * ((k - reach) / sigma) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  for (let k = 0; k < weights.length; k++) weights[k] /= sum;
  const row = width * channels;
  const across = new Float64Array(data.length);
  const line = new Float64Array((width + 2 * reach) * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width + 2 * reach; x++) {
      const from = y * row + reflected(x - reach, width) * channels;
      for (let c = 0; c < channels; c++) line[x * channels + c] = data[from + c];
    }
    weights.forEach((weight, k) => addTo(across, y * row, line, k * channels, row, weight));
  }
  const both = new Float64Array(data.length);
  for (let y = 0; y < height; y++) {
    weights.forEach((weight, k) => addTo(both, y * row, across, reflected(y + k - reach, height) * row, row, weight));
  }
  return { ...picture, data: Uint8Array.from(both, (value) => value + 0.5) };
}
