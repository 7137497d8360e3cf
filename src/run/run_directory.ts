/**
 * The run directory: what a run leaves behind.
 *
 * ```text
 * runs/<name>/
 *   config.json        what repeats this run
 *   split.csv          file, label(s), split
 *   tuning.json        the variant by which each call is computed
 *   metrics.jsonl      a record per log step and per validation; metrics.csv has the same
 *   curves.svg, .png   loss and validation accuracy over the steps
 *   checkpoints/       epoch-001.safetensors …, best.safetensors, last.safetensors
 *   test/              metrics.json, predictions.csv, confusion.svg and .png
 *   tensorboard/       event files, and wandb/, a folder for W&B, where they are asked for
 * ```
 *
 * Every file is written beside its final name and renamed: whenever a run is killed, the old or the new one is there.
 *
 * What trackers write (`metrics.jsonl` and the like) is appended to. A lock keeps a second run out of the directory.
 *
 * @module
 */

import { join } from "node:path";
import { type DirectoryLock, lockDirectory, removeTemporaries, writeAtomic } from "../files.ts";
import { option, UserError } from "../errors.ts";
import { encodeSafetensors, readSafetensors } from "../interop/safetensors_file.ts";
import { type Checkpoint, type CheckpointInfo, infoOf, metadataOf, type Tensors } from "./checkpoint.ts";
import { readConfig } from "./config.ts";

/** A run directory that is being written. Nothing is on disk before {@link RunDirectory.begin}. */
export class RunDirectory {
  /** Where it is, as given. */
  readonly path: string;
  /** Settings that the trainer does not know, such as how the data were opened. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly #files: Readonly<Record<string, string>>;
  #lock?: DirectoryLock;

  /**
   * Names the directory without touching the disk.
   *
   * @param path Where; the folder need not exist.
   * @param settings Values of settings that the trainer does not know, for `config.json`.
   * @param files Texts of further files that the run starts with, by name.
   */
  constructor(
    path: string,
    settings: Readonly<Record<string, unknown>> = {},
    files: Readonly<Record<string, string>> = {},
  ) {
    this.path = path;
    this.settings = settings;
    this.#files = files;
  }

  /** Does the run start with a file of this name? */
  has(name: string): boolean {
    return name in this.#files;
  }

  /**
   * Makes the directory.
   *
   * @param facts What the trainer knows of the run.
   * @param files Texts of further files that the run starts with, by name.
   * @throws UserError when there is something else, or another run is writing there.
   */
  async begin(
    facts: Readonly<Record<string, unknown>>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    if (await isOccupied(this.path)) {
      throw new UserError(
        `Cannot write a run to ${this.path}: it is not empty; give another ${option("out")}, or go on with ${
          option("resume")
        } ${this.path}`,
      );
    }
    await Deno.mkdir(join(this.path, "checkpoints"), { recursive: true });
    this.#lock = await lockDirectory(this.path);
    for (const [name, text] of Object.entries({ ...this.#files, ...files })) {
      await writeAtomic(join(this.path, name), text);
    }
    await writeAtomic(join(this.path, "config.json"), `${JSON.stringify(facts, null, 2)}\n`);
  }

  /** Takes up a directory that was begun before. Throws UserError when another run is writing there. */
  async reopen(): Promise<void> {
    await readConfig(this.path);
    this.#lock = await lockDirectory(this.path);
    // What a killed run was writing when it was killed.
    for (const folder of [this.path, join(this.path, "checkpoints")]) await removeTemporaries(folder);
  }

  /** Lets other runs in. */
  async close(): Promise<void> {
    await this.#lock?.[Symbol.asyncDispose]();
    this.#lock = undefined;
  }

  /** Saves a checkpoint; gives its path. */
  async saveCheckpoint(name: string, tensors: Tensors, info: CheckpointInfo): Promise<string> {
    const path = checkpointPath(this.path, name);
    await writeAtomic(path, encodeSafetensors(tensors, metadataOf(info)));
    return path;
  }

  /** Reads a checkpoint of this run. */
  loadCheckpoint(name: string): Promise<Checkpoint> {
    return loadCheckpoint(this.path, name);
  }
}

/** Path of a checkpoint of the run at `run`: `best`, `last`, or `epoch-001`. */
export function checkpointPath(run: string, name: string): string {
  return join(run, "checkpoints", `${name}.safetensors`);
}

/** Name of an epoch's checkpoint, from 1. */
export function epochName(epoch: number): string {
  return `epoch-${String(epoch).padStart(3, "0")}`;
}

/**
 * Reads a checkpoint of a run.
 *
 * @throws UserError when there is none, or it is broken.
 */
export async function loadCheckpoint(run: string, name: string): Promise<Checkpoint> {
  const path = checkpointPath(run, name);
  const { tensors, metadata } = await readSafetensors(path);
  return { tensors, info: infoOf(metadata, path) };
}

/** Is there anything in the folder? Locks that ended runs left do not count. */
async function isOccupied(path: string): Promise<boolean> {
  try {
    for await (const entry of Deno.readDir(path)) if (!entry.name.startsWith(".")) return true;
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotADirectory) return true;
    throw error;
  }
}
