/**
 * Resizing and cropping. Resizing is antialiased bilinear in the fixed-point arithmetic of Pillow's `Image.resize`, so
 * that pictures look to a model as they do to one trained with torchvision's transforms on PIL images.
 *
 * A picture that is not square keeps its proportions: its shorter side is resized to the wanted size and the square in
 * the middle of the longer side is kept, as torchvision's `Resize(size)` and `CenterCrop(size)` do (a 178×218 portrait
 * loses 20 rows at the top and 20 at the bottom).
 *
 * @module
 */

import type { Picture } from "./decode.ts";

/** Fractional bits of a weight: Pillow's 32 − 8 − 2, which leaves room for 8-bit values and a sum above one. */
const precision = 22;

/** One half, which turns cutting off fractional bits into rounding. */
const half = 1 << (precision - 1);

/** How one output line is mixed from input lines: `weights[size * taps]`, beginning at input `first[i]`. */
interface Mixing {
  readonly taps: number;
  readonly first: Int32Array;
  readonly weights: Int32Array;
}

/** Tables of the latest sizes: pictures of a data set mostly share a few. */
const tables = new Map<string, Mixing>();

/** The table for a line, from the latest ones or made anew. */
function mixing(input: number, output: number, from: number, count: number): Mixing {
  const key = `${input} ${output} ${from} ${count}`;
  let table = tables.get(key);
  if (table === undefined) {
    if (tables.size >= 64) tables.clear();
    table = makeMixing(input, output, from, count);
    tables.set(key, table);
  }
  return table;
}

/**
 * Weights of the triangle filter for outputs `from` to `from + count` of a line of `input` values resized to `output`.
 * When shrinking, the triangle is as wide as two output pixels, which is the antialiasing.
 */
function makeMixing(input: number, output: number, from: number, count: number): Mixing {
  const scale = input / output;
  const support = Math.max(scale, 1);
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const weights = new Int32Array(count * taps);
  for (let i = 0; i < count; i++) {
    const center = (from + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(input, Math.trunc(center + support + 0.5));
    const line: number[] = [];
    for (let x = begin; x < end; x++) line.push(Math.max(0, 1 - Math.abs((x - center + 0.5) / support)));
    const sum = line.reduce((total, weight) => total + weight, 0);
    line.forEach((weight, k) => weights[i * taps + k] = Math.floor(0.5 + weight / sum * 2 ** precision));
    first[i] = begin;
  }
  return { taps, first, weights };
}

/** The part of a resized picture that is wanted, in pixels of the resized picture. */
interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Resizes to `width` × `height` and returns the window of it, computing nothing outside. */
function resizeWindow(picture: Picture, width: number, height: number, window: Window): Picture {
  const { channels } = picture;
  const columns = mixing(picture.width, width, window.left, window.width);
  const rows = mixing(picture.height, height, window.top, window.height);
  const firstRow = rows.first[0];
  const endRow = Math.min(picture.height, rows.first[window.height - 1] + rows.taps);
  const across = mixColumns(picture, columns, window.width, firstRow, endRow);
  const data = mixRows(across, rows, window, firstRow, channels);
  return { width: window.width, height: window.height, channels, data };
}

/** Mixes columns of the rows `firstRow` to `endRow`: [endRow − firstRow, width, channels]. */
function mixColumns(picture: Picture, mix: Mixing, width: number, firstRow: number, endRow: number): Uint8Array {
  const { channels, data } = picture;
  const { weights, first, taps } = mix;
  const out = new Uint8Array((endRow - firstRow) * width * channels);
  let to = 0;
  for (let y = firstRow; y < endRow; y++) {
    const row = y * picture.width * channels;
    for (let x = 0; x < width; x++, to += channels) {
      const begin = row + first[x] * channels;
      const last = Math.min(taps, picture.width - first[x]);
      if (channels === 1) {
        let sum = half;
        for (let k = 0; k < last; k++) sum += data[begin + k] * weights[x * taps + k];
        out[to] = sum >> precision;
      } else {
        let red = half;
        let green = half;
        let blue = half;
        for (let k = 0, from = begin; k < last; k++, from += 3) {
          const weight = weights[x * taps + k];
          red += data[from] * weight;
          green += data[from + 1] * weight;
          blue += data[from + 2] * weight;
        }
        out[to] = red >> precision;
        out[to + 1] = green >> precision;
        out[to + 2] = blue >> precision;
      }
    }
  }
  return out;
}

/** Mixes rows that lie from `firstRow` on: [height, width, channels]. */
function mixRows(across: Uint8Array, mix: Mixing, window: Window, firstRow: number, channels: number): Uint8Array {
  const stride = window.width * channels;
  const out = new Uint8Array(window.height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < window.height; y++) {
    sums.fill(half);
    const begin = (mix.first[y] - firstRow) * stride;
    for (let k = 0, from = begin; k < mix.taps; k++, from += stride) {
      const weight = mix.weights[y * mix.taps + k];
      if (weight === 0) continue; // also ends at the last row, beyond which all weights are 0
      for (let x = 0; x < stride; x++) sums[x] += across[from + x] * weight;
    }
    for (let x = 0, to = y * stride; x < stride; x++) out[to + x] = sums[x] >> precision;
  }
  return out;
}

/** Rounds halves to even, as Python's `round` does in torchvision's `center_crop`. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor & 1) : Math.round(value);
}

/**
 * Resizes a picture so that its shorter side is `size` and keeps the square in the middle.
 *
 * @param picture The picture, of any size.
 * @param size Side of the square in pixels.
 * @returns A picture of `size` × `size`; the picture itself where it is that already.
 * @throws {RangeError} If the size is not a whole number above zero.
 *
 * @example
 * ```ts
 * import { decodePicture } from "./decode.ts";
 * import { squareOf } from "./resize.ts";
 *
 * const square = squareOf(decodePicture(await Deno.readFile("face.jpg")), 64); // 64×64
 * ```
 */
export function squareOf(picture: Picture, size: number): Picture {
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`Cannot resize to ${size} pixels: give 1 or more`);
  if (picture.width === size && picture.height === size) return picture;
  const shorter = Math.min(picture.width, picture.height);
  const width = Math.trunc(size * picture.width / shorter);
  const height = Math.trunc(size * picture.height / shorter);
  const left = roundHalfEven((width - size) / 2);
  const top = roundHalfEven((height - size) / 2);
  return resizeWindow(picture, width, height, { left, top, width: size, height: size });
}

/**
 * A colour picture in grey: ITU-R 601 luma, rounded, as Pillow's mode `L`.
 *
 * @param picture RGB.
 * @returns One channel.
 */
export function toGrey({ width, height, data }: Picture): Picture {
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = (data[3 * i] * 19595 + data[3 * i + 1] * 38470 + data[3 * i + 2] * 7471 + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: grey };
}
