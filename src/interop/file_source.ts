/**
 * Files on a disk as sources of bytes.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { refuseIrregular } from "../files.ts";
import type { ByteSource } from "./byte_source.ts";

/**
 * Opens a file.
 *
 * @param path Where it is.
 * @returns Its bytes; close it.
 * @throws {UserError} If it is missing, is no file or cannot be read.
 */
export async function openByteSource(path: string): Promise<ByteSource> {
  await refuseIrregular(path);
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path);
    const { size } = await file.stat();
    const opened = file;
    const read = (offset: number, length: number) => Promise.resolve(readRange(opened, offset, length));
    return { name: path, size, read, close: () => opened.close() };
  } catch (error) {
    file?.close();
    if (error instanceof Deno.errors.NotFound) throw new UserError(`There is no file ${path}`);
    throw new UserError(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Reads exactly `length` bytes. Synchronous, so that another reader's seek cannot come between. */
function readRange(file: Deno.FsFile, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let filled = 0; filled < length;) {
    const read = file.readSync(bytes.subarray(filled));
    if (read === null) throw new Error("the file shrank while it was read");
    filled += read;
  }
  return bytes;
}
