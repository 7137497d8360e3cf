/**
 * Decodes TIFF (revision 6.0): the first picture of a file, grey, palette, RGB or CMYK of 1 to 16 bits, in strips or
 * tiles, uncompressed or by PackBits, LZW or deflate. Other compressions are refused by name.
 *
 * Two libraries were tried on the tests of broken files. utif2 4.1.0 did not come back from a file of 900 bytes; `tiff`
 * 7.1.3 knows no PackBits, no orientation and no CMYK, and inflates without a limit, so that a small file asks for
 * gigabytes. Here every strip is decoded to the length that the header promises, or refused.
 *
 * @module
 */

import { inflateSync } from "node:zlib";
import { PictureError, type PictureHeader, readOrientation } from "./picture_error.ts";

/** What a directory says of its picture. */
interface Directory {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** Samples of a pixel. */
  readonly samples: number;
  readonly photometric: number;
  readonly compression: number;
  readonly predictor: number;
  /** Whether each sample has strips or tiles of its own. */
  readonly isSeparate: boolean;
  /** Size of a strip or tile. */
  readonly block: { readonly width: number; readonly height: number };
  readonly offsets: readonly number[];
  readonly counts: readonly number[];
  /** Reds, then greens, then blues of 16 bits. */
  readonly palette: readonly number[];
  /** What the samples beyond the colours are: 1 alpha that the colours are multiplied by, 2 alpha, 0 something else. */
  readonly extra: number;
  readonly isLittle: boolean;
}

/** Names of the compressions that are not read. */
const compressions: Readonly<Record<number, string>> = {
  2: "CCITT",
  3: "CCITT Group 3",
  4: "CCITT Group 4",
  6: "JPEG",
  7: "JPEG",
  34712: "JPEG 2000",
  34887: "LERC",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
};

/** Photometric interpretations: colours of a pixel. */
const colorsOf: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4 };

/** Bytes of a value, by type: byte, text, short, long. */
const typeBytes: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 16: 8 };

/** Values of each tag of the first directory. */
function readTags(view: DataView): { tags: Map<number, number[]>; isLittle: boolean } {
  const isLittle = view.getUint16(0) === 0x4949;
  const at = view.getUint32(4, isLittle);
  const entries = view.getUint16(at, isLittle);
  const tags = new Map<number, number[]>();
  for (let i = 0; i < entries; i++) {
    const entry = at + 2 + 12 * i;
    const [tag, type] = [view.getUint16(entry, isLittle), view.getUint16(entry + 2, isLittle)];
    const count = view.getUint32(entry + 4, isLittle);
    const size = typeBytes[type];
    if (size === undefined || size === 8 || !wanted.has(tag)) continue;
    const values = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, isLittle);
    if (values + count * size > view.byteLength) throw new RangeError("values outside the file");
    tags.set(
      tag,
      Array.from(
        { length: count },
        (_, k) =>
          size === 1
            ? view.getUint8(values + k)
            : size === 2
            ? view.getUint16(values + 2 * k, isLittle)
            : view.getUint32(values + 4 * k, isLittle),
      ),
    );
  }
  return { tags, isLittle };
}

const wanted = new Set([256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339]);

