/**
 * Files that survive a kill and a full disk: {@link writeAtomic} and {@link appendRecord}.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { systemAdvice, systemFault, systemReason, UserError } from "./errors.ts";

/** The part of `Deno.FsFile` that is used here. */
export interface OpenFile {
  /** Reads into `buffer`; the bytes read, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes from `bytes`; the bytes written, possibly fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  /** Moves the position; the new one, from the start. */
  seek(offset: number, whence: Deno.SeekMode): Promise<number>;
  /** Cuts the file to `length` bytes. */
  truncate(length: number): Promise<void>;
  /** Resolves once content and metadata are on the disk (fsync). */
  sync(): Promise<void>;
  /** Takes the file's lock, until it is closed, unless someone else holds it. */
  tryLock(exclusive: boolean): Promise<boolean>;
  /** Closes the file. */
  close(): void;
}

/** What is asked of a file system; tests hand over one that fails. */
export interface FileSystem {
  /** Opens a file, or a directory for reading. */
  open(path: string, options: Deno.OpenOptions): Promise<OpenFile>;
  /** Puts `from` in the place of `to`, at one instant. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
}

/** The file system of this machine. */
export const realFileSystem: FileSystem = {
  open: (path, options) => Deno.open(path, options),
  rename: (from, to) => Deno.rename(from, to),
  remove: (path) => Deno.remove(path),
};

/** Makes names of temporaries unique within this process. */
let temporaries = 0;

/**
 * What a path leads to that is no regular file. Opening it would wait (a named pipe), never end (a device), or fail.
 *
 * @param info What the system says of it.
 * @returns Words that follow the path; undefined for a regular file.
 */
export function irregular(info: Deno.FileInfo): string | undefined {
  if (info.isFile) return undefined;
  if (info.isDirectory) return "is a folder, not a file";
  if (info.isFifo) return "is a named pipe, not a file";
  if (info.isSocket) return "is a socket, not a file";
  return info.isCharDevice || info.isBlockDevice ? "is a device, not a file" : "is no regular file";
}

/** Bytes of the longest text that is read at once: a string holds hardly more. */
const longestText = 2 ** 29 - 2 ** 10;

/**
 * Refuses to open what is no regular file. What is not there, or may not be looked at, is left to who opens it.
 *
 * @param path What is to be opened.
 * @throws {UserError} If it is there and no regular file.
 */
export async function refuseIrregular(path: string): Promise<void> {
  await refuseUnread(path, Infinity);
}

/**
 * Refuses to read what is no regular file, or is longer than a text can be.
 *
 * @param path What is to be read.
 * @throws {UserError} If it is there and cannot be read as a text.
 */
export async function refuseLong(path: string): Promise<void> {
  await refuseUnread(path, longestText);
}

async function refuseUnread(path: string, longest: number): Promise<void> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined) return;
  const fault = irregular(info);
  if (fault !== undefined) throw new UserError(`Cannot read ${path}: it ${fault}; give a file`);
  if (info.size > longest) {
    throw new UserError(
      `Cannot read ${path}: it has ${info.size} bytes, and a text has at most ${longest}; give another`,
    );
  }
}

/**
 * Writes a file so that its path holds either the old content or the new, whatever happens at whatever instant. A
 * temporary beside it is written, brought to the disk and renamed. Then the directory is brought to the disk.
 *
 * @param path Where the file goes; its directory exists.
 * @param data Text (UTF-8), bytes, or pieces that are written one after the other.
 * @param files The file system.
 * @returns When the new content is safe.
 * @throws {UserError} If anything fails, naming the path, the bytes and the reason; the temporary is removed. The old
 * content is still there, unless the error is that the new one is in place but not sure to survive a power cut.
 *
 * @example
 * ```ts
 * import { writeAtomic } from "./files.ts";
 *
 * await writeAtomic("config.json", JSON.stringify({ seed: 1 }));
 * ```
 */
