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
  /** Mixes lines of `length` values that are `by` apart; lines begin at `begins`. */
  const along = (from: Float64Array, length: number, by: number, begins: number[]) => {
    const out = new Float64Array(from.length);
    const places = Int32Array.from({ length: length + 2 * reach }, (_, i) => by * reflected(i - reach, length));
    for (const begin of begins) {
      for (let i = 0; i < length; i++) {
        let value = 0;
        for (let k = 0; k < weights.length; k++) value += weights[k] * from[begin + places[i + k]];
        out[begin + i * by] = value;
      }
    }
    return out;
  };
  const count = (length: number) => Array.from({ length }, (_, i) => i);
  const row = width * channels;
  const across = count(height).flatMap((y) => count(channels).map((c) => y * row + c));
  const mixed = along(new Float64Array(data), width, channels, across);
  const both = along(mixed, height, row, count(row));
  return { ...picture, data: Uint8Array.from(both, (value) => value + 0.5) };
}
