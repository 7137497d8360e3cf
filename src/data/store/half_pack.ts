/**
 * A pack in the making, which outlives the run that makes it. Beside its pixels lies a journal, with a line for each
 * few pictures that are done. Whoever makes the same pack next goes on there. Pixels are believed only where their
 * checksums are those of the journal, so that it needs no sync: what a power cut took is decoded again.
 *
 * Who makes a pack holds the journal's lock, of which the system lets go with the process. Where it cannot be had, for
 * another run makes the same pack or the disk has no locks, a pack is made under a name of its own, without a journal.
 *
 * @module
 */

import { systemCode } from "../../errors.ts";
import { Journal } from "./journal.ts";

/** A picture that is done: where its pixels begin in the pack, and why it could not be decoded, or their checksum. */
export type Done = readonly [offset: number, found: string | number];

/** The journal of a pack in the making. */
export function journalOf(temporary: string): string {
  return temporary.replace(/\.tmp$/, ".journal");
}

/** A pack in the making. */
export class HalfPack implements Disposable {
  private constructor(
    /** Where pixels are written. */
    readonly path: string,
    /** What was done before, by where pixels begin. */
    readonly done: ReadonlyMap<number, string | number>,
    private readonly file: Deno.FsFile,
    private readonly journal: Journal<Done> | undefined,
  ) {}

  /**
   * Begins a pack, or takes up the one that a killed run left.
   *
   * @param pack What it will be called; its folder exists.
   * @param bytes Bytes of all its pixels.
   * @param onName Is told the name under which it is made, before there is a file of it.
   * @throws {Error} The system's, if it cannot be written.
   */
  static async open(pack: string, bytes: number, onName: (path: string) => Promise<void>): Promise<HalfPack> {
    const stem = pack.slice(0, -".pack".length);
    const journal = await Journal.open<Done>(`${stem}.journal`);
    const path = journal ? `${stem}.tmp` : `${stem}-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
    let file: Deno.FsFile | undefined;
    try {
      await onName(path);
      const made = journal === undefined ? { createNew: true } : { create: true };
      file = await Deno.open(path, { read: true, write: true, ...made });
      // Its own lock tells that it is not left behind. On Windows one would keep the Workers out.
      if (!journal && Deno.build.os !== "windows") await file.tryLock(true).catch(() => false);
      await file.truncate(bytes);
      return new HalfPack(path, new Map(journal?.entries), file, journal);
    } catch (error) {
      if (file !== undefined) await remove(path);
      file?.close();
      journal?.[Symbol.dispose]();
      throw error;
    }
  }

  /** Keeps what was done since; written at once, so that a kill loses none of it. */
  record(done: readonly Done[]): void {
    this.journal?.append(done);
  }

  /** Ends the making: the pack has its name, whole and on the disk, with a text after its pixels. */
  async finish(pack: string, bytes: number, trailer: Uint8Array): Promise<void> {
    await this.file.seek(bytes, Deno.SeekMode.Start);
    for (let at = 0; at < trailer.length;) at += await this.file.write(trailer.subarray(at));
    await this.file.sync();
    await Deno.rename(this.path, pack);
    if (this.journal) await remove(journalOf(this.path));
  }

  /** Removes what was made: the disk has no room for it. */
  async discard(): Promise<void> {
    await remove(this.path);
    if (this.journal) await remove(journalOf(this.path));
  }

  /** Lets go of it. */
  [Symbol.dispose](): void {
    this.file.close();
    this.journal?.[Symbol.dispose]();
  }
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (systemCode(error) === undefined) throw error;
  });
}
