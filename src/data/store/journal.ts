/**
 * A file of lines that outlives the process which writes it: each is whole and has a checksum, and what a kill left of
 * the last one is cut off. Who has it open holds its lock, of which the system lets go with the process.
 *
 * @module
 */

import { checksumOf } from "./checksum.ts";

/** A journal of entries that JSON can hold. */
export class Journal<Entry> implements Disposable {
  private constructor(
    private readonly file: Deno.FsFile,
    /** What stood in it. */
    readonly entries: readonly Entry[],
  ) {}

  /**
   * Opens a journal, which is made if there is none.
   *
   * @param path The file; its folder exists.
   * @returns Undefined where its lock cannot be had: another process has it, or the disk has no locks.
   * @throws {Error} The system's, if it cannot be read or written.
   */
  static async open<Entry>(path: string): Promise<Journal<Entry> | undefined> {
    const file = await Deno.open(path, { read: true, write: true, create: true });
    try {
      if (await file.tryLock(true).catch(() => false)) return new Journal<Entry>(file, wholeEntries<Entry>(file));
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return undefined;
  }

  /** Appends entries, in a line of their own; written at once, so that a kill of the process loses none of it. */
  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const line = JSON.stringify(entries);
    const text = new TextEncoder().encode(`${line}\t${sumOf(line)}\n`);
    for (let at = 0; at < text.length;) at += this.file.writeSync(text.subarray(at));
  }

  /** Empties it. */
  clear(): void {
    this.file.truncateSync(0);
    this.file.seekSync(0, Deno.SeekMode.Start);
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    this.file.close();
  }
}

const sumOf = (line: string): string => `${checksumOf(new TextEncoder().encode(line))}`;

/** What whole lines say. The file is cut after them, so that the next line begins on its own. */
function wholeEntries<Entry>(file: Deno.FsFile): Entry[] {
  const bytes = new Uint8Array(file.statSync().size);
  for (let at = 0; at < bytes.length;) at += file.readSync(bytes.subarray(at)) ?? bytes.length;
  const entries: Entry[] = [];
  let end = 0;
  for (let next = bytes.indexOf(10); next !== -1; next = bytes.indexOf(10, end)) {
    const text = new TextDecoder().decode(bytes.subarray(end, next));
    const cut = text.lastIndexOf("\t");
    if (cut === -1 || text.slice(cut + 1) !== sumOf(text.slice(0, cut))) break;
    for (const entry of JSON.parse(text.slice(0, cut)) as Entry[]) entries.push(entry);
    end = next + 1;
  }
  file.truncateSync(end);
  file.seekSync(end, Deno.SeekMode.Start);
  return entries;
}
