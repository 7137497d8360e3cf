/**
 * What was appended to a file since the last look, by byte offset: a long log is read once.
 *
 * @module
 */

/** Bytes that are read at a time. */
const CHUNK = 1 << 22;

const NEWLINE = "\n".charCodeAt(0);

/** Lines of a file, as they come. */
export class Tail {
  readonly #path: string;
  /** Up to where whole lines were read. */
  #offset = 0;
  /** Tells a file from one that took its place. */
  #identity?: string;

  /** @param path The file, which need not be there yet. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The whole lines that are new, some at a time.
   *
   * @param onRestart Called before the lines of a file that took the place of the one before, or that is shorter than
   * it was: a run that is resumed takes back its last records. What was given before is then void.
   */
  async *lines(onRestart: () => void): AsyncGenerator<string[]> {
    const info = await Deno.stat(this.#path).catch(unlessGone);
    // What took its place may have its number, and be as old to the millisecond: a folder, say, where a file was.
    const identity = info?.isFile ? `${info.dev} ${info.ino} ${info.birthtime?.getTime()}` : undefined;
    if (identity !== this.#identity || (info?.size ?? 0) < this.#offset) {
      if (this.#identity !== undefined) onRestart();
      this.#identity = identity;
      this.#offset = 0;
    }
    // A pipe or a device of this name would be read without end.
    if (!info?.isFile || info.size <= this.#offset) return;
    const file = await Deno.open(this.#path).catch(unlessGone);
    if (!file) return;
    using _closed = file;
    const buffer = new Uint8Array(Math.min(CHUNK, info.size - this.#offset));
    while (true) {
      await file.seek(this.#offset, Deno.SeekMode.Start);
      const read = await file.read(buffer) ?? 0;
      const end = buffer.subarray(0, read).lastIndexOf(NEWLINE) + 1;
      // The last line is not whole yet. A line that fills all of the buffer is no record, and is passed over.
      if (end === 0 && read < CHUNK) return;
      this.#offset += end || read;
      if (end > 0) yield new TextDecoder().decode(buffer.subarray(0, end - 1)).split("\n");
    }
  }
}

/** A file that is gone is nothing. */
export function unlessGone(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
  throw error;
}