function readDirectory(view: DataView): Directory {
  const { tags, isLittle } = readTags(view);
  const one = (tag: number, usual: number): number => tags.get(tag)?.[0] ?? usual;
  const [width, height] = [one(256, 0), one(257, 0)];
  const bitsOf = tags.get(258) ?? [1];
  const [bits, samples] = [bitsOf[0] ?? 1, one(277, 1)];
  const [photometric, compression] = [one(262, -1), one(259, 1)];
  refuseOther(tags, bitsOf, one);
  const isTiled = tags.has(322);
  const block = isTiled
    ? { width: one(322, 0), height: one(323, 0) }
    : { width, height: Math.min(height, one(278, height)) };
  const offsets = tags.get(isTiled ? 324 : 273) ?? [];
  const counts = tags.get(isTiled ? 325 : 279) ?? [];
  const isSeparate = one(284, 1) === 2 && samples > 1;
  if (block.width === 0 || block.height === 0) throw new PictureError("has strips or tiles without pixels");
  const blocks = Math.ceil(width / block.width) * Math.ceil(height / block.height) * (isSeparate ? samples : 1);
  if (offsets.length !== blocks || counts.length !== blocks) {
    throw new PictureError(`is damaged: it has ${offsets.length} strips or tiles, where ${blocks} belong`);
  }
  const palette = tags.get(320) ?? [];
  if (photometric === 3 && palette.length !== 3 << bits) throw new PictureError("has no palette of its depth");
  const extra = samples > colorsOf[photometric] ? one(338, 0) : 0;
  const shape = { width, height, bits, samples, photometric, compression, block, isSeparate };
  return { ...shape, predictor: one(317, 1), offsets, counts, palette, extra, isLittle };
}

/** Refuses what is not read, by name. */
function refuseOther(
  tags: ReadonlyMap<number, readonly number[]>,
  bits: readonly number[],
  one: (tag: number, usual: number) => number,
): void {
  const [samples, photometric, compression, predictor] = [one(277, 1), one(262, -1), one(259, 1), one(317, 1)];
  const convert = "convert it to PNG or JPEG";
  if (![1, 5, 8, 32946, 32773].includes(compression)) {
    throw new PictureError(`is a TIFF by ${compressions[compression] ?? `compression ${compression}`}: ${convert}`);
  }
  if (colorsOf[photometric] === undefined) throw new PictureError(`is a TIFF of colours ${photometric}: ${convert}`);
  if (samples < colorsOf[photometric] || samples > 5 || bits.some((value) => value !== bits[0])) {
    throw new PictureError(`is a TIFF of ${samples} samples of ${bits.slice(0, 5).join()} bits: ${convert}`);
  }
  const isFloat = (tags.get(339) ?? []).some((format) => format !== 1);
  if (isFloat || ![1, 2, 4, 8, 16].includes(bits[0]) || (photometric === 3 && bits[0] > 8)) {
    const kind = isFloat ? "other than whole numbers" : `${bits[0]} bits`;
    throw new PictureError(`is a TIFF with values of ${kind}: ${convert}`);
  }
  if (one(266, 1) !== 1 || (predictor !== 1 && (predictor !== 2 || bits[0] < 8))) {
    throw new PictureError(`is a TIFF of bit order ${one(266, 1)} or predictor ${predictor}: ${convert}`);
  }
}

/**
 * Reads the header.
 *
 * @param view The file, or its beginning as far as its directory.
 * @returns The header.
 */
export function readTiff(view: DataView): PictureHeader {
  const { width, height, samples, bits } = readDirectory(view);
  const orientation = readOrientation(view);
  return { format: "tiff", width, height, components: samples, bits, orientation, sampling: "" };
}

/**
 * Decodes a TIFF file.
 *
 * @param bytes The whole file; its header was read before and its size found bearable.
 * @param range Values of 16 bits that become 0 and 255; without it the high byte is kept.
 * @returns Size and 8-bit RGBA, [height, width, 4].
 * @throws {PictureError} If the file is damaged.
 */
