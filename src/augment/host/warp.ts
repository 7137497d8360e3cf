/**
 * Transformations that move pixels: each pixel that comes out is read between four that go in, bilinear, as Pillow's
 * `Image.transform` does. What lies outside of the picture is filled with one colour.
 *
 * @module
 */

import type { Pixels } from "./picture_view.ts";

/**
 * From places of the new picture to those of the old one, a to h: (x, y) is read at
 * ((a·x + b·y + c) / w, (d·x + e·y + f) / w) with w = g·x + h·y + 1; places are middles of pixels. Without g and h it
 * is an affine map.
 */
export type Coefficients = readonly number[];

/**
 * Reads a picture through a map.
 *
 * @param picture The picture.
 * @param map Where each new pixel is read.
 * @param fill Colour of what lies outside, a byte for each channel.
 */
export function warped(picture: Pixels, map: Coefficients, fill: readonly number[]): Pixels {
  const { width, height, channels, data } = picture;
  const [a, b, c, d, e, f, g = 0, h = 0] = map;
  const out = new Uint8Array(data.length);
  let to = 0;
  for (let row = 0; row < height; row++) {
    const y = row + 0.5;
    for (let column = 0; column < width; column++, to += channels) {
      const x = column + 0.5;
      const w = g * x + h * y + 1;
      const left = (a * x + b * y + c) / w;
      const top = (d * x + e * y + f) / w;
      if (!(left >= 0 && left < width && top >= 0 && top < height)) {
        for (let k = 0; k < channels; k++) out[to + k] = fill[k];
        continue;
      }
      const x0 = Math.floor(left - 0.5);
      const y0 = Math.floor(top - 0.5);
      const dx = left - 0.5 - x0;
      const dy = top - 0.5 - y0;
      const upper = Math.max(0, y0) * width;
      const lower = Math.min(height - 1, y0 + 1) * width;
      const near = Math.max(0, x0);
      const far = Math.min(width - 1, x0 + 1);
      const [p, q] = [(upper + near) * channels, (upper + far) * channels];
      const [r, s] = [(lower + near) * channels, (lower + far) * channels];
      for (let k = 0; k < channels; k++) {
        const above = data[p + k] * (1 - dx) + data[q + k] * dx;
        const below = data[r + k] * (1 - dx) + data[s + k] * dx;
        out[to + k] = above * (1 - dy) + below * dy; // a byte array cuts fractions off, as Pillow does
      }
    }
  }
  return { width, height, channels, data: out };
}

/** Sheared: each row is read so many pixels further right, times its place from the top. */
export const shearX = (picture: Pixels, factor: number, fill: readonly number[]): Pixels =>
  warped(picture, [1, factor, 0, 0, 1, 0], fill);

/** Sheared: each column is read so many pixels further down, times its place from the left. */
export const shearY = (picture: Pixels, factor: number, fill: readonly number[]): Pixels =>
  warped(picture, [1, 0, 0, factor, 1, 0], fill);

/** Moved to the left by so many pixels. */
export const translateX = (picture: Pixels, pixels: number, fill: readonly number[]): Pixels =>
  warped(picture, [1, 0, pixels, 0, 1, 0], fill);

/** Moved up by so many pixels. */
export const translateY = (picture: Pixels, pixels: number, fill: readonly number[]): Pixels =>
  warped(picture, [1, 0, 0, 0, 1, pixels], fill);

/** Turned about its middle, against the clock, by so many degrees. */
export function rotate(picture: Pixels, degrees: number, fill: readonly number[]): Pixels {
  const angle = -degrees * Math.PI / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [x, y] = [picture.width / 2, picture.height / 2];
  return warped(picture, [cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y], fill);
}

/** Four corners: upper left, upper right, lower right, lower left. */
export type Corners = readonly (readonly [x: number, y: number])[];

/** Seen from another side: what was at the corners `from` is then at `to`, as torchvision's `perspective`. */
export function perspective(picture: Pixels, from: Corners, to: Corners, fill: readonly number[]): Pixels {
  const rows = to.flatMap(([x, y], i) => {
    const [u, v] = from[i];
    return [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]];
  });
  return warped(picture, solved(rows), fill);
}

/** Solves linear equations, the right side last in each row, by Gauss's elimination with pivots. */
function solved(rows: number[][]): number[] {
  const size = rows.length;
  for (let i = 0; i < size; i++) {
    let best = i;
    for (let r = i + 1; r < size; r++) if (Math.abs(rows[r][i]) > Math.abs(rows[best][i])) best = r;
    [rows[i], rows[best]] = [rows[best], rows[i]];
    for (let r = 0; r < size; r++) {
      if (r === i) continue;
      const factor = rows[r][i] / rows[i][i];
      for (let k = i; k <= size; k++) rows[r][k] -= factor * rows[i][k];
    }
  }
  return rows.map((row, i) => Math.fround(row[size] / row[i])); // as torchvision gives them to Pillow
}
