/**
 * The user's cache folder, and keeping what is in it within a budget.
 *
 * @module
 */

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
 * @throws {Error} If the environment names no home.
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
  if (!home) throw new Error("Cannot find a cache folder: set FOVEA_CACHE to one, or HOME");
  return Deno.build.os === "darwin" ? `${home}/Library/Caches/fovea` : `${home}/.cache/fovea`;
}

/** Age at which an unfinished file is taken for one that a killed run left behind: a day. */
const staleMs = 24 * 3600 * 1000;

/**
 * Removes the packs that were not used for longest until `bytes` more fit into the budget, and what killed runs left.
 * Runs that have a removed pack open keep reading it.
 *
 * @param directory Folder of the packs.
 * @param bytes Bytes that are about to be written.
 * @param budgetBytes Bytes that all packs together may take.
 */
export async function makeRoom(directory: string, bytes: number, budgetBytes: number): Promise<void> {
  const packs: { path: string; size: number; used: number }[] = [];
  for await (const { name, isFile } of Deno.readDir(directory)) {
    if (!isFile || !/^pictures-.*\.(pack|tmp)$/.test(name)) continue;
    const path = `${directory}/${name}`;
    const { size, mtime } = await Deno.stat(path);
    const used = mtime?.getTime() ?? 0;
    if (name.endsWith(".pack")) packs.push({ path, size, used });
    else if (Date.now() - used > staleMs) await Deno.remove(path);
  }
  let total = packs.reduce((sum, { size }) => sum + size, bytes);
  for (const { path, size } of packs.sort((a, b) => a.used - b.used)) {
    if (total <= budgetBytes) return;
    await Deno.remove(path);
    total -= size;
  }
}
