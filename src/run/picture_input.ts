/**
 * Pictures as a program has them, brought to what a model takes.
 *
 * @module
 */

import { wholeOf } from "../augment/host/picture_view.ts";
import { middlePart, normalTables, placePicture } from "../data/batches/batch.ts";
import { decodeAny, type Picture } from "../data/pictures/decode.ts";
import { readPictureFile } from "../data/pictures/file.ts";
import { type Decoding, PictureError } from "../data/pictures/header.ts";
import { printable } from "../data/names.ts";
import { toStored } from "../data/store/reader.ts";
import { squareOf, toGrey } from "../data/pictures/resize.ts";
import { UserError } from "../errors.ts";
import type { Preprocessing } from "./checkpoint.ts";

/** Pixels of a picture, in rows from the top left, channels side by side. */
export interface RawPicture {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Channels of a pixel: 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
  /** Values from 0 to 255, [height, width, channels]. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** A picture: the path of a picture file, the bytes of one, or pixels. */
export type PictureInput = string | Uint8Array | RawPicture;

/**
 * Reads and decodes a picture.
 *
 * @param input The picture.
 * @param name What to call it in the error, where it has no path.
 * @param decoding How large it may be, and how 16 bits become 8.
 * @returns Upright pixels.
 * @throws UserError when it cannot be read, is damaged or is none.
 */
export async function readPicture(input: PictureInput, name: string, decoding?: Decoding): Promise<Picture> {
  const called = typeof input === "string" ? printable(input) : name;
  if (typeof input !== "string" && !(input instanceof Uint8Array)) return checkedPixels(input, called);
  try {
    return await decodeAny(typeof input === "string" ? readPictureFile(input, decoding) : input, decoding);
  } catch (error) {
    if (error instanceof PictureError) throw new UserError(`${called} ${error.message}`);
    throw error;
  }
}

function checkedPixels(pixels: RawPicture, called: string): Picture {
  const { width, height, channels, data } = (pixels ?? {}) as Partial<RawPicture>;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new UserError(`${called} is no picture: give a path, the bytes of a picture file, or pixels`);
  }
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) > 0;
  if (!isSize(width) || !isSize(height) || (channels !== 1 && channels !== 3)) {
    throw new UserError(
      `${called} has pixels of ${width}×${height}×${channels}: give sides of at least 1, and 1 or 3 channels`,
    );
  }
  if (data.length !== width * height * channels) {
    throw new UserError(
      `${called} has ${data.length} values for ${width}×${height}×${channels} pixels: give ${
        width * height * channels
      }`,
    );
  }
  return { width, height, channels, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}

/** Brings pictures to what a model takes: resized, cut out, normalised. */
export class PictureShaper {
  /** Numbers of a picture, C · S · S. */
  readonly size: number;
  readonly #preprocessing: Preprocessing;
  readonly #channels: number;
  readonly #normal: readonly Float32Array[];

  /** @param channels Of the model's pictures. */
  constructor(preprocessing: Preprocessing, channels: number) {
    this.size = channels * preprocessing.imageSize ** 2;
    this.#preprocessing = preprocessing;
    this.#channels = channels;
    this.#normal = normalTables(preprocessing.mean, preprocessing.std);
  }

  /** A picture as the model takes it, [C, S, S]. */
  shape(picture: Picture): Float32Array {
    const out = new Float32Array(this.size);
    const resized = inChannels(squareOf(toStored(picture, this.#preprocessing), this.#preprocessing), this.#channels);
    placePicture(middlePart(wholeOf(resized), this.#preprocessing.imageSize), this.#normal, out);
    return out;
  }
}

/** A picture in as many channels as a model takes. */
export function inChannels(picture: Picture, channels: number): Picture {
  if (picture.channels === channels) return picture;
  return channels === 1 ? toGrey(picture) : inColour(picture);
}

/** Grey in three channels. */
function inColour({ width, height, data }: Picture): Picture {
  const rgb = new Uint8Array(3 * data.length);
  data.forEach((value, i) => rgb.fill(value, 3 * i, 3 * i + 3));
  return { width, height, channels: 3, data: rgb };
}