export async function writeAtomic(
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
  files: FileSystem = realFileSystem,
): Promise<void> {
  const pieces = typeof data === "string"
    ? [new TextEncoder().encode(data)]
    : data instanceof Uint8Array
    ? [data]
    : data;
  const what = `${path} (${pieces.reduce((sum, piece) => sum + piece.length, 0)} bytes)`;
  const there = await Deno.stat(path).catch(() => undefined);
  const fault = there && irregular(there);
  if (fault !== undefined) throw new UserError(`Cannot write ${what}: it ${fault}; give another`);
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}-${++temporaries}.tmp`);
  try {
    const file = await files.open(temporary, { write: true, createNew: true });
    try {
      for (const piece of pieces) await writeAll(file, piece);
      await file.sync();
    } finally {
      file.close();
    }
    await files.rename(temporary, path);
  } catch (error) {
    // Where it was never made, or the disk is past helping, the first error is the one to tell.
    await files.remove(temporary).catch(() => {});
    throw fileError(`Cannot write ${what}`, error, "check the disk", "what was there before is untouched");
  }
  try {
    await syncDirectory(dirname(path), files);
  } catch (error) {
    throw fileError(`Wrote ${what}, but cannot make sure of it`, error, "check the disk");
  }
}

/**
 * Removes the temporaries that a killed {@link writeAtomic} left in a directory. Only for who holds the lock of the
 * run: another process's temporary would be removed under its hands.
 *
 * @param directory Where to look, not below.
 * @returns The names of the files removed.
 */
export async function removeTemporaries(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  const left = entries.filter(({ isFile, name }) => isFile && /^\..+\.\d+-\d+\.tmp$/.test(name));
  for (const { name } of left) await Deno.remove(join(directory, name));
  return left.map(({ name }) => name).sort();
}

/**
 * Reads a text file.
 *
 * @param path Where it is.
 * @returns Its text; undefined where there is none.
 * @throws {UserError} If it cannot be read, naming the path and the reason.
 */
export async function readText(path: string): Promise<string | undefined> {
  await refuseLong(path);
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw systemFault(`Cannot read ${path}`, error);
  }
}

/**
 * What reading, looking or removing gives; undefined where there is nothing at the path.
 *
 * @param work Such as `Deno.stat(path)`; any other error is thrown.
 */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Makes a folder and those above it.
 *
 * @param path Where.
 * @throws {UserError} If that is not possible, naming the path and the reason.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (error) {
    throw systemFault(`Cannot make the folder ${path}`, error);
  }
}

/** The key under which a record lists the numbers that JSON cannot hold. */
const NON_FINITE = "nonFinite";

/**
 * Appends a record to a file with a JSON object per line, which is made if there is none. A last line without a
 * newline, as a kill leaves it, is cut off first.
 *
 * JSON has no NaN and no infinities, and `JSON.stringify` makes them null without a word. Here they become the strings
 * `"NaN"`, `"Infinity"` and `"-Infinity"`, which `Number` turns back. The record lists where, in `nonFinite` (JSON
 * pointers, RFC 6901).
 *
 * @param path Where the file is.
 * @param record Anything that JSON can hold, and numbers of any kind.
 * @param files The file system.
 * @returns When the record is written. It is not yet safe from a power cut: a record is not worth an fsync.
 * @throws {UserError} If it cannot be written whole; nothing of it stays in the file.
 * @throws {TypeError} If the record has a field `nonFinite` of its own.
 *
 * @example
 * ```ts
 * import { appendRecord } from "./files.ts";
 *
 * await appendRecord("metrics.jsonl", { step: 1, loss: 0.7 }); // {"step":1,"loss":0.7}
 * await appendRecord("metrics.jsonl", { step: 2, loss: NaN }); // {"step":2,"loss":"NaN","nonFinite":["/loss"]}
 * ```
 */
export async function appendRecord(
  path: string,
  record: Readonly<Record<string, unknown>>,
  files: FileSystem = realFileSystem,
): Promise<void> {
  await appendText(path, recordLine(record), files);
}

/**
 * Appends a line to a file, which is made if there is none. A last line without a newline, as a kill leaves it, is cut
 * off first.
 *
 * @param path Where the file is.
 * @param text The line, with its newline.
 * @param files The file system.
 * @returns When the line is written, see {@link appendRecord}.
 * @throws {UserError} If it cannot be written whole; nothing of it stays in the file.
 */
export async function appendText(path: string, text: string, files: FileSystem = realFileSystem): Promise<void> {
  const line = new TextEncoder().encode(text);
  try {
    const file = await files.open(path, { read: true, write: true, create: true });
    try {
      await appendLine(file, line);
    } finally {
      file.close();
    }
  } catch (error) {
    throw fileError(
      `Cannot append ${line.length} bytes to ${path}`,
      error,
      "check the disk",
      "the records before are untouched",
    );
  }
}

/**
 * Reads what {@link appendRecord} wrote, as it is written: numbers that JSON cannot hold are strings. A last line
 * without a newline is left out.
 *
 * @param path Where the file is.
 * @returns The records, in order; none when there is no file.
 * @throws {UserError} If the file cannot be read or a whole line is no JSON object, naming the line.
 */
export async function readRecords(path: string): Promise<Record<string, unknown>[]> {
  let text: string;
  await refuseLong(path);
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileError(`Cannot read ${path}`, error, "check that it can be read");
  }
  return text.split("\n").slice(0, -1).map((line, index) => {
    try {
      return parseRecord(line);
    } catch (error) {
      throw fileError(`${path}:${index + 1} is no record`, error, "remove the line");
    }
  });
}

/** Writes all of `bytes`: one call may write only some. */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

/** Brings a directory's entries to the disk, so that a rename survives a power cut. */
async function syncDirectory(directory: string, files: FileSystem): Promise<void> {
  // Windows opens no directories; there the rename itself is journalled.
  if (Deno.build.os === "windows") return;
  const file = await files.open(directory, { read: true });
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** Puts a line after the whole lines of a file; on failure nothing of it stays. */
async function appendLine(file: OpenFile, line: Uint8Array): Promise<void> {
  const length = await lengthOfWholeLines(file);
  await file.truncate(length);
  await file.seek(length, Deno.SeekMode.Start);
  try {
    await writeAll(file, line);
  } catch (error) {
    // If even this fails, half a line stays, which the next record's writer cuts off.
    await file.truncate(length).catch(() => {});
    throw error;
  }
}

/** The offset after the last newline, found from the end. */
async function lengthOfWholeLines(file: OpenFile): Promise<number> {
  const buffer = new Uint8Array(4096);
  for (let end = await file.seek(0, Deno.SeekMode.End); end > 0;) {
    const start = Math.max(0, end - buffer.length);
    const block = buffer.subarray(0, end - start);
    await file.seek(start, Deno.SeekMode.Start);
    for (let filled = 0; filled < block.length;) {
      const read = await file.read(block.subarray(filled));
      if (read === null) throw new Error("the file shrank while it was read");
      filled += read;
    }
    const newline = block.lastIndexOf("\n".charCodeAt(0));
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}

/** A record as {@link appendRecord} writes it: a line of JSON that lists the numbers which had to become strings. */
export function recordLine(record: Readonly<Record<string, unknown>>): string {
  if (NON_FINITE in record) throw new TypeError(`A record's field "${NON_FINITE}" is taken: rename it`);
  const pointers: string[] = [];
  const safe = replaceNonFinite(record, "", pointers) as Record<string, unknown>;
  return `${JSON.stringify(pointers.length === 0 ? safe : { ...safe, [NON_FINITE]: pointers })}\n`;
}

/** A copy of plain arrays and objects in which numbers that are not finite are strings; lists their pointers. */
function replaceNonFinite(value: unknown, pointer: string, pointers: string[]): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    pointers.push(pointer);
    return String(value);
  }
  if (Array.isArray(value)) return value.map((item, i) => replaceNonFinite(item, `${pointer}/${i}`, pointers));
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => {
        const token = key.replaceAll("~", "~0").replaceAll("/", "~1");
        return [key, replaceNonFinite(item, `${pointer}/${token}`, pointers)];
      }),
    );
  }
  return value;
}

/** A line as a record. */
function parseRecord(line: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new SyntaxError("not a JSON object");
  }
  return parsed as Record<string, unknown>;
}

/** An error of the operating system's as one line, with its code where it has one. */
export function fileError(what: string, cause: unknown, advice: string, kept?: string): UserError {
  const told = [systemReason(cause), systemAdvice(cause) ?? advice, kept].filter((text) => text !== undefined);
  const error = new UserError(`${what}: ${told.join("; ")}`);
  error.cause = cause;
  return error;
}
