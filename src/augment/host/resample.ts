/**
 * Resizing, antialiased, bilinear or bicubic, in the fixed-point arithmetic of Pillow's `Image.resize`.
 *
 * @module
 */

import type { Pixels } from "./picture_view.ts";

/** How the pixels of a resized picture are mixed. */
export type Interpolation = "bilinear" | "bicubic";

/** A filter's weight at a distance in pixels of the input, or of the output when shrinking; 0 from `support` on. */
interface Filter {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

/** Pillow's filters. */
const filters: Readonly<Record<Interpolation, Filter>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
};

/** Keys' convolution kernel ("Cubic convolution interpolation for digital image processing", 1981), a = −1/2. */
function cubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

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

/** Tables of the latest sizes: pictures of a data set share a few, random crops have as many as a side has pixels. */
const tables = new Map<string, Mixing>();

/** The table for a line, from the latest ones or made anew. */
function mixing(interpolation: Interpolation, input: number, output: number, from: number, count: number): Mixing {
  const key = `${interpolation} ${input} ${output} ${from} ${count}`;
  let table = tables.get(key);
  if (table === undefined) {
    if (tables.size >= 512) tables.clear();
    table = makeMixing(filters[interpolation], input, output, from, count);
    tables.set(key, table);
  }
  return table;
}

/**
 * Weights of a filter for outputs `from` to `from + count` of a line of `input` values resized to `output`. When
 * shrinking, the filter is stretched to the size of output pixels, which is the antialiasing.
 */
function makeMixing(filter: Filter, input: number, output: number, from: number, count: number): Mixing {
  const scale = input / output;
  const stretch = Math.max(scale, 1);
  const squeeze = 1 / stretch;
  const support = filter.support * stretch;
  const taps = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(count);
  const weights = new Int32Array(count * taps);
  for (let i = 0; i < count; i++) {
    const center = (from + i + 0.5) * scale;
    const begin = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(input, Math.trunc(center + support + 0.5));
    const line: number[] = [];
    for (let x = begin; x < end; x++) line.push(filter.weight((x - center + 0.5) * squeeze));
    const sum = line.reduce((total, weight) => total + weight, 0);
    line.forEach((weight, k) => {
      const scaled = weight / sum * 2 ** precision;
      weights[i * taps + k] = Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
    });
    first[i] = begin;
  }
  return { taps, first, weights };
}

/** The part of a resized picture that is wanted, in pixels of the resized picture. */
export interface Part {
  /** Columns left out on the left. */
  readonly left: number;
  /** Rows left out above. */
  readonly top: number;
  /** Its width. */
  readonly width: number;
  /** Its height. */
  readonly height: number;
}

/**
 * Resizes a picture and returns a part of what comes out, computing nothing outside.
 *
 * @param picture The picture.
 * @param size Width and height that the whole picture is resized to, in pixels.
 * @param part What is wanted of it.
 * @param interpolation How pixels are mixed.
 */
export function resizePart(
  picture: Pixels,
  { width, height }: { readonly width: number; readonly height: number },
  part: Part,
  interpolation: Interpolation,
): Pixels {
  const { channels } = picture;
  const columns = mixing(interpolation, picture.width, width, part.left, part.width);
  const rows = mixing(interpolation, picture.height, height, part.top, part.height);
  const firstRow = rows.first[0];
  const endRow = Math.min(picture.height, rows.first[part.height - 1] + rows.taps);
  const across = mixColumns(picture, columns, part.width, firstRow, endRow);
  const data = mixRows(across, rows, part, firstRow, channels);
  return { width: part.width, height: part.height, channels, data };
}

/**
 * Mixes columns of the rows `firstRow` to `endRow`: [endRow − firstRow, width, channels], each sum clipped to a byte.
 */
function mixColumns(picture: Pixels, mix: Mixing, width: number, firstRow: number, endRow: number): Uint8ClampedArray {
  const { channels, data } = picture;
  const { weights, first, taps } = mix;
  const out = new Uint8ClampedArray((endRow - firstRow) * width * channels);
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
function mixRows(
  across: Uint8ClampedArray,
  mix: Mixing,
  part: Part,
  firstRow: number,
  channels: number,
): Uint8Array<ArrayBuffer> {
  const stride = part.width * channels;
  const out = new Uint8ClampedArray(part.height * stride);
  const sums = new Int32Array(stride);
  for (let y = 0; y < part.height; y++) {
    sums.fill(half);
    const begin = (mix.first[y] - firstRow) * stride;
    for (let k = 0, from = begin; k < mix.taps; k++, from += stride) {
      const weight = mix.weights[y * mix.taps + k];
      if (weight === 0) continue; // also ends at the last row, beyond which all weights are 0
      for (let x = 0; x < stride; x++) sums[x] += across[from + x] * weight;
    }
    for (let x = 0, to = y * stride; x < stride; x++) out[to + x] = sums[x] >> precision;
  }
  return new Uint8Array(out.buffer);
}
