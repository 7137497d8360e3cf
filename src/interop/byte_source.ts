/**
 * Files of which parts are read: weight files are gigabytes, and what is wanted of them is found in a few kilobytes.
 *
 * @module
 */

import { UserError } from "../errors.ts";

/** Where bytes come from. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /** Some of them, in an array of their own; they lie within the size. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Lets go of the file. */
  close(): void;
}

/**
 * Opens a file.
 *
 * @param path Where it is.
 * @returns Its bytes; close it.
 * @throws {UserError} If it is missing, is no file or cannot be read.
 */
export async function openByteSource(path: string): Promise<ByteSource> {
  let file: Deno.FsFile | undefined;
  try {
    file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    if (!isFile) throw new Error("it is not a file");
    const opened = file;
    const read = (offset: number, length: number) => Promise.resolve(readRange(opened, offset, length));
    return { name: path, size, read, close: () => opened.close() };
  } catch (error) {
    file?.close();
    if (error instanceof Deno.errors.NotFound) throw new UserError(`There is no file ${path}`);
    throw new UserError(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Bytes in memory as a source. */
export function bytesAsSource(bytes: Uint8Array): ByteSource {
  const read = (offset: number, length: number) => Promise.resolve(bytes.slice(offset, offset + length));
  return { name: "bytes", size: bytes.length, read, close: () => {} };
}

/** Makes of whatever goes wrong with a source a {@link UserError} that names it. */
export async function naming<T>(source: ByteSource, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const named = new UserError(`Cannot read ${source.name}: ${error instanceof Error ? error.message : error}`);
    named.cause = error;
    throw named;
  }
}

/** A text of the file's for a message: escaped, and not longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
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
