/**
 * Resizing and cropping. Resizing is antialiased, bilinear or bicubic, in the fixed-point arithmetic of Pillow's
 * `Image.resize`. So pictures look to a model as they do to one trained with torchvision's transforms on PIL images.
 *
 * A picture that is not square keeps its proportions. Its shorter side is resized to the wanted size. The square in the
 * middle of the longer side is kept, as torchvision's `Resize(size)` and `CenterCrop(size)` do: a 178×218 portrait
 * loses 20 rows at the top and 20 at the bottom. Or the whole picture is kept: with black beside it, as torchvision's
 * `Pad` and timm's border crop do, or squashed into the square.
 *
 * @module
 */

import { roundHalfEven } from "../../augment/host/picture_view.ts";
import type { Picture } from "./decode.ts";

/** How the pixels of a resized picture are mixed. */
export type Interpolation = "bilinear" | "bicubic";

/**
 * How a picture that is not square becomes one: its middle is cut out; it is padded with black; it is squashed, without
 * its proportions.
 */
export type Fit = "crop" | "pad" | "squash";

/** Values of a 16-bit picture that become black and white; those between are scaled, those outside are cut off. */
export type ValueRange = readonly [low: number, high: number];

/** How pictures are brought to the size in which a model sees them. */
export interface Resizing {
  /** Side of the square that the model sees, cut out of {@link square}, in pixels. */
  readonly imageSize: number;
  /** Length that the shorter side is resized to, and side of the square that is then kept, in pixels. */
  readonly square: number;
  /** How pixels are mixed. */
  readonly interpolation: Interpolation;
  /** How a picture that is not square becomes one. By default `crop`. */
  readonly fit?: Fit;
  /** Values of 16-bit pictures that become black and white; by default the high byte is kept. */
  readonly range?: ValueRange;
}

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

/** Tables of the latest sizes: pictures of a data set mostly share a few. */
const tables = new Map<string, Mixing>();

/** The table for a line, from the latest ones or made anew. */
function mixing(interpolation: Interpolation, input: number, output: number, from: number, count: number): Mixing {
  const key = `${interpolation} ${input} ${output} ${from} ${count}`;
  let table = tables.get(key);
  if (table === undefined) {
    if (tables.size >= 64) tables.clear();
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
interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Resizes to `width` × `height` and returns the part of it, computing nothing outside. */
function resizePart(
  picture: Picture,
  { width, height }: { readonly width: number; readonly height: number },
  part: Part,
  interpolation: Interpolation,
): Picture {
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
function mixColumns(picture: Picture, mix: Mixing, width: number, firstRow: number, endRow: number): Uint8ClampedArray {
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

/**
 * Where the middle part of a line begins, as torchvision's `center_crop` has it.
 *
 * @param length The line's length.
 * @param part The part's length, at most the line's.
 * @returns What is left out before the part.
 */
export function middleOf(length: number, part: number): number {
  return roundHalfEven((length - part) / 2);
}

/**
 * Resizes a picture so that its shorter side is `square` and keeps a square in the middle, or as {@link Fit} says. The
 * middle `imageSize` of that square is what `CenterCrop(imageSize)` takes of the whole picture: where the longer side
 * cannot be halved evenly, the square is placed by it.
 *
 * @param picture The picture, of any size.
 * @param resizing The sizes, and how pixels are mixed.
 * @returns A picture of `square` × `square`; the picture itself where it is that already.
 * @throws {RangeError} If a size is not a whole number above zero, or the part is larger than the square.
 *
 * @example
 * ```ts
 * import { decodePicture } from "./decode.ts";
 * import { squareOf } from "./resize.ts";
 *
 * const face = decodePicture(await Deno.readFile("face.jpg"));
 * const square = squareOf(face, { imageSize: 224, square: 256, interpolation: "bicubic" }); // 256×256
 * ```
 */
export function squareOf(picture: Picture, { imageSize, square, interpolation, fit = "crop" }: Resizing): Picture {
  for (const size of [square, imageSize]) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`Cannot resize to ${size} pixels: give 1 or more`);
  }
  if (square < imageSize) throw new RangeError(`Cannot crop ${imageSize} pixels from a square of ${square}`);
  if (picture.width === square && picture.height === square) return picture;
  const size = { width: square, height: square };
  if (fit === "squash") return resizePart(picture, size, { left: 0, top: 0, ...size }, interpolation);
  if (fit === "pad") return padded(picture, square, interpolation);
  const shorter = Math.min(picture.width, picture.height);
  const width = Math.trunc(square * picture.width / shorter);
  const height = Math.trunc(square * picture.height / shorter);
  const inSquare = middleOf(square, imageSize);
  const left = middleOf(width, imageSize) - inSquare;
  const top = middleOf(height, imageSize) - inSquare;
  return resizePart(picture, { width, height }, { left, top, width: square, height: square }, interpolation);
}

/** The whole picture in the middle of a black square. */
function padded(picture: Picture, square: number, interpolation: Interpolation): Picture {
  const { channels } = picture;
  const longer = Math.max(picture.width, picture.height);
  const width = Math.max(1, Math.trunc(square * picture.width / longer));
  const height = Math.max(1, Math.trunc(square * picture.height / longer));
  const { data } = resizePart(picture, { width, height }, { left: 0, top: 0, width, height }, interpolation);
  const out = new Uint8Array(square * square * channels);
  const [left, top] = [(square - width) >> 1, (square - height) >> 1];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width * channels, (y + 1) * width * channels);
    out.set(row, ((top + y) * square + left) * channels);
  }
  return { width: square, height: square, channels, data: out };
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
