/**
 * The header of a BMP file.
 *
 * NetSurf's libnsbmp as WebAssembly (`@cwasm/nsbmp`) decodes: it gave Pillow's very bytes of 5 files. It takes a
 * header's size at its word (1.5 GB for a damaged file of 2 KB), and does not see that padding is missing: both are
 * looked at here.
 *
 * @module
 */

import { PictureError, type PictureHeader } from "./picture_error.ts";

/** Bits of a pixel that each compression may have. */
const depths: Readonly<Record<number, readonly number[]>> = {
  0: [1, 4, 8, 16, 24, 32],
  1: [8],
  2: [4],
  3: [16, 32],
  6: [16, 32],
};

/**
 * Reads the header.
 *
 * @param view The file, or its beginning.
 * @param isWhole Whether it is the whole file: its pixels must then be there.
 * @returns The header.
 */
export function readBmp(view: DataView, isWhole: boolean): PictureHeader {
  const isOld = view.getUint32(14, true) === 12;
  const width = isOld ? view.getUint16(18, true) : view.getInt32(18, true);
  // A negative height says that the first row is the top one.
  const height = Math.abs(isOld ? view.getUint16(20, true) : view.getInt32(22, true));
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const compression = isOld ? 0 : view.getUint32(30, true);
  if (compression === 4 || compression === 5) {
    throw new PictureError(`is a ${compression === 4 ? "JPEG" : "PNG"} within a BMP: convert it to PNG or JPEG`);
  }
  if (!depths[compression]?.includes(bits)) {
    throw new PictureError(`has a header that is no BMP's (${bits} bits, compression ${compression})`);
  }
  if (width < 0) throw new PictureError(`is ${width} pixels wide`);
  const offset = view.getUint32(10, true);
  if (offset < 14 + view.getUint32(14, true)) throw new PictureError("has pixels within its header");
  if (isWhole && compression !== 1 && compression !== 2) {
    const needed = offset + (Math.ceil(width * bits / 32) * 4) * height;
    if (needed > view.byteLength) throw new PictureError(`is cut short (${view.byteLength} of ${needed} bytes)`);
  }
  return { format: "bmp", width, height, components: 4, bits: 8, orientation: 1, sampling: "" };
}
