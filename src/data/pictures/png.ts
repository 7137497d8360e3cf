/**
 * Decodes PNG (third edition) with the platform's inflate: every depth, colour type and interlacing. Checksums are
 * verified. The data may not inflate to more than the header promises, so a small file cannot ask for gigabytes.
 *
 * Two libraries were tried on the tests of broken files. fast-png 8 inflates without that limit and leaves a
 * transparent colour opaque. @cwasm/lodepng 0.1.9 decodes right and as fast, but says of every fault the same: "Failed
 * to decode png image", not that a checksum differs or how much data there are.
 *
 * @module
 */

import { crc32, inflateSync } from "node:zlib";
import { joined } from "../../bytes.ts";
import { printable } from "../names.ts";
import { PictureError } from "./picture_error.ts";

/** The parts of a PNG file that make its pixels. */
interface Png {
  readonly width: number;
  readonly height: number;
  /** Bits of a sample: 1, 2, 4, 8 or 16. */
  readonly bits: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey and alpha, 6 colour and alpha. */
  readonly colorType: number;
  readonly interlaced: boolean;
  /** PLTE: red, green and blue of each colour. */
  readonly palette: Uint8Array;
  /** tRNS: alpha of each palette colour, or the one transparent grey or colour, 16 bits a sample. */
  readonly transparency: Uint8Array;
  /** IDAT, joined. */
  readonly compressed: Uint8Array;
}

/** A part of an interlaced picture: where its pixels begin and how far apart they are. */
type Pass = readonly [x: number, y: number, stepX: number, stepY: number];

/** The seven passes of Adam7. */
const adam7: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Samples of a pixel, by colour type. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Depths that each colour type may have. */
const depthsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/**
 * Decodes a PNG file.
 *
 * @param bytes The whole file; its header was read before and its size found bearable.
 * @param range Values of 16 bits that become 0 and 255; without it the high byte is kept.
 * @returns Size and 8-bit RGBA, [height, width, 4].
 * @throws {PictureError} If the file is damaged.
 */
export function decodePng(
  bytes: Uint8Array,
  range?: readonly [low: number, high: number],
): { width: number; height: number; data: Uint8Array } {
  const png = readChunks(bytes);
  const { width, height } = png;
  const data = new Uint8Array(width * height * 4);
  const scale = range && png.bits === 16 ? scaleOf(range) : undefined;
  for (const { line, columns, pass: [x, y, stepX, stepY], row } of linesOf(png)) {
    expand(png, line, columns, data, ((y + row * stepY) * width + x) * 4, stepX * 4, scale);
  }
  return { width, height, data };
}

/**
 * The least and the greatest value of a 16-bit picture; its alpha is left out.
 *
 * @param bytes The whole file.
 * @returns The two; undefined for a picture of fewer bits.
 * @throws {PictureError} If the file is damaged.
 */
