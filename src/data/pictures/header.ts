/**
 * Reads what a picture file says about itself before anything is decoded: format, size, components, depth and
 * orientation. Files that are empty, cut short, something else or too large to decode are refused here, from the
 * header, so that a small file cannot ask for gigabytes.
 *
 * @module
 */

import { printable } from "../names.ts";
import { readAvif } from "./avif.ts";
import { readBmp } from "./bmp.ts";
import { formatOf } from "./formats.ts";
import { readGif } from "./gif.ts";
import { readJpeg } from "./jpeg_header.ts";
import { ascii, maxPixels, PictureError, type PictureHeader, readOrientation, refuseBytes } from "./picture_error.ts";
import { readTiff } from "./tiff.ts";
import { readWebp } from "./webp.ts";

export { PictureError, type PictureHeader };

/** How files are decoded. */
export interface Decoding {
  /** Largest picture that is decoded, in pixels. By default 100 megapixels. */
  readonly maxPixels?: number;
  /** Values of 16-bit pictures that become 0 and 255; by default the high byte is kept. */
  readonly range?: readonly [low: number, high: number];
}

/**
 * Reads the header of a picture file and walks to its end where the format says it.
 *
 * @param bytes The whole file.
 * @param decoding How large it may be.
 * @returns Size, components, depth and orientation.
 * @throws {PictureError} If the file is empty, is no picture that is read, is cut short or takes more than it may.
 *
 * @example
 * ```ts
 * import { readHeader } from "./header.ts";
 *
 * const { width, height } = readHeader(await Deno.readFile("face.jpg"));
 * ```
 */
export function readHeader(bytes: Uint8Array, decoding: Decoding = {}): PictureHeader {
  try {
    return parse(bytes, true, decoding);
  } catch (error) {
    // DataView's own bounds check is the check for files that end in mid-structure.
    if (error instanceof RangeError) throw new PictureError(`is cut short (${bytes.length} bytes)`);
    throw error;
  }
}

/**
 * Reads as much of a header as the beginning of a file has: its format and size. The orientation may be missing yet.
 *
 * @param start The beginning of the file.
 * @param decoding How large it may be.
 * @returns The header; undefined where more of the file is needed.
 * @throws {PictureError} If what is there is refused already.
 */
export function peekHeader(start: Uint8Array, decoding: Decoding = {}): PictureHeader | undefined {
  try {
    return parse(start, false, decoding);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(bytes: Uint8Array, isWhole: boolean, { maxPixels: limit = maxPixels }: Decoding): PictureHeader {
  if (bytes.length === 0) throw new PictureError("is empty (0 bytes)");
  const header = headerOf(bytes, isWhole, limit);
  const { width, height, components, bits } = header;
  if (width === 0 || height === 0) throw new PictureError(`has no pixels (${width}×${height})`);
  if (width * height > limit) {
    const megapixels = (width * height / 1e6).toFixed(1);
    throw new PictureError(
      `is ${width}×${height} = ${megapixels} megapixels by its header; the limit is ${limit / 1e6} (max-megapixels)`,
    );
  }
  refuseBytes(width * height * components * (bits > 8 ? 2 : 1), limit);
  return header;
}

function headerOf(bytes: Uint8Array, isWhole: boolean, limit: number): PictureHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (formatOf(bytes)) {
    case "jpeg":
      return readJpeg(view, isWhole, limit);
    case "png":
      return readPng(view, isWhole);
    case "webp":
      return readWebp(view, isWhole);
    case "gif":
      return readGif(view, isWhole);
    case "bmp":
      return readBmp(view, isWhole);
    case "tiff":
      return readTiff(view);
    case "avif":
      return readAvif(view, isWhole);
    default:
      throw new PictureError(`is no picture but ${kindOf(bytes)}`);
  }
}

/**
 * Width and height after the orientation is applied: orientations 5 to 8 lie on their side.
 *
 * @param header The picture's header.
 * @returns Upright width and height in pixels.
 */
export function uprightSize(header: PictureHeader): { width: number; height: number } {
  const { width, height, orientation } = header;
  return orientation >= 5 ? { width: height, height: width } : { width, height };
}

/** Names what lies in a file that is no picture, for the error. */
function kindOf(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 256));
  const text = start.replace(/^\u00ef\u00bb\u00bf/, "").trimStart().toLowerCase();
  if (text.startsWith("<!doctype html") || text.startsWith("<html")) return "an HTML page";
  if (text.startsWith("<svg") || text.startsWith("<?xml")) return "an SVG or XML file";
  const format = formatOf(bytes);
  if (format !== undefined) return `${format}, which is not read: convert it to PNG or JPEG`;
  if (start.startsWith("8BPS")) return "a PSD";
  if (start.startsWith("II+\0") || start.startsWith("MM\0+")) return "a BigTIFF: convert it to PNG or JPEG";
  if (start.slice(4, 8) === "ftyp") return `an ISO media file (${printable(start.slice(8, 12).trim())})`;
  if (start.startsWith("%PDF")) return "a PDF";
  if (start.startsWith("PK\x03\x04")) return "a ZIP archive";
  if (bytes.length < 256 && /^[\w./ -]+\.(jpe?g|png)$/i.test(start)) return `the path ${start}, as git leaves a link`;
  if (bytes.every((byte) => byte === 0)) return "zeros only";
  return "something else";
}

/** Chunks give size, depth, colour type, and the orientation of an eXIf chunk (PNG, third edition, section 11). */
function readPng(view: DataView, isWhole: boolean): PictureHeader {
  if (view.getUint32(8) !== 13 || ascii(view, 12, 4) !== "IHDR") throw new PictureError("does not begin with IHDR");
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const bits = view.getUint8(24);
  const components = [1, 0, 3, 1, 2, 0, 4][view.getUint8(25)] ?? 0;
  if (components === 0) throw new PictureError(`has the unknown colour type ${view.getUint8(25)}`);
  let orientation = 1;
  if (!isWhole) return { format: "png", width, height, components, bits, orientation, sampling: "" };
  let at = 8;
  for (let type = ""; type !== "IEND";) {
    const length = view.getUint32(at);
    type = ascii(view, at + 4, 4);
    if (type === "eXIf") orientation = readOrientation(new DataView(view.buffer, view.byteOffset + at + 8, length));
    at += 12 + length;
    view.getUint8(at - 1); // the chunk must end inside the file
  }
  return { format: "png", width, height, components, bits, orientation, sampling: "" };
}
