/**
 * What was found in files, kept between runs, so that a large folder is read once: a file is believed to be what it was
 * where its size, its number and the times of its last changes are. The time at which the system itself noted a change
 * cannot be set by programs. A file that was changed within two seconds before it was read is not kept, since times may
 * be whole seconds; nor is one that cannot be used. (Git's index goes by the same.)
 *
 * It is a journal: a reading that was killed is gone on with. `data check` reads every file all the same.
 *
 * @module
 */

import { systemCode, UserError } from "../../errors.ts";
import { makeFolder } from "../../files.ts";
import { sha256 } from "../../hash.ts";
import type { PictureFormat } from "../pictures/formats.ts";
import { cacheFolder } from "./cache_folder.ts";
import { Journal } from "./journal.ts";
import type { FileSource } from "./source.ts";

/** What is known of one file. */
export interface Scanned {
  /** SHA-256 of the bytes in hexadecimal; empty if it cannot be read. */
  readonly hash: string;
  /** Upright width in pixels. */
  readonly width: number;
  /** Upright height in pixels. */
  readonly height: number;
  /** Bits of a component. */
  readonly bits?: number;
  /** Format by content. */
  readonly format?: PictureFormat;
  /** Why it cannot be used. */
  readonly problem?: string;
  /** Format by content, where the name says another. */
  readonly misnamed?: string;
  /** Why it cannot be decoded, though nothing is wrong by its header. */
  readonly undecodable?: string;
}

/** What is kept of a file: where it is, what the system said of it, and what was found in it. */
export type Kept = readonly [path: string, stamp: string, scanned: Scanned];

/** Folders of so many files are worth it. */
const MANY = 10_000;

/** Milliseconds for which a file must have been left alone. */
const SETTLED = 2000;

/**
 * What tells whether a file was changed: its size, number and times; undefined where the system does not say so, or it
 * was changed just now.
 *
 * @param path The file.
 */
export function stampOf(path: string): string | undefined {
  try {
    const { size, mtime, ctime, ino, dev } = Deno.statSync(path);
    if (mtime === null || ctime === null || ino === null) return undefined;
    const times = [mtime.getTime(), ctime.getTime()];
    return Date.now() - Math.max(...times) < SETTLED ? undefined : [size, ...times, ino, dev].join();
  } catch (error) {
    // Whoever reads it tells why it cannot be read.
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/** What was found in the files of a source. */
export class ScanIndex implements Disposable {
  readonly #kept: Map<string, Kept>;

  private constructor(private readonly journal: Journal<Kept>) {
    this.#kept = new Map(journal.entries.map((kept) => [kept[0], kept]));
  }

  /**
   * Opens the index of a source in the user's cache folder.
   *
   * @returns Undefined where the source is small, or none can be kept.
   */
  static async forSource({ root, paths, maxPixels }: FileSource): Promise<ScanIndex | undefined> {
    if (paths.length < MANY) return undefined;
    try {
      const folder = cacheFolder();
      await makeFolder(folder);
      const name = sha256(["fovea files 1", root, maxPixels ?? ""].join("\n")).slice(0, 32);
      return await ScanIndex.open(`${folder}/files-${name}.journal`);
    } catch (error) {
      const isMissing = error instanceof UserError || error instanceof Deno.errors.NotCapable;
      if (!isMissing && systemCode(error) === undefined) throw error;
      return undefined;
    }
  }

  /**
   * Opens an index.
   *
   * @param path Its file.
   * @returns Undefined where another process has it.
   */
  static async open(path: string): Promise<ScanIndex | undefined> {
    const journal = await Journal.open<Kept>(path);
    if (journal === undefined) return undefined;
    const now = new Date();
    // One that was not used for long is removed.
    await Deno.utime(path, now, now);
    const index = new ScanIndex(journal);
    // What was found anew stands behind what it takes the place of.
    if (journal.entries.length > 2 * index.#kept.size) index.#rewrite();
    return index;
  }

  /** What is kept of a file. */
  of(path: string): Kept | undefined {
    return this.#kept.get(path);
  }

  /** Keeps what was found. Where that cannot be written, the files are read again. */
  keep(kept: readonly Kept[]): void {
    try {
      this.journal.append(kept);
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
    }
  }

  #rewrite(): void {
    const all = [...this.#kept.values()];
    this.journal.clear();
    for (let i = 0; i < all.length; i += 1000) this.journal.append(all.slice(i, i + 1000));
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    this.journal[Symbol.dispose]();
  }
}
