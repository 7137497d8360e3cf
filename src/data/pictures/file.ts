/**
 * Reads picture files: what is no regular file is not opened, the header is looked at in the first kilobytes, and a
 * file that is far larger than its picture is not read.
 *
 * @module
 */

import { systemCode, systemReason } from "../../errors.ts";
import { irregular } from "../../files.ts";
import { formatOf, sniffedBytes } from "./formats.ts";
import { type Decoding, peekHeader, type PictureHeader } from "./header.ts";
import { largestFile, maxPixels, PictureError } from "./picture_error.ts";

/** Bytes of a file in which a header is looked for, one after the other. */
const starts = [2 ** 14, 2 ** 20, 2 ** 26];

/**
 * Reads the beginning of a file.
 *
 * @param path The file; a regular one.
 * @param length Bytes.
 * @returns As many bytes as the file has, at most those asked for.
 */
export function readStart(path: string, length: number): Uint8Array<ArrayBuffer> {
  using file = Deno.openSync(path);
  return readUpTo(file, new Uint8Array(length), 0);
}

/** The format of a file by its content; undefined of what is no picture, no file, or cannot be opened. */
export function formatAt(path: string): ReturnType<typeof formatOf> {
  try {
    return Deno.statSync(path).isFile ? formatOf(readStart(path, sniffedBytes)) : undefined;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/** Reads on from `from` until the buffer is full or the file ends. */
function readUpTo(file: Deno.FsFile, buffer: Uint8Array<ArrayBuffer>, from: number): Uint8Array<ArrayBuffer> {
  let filled = from;
  while (filled < buffer.length) {
    const read = file.readSync(buffer.subarray(filled));
    if (read === null) break;
    filled += read;
  }
  return buffer.subarray(0, filled);
}

/** Does something with a picture file that is open, and whose size and kind were looked at before. */
function withFile<T>(path: string, use: (file: Deno.FsFile, size: number) => T): T {
  try {
    // Opening a pipe would wait for who writes to it.
    const info = Deno.statSync(path);
    const fault = irregular(info);
    if (fault !== undefined) throw new PictureError(fault);
    using file = Deno.openSync(path);
    return use(file, info.size);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && isLink(path)) throw new PictureError("is a link to nothing");
    if (systemCode(error) === undefined) throw error;
    throw new PictureError(`cannot be read: ${systemReason(error)}`);
  }
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false; // there is nothing at all, which is told by the error that led here
  }
}

/** The header, and as much of the file as was read for it. */
function peek(file: Deno.FsFile, size: number, decoding: Decoding | undefined) {
  let start = new Uint8Array(0);
  for (const length of starts) {
    const buffer = new Uint8Array(Math.min(length, size));
    buffer.set(start);
    start = readUpTo(file, buffer, start.length);
    const header = peekHeader(start, decoding);
    if (header !== undefined) return { header, start };
    if (start.length >= size || start.length < buffer.length) break;
  }
  return { header: undefined, start };
}

/**
 * Reads the header of a picture file, and as few of its bytes as it can.
 *
 * @param path The file.
 * @param decoding How large it may be.
 * @returns The header; undefined where it is not within the first 64 MB.
 * @throws {PictureError} If it cannot be read, or its header refuses it.
 */
export function peekFile(path: string, decoding?: Decoding): PictureHeader | undefined {
  return withFile(path, (file, size) => peek(file, size, decoding).header);
}

/**
 * Reads a picture file.
 *
 * @param path The file.
 * @param decoding How large it may be.
 * @returns All its bytes.
 * @throws {PictureError} If it is no regular file, cannot be read, is refused by its header, or is larger than its
 * picture can be.
 */
export function readPictureFile(path: string, decoding?: Decoding): Uint8Array<ArrayBuffer> {
  return withFile(path, (file, size) => {
    const { header, start } = peek(file, size, decoding);
    const limit = decoding?.maxPixels ?? maxPixels;
    const largest = header ? largestFile(header) : largestFile({ width: limit, height: 1 });
    if (size > largest) {
      const of = header === undefined ? "a picture" : `${header.width}×${header.height} pixels`;
      throw new PictureError(`has ${size} bytes, which are more than ${of} can have (${largest})`);
    }
    const whole = new Uint8Array(Math.max(size, start.length));
    whole.set(start);
    return readUpTo(file, whole, start.length);
  });
}
