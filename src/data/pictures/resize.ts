/**
 * Resizing and cropping, in Pillow's arithmetic (`augment/host/resample.ts`). So pictures look to a model as they do to
 * one trained with torchvision's transforms on PIL images.
 *
 * A picture that is not square keeps its proportions. Its shorter side is resized to the wanted size. The square in the
 * middle of the longer side is kept, as torchvision's `Resize(size)` and `CenterCrop(size)` do: a 178×218 portrait
 * loses 20 rows at the top and 20 at the bottom. Or the whole picture is kept: with black beside it, as torchvision's
 * `Pad` and timm's border crop do, or squashed into the square.
 *
 * @module
 */

import { roundHalfEven } from "../../augment/host/picture_view.ts";
import { type Interpolation, resizePart } from "../../augment/host/resample.ts";
import type { Picture } from "./decode.ts";

export type { Interpolation };

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
