/**
 * What runs leave behind.
 *
 * @module
 */

import { assert } from "@std/assert";
import { join } from "node:path";

/**
 * Bytes of every checkpoint of a run, and its log without the times. Which one was the last before the last depends on
 * where a run was stopped.
 */
export async function traces(run: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name } of Deno.readDir(join(run, "checkpoints"))) {
    if (name === "previous.safetensors") continue;
    const bytes = await Deno.readFile(join(run, "checkpoints", name));
    found[name] = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  }
  const log = await Deno.readTextFile(join(run, "metrics.jsonl"));
  found.log = log.replaceAll(/"imagesPerSecond":[\d.e+-]+/g, "");
  return found;
}

/** Copies what a run has written so far. */
export async function copyRun(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyRun(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Waits until a run has written a file. */
export async function appears(path: string, child: Deno.ChildProcess): Promise<void> {
  let ended = false;
  child.status.then(() => ended = true);
  while (!await Deno.stat(path).then(() => true, () => false)) {
    assert(!ended, `the run ended before it wrote ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
