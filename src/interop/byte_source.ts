/**
 * Bytes of which parts are read: weight files are gigabytes, and what is wanted of them is found in a few kilobytes.
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
