/**
 * What the readers of picture formats share: the error of a file that cannot be used, the header, the limits, and the
 * EXIF orientation.
 *
 * @module
 */

import type { PictureFormat } from "./formats.ts";

/** A file that cannot be used as a picture. The message is the reason alone, without the file's name. */
export class PictureError extends Error {
  /** Name shown in front of the message. */
  override readonly name = "PictureError";
}

/** What a picture file says about itself. */
export interface PictureHeader {
  /** Format by content, whatever the file's name says. */
  readonly format: PictureFormat;
  /** Width in pixels as stored, before the orientation is applied. */
  readonly width: number;
  /** Height in pixels as stored. */
  readonly height: number;
  /**
   * Components: JPEG 1 grey, 3 colour, 4 CMYK; PNG 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha;
   * of the others those that are stored, 3 or 4 where the file does not say.
   */
  readonly components: number;
  /** Bits of a component: JPEG 8; PNG and TIFF 1, 2, 4, 8 or 16; AVIF 8, 10 or 12; else 8. */
  readonly bits: number;
  /** EXIF orientation, 1 (upright) to 8. */
  readonly orientation: number;
  /** JPEG: sampling factors of each component, such as `2x2,1x1,1x1` for 4:2:0; else empty. */
  readonly sampling: string;
}

/** Largest picture that is decoded, in pixels: 100 megapixels. */
export const maxPixels = 100e6;

/** Bytes that may be held to decode one pixel: four samples of 16 bits, or a progressive JPEG's coefficients. */
const bytesPerPixel = 8;

/**
 * Refuses a picture that would take too much memory, before any is taken.
 *
 * @param bytes What decoding holds at once, besides the file and the result.
 * @param limit Largest picture that is decoded, in pixels.
 */
export function refuseBytes(bytes: number, limit: number): void {
  if (bytes <= bytesPerPixel * limit) return;
  throw new PictureError(
    `takes ${Math.ceil(bytes / 1e6)} MB to decode; the limit is ${bytesPerPixel * limit / 1e6} (max-megapixels)`,
  );
}

/**
 * The largest file that a picture of a size may be: what its pixels take uncompressed at 16 bits, and room for what
 * cameras put beside them. A file of gigabytes with a small picture, such as a sparse one, is refused unread.
 *
 * @param header Its width and height.
 * @returns Bytes.
 */
export function largestFile({ width, height }: Pick<PictureHeader, "width" | "height">): number {
  return bytesPerPixel * width * height + 2 ** 26;
}

/**
 * Text at a place of a file.
 *
 * @param view The file.
 * @param offset Where it begins.
 * @param length Its length in bytes.
 * @returns A character a byte.
 */
export function ascii(view: DataView, offset: number, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) text += String.fromCharCode(view.getUint8(offset + i));
  return text;
}

/**
 * EXIF orientation: tag 0x0112 of the first directory of a TIFF block.
 *
 * @param tiff The block.
 * @returns 1 to 8; 1 where there is none or the block is damaged.
 */
export function readOrientation(tiff: DataView): number {
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