export function pngValues(bytes: Uint8Array): { least: number; most: number } | undefined {
  const png = readChunks(bytes);
  if (png.bits !== 16) return undefined;
  const samples = samplesOf[png.colorType];
  const colors = png.colorType >= 4 ? samples - 1 : samples;
  let [least, most] = [0xffff, 0];
  for (const { line, columns } of linesOf(png)) {
    for (let i = 0; i < columns * samples; i++) {
      if (i % samples >= colors) continue;
      const value = sample(line, i, 16);
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return { least, most };
}

/** The 8 bits of each value of 16. */
function scaleOf([low, high]: readonly [number, number]): Uint8ClampedArray {
  // A clamped array cuts off what is outside, and rounds halves to even.
  return Uint8ClampedArray.from({ length: 0x10000 }, (_, value) => (value - low) * 255 / (high - low));
}

/** The lines of all passes, unfiltered. */
function* linesOf(png: Png): Generator<{ line: Uint8Array; columns: number; pass: Pass; row: number }, void> {
  const { width, height, bits, colorType } = png;
  const bitsPerPixel = bits * samplesOf[colorType];
  const passes = png.interlaced ? adam7 : [[0, 0, 1, 1] as const];
  const sizes = passes.map(([x, y, stepX, stepY]) => {
    const [columns, rows] = [Math.ceil((width - x) / stepX), Math.ceil((height - y) / stepY)];
    return { columns, rows, stride: columns > 0 ? 1 + Math.ceil(columns * bitsPerPixel / 8) : 0 };
  });
  const raw = inflate(png.compressed, sizes.reduce((sum, { rows, stride }) => sum + rows * stride, 0));
  let at = 0;
  for (const [k, pass] of passes.entries()) {
    const { columns, rows, stride } = sizes[k];
    const lines = raw.subarray(at, at += rows * stride);
    unfilter(lines, rows, stride, Math.max(1, bitsPerPixel >> 3));
    for (let row = 0; row < rows && columns > 0; row++) {
      yield { line: lines.subarray(row * stride + 1, (row + 1) * stride), columns, pass, row };
    }
  }
}

function readChunks(bytes: Uint8Array): Png {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let palette = new Uint8Array();
  let transparency = new Uint8Array();
  for (let at = 8, type = ""; type !== "IEND";) {
    const end = at + 8 + view.getUint32(at);
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const data = bytes.slice(at + 8, end);
    const used = ["IHDR", "PLTE", "IDAT", "IEND", "tRNS"].includes(type);
    if (used && crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new PictureError(`is damaged: the checksum of chunk ${printable(type)} at byte ${at} is wrong`);
    }
    if (type === "PLTE") palette = data;
    else if (type === "tRNS") transparency = data;
    else if (type === "IDAT") parts.push(data);
    else if (!used && /^[A-Z]/.test(type)) throw new PictureError(`has the unknown critical chunk ${printable(type)}`);
    at = end + 4;
  }
  const [bits, colorType, compression, filter, interlace] = bytes.subarray(24, 29);
  if (!depthsOf[colorType]?.includes(bits) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw new PictureError(
      `has a header that is no PNG's (${[bits, colorType, compression, filter, interlace].join(" ")})`,
    );
  }
  if (colorType === 3 && (palette.length === 0 || palette.length % 3 !== 0)) {
    throw new PictureError(`has a palette of ${palette.length} bytes`);
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  return {
    width,
    height,
    bits,
    colorType,
    interlaced: interlace === 1,
    palette,
    transparency,
    compressed: joined(parts),
  };
}

function inflate(compressed: Uint8Array, expected: number): Uint8Array {
  let raw: Uint8Array;
  try {
    raw = inflateSync(compressed, { maxOutputLength: expected });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PictureError(`is damaged: its data does not inflate to ${expected} bytes (${reason})`);
  }
  if (raw.length !== expected) {
    throw new PictureError(`is damaged: it has ${raw.length} of ${expected} bytes of pixels`);
  }
  return raw;
}

/** Undoes the filters of a pass in place; `distance` is how many bytes back the pixel to the left is. */
function unfilter(lines: Uint8Array, rows: number, stride: number, distance: number): void {
  for (let row = 0; row < rows && stride > 0; row++) {
    const begin = row * stride + 1;
    const filter = lines[begin - 1];
    const above = row === 0 ? -1 : begin - stride;
    if (filter > 4) throw new PictureError(`is damaged: row ${row} has the unknown filter ${filter}`);
    if (filter === 0) continue;
    for (let i = 0; i < stride - 1; i++) {
      const left = i < distance ? 0 : lines[begin + i - distance];
      const up = above < 0 ? 0 : lines[above + i];
      const corner = i < distance || above < 0 ? 0 : lines[above + i - distance];
      lines[begin + i] += filter === 1
        ? left
        : filter === 2
        ? up
        : filter === 3
        ? (left + up) >> 1
        : paeth(left, up, corner);
    }
  }
}

/** The neighbour that is nearest to left + up − corner. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Writes a line of samples as RGBA, from `to` on in steps of `step` bytes. */
function expand(
  png: Png,
  line: Uint8Array,
  columns: number,
  out: Uint8Array,
  to: number,
  step: number,
  scale?: Uint8ClampedArray,
): void {
  const { bits, colorType, palette, transparency } = png;
  const samples = samplesOf[colorType];
  const valueOf = (index: number) => scale ? scale[sample(line, index, 16)] : toByte(line, index, bits);
  const hasKey = transparency.length >= 2 * samples && (colorType === 0 || colorType === 2);
  for (let x = 0; x < columns; x++, to += step) {
    const first = x * samples;
    if (colorType === 3) {
      const index = sample(line, first, bits);
      if (index * 3 >= palette.length) throw new PictureError(`is damaged: colour ${index} is not in its palette`);
      out[to] = palette[index * 3];
      out[to + 1] = palette[index * 3 + 1];
      out[to + 2] = palette[index * 3 + 2];
      out[to + 3] = transparency[index] ?? 255;
      continue;
    }
    const color = colorType === 2 || colorType === 6;
    const red = valueOf(first);
    out[to] = red;
    out[to + 1] = color ? valueOf(first + 1) : red;
    out[to + 2] = color ? valueOf(first + 2) : red;
    out[to + 3] = colorType >= 4 ? toByte(line, first + samples - 1, bits) : 255;
    if (hasKey && isKey(line, first, samples, bits, transparency)) out[to + 3] = 0;
  }
}

/** A sample at its full depth. */
function sample(line: Uint8Array, index: number, bits: number): number {
  if (bits === 8) return line[index];
  if (bits === 16) return line[2 * index] << 8 | line[2 * index + 1];
  const bit = index * bits;
  return line[bit >> 3] >> (8 - bits - (bit & 7)) & ((1 << bits) - 1);
}

/** A sample as 0 to 255. */
function toByte(line: Uint8Array, index: number, bits: number): number {
  if (bits === 8) return line[index];
  if (bits === 16) return line[2 * index];
  return sample(line, index, bits) * 255 / ((1 << bits) - 1);
}

function isKey(line: Uint8Array, first: number, samples: number, bits: number, key: Uint8Array): boolean {
  for (let s = 0; s < samples; s++) {
    if (sample(line, first + s, bits) !== (key[2 * s] << 8 | key[2 * s + 1])) return false;
  }
  return true;
}
