/**
 * The run directory: what a run leaves behind.
 *
 * ```text
 * runs/<name>/
 *   config.json        what repeats this run
 *   split.csv          file, label(s), split
 *   tuning.json        the variant by which each call is computed
 *   metrics.jsonl      a record per log step and per validation; metrics.csv has the same
 *   live.json          what the live page shows beside that: steps of an epoch, the last validation
 *   curves.svg, .png   loss and validation accuracy over the steps
 *   checkpoints/       epoch-001.safetensors …, best.safetensors, last.safetensors, previous.safetensors
 *   test/              metrics.json, predictions.csv, confusion.svg and .png
 *   tensorboard/       event files, and wandb/, a folder for W&B, where they are asked for
 * ```
 *
 * Every file is written beside its final name and renamed: whenever a run is killed, the old or the new one is there.
 *
 * `previous` is the `last` before the last: where a disk has damaged one of them, a run goes on from the other. What
 * a damaged `best` held is in the checkpoint of its epoch, too.
 *
 * What trackers write (`metrics.jsonl` and the like) is appended to. A lock keeps a second run out of the directory.
 *
 * @module
 */

import { join } from "node:path";
import { option, systemCode, systemFault, UserError } from "../errors.ts";
import { makeFolder, removeTemporaries, writeAtomic } from "../files.ts";
import { HASH_KEY } from "../interop/safetensors.ts";
import { encodeSafetensors, readSafetensors } from "../interop/safetensors_file.ts";
import { type DirectoryLock, lockDirectory } from "../lock.ts";
import { type Checkpoint, type CheckpointInfo, infoOf, metadataOf, type Progress, type Tensors } from "./checkpoint.ts";
import { readConfig } from "./config.ts";

/** A run directory that is being written. Nothing is on disk before {@link RunDirectory.begin}. */
export class RunDirectory {
  /** Where it is, as given. */
  readonly path: string;
  /** Settings that the trainer does not know, such as how the data were opened. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly #files: Readonly<Record<string, string>>;
  #lock?: DirectoryLock;
  /** Is `last` known to be whole? Only then it may take the place of the one before. */
  #isLastWhole = false;
  /** The best epochs that `last` and `previous` name, where they do. */
  readonly #bests: (number | undefined)[] = [];

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

