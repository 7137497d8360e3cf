/**
 * Small pictures for pages.
 *
 * @module
 */

import jpegJs from "jpeg-js";
import type { Picture } from "./decode.ts";
import { type Resizing, squareOf } from "./resize.ts";

/** Of jpeg-js, from 1 to 100: what is lost does not show at this size. */
const QUALITY = 80;

/**
 * A picture as a small JPEG file: the square of it that a run takes.
 *
 * @param picture The picture.
 * @param side Side of the small one in pixels.
 * @param resizing How the run makes pictures square.
 */
export function thumbnailOf(
  picture: Picture,
  side: number,
  { interpolation, fit }: Pick<Resizing, "interpolation" | "fit">,
): Uint8Array {
  const { width, height, channels, data } = squareOf(picture, { imageSize: side, square: side, interpolation, fit });
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = data[channels * i + Math.min(c, channels - 1)];
  }
  return new Uint8Array(jpegJs.encode({ width, height, data: rgba }, QUALITY).data);
}
