/**
 * Reads pictures in the form in which a run stores them: from the packed cache, from an IDX file's pixels, or decoded
 * from their files. All three give the same bytes.
 *
 * @module
 */

import { systemCode, systemFault, systemReason, UserError } from "../../errors.ts";
import { decodePicture, type Picture } from "../pictures/decode.ts";
import { readPictureFile } from "../pictures/file.ts";
import type { PictureFormat } from "../pictures/formats.ts";
import { type Decoding, PictureError } from "../pictures/header.ts";
import { printable } from "../names.ts";
import { checksumOf } from "./checksum.ts";
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
    /** Uint32: checksums of their pixels. */
    readonly checksums: SharedArrayBuffer;
  };
  /** Formats of the files whose decoders are to be loaded before pictures are read. */
  readonly formats?: readonly PictureFormat[];
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

/** A pack that is open. */
interface OpenPack {
  readonly file: Deno.FsFile;
  readonly offsets: Float64Array;
  readonly widths: Uint32Array;
  readonly heights: Uint32Array;
  readonly checksums: Uint32Array;
}

/** Reads the pictures of a data set, in a Worker. */
export class PictureReader {
  readonly #source: ReaderSource;
  readonly #positions: Int32Array;
  readonly #pixels?: Uint8Array;
  readonly #pack?: OpenPack;
  readonly #onNote: (note: string) => void;
  #isDamaged = false;
  /** Where bytes go that are only brought into memory. */
  readonly #passing = new Uint8Array(2 ** 18);

  /**
   * Opens the pack where there is one.
   *
   * @param source Where the pictures are.
   * @param onNote Is told, once, that the pack is damaged: pictures are then decoded from their files.
   */
  constructor(source: ReaderSource, onNote: (note: string) => void = () => {}) {
    this.#source = source;
    this.#onNote = onNote;
    this.#positions = new Int32Array(source.positions);
    if (source.pixels !== undefined) this.#pixels = new Uint8Array(source.pixels.data);
    if (source.pack !== undefined) {
      const { path, offsets, widths, heights, checksums } = source.pack;
      try {
        this.#pack = {
          file: Deno.openSync(path),
          offsets: new Float64Array(offsets),
          widths: new Uint32Array(widths),
          heights: new Uint32Array(heights),
          checksums: new Uint32Array(checksums),
        };
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        this.#note(systemReason(error));
      }
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
    const packed = this.#pack && this.#readPacked(sample, this.#pack);
    if (packed) return packed;
    const decoding = { maxPixels: files!.maxPixels, range: resizing.range };
    return toStored(decodeFile(pathOf(files!, sample), decoding), resizing);
  }

  /**
   * Brings consecutive pictures of the pack into the system's memory, by one reading in the order of the disk.
   *
   * @param first The first sample.
   * @param end The one after the last.
   */
  readAhead(first: number, end: number): void {
    if (this.#pack === undefined) return;
    const { file, offsets, widths, heights } = this.#pack;
    const isIn = (sample: number) => offsets[sample] >= 0;
    while (first < end && !isIn(first)) first++;
    while (first < end && !isIn(end - 1)) end--;
    if (first >= end) return;
    let left = offsets[end - 1] + widths[end - 1] * heights[end - 1] * 3 - offsets[first];
    try {
      file.seekSync(offsets[first], Deno.SeekMode.Start);
      for (let read: number | null = 0; left > 0 && read !== null; left -= read ?? 0) {
        read = file.readSync(this.#passing.subarray(0, left));
      }
    } catch (error) {
      // Whoever reads the pictures will see it.
      if (systemCode(error) === undefined) throw error;
    }
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

  /** A picture of the pack; undefined where it is not there, or not what was written. */
  #readPacked(sample: number, { file, offsets, widths, heights, checksums }: OpenPack): Picture | undefined {
    const offset = offsets[sample];
    if (offset < 0) return undefined;
    const [width, height] = [widths[sample], heights[sample]];
    const data = new Uint8Array(width * height * 3);
    try {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let at = 0; at < data.length;) {
        const read = file.readSync(data.subarray(at));
        if (read === null) break;
        at += read;
      }
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
      this.#note(systemReason(error));
      return undefined;
    }
    if (checksumOf(data) === checksums[sample]) return { width, height, channels: 3, data };
    this.#note("a picture's checksum is not what was written");
    return undefined;
  }

  /** Says once what is wrong with the pack, and removes it: the next run makes it anew. */
  #note(reason: string): void {
    if (this.#isDamaged) return;
    this.#isDamaged = true;
    const { path } = this.#source.pack!;
    this.#onNote(`${printable(path)} is damaged (${reason}): its pictures are decoded anew`);
    try {
      Deno.removeSync(path);
    } catch (error) {
      // Another Worker, or another run, has removed it; or it is not ours to remove.
      if (systemCode(error) === undefined) throw error;
    }
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
    return decodePicture(readPictureFile(path, decoding), decoding);
  } catch (error) {
    if (error instanceof PictureError) throw new UserError(`${printable(path)} ${error.message}`);
    throw systemFault(`Cannot read ${printable(path)}`, error);
  }
}
