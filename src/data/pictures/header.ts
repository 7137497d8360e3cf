/**
 * Reads what a JPEG or PNG file says about itself before anything is decoded: size, components, depth and EXIF
 * orientation. Files that are empty, cut short, something else or too large to decode are refused here, from the
 * header, so that a small file cannot ask for gigabytes.
 *
 * @module
 */

/** A file that cannot be used as a picture. The message is the reason alone, without the file's name. */
export class PictureError extends Error {
  /** Name shown in front of the message. */
  override readonly name = "PictureError";
}

/** What a picture file says about itself. */
export interface PictureHeader {
  /** Format by content, whatever the file's name says. */
  readonly format: "jpeg" | "png";
  /** Width in pixels as stored, before the orientation is applied. */
  readonly width: number;
  /** Height in pixels as stored. */
  readonly height: number;
  /**
   * Components: JPEG 1 grey, 3 colour, 4 CMYK; PNG 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha.
   */
  readonly components: number;
  /** Bits of a component: JPEG 8 or 12; PNG 1, 2, 4, 8 or 16. */
  readonly bits: number;
  /** EXIF orientation, 1 (upright) to 8. */
  readonly orientation: number;
  /** JPEG: sampling factors of each component, such as `2x2,1x1,1x1` for 4:2:0; PNG: empty. */
  readonly sampling: string;
}

/** Largest picture that is decoded, in pixels: 100 megapixels. */
export const maxPixels = 100e6;

/** How files are decoded. */
export interface Decoding {
  /** Largest picture that is decoded, in pixels. By default {@link maxPixels}. */
  readonly maxPixels?: number;
  /** Values of 16-bit pictures that become 0 and 255; by default the high byte is kept. */
  readonly range?: readonly [low: number, high: number];
}

/**
 * Reads the header of a JPEG or PNG file and walks to its end marker.
 *
 * @param bytes The whole file.
 * @param decoding How large it may be.
 * @returns Size, components, depth and orientation.
 * @throws {PictureError} If the file is empty, is not a JPEG or PNG, is cut short or has more pixels
 * than it may.
 *
 * @example
 * ```ts
 * import { readHeader } from "./header.ts";
 *
 * const { width, height } = readHeader(await Deno.readFile("face.jpg"));
 * ```
 */
export function readHeader(bytes: Uint8Array, { maxPixels: limit = maxPixels }: Decoding = {}): PictureHeader {
  if (bytes.length === 0) throw new PictureError("is empty (0 bytes)");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: PictureHeader;
  try {
    if (startsWith(bytes, [0xff, 0xd8, 0xff])) header = readJpeg(view);
    else if (startsWith(bytes, pngSignature)) header = readPng(view);
    else throw new PictureError(`is not a JPEG or PNG but ${kindOf(bytes)}`);
  } catch (error) {
    // DataView's own bounds check is the check for files that end in mid-structure.
    if (error instanceof RangeError) throw new PictureError(`is cut short (${bytes.length} bytes)`);
    throw error;
  }
  const { width, height } = header;
  if (width === 0 || height === 0) throw new PictureError(`has no pixels (${width}×${height})`);
  if (width * height > limit) {
    const megapixels = (width * height / 1e6).toFixed(1);
    throw new PictureError(
      `is ${width}×${height} = ${megapixels} megapixels by its header; the limit is ${limit / 1e6} (max-megapixels)`,
    );
  }
  return header;
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

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, i) => bytes[i] === byte);
}

function ascii(view: DataView, offset: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, i) => view.getUint8(offset + i)));
}

