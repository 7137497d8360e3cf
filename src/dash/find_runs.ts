/**
 * Finds the runs in a folder.
 *
 * @module
 */

import { join } from "node:path";
import { isFile, isFolder } from "../data/paths.ts";

/** Folders that are looked into: more are no folder of runs. */
const MOST_FOLDERS = 20_000;

/** Is a folder a run? Its checkpoints' folder tells it from projects of other programs. */
async function isRun(folder: string): Promise<boolean> {
  return await isFile(join(folder, "config.json")) && await isFolder(join(folder, "checkpoints"));
}

/**
 * Finds the runs in a folder. Hidden folders, links and what is in runs is passed over, as is what cannot be read.
 *
 * @param folder The folder, which may be a run itself, or not there.
 * @param depth How many folders deep they may be: 1 for those in the folder itself.
 * @returns Their paths.
 */
export async function findRuns(folder: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  let level = [folder];
  let looked = 0;
  for (let deep = 0; deep <= depth && level.length > 0; deep++) {
    const next: string[] = [];
    for (const path of level) {
      if (await isRun(path)) found.push(path);
      else if (deep < depth && looked++ < MOST_FOLDERS) next.push(...await foldersIn(path));
    }
    level = next;
  }
  return found;
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isDirectory, name }) => isDirectory && !name.startsWith(".") && name !== "node_modules")
      .map(({ name }) => join(folder, name)).sort();
  } catch (error) {
    // It may be gone by now, or another's.
    if (!(error instanceof Error && Object.values(Deno.errors).some((kind) => error instanceof kind))) throw error;
    return [];
  }
}
