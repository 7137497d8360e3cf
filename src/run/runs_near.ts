/**
 * The runs that there are where one was looked for in vain.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { firstNames } from "../data/names.ts";
import { isFile } from "../data/paths.ts";
import { nearest } from "../errors.ts";

/** Folders that are looked through. */
const MOST_FOLDERS = 1000;

/**
 * What to do where a run is not: which runs there are near it, the latest first.
 *
 * @param run Where it was looked for.
 * @returns Such as `runs that there are: runs/hair, runs/pets`.
 */
export async function runsNear(run: string): Promise<string> {
  const parent = dirname(run);
  const found: { path: string; time: number }[] = [];
  for (const folder of new Set([parent, join(parent, "runs"), join(dirname(parent), "runs")])) {
    found.push(...await runsIn(folder));
  }
  if (found.length === 0) return "there are no runs near it; give the folder that train wrote";
  const paths = found.sort((a, b) => b.time - a.time).map(({ path }) => path);
  const near = nearest(basename(run), paths.map((path) => basename(path)));
  const meant = paths.find((path) => basename(path) === near);
  return meant ? `did you mean ${firstNames([meant])}?` : `runs that there are: ${firstNames(paths, 5)}`;
}

async function runsIn(folder: string): Promise<{ path: string; time: number }[]> {
  const runs: { path: string; time: number }[] = [];
  try {
    let looked = 0;
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory || looked++ === MOST_FOLDERS) continue;
      const path = join(folder, name);
      if (!await isFile(join(path, "config.json")) || !await isFile(join(path, "split.csv"))) continue;
      runs.push({ path, time: (await Deno.stat(join(path, "config.json"))).mtime?.getTime() ?? 0 });
    }
  } catch (error) {
    // What cannot be looked at has no runs to be named.
    if (!(error instanceof Error && Object.values(Deno.errors).some((kind) => error instanceof kind))) throw error;
  }
  return runs;
}