export function decodeTiff(
  bytes: Uint8Array,
  range?: readonly [low: number, high: number],
): { width: number; height: number; data: Uint8Array } {
  const directory = readDirectory(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { width, height } = directory;
  return { width, height, data: toRgba(directory, samplesOf(bytes, directory), range) };
}

/**
 * The least and the greatest value of a 16-bit picture; its alpha is left out.
 *
 * @param bytes The whole file.
 * @returns The two; undefined for a picture of fewer bits.
 * @throws {PictureError} If the file is damaged.
 */
export function tiffValues(bytes: Uint8Array): { least: number; most: number } | undefined {
  const directory = readDirectory(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (directory.bits !== 16) return undefined;
  let [least, most] = [0xffff, 0];
  const colors = colorsOf[directory.photometric];
  samplesOf(bytes, directory).forEach((value, i) => {
    if (i % directory.samples >= colors) return;
    if (value < least) least = value;
    if (value > most) most = value;
  });
  return { least, most };
}

/** All samples at their full depth, [height, width, samples]. */
function samplesOf(bytes: Uint8Array, directory: Directory): Uint8Array | Uint16Array {
  const { width, height, bits, samples, isSeparate, block, offsets, counts, isLittle, predictor } = directory;
  const all = bits === 16 ? new Uint16Array(width * height * samples) : new Uint8Array(width * height * samples);
  const across = Math.ceil(width / block.width);
  const perPlane = across * Math.ceil(height / block.height);
  const together = isSeparate ? 1 : samples;
  const stride = Math.ceil(block.width * together * bits / 8);
  for (const [k, offset] of offsets.entries()) {
    if (offset + counts[k] > bytes.length) throw new PictureError(`is cut short (${bytes.length} bytes)`);
    const place = k % perPlane;
    const [left, top] = [place % across * block.width, Math.floor(place / across) * block.height];
    const [columns, rows] = [Math.min(block.width, width - left), Math.min(block.height, height - top)];
    // The last strip may end with the picture, or be as long as the others.
    const raw = decompress(bytes.subarray(offset, offset + counts[k]), directory, rows * stride, block.height * stride);
    const values = unpack(raw, rows, stride, bits, isLittle);
    const perRow = block.width * together;
    if (predictor === 2) sumUp(values, rows, values.length / rows, together);
    const lineLength = values.length / rows;
    const first = isSeparate ? Math.floor(k / perPlane) : 0;
    for (let y = 0; y < rows; y++) {
      for (let i = 0; i < columns * together && i < perRow; i++) {
        const x = Math.floor(i / together);
        all[((top + y) * width + left + x) * samples + first + i % together] = values[y * lineLength + i];
      }
    }
  }
  return all;
}

function decompress(data: Uint8Array, { compression }: Directory, least: number, most: number): Uint8Array {
  const found = compression === 1
    ? data
    : compression === 5
    ? unpackLzw(data, least)
    : compression === 32773
    ? unpackBits(data, least)
    : inflate(data, most);
  if (found.length < least) throw new PictureError(`is damaged: it has ${found.length} of ${least} bytes of a strip`);
  return found.subarray(0, least);
}

function inflate(data: Uint8Array, most: number): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: most });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PictureError(`is damaged: a strip does not inflate to ${most} bytes (${reason})`);
  }
}

/** PackBits: a count and that many bytes, or a count below zero and a byte that is repeated. */
function unpackBits(data: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let to = 0;
  for (let at = 0; at < data.length && to < length;) {
    const count = data[at++];
    if (count < 128) {
      const part = data.subarray(at, at + Math.min(count + 1, length - to));
      out.set(part, to);
      to += part.length;
      at += count + 1;
    } else if (count > 128 && at < data.length) {
      out.fill(data[at++], to, to += 257 - count);
    }
  }
  return out.subarray(0, Math.min(to, length));
}

