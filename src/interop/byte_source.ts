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

/** Control codes that JSON leaves as they are, marks of direction, and characters without width. */
const UNSHOWN = /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A text of the file's for a message: escaped, and not longer than a line. */
export function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 79)}…` : text;
  return JSON.stringify(short).replaceAll(UNSHOWN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
