/**
 * The header of a WebP file (RFC 9649), and the first picture of an animated one.
 *
 * libwebp as WebAssembly (`@cwasm/webp`) decodes: of 6 files it gave Pillow's very bytes and rejected every cut. Its
 * simple interface knows no animations: the first frame is handed over as a file of its own.
 *
 * @module
 */

import { ascii, PictureError, type PictureHeader, readOrientation } from "./picture_error.ts";

/** A chunk: its name, and where its content is. */
interface Chunk {
  readonly name: string;
  readonly at: number;
  readonly length: number;
}

/** A frame of an animation: where it lies on the canvas, and its chunks. */
interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly chunks: readonly Chunk[];
}

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) | view.getUint8(at + 2) << 16;

/** Chunks from `at` to `end`, padded to even lengths. */
function* chunksOf(view: DataView, at: number, end: number): Generator<Chunk, void> {
  while (at + 8 <= end) {
    const length = view.getUint32(at + 4, true);
    yield { name: ascii(view, at, 4), at: at + 8, length };
    at += 8 + length + (length & 1);
  }
}

/**
 * Reads the header.
 *
 * @param view The file, or its beginning.
 * @param isWhole Whether it is the whole file: it must then be as long as it says.
 * @returns The header.
 */
export function readWebp(view: DataView, isWhole: boolean): PictureHeader {
  const end = 8 + view.getUint32(4, true);
  if (isWhole && end > view.byteLength) throw new PictureError(`is cut short (${view.byteLength} of ${end} bytes)`);
  const [first] = chunksOf(view, 12, end);
  if (first === undefined) throw new PictureError("has no picture");
  const size = first.name === "VP8X"
    ? { width: 1 + uint24(view, first.at + 4), height: 1 + uint24(view, first.at + 7) }
    : sizeOf(view, first);
  let orientation = 1;
  if (isWhole && first.name === "VP8X") {
    for (const { name, at, length } of chunksOf(view, 12, end)) {
      if (name !== "EXIF" || at + length > view.byteLength) continue;
      // The block begins at once, or as in JPEG files with its name.
      const skip = length > 6 && ascii(view, at, 6) === "Exif\0\0" ? 6 : 0;
      orientation = readOrientation(new DataView(view.buffer, view.byteOffset + at + skip, length - skip));
    }
    if (isAnimated(view, first)) firstFrame(view, size);
  }
  return { format: "webp", ...size, components: 4, bits: 8, orientation, sampling: "" };
}

const isAnimated = (view: DataView, { at }: Chunk): boolean => (view.getUint8(at) & 2) !== 0;

/** The size in a lossy or a lossless bitstream's own header. */
function sizeOf(view: DataView, { name, at }: Chunk): { width: number; height: number } {
  if (name === "VP8 ") {
    if (uint24(view, at + 3) !== 0x2a019d) throw new PictureError("has a damaged lossy picture");
    return { width: view.getUint16(at + 6, true) & 0x3fff, height: view.getUint16(at + 8, true) & 0x3fff };
  }
  if (name !== "VP8L" || view.getUint8(at) !== 0x2f) throw new PictureError("does not begin with a picture");
  const bits = view.getUint32(at + 1, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + (bits >>> 14 & 0x3fff) };
}

function firstFrame(view: DataView, canvas: { width: number; height: number }): Frame {
  const end = Math.min(view.byteLength, 8 + view.getUint32(4, true));
  const found = chunksOf(view, 12, end).find(({ name }) => name === "ANMF");
  if (found === undefined || found.length < 16) throw new PictureError("is an animation without frames");
  const { at, length } = found;
  const [x, y, width, height] = [0, 3, 6, 9].map((offset) => uint24(view, at + offset));
  const frame = { x: 2 * x, y: 2 * y, width: width + 1, height: height + 1 };
  if (frame.x + frame.width > canvas.width || frame.y + frame.height > canvas.height || at + length > end) {
    throw new PictureError("has a first frame that does not fit into it");
  }
  const chunks = [...chunksOf(view, at + 16, at + length)].filter(({ name }) => /^(ALPH|VP8[ L])$/.test(name));
  const picture = chunks.find(({ name }) => name !== "ALPH");
  if (picture === undefined || chunks.length > 2 || chunks.some((one) => one.at + one.length > at + length)) {
    throw new PictureError("has a damaged first frame");
  }
  const size = sizeOf(view, picture);
  if (size.width !== frame.width || size.height !== frame.height) {
    throw new PictureError("has a first frame of another size than its picture");
  }
  return { ...frame, chunks };
}

/** A picture that is to be decoded, and where it lies on a larger, transparent canvas. */
export interface Still {
  /** The file of it alone. */
  readonly bytes: Uint8Array;
  /** Columns at its left. */
  readonly x: number;
  /** Rows above it. */
  readonly y: number;
}

/**
 * The first picture of a file.
 *
 * @param bytes The whole file, whose header was read.
 * @returns The file itself, or one of its first frame alone.
 */
export function stillOf(bytes: Uint8Array): Still {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [first] = chunksOf(view, 12, view.byteLength);
  if (first.name !== "VP8X" || !isAnimated(view, first)) return { bytes, x: 0, y: 0 };
  const canvas = { width: 1 + uint24(view, first.at + 4), height: 1 + uint24(view, first.at + 7) };
  const { x, y, width, height, chunks } = firstFrame(view, canvas);
  const total = chunks.reduce((sum, { length }) => sum + 8 + length + (length & 1), 30);
  const out = new Uint8Array(total);
  const to = new DataView(out.buffer);
  const write = (text: string, at: number) => out.set(new TextEncoder().encode(text), at);
  write("RIFF", 0);
  to.setUint32(4, total - 8, true);
  write("WEBPVP8X", 8);
  to.setUint32(16, 10, true);
  to.setUint8(20, 0x10); // there may be alpha
  to.setUint32(24, width - 1, true);
  to.setUint32(27, height - 1, true); // three bytes each: the fourth is overwritten by what follows
  let at = 30;
  for (const chunk of chunks) {
    out.set(bytes.subarray(chunk.at - 8, chunk.at + chunk.length), at);
    at += 8 + chunk.length + (chunk.length & 1);
  }
  return { bytes: out, x, y };
}