  /** Text of a file of this name that the run starts with. */
  textOf(name: string): string | undefined {
    return Object.hasOwn(this.#files, name) ? this.#files[name] : undefined;
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
    await this.checkFree();
    await makeFolder(join(this.path, "checkpoints"));
    this.#lock = await lockDirectory(this.path);
    for (const [name, text] of Object.entries({ ...this.#files, ...files })) {
      await writeAtomic(join(this.path, name), text);
    }
    await this.updateConfig(facts);
  }

  /** Writes `config.json`. */
  async updateConfig(facts: Readonly<Record<string, unknown>>): Promise<void> {
    await writeAtomic(join(this.path, "config.json"), `${JSON.stringify(facts, null, 2)}\n`);
  }

  /**
   * Refuses a directory that holds something; what can be told before a run begins.
   *
   * @throws UserError when there is something.
   */
  async checkFree(): Promise<void> {
    if (!await isOccupied(this.path)) return;
    throw new UserError(
      `Cannot write a run to ${this.path}: it is not empty; give another ${option("out")}, or go on with ${
        option("resume")
      } ${this.path}`,
    );
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

  /**
   * Removes checkpoints of epochs. What the last checkpoint names as the best epoch is among those that are kept, and
   * what the one before it names is kept besides: a run that goes back to that needs it.
   *
   * @param count How many are kept: the best epoch's, and the latest.
   */
  async keepCheckpoints(count: number): Promise<void> {
    const [best] = this.#bests;
    const folder = join(this.path, "checkpoints");
    const epochs: number[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      const [, number] = /^epoch-(\d+)\.safetensors$/.exec(name) ?? [];
      if (number !== undefined) epochs.push(Number(number));
    }
    const latest = epochs.filter((epoch) => epoch !== best).sort((a, b) => b - a);
    const isBestThere = best !== undefined && epochs.includes(best);
    for (const epoch of latest.slice(Math.max(0, count - Number(isBestThere)))) {
      if (this.#bests.includes(epoch)) continue;
      await Deno.remove(checkpointPath(this.path, epochName(epoch)));
    }
  }

  /** Saves what the next step depends on, and keeps what was saved before; gives its path. */
  async saveLast(tensors: Tensors, info: CheckpointInfo): Promise<string> {
    if (this.#isLastWhole) await keepPrevious(this.path);
    const path = await this.saveCheckpoint("last", tensors, info);
    this.#isLastWhole = true;
    this.#bests.unshift(info.progress?.best?.epoch);
    this.#bests.length = Math.min(this.#bests.length, 2);
    return path;
  }

  /** Reads what the next step depends on: `last`, or where that is damaged what was saved before it. */
  async loadLast(onWarning: (message: string) => void): Promise<Checkpoint> {
    const found = await loadLast(this.path, onWarning, ({ progress }) => progress !== undefined);
    this.#isLastWhole = found.name === "last";
    this.#bests.unshift(found.checkpoint.info.progress?.best?.epoch);
    return found.checkpoint;
  }

  /** Reads the weights of the best epoch, and writes them anew where they were damaged. */
  async loadBest(epoch: number, onWarning: (message: string) => void): Promise<Checkpoint> {
    const { checkpoint, name } = await loadBest(this.path, epoch, onWarning);
    if (name !== "best") await this.saveCheckpoint("best", checkpoint.tensors, checkpoint.info);
    return checkpoint;
  }
}

/** Is told of a file that is damaged, and of what takes its place. */
export type OnWarning = (message: string) => void;

/** Name of the checkpoint that was the last one before `last`. */
export const PREVIOUS = "previous";

/** Gives `last` a second name, under which it stays when `last` is written anew. */
async function keepPrevious(run: string): Promise<void> {
  const [last, previous] = ["last", PREVIOUS].map((name) => checkpointPath(run, name));
  const link = join(run, "checkpoints", `.${PREVIOUS}.${Deno.pid}-0.tmp`);
  try {
    await Deno.remove(link).catch(() => {});
    await Deno.link(last, link);
    await Deno.rename(link, previous);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    // A disk without hard links, or a run whose `last` someone has removed.
    await Deno.rename(last, previous).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw systemFault(`Cannot rename ${last}`, error);
    });
  }
}

/** A checkpoint, and under which name it was found. */
interface Found {
  readonly checkpoint: Checkpoint;
  readonly name: string;
}

/** Reads the first of some checkpoints that is whole; those before it are named. */
async function firstWhole(
  run: string,
  names: readonly string[],
  onWarning: OnWarning,
  isWanted: (info: CheckpointInfo) => boolean = () => true,
): Promise<Found> {
  const faults: UserError[] = [];
  for (const name of names) {
    try {
      const checkpoint = await loadCheckpoint(run, name);
      if (!isWanted(checkpoint.info)) continue;
      for (const { message } of faults) onWarning(`${message}; ${checkpointPath(run, name)} is used in its place`);
      return { checkpoint, name };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      faults.push(error);
    }
  }
  throw faults[0] ?? new UserError(`${run} has no checkpoint ${names.at(-1)}; it was removed, or the run never had it`);
}

/** What the next step of a run depends on: `last`, or where that is damaged what was saved before it, which is told. */
export async function loadLast(
  run: string,
  onWarning: OnWarning,
  isWanted?: (info: CheckpointInfo) => boolean,
): Promise<Found> {
  return await firstWhole(run, ["last", PREVIOUS], onWarning, isWanted);
}

/**
 * The weights of the best epoch; where `best` is damaged, or of a later epoch that the run goes back behind, those of
 * the epoch's own checkpoint.
 *
 * @param epoch The best epoch, from 1, where it is known.
 */
export async function loadBest(run: string, epoch: number | undefined, onWarning: OnWarning): Promise<Found> {
  const isIt = (info: CheckpointInfo) => epoch === undefined || info.epoch === undefined || info.epoch === epoch;
  try {
    return await firstWhole(run, ["best"], onWarning, isIt);
  } catch (error) {
    const progress = await lastProgressOf(run);
    const known = epoch ?? progress?.best?.epoch;
    if (known === undefined) {
      if (!progress) throw error;
      throw new UserError(
        `${run} has no best checkpoint yet, since none of its epochs was finished: go on with it, or set ${
          option("checkpoint")
        } last`,
      );
    }
    return await firstWhole(run, ["best", epochName(known)], onWarning, isIt);
  }
}

/** How far a run was when it was last saved; undefined where that does not tell. */
async function lastProgressOf(run: string): Promise<Progress | undefined> {
  try {
    return (await loadLast(run, () => {})).checkpoint.info.progress;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
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
  // Every checkpoint is written with its hash: where the key is gone, so may be anything else.
  if (metadata[HASH_KEY] === undefined) {
    throw new UserError(
      `Cannot read ${path}: it has lost its hash; the file was damaged or changed after it was written`,
    );
  }
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
    throw systemFault(`Cannot write a run to ${path}`, error);
  }
}