/** LZW with codes of 9 to 12 bits from the high bit on; the width grows one code early (section 13). */
function unpackLzw(data: Uint8Array, length: number): Uint8Array {
  const [clear, ends, most] = [256, 257, 4096];
  const prefix = new Uint16Array(most);
  const last = new Uint8Array(most);
  const lengths = new Uint16Array(most);
  for (let i = 0; i < 256; i++) [last[i], lengths[i]] = [i, 1];
  const out = new Uint8Array(length);
  let [to, next, width, before] = [0, 258, 9, -1];
  let bit = 0;
  while (to < length && bit + width <= data.length * 8) {
    const byte = bit >> 3;
    const three = data[byte] << 16 | (data[byte + 1] ?? 0) << 8 | (data[byte + 2] ?? 0);
    const code = three >> (24 - width - (bit & 7)) & ((1 << width) - 1);
    bit += width;
    if (code === ends) break;
    if (code === clear) {
      [next, width, before] = [258, 9, -1];
      continue;
    }
    if (code > next || (code >= 256 && code < 258) || (before === -1 && code > 255) || (code === next && before < 0)) {
      throw new PictureError(`is damaged: it has the LZW code ${code} too early`);
    }
    // A code that is not there yet is the string before with its own first byte at the end.
    const isNew = code === next;
    const string = isNew ? before : code;
    const size = lengths[string];
    let walk = string;
    for (let at = to + size - 1; at >= to; at--) {
      if (at < length) out[at] = last[walk];
      walk = prefix[walk];
    }
    const firstByte = out[to];
    if (isNew && to + size < length) out[to + size] = firstByte;
    to += size + (isNew ? 1 : 0);
    if (before !== -1 && next < most) {
      prefix[next] = before;
      last[next] = firstByte;
      lengths[next] = lengths[before] + 1;
      next++;
    }
    if (next + 1 >= 1 << width && width < 12) width++;
    before = code;
  }
  return out.subarray(0, Math.min(to, length));
}

/** Rows of bytes as values. */
function unpack(
  raw: Uint8Array,
  rows: number,
  stride: number,
  bits: number,
  isLittle: boolean,
): Uint8Array | Uint16Array {
  if (bits === 8) return raw.slice();
  if (bits === 16) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return Uint16Array.from({ length: raw.length >> 1 }, (_, i) => view.getUint16(2 * i, isLittle));
  }
  const perByte = 8 / bits;
  return Uint8Array.from(
    { length: rows * stride * perByte },
    (_, i) => raw[Math.floor(i / perByte)] >> (8 - bits - i % perByte * bits) & ((1 << bits) - 1),
  );
}

/** Undoes the horizontal predictor: each sample is stored less the one of the pixel before. */
function sumUp(values: Uint8Array | Uint16Array, rows: number, length: number, samples: number): void {
  for (let y = 0; y < rows; y++) {
    for (let i = y * length + samples; i < (y + 1) * length; i++) values[i] += values[i - samples];
  }
}

function toRgba(
  { width, height, bits, samples, photometric, palette, extra }: Directory,
  all: Uint8Array | Uint16Array,
  range: readonly [low: number, high: number] | undefined,
): Uint8Array {
  const most = (1 << bits) - 1;
  const low = range && bits === 16 ? range[0] : 0;
  const span = range && bits === 16 ? range[1] - range[0] : most;
  // A clamped array cuts off what is outside; the high byte of 16 bits is kept, as in PNG.
  const scaled = Uint8ClampedArray.from(
    { length: most + 1 },
    (_, value) => bits === 16 && !range ? value >> 8 : (value - low) * 255 / span,
  );
  const data = new Uint8Array(width * height * 4);
  const colors = colorsOf[photometric];
  for (let p = 0, from = 0, to = 0; p < width * height; p++, from += samples, to += 4) {
    const alpha = extra === 1 || extra === 2 ? scaled[all[from + colors]] : 255;
    data[to + 3] = alpha;
    for (let c = 0; c < 3; c++) {
      let value: number;
      if (photometric === 3) value = palette[c * (most + 1) + all[from]] >> 8;
      else if (photometric === 5) value = (255 - scaled[all[from + c]]) * (255 - scaled[all[from + 3]]) / 255;
      else if (photometric === 2) value = scaled[all[from + c]];
      else value = photometric === 0 ? 255 - scaled[all[from]] : scaled[all[from]];
      // Colours that were multiplied by alpha are divided by it, since they are laid over white by it once.
      data[to + c] = extra === 1 && alpha > 0 ? Math.min(255, Math.round(value * 255 / alpha)) : Math.round(value);
    }
  }
  return data;
}