/** Names what lies in a file that is neither JPEG nor PNG, for the error. */
function kindOf(bytes: Uint8Array): string {
  const start = String.fromCharCode(...bytes.subarray(0, 256));
  const text = start.replace(/^\u00ef\u00bb\u00bf/, "").trimStart().toLowerCase();
  if (text.startsWith("<!doctype html") || text.startsWith("<html")) return "an HTML page";
  if (text.startsWith("<svg") || text.startsWith("<?xml")) return "an SVG or XML file";
  if (start.startsWith("GIF8")) return "a GIF";
  if (start.startsWith("RIFF") && start.slice(8, 12) === "WEBP") return "a WebP";
  if (start.startsWith("BM")) return "a BMP";
  if (start.startsWith("II*\0") || start.startsWith("MM\0*")) return "a TIFF";
  if (start.slice(4, 8) === "ftyp") return `an ISO media file (${start.slice(8, 12).trim()}), such as HEIC or AVIF`;
  if (start.startsWith("%PDF")) return "a PDF";
  if (start.startsWith("PK\x03\x04")) return "a ZIP archive";
  if (bytes.length < 256 && /^[\w./ -]+\.(jpe?g|png)$/i.test(start)) return `the path ${start}, as git leaves a link`;
  if (bytes.every((byte) => byte === 0)) return "zeros only";
  return "something else";
}

/** Segments up to the first scan give the size and the orientation (ITU-T T.81, annex B). */
function readJpeg(view: DataView): PictureHeader {
  let frame: { width: number; height: number; components: number; bits: number; sampling: string } | undefined;
  let orientation = 1;
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) throw new PictureError(`has no marker at byte ${at}, where a segment should begin`);
    while (view.getUint8(at) === 0xff) at++; // fill bytes may precede a marker
    const marker = view.getUint8(at++);
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue; // markers without a segment
    if (marker === 0xd9) throw new PictureError("ends before its first scan");
    const length = view.getUint16(at);
    if (length < 2) throw new PictureError(`has a segment of length ${length} at byte ${at}`);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const bits = view.getUint8(at + 2);
      const components = view.getUint8(at + 7);
      const factors = Array.from({ length: components }, (_, i) => view.getUint8(at + 9 + 3 * i));
      const sampling = factors.map((factor) => `${factor >> 4}x${factor & 15}`).join();
      frame = { bits, height: view.getUint16(at + 3), width: view.getUint16(at + 5), components, sampling };
      if (marker > 0xc2) throw new PictureError("is a lossless, hierarchical or arithmetic-coded JPEG");
    } else if (marker === 0xe1 && length >= 16 && ascii(view, at + 2, 6) === "Exif\0\0") {
      orientation = readOrientation(new DataView(view.buffer, view.byteOffset + at + 8, length - 8));
    } else if (marker === 0xda) {
      break;
    }
    at += length;
  }
  if (frame === undefined) throw new PictureError("has a scan before its frame header");
  if (![1, 3, 4].includes(frame.components)) throw new PictureError(`has ${frame.components} components`);
  if (frame.bits !== 8) throw new PictureError(`has ${frame.bits} bits a component; only 8 can be read`);
  if (!hasEndMarker(view, at)) throw new PictureError("is cut short: its end marker is missing");
  return { format: "jpeg", ...frame, orientation };
}

/** Looks for the end-of-image marker from the back: cameras and viewers append bytes after it. */
function hasEndMarker(view: DataView, from: number): boolean {
  for (let i = view.byteLength - 2; i >= from; i--) {
    if (view.getUint8(i) === 0xff && view.getUint8(i + 1) === 0xd9) return true;
  }
  return false;
}

/** Chunks give size, depth, colour type, and the orientation of an eXIf chunk (PNG, third edition, section 11). */
function readPng(view: DataView): PictureHeader {
  if (view.getUint32(8) !== 13 || ascii(view, 12, 4) !== "IHDR") throw new PictureError("does not begin with IHDR");
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const bits = view.getUint8(24);
  const components = [1, 0, 3, 1, 2, 0, 4][view.getUint8(25)] ?? 0;
  if (components === 0) throw new PictureError(`has the unknown colour type ${view.getUint8(25)}`);
  let orientation = 1;
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

/** Tag 0x0112 of the first directory of a TIFF block; 1 where there is none or the block is damaged. */
function readOrientation(tiff: DataView): number {
  try {
    const little = tiff.getUint16(0) === 0x4949;
    const directory = tiff.getUint32(4, little);
    const entries = tiff.getUint16(directory, little);
    for (let i = 0; i < entries; i++) {
      const entry = directory + 2 + 12 * i;
      if (tiff.getUint16(entry, little) !== 0x0112) continue;
      const value = tiff.getUint16(entry + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a damaged EXIF block does not spoil the picture
  }
  return 1;
}
