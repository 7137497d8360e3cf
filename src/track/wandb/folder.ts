/**
 * The folder of a run for W&B: `wandb/offline-run-<time>-<id>/` in the run directory, which the official client's
 * `wandb sync` uploads.
 *
 * ```text
 * run-<id>.wandb          every record, in order
 * files/config.yaml       settings
 *       wandb-summary.json, wandb-metadata.json, output.log
 *       media/images/     pictures, by key, step and hash
 * uploaded.txt            names of the pictures that a server has
 * ```
 *
 * A run that is resumed goes on in the same folder, under the same id: records of later steps and the end of the former
 * process are taken out.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { ifThere, writeAtomic } from "../../files.ts";
import type { Codec, Fields } from "../protobuf.ts";
import { chunksOf, fileOf, MAGIC, recordsIn } from "./frames.ts";
import type { messages } from "./messages.ts";

/** Letters and digits of a run's id. */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** The folder of one run. */
export class RunFolder {
  /** Where it is. */
  readonly path: string;
  /** The run's id: 8 letters and digits. */
  readonly id: string;
  readonly #codec: Codec<typeof messages>;
  #file?: Deno.FsFile;
  /** Bytes of the records file. */
  #length = 0;
  /** Records in the file. */
  #count = 0;

  private constructor(path: string, id: string, codec: Codec<typeof messages>) {
    this.path = path;
    this.id = id;
    this.#codec = codec;
  }

  /** Makes the folder of a run that begins. */
  static async create(run: string, codec: Codec<typeof messages>): Promise<RunFolder> {
    const random = crypto.getRandomValues(new Uint32Array(8));
    const id = Array.from(random, (value) => ALPHABET[value % ALPHABET.length]).join("");
    const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "_");
    const folder = new RunFolder(join(run, "wandb", `offline-run-${time}-${id}`), id, codec);
    await Deno.mkdir(join(folder.path, "files", "media", "images"), { recursive: true });
    await writeAtomic(folder.#log, new Uint8Array(MAGIC));
    await folder.#open();
    return folder;
  }

  /**
   * Takes up the folder of a run that goes on.
   *
   * @param keep Says of each record whether it still counts.
   * @returns The folder and the records kept; undefined where the run has none.
   */
  static async takeUp(
    run: string,
    codec: Codec<typeof messages>,
    keep: (record: Fields) => boolean,
  ): Promise<{ folder: RunFolder; records: Fields[] } | undefined> {
    const found = await findFolder(join(run, "wandb"));
    if (!found) return undefined;
    const folder = new RunFolder(join(run, "wandb", found.name), found.id, codec);
    const whole = recordsIn(await ifThere(Deno.readFile(folder.#log)) ?? new Uint8Array(MAGIC));
    if (!whole) throw new Error(`${folder.#log} is no file of W&B's records; move it away`);
    const kept = whole.records.map((bytes) => ({ bytes, record: codec.decode("Record", bytes) }))
      .filter(({ record }) => keep(record));
    await writeAtomic(folder.#log, fileOf(kept.map(({ bytes }) => bytes)));
    await folder.unmark();
    await folder.#open();
    folder.#count = kept.length;
    return { folder, records: kept.map(({ record }) => record) };
  }

  get #log(): string {
    return join(this.path, `run-${this.id}.wandb`);
  }

  async #open(): Promise<void> {
    this.#file = await Deno.open(this.#log, { append: true });
    this.#length = (await this.#file.stat()).size;
  }

  /** Adds a record. Records are added one at a time. */
  async append(record: Fields): Promise<void> {
    const chunks = chunksOf(this.#codec.encode("Record", { num: ++this.#count, ...record }), this.#length);
    for (let written = 0; written < chunks.length;) written += await this.#file!.write(chunks.subarray(written));
    this.#length += chunks.length;
  }

  /** Path of a file that belongs to the run. */
  file(name: string): string {
    return join(this.path, "files", name);
  }

  /** Writes a file that belongs to the run. */
  async write(name: string, data: string | Uint8Array): Promise<void> {
    await Deno.mkdir(dirname(this.file(name)), { recursive: true });
    await writeAtomic(this.file(name), data);
  }

  /** Keeps that a server has files. */
  async keepUploaded(names: readonly string[]): Promise<void> {
    await Deno.writeTextFile(this.#uploaded, names.map((name) => `${name}\n`).join(""), { append: true });
  }

  /** Names of the files that a server has. */
  async uploaded(): Promise<Set<string>> {
    const text = await ifThere(Deno.readTextFile(this.#uploaded));
    return new Set(text?.split("\n"));
  }

  get #uploaded(): string {
    return join(this.path, "uploaded.txt");
  }

  /** Says to `wandb sync` that all of it is on the server. */
  mark(): Promise<void> {
    return writeAtomic(`${this.#log}.synced`, "");
  }

  /** Says to `wandb sync` that there is more. */
  async unmark(): Promise<void> {
    await ifThere(Deno.remove(`${this.#log}.synced`));
  }

  /** Closes the records. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** The folder with the last name: names begin with the time. */
async function findFolder(folder: string): Promise<{ name: string; id: string } | undefined> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) if (isDirectory) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const found = names.flatMap((name) => {
    const [, id] = /^offline-run-\d{8}_\d{6}-(\w+)$/.exec(name) ?? [];
    return id ? [{ name, id }] : [];
  });
  return found.sort((a, b) => a.name < b.name ? -1 : 1).at(-1);
}
