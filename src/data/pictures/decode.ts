/**
 * Decodes picture files to upright 8-bit RGB: JPEG, PNG and TIFF at once, WebP, GIF, BMP and AVIF once their decoders
 * are loaded.
 *
 * What each kind becomes: grey is repeated to three channels; CMYK is converted without a colour profile; 16 bits keep
 * the high byte, or a range of values is scaled; palettes are looked up; transparency is composited over white; the
 * EXIF orientation is applied.
 *
 * JPEG is decoded by libjpeg-turbo as WebAssembly. It is fast, and rejects files that are cut short, where others fill
 * the rest with grey and say nothing. jpeg-js decodes where its simple interface falls short: CMYK and unusual chroma
 * sampling. PNG is decoded here, on the platform's inflate, which can be told when to stop.
 *
 * @module
 */

import { decode as turbo } from "@cwasm/jpeg-turbo";
import jpegJs from "jpeg-js";
import { lasting, type Rgba } from "./cwasm.ts";
import { loadDecoders, loadedDecoder, needsLoading } from "./decoders.ts";
import { type Decoding, readHeader, uprightSize } from "./header.ts";
import { PictureError, type PictureHeader } from "./picture_error.ts";
import { decodePng, pngValues } from "./png.ts";
import { decodeTiff, tiffValues } from "./tiff.ts";

/** Pixels in rows from the top left, channels side by side. */
export interface Picture {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Channels of a pixel: 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
  /** Values 0 to 255, [height, width, channels]. */
  readonly data: Uint8Array;
}

/**
 * Decodes a picture file to upright RGB.
 *
 * @param bytes The whole file; its content says the format.
 * @param decoding How large it may be, and how 16 bits become 8.
 * @returns The picture, three channels. Of several pictures in a file it is the first.
 * @throws {PictureError} If the header refuses the file (see {@link readHeader}) or its data is damaged.
 *
 * @example
 * ```ts
 * import { decodePicture } from "./decode.ts";
 *
 * const { width, height, data } = decodePicture(await Deno.readFile("face.jpg"));
 * ```
 */
export function decodePicture(bytes: Uint8Array, decoding: Decoding = {}): Picture {
  return decodeAs(bytes, readHeader(bytes, decoding), decoding);
}

/**
 * Decodes a picture file of any format, loading the format's decoder where it is not there yet.
 *
 * @param bytes The whole file.
 * @param decoding How large it may be, and how 16 bits become 8.
 * @returns The picture, three channels.
 * @throws {PictureError} As {@link decodePicture} does.
 * @throws {UserError} If the decoder cannot be loaded.
 */
export async function decodeAny(bytes: Uint8Array, decoding: Decoding = {}): Promise<Picture> {
  const header = readHeader(bytes, decoding);
  if (needsLoading(header.format)) await loadDecoders([header.format]);
  return decodeAs(bytes, header, decoding);
}

function decodeAs(bytes: Uint8Array, header: PictureHeader, { range }: Decoding): Picture {
  const decode = decoderOf(header, range);
  let rgba: Rgba;
  try {
    rgba = decode(bytes);
  } catch (error) {
    if (error instanceof PictureError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PictureError(`has damaged ${header.format.toUpperCase()} data (${reason})`);
  }
  if (rgba.width !== header.width || rgba.height !== header.height) {
    throw new PictureError(
      `decodes to ${rgba.width}×${rgba.height}, but its header says ${header.width}×${header.height}`,
    );
  }
  return { ...uprightSize(header), channels: 3, data: uprightRgb(rgba.data, header) };
}

function decoderOf(header: PictureHeader, range: Decoding["range"]): (bytes: Uint8Array) => Rgba {
  switch (header.format) {
    case "png":
      return (bytes) => decodePng(bytes, range);
    case "jpeg":
      return (bytes) => decodeJpeg(bytes, header);
    case "tiff":
      return (bytes) => decodeTiff(bytes, range);
    default:
      return loadedDecoder(header);
  }
}

/**
 * The least and the greatest value of a 16-bit picture; its alpha is left out.
 *
 * @param bytes The whole file.
 * @returns The two; undefined for a picture of fewer bits, and for formats that have but 8.
 * @throws {PictureError} If the file is damaged.
 */
export function valuesOf(bytes: Uint8Array): { least: number; most: number } | undefined {
  const { format } = readHeader(bytes);
  return format === "png" ? pngValues(bytes) : format === "tiff" ? tiffValues(bytes) : undefined;
}

/** The version is that of `deno.json`, which the published package does not have. */
const decodeTurbo = lasting("npm:@cwasm/jpeg-turbo@0.1.3", turbo);

/** Samplings that libjpeg-turbo's simple interface reads: 4:4:4, 4:2:2, 4:2:0, 4:4:0, 4:1:1. */
const turboSamplings = new Set(["1x1", "2x1", "2x2", "1x2", "4x1"].map((luma) => `${luma},1x1,1x1`));

function decodeJpeg(bytes: Uint8Array, header: PictureHeader) {
  if (header.components === 1 || turboSamplings.has(header.sampling)) return decodeTurbo(bytes);
  return jpegJs.decode(bytes, { useTArray: true, tolerantDecoding: false, maxMemoryUsageInMB: 4096 });
}

/** Drops alpha over white and turns the picture upright, in one pass over the stored pixels. */
function uprightRgb(rgba: ArrayLike<number>, { width, height, orientation }: PictureHeader): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  const { start, right, down } = walk(width, height, orientation);
  let from = 0;
  for (let y = 0; y < height; y++) {
    let to = (start + y * down) * 3;
    for (let x = 0; x < width; x++, from += 4, to += right * 3) {
      const alpha = rgba[from + 3];
      if (alpha === 255) {
        rgb[to] = rgba[from];
        rgb[to + 1] = rgba[from + 1];
        rgb[to + 2] = rgba[from + 2];
      } else {
        const white = 255 * (255 - alpha);
        rgb[to] = Math.round((rgba[from] * alpha + white) / 255);
        rgb[to + 1] = Math.round((rgba[from + 1] * alpha + white) / 255);
        rgb[to + 2] = Math.round((rgba[from + 2] * alpha + white) / 255);
      }
    }
  }
  return rgb;
}

/**
 * Where stored pixels go: the place of the first one in the upright picture, and the steps that a stored step to the
 * right and a stored step down take there. In EXIF 2.32, tag 0x0112, the value names the sides on which row 0 and
 * column 0 lie.
 */
function walk(width: number, height: number, orientation: number): { start: number; right: number; down: number } {
  const last = width * height - 1;
  switch (orientation) {
    case 2: // top, right
      return { start: width - 1, right: -1, down: width };
    case 3: // bottom, right
      return { start: last, right: -1, down: -width };
    case 4: // bottom, left
      return { start: (height - 1) * width, right: 1, down: -width };
    case 5: // left, top
      return { start: 0, right: height, down: 1 };
    case 6: // right, top
      return { start: height - 1, right: height, down: -1 };
    case 7: // right, bottom
      return { start: last, right: -height, down: -1 };
    case 8: // left, bottom
      return { start: (width - 1) * height, right: -height, down: 1 };
    default: // top, left
      return { start: 0, right: 1, down: width };
  }
}
