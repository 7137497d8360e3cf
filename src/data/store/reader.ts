/**
 * Reads pictures in the form in which a run stores them: from the packed cache, from an IDX file's pixels, or decoded
 * from their files. All three give the same bytes.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { decodePicture, type Picture } from "../pictures/decode.ts";
import { type Decoding, PictureError } from "../pictures/header.ts";
import { printable } from "../names.ts";
import { type Resizing, squareOf } from "../pictures/resize.ts";
import { type FileSource, pathOf } from "./source.ts";

/** Where the pictures of a data set can be read; structured-cloneable, with the large parts shared. */
export interface ReaderSource {
  /** How the run needs the pictures. */
  readonly resizing: Resizing;
  /** IDX: the pixels, and each sample's place in them. */
  readonly pixels?: { readonly data: SharedArrayBuffer; readonly width: number; readonly height: number };
  /** Files: folder and paths of the samples. */
  readonly files?: Pick<FileSource, "root" | "paths" | "maxPixels">;
  /** Files: the packed cache. */
  readonly pack?: {
    /** The pack's path. */
    readonly path: string;
    /** Float64: where each sample's pixels begin, −1 for those that are not in the pack. */
    readonly offsets: SharedArrayBuffer;
    /** Uint32: widths of the samples as stored. */
    readonly widths: SharedArrayBuffer;
    /** Uint32: heights. */
    readonly heights: SharedArrayBuffer;
  };
  /** Int32: place in the source of each sample. */
  readonly positions: SharedArrayBuffer;
}

/**
 * Size in which a picture is stored: the square that the run needs, or the picture as it is where that is less.
 *
 * @param width Upright width in pixels.
 * @param height Upright height.
 * @param square Side of the square that the run needs.
 * @returns Width and height as stored.
 */
export function storedSize(width: number, height: number, square: number): { width: number; height: number } {
  const smaller = Math.min(width, height) < square && width * height < square * square;
  return smaller ? { width, height } : { width: square, height: square };
}

/**
 * Brings a decoded picture to the form in which it is stored.
 *
 * @param picture The picture.
 * @param resizing How the run needs it.
 * @returns The square, or the picture itself where that is smaller.
 */
export function toStored(picture: Picture, resizing: Resizing): Picture {
  const { width, height } = storedSize(picture.width, picture.height, resizing.square);
  // A picture that is as wide as the square, and lower, is stored as it is.
  return width === picture.width && height === picture.height ? picture : squareOf(picture, resizing);
}

/** Reads the pictures of a data set, in a Worker. */
export class PictureReader {
  readonly #source: ReaderSource;
  readonly #positions: Int32Array;
  readonly #pixels?: Uint8Array;
  readonly #pack?: { file: Deno.FsFile; offsets: Float64Array; widths: Uint32Array; heights: Uint32Array };

  /**
   * Opens the pack where there is one.
   *
   * @param source Where the pictures are.
   */
  constructor(source: ReaderSource) {
    this.#source = source;
    this.#positions = new Int32Array(source.positions);
    if (source.pixels !== undefined) this.#pixels = new Uint8Array(source.pixels.data);
    if (source.pack !== undefined) {
      const { path, offsets, widths, heights } = source.pack;
      this.#pack = {
        file: Deno.openSync(path),
        offsets: new Float64Array(offsets),
        widths: new Uint32Array(widths),
        heights: new Uint32Array(heights),
      };
    }
  }

  /**
   * Reads one picture as stored (see {@link storedSize}).
   *
   * @param sample The sample's place in the data set.
   * @returns The picture, of any size.
   * @throws {UserError} If its file is broken.
   */
  read(sample: number): Picture {
    const { pixels, files, resizing } = this.#source;
    if (pixels !== undefined) {
      const size = pixels.width * pixels.height;
      const begin = this.#positions[sample] * size;
      const { width, height } = pixels;
      return toStored({ width, height, channels: 1, data: this.#pixels!.subarray(begin, begin + size) }, resizing);
    }
    const offset = this.#pack?.offsets[sample] ?? -1;
    if (offset >= 0) return this.#readPacked(sample, offset);
    const decoding = { maxPixels: files!.maxPixels, range: resizing.range };
    return toStored(decodeFile(pathOf(files!, sample), decoding), resizing);
  }

  /**
   * Reads one picture as the square that the run needs.
   *
   * @param sample The sample's place in the data set.
   * @returns The square.
   * @throws {UserError} If its file is broken.
   */
  readSquare(sample: number): Picture {
    return squareOf(this.read(sample), this.#source.resizing);
  }

  #readPacked(sample: number, offset: number): Picture {
    const { file, widths, heights } = this.#pack!;
    const [width, height] = [widths[sample], heights[sample]];
    const data = new Uint8Array(width * height * 3);
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < data.length;) {
      const read = file.readSync(data.subarray(at));
      if (read === null) {
        throw new UserError(`${this.#source.pack!.path} is shorter than when it was opened; remove it and start again`);
      }
      at += read;
    }
    return { width, height, channels: 3, data };
  }
}

/**
 * Reads and decodes a picture file.
 *
 * @param path The file.
 * @param decoding How large it may be, and how 16 bits become 8.
 * @returns The picture, upright RGB.
 * @throws {UserError} If it cannot be read or is broken, with its path.
 */
export function decodeFile(path: string, decoding?: Decoding): Picture {
  try {
    return decodePicture(Deno.readFileSync(path), decoding);
  } catch (error) {
    if (error instanceof PictureError) throw new UserError(`${printable(path)} ${error.message}`);
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) {
      throw new UserError(`${printable(path)} cannot be read (${error.name})`);
    }
    throw error;
  }
}
