/**
 * The user's cache folder, and keeping what is in it within a budget.
 *
 * @module
 */

import { systemCode, UserError } from "../../errors.ts";
import { journalOf } from "./half_pack.ts";

/** What the cache is allowed to do. */
export interface CacheOptions {
  /** `auto` keeps decoded pictures on disk, `off` decodes them every time. */
  readonly mode: "auto" | "off";
  /** Bytes that all packs together may take. 4 GiB by default. */
  readonly budgetBytes?: number;
  /** Folder of the packs; the user's cache folder by default. */
  readonly directory?: string;
}

/** Bytes that all packs together may take, unless told otherwise: 4 GiB. */
export const defaultBudgetBytes: number = 4 * 2 ** 30;

/**
 * The folder for what can be made again: `FOVEA_CACHE` where it is set, else `fovea` in the platform's cache folder.
 *
 * @returns The folder, which need not exist yet.
 * @throws {UserError} If the environment names no home.
 */
export function cacheFolder(): string {
  const own = Deno.env.get("FOVEA_CACHE");
  if (own) return own;
  if (Deno.build.os === "windows") {
    const local = Deno.env.get("LOCALAPPDATA");
    if (local) return `${local}\\fovea`;
  }
  const xdg = Deno.env.get("XDG_CACHE_HOME");
  if (xdg) return `${xdg}/fovea`;
  const home = Deno.env.get("HOME");
  if (!home) throw new UserError("Cannot find a cache folder: set FOVEA_CACHE to one, or HOME");
  return Deno.build.os === "darwin" ? `${home}/Library/Caches/fovea` : `${home}/.cache/fovea`;
}

/** Age at which an unfinished file is taken for one that a killed run left behind, where locks do not tell: a day. */
const STALE_MS = 24 * 3600 * 1000;

/** Age at which what is known of files is thrown away, if it was not used: 90 days. */
const UNUSED_MS = 90 * STALE_MS;

/** What lies in the cache folder: a pack, or one in the making. */
interface Found {
  readonly path: string;
  readonly size: number;
  /** When it was last used, in ms since 1970. */
  readonly used: number;
}

/**
 * Removes packs until `bytes` more fit into the budget: first halves that killed runs left, then those that were not
 * used for longest. What such runs left that nobody can go on with is removed in any case. What other runs are just
 * making counts, too. Runs that have a removed pack open keep reading it.
 *
 * @param directory Folder of the packs.
 * @param bytes Bytes that are about to be written.
 * @param budgetBytes Bytes that all packs together may take.
 * @param own The file that they are written to.
 */
export async function makeRoom(directory: string, bytes: number, budgetBytes: number, own?: string): Promise<void> {
  const halves: Found[] = [];
  const packs: Found[] = [];
  let total = bytes;
  const entries = await Array.fromAsync(Deno.readDir(directory));
  const names = new Set(entries.map(({ name }) => name));
  for (const { name, isFile } of entries) {
    const path = `${directory}/${name}`;
    // What of demo faces, of rates or of tuning was being written. It is small, and has no lock: age tells.
    if (/^\.(fovea-demo-|.+\.\d+-\d+\.tmp$)/.test(name)) await removeOld(path, STALE_MS);
    if (/^files-.*\.journal$/.test(name)) await removeOld(path, UNUSED_MS);
    if (!isFile || path === own || !/^pictures-.*\.(pack|tmp|journal)$/.test(name)) continue;
    const found = await look(path);
    if (!found) continue;
    if (name.endsWith(".pack")) packs.push(found);
    else if (name.endsWith(".journal")) {
      // Of a half that is gone.
      if (!names.has(name.replace(/journal$/, "tmp")) && await isLeft(found)) await isRemoved(path);
      continue;
    } else if (names.has(journalOf(name))) {
      if (await isLeft({ ...found, path: journalOf(path) })) halves.push(found);
    } else if (await isLeft(found) && await isRemoved(path)) continue;
    total += found.size;
  }
  const byUse = (a: Found, b: Found) => a.used - b.used;
  for (const { path, size } of [...halves.sort(byUse), ...packs.sort(byUse)]) {
    if (total <= budgetBytes) return;
    if (!await isRemoved(path)) continue;
    total -= size;
    if (path.endsWith(".tmp")) await isRemoved(journalOf(path));
  }
}

/** Removes what was not used for so many milliseconds. */
async function removeOld(path: string, age: number): Promise<void> {
  const found = await look(path);
  if (found && Date.now() - found.used > age) await isRemoved(path);
}

/** Size and age of a file; undefined where another run was quicker to remove or to rename it. */
async function look(path: string): Promise<Found | undefined> {
  try {
    const { size, mtime } = await Deno.stat(path);
    return { path, size, used: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Did the run that was making a file die? Whoever makes one holds its lock, of which the system lets go with the
 * process.
 */
async function isLeft({ path, used }: Found): Promise<boolean> {
  const isOld = Date.now() - used > STALE_MS;
  if (Deno.build.os === "windows" && path.endsWith(".tmp")) return isOld;
  try {
    using file = await Deno.open(path, { read: true, write: true });
    return await file.tryLock(true);
  } catch {
    // Gone meanwhile, another user's, or on a disk without locks.
    return isOld;
  }
}

/** Removes a file, unless it is another user's or in use; gives whether it is gone. */
async function isRemoved(path: string): Promise<boolean> {
  try {
    await Deno.remove(path, { recursive: true });
    return true;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return error instanceof Deno.errors.NotFound;
  }
}
