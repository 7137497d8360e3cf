/**
 * Runs the command line as a user does.
 */

import manifest from "../../deno.json" with { type: "json" };
import { openWebGpu } from "../../src/device/webgpu/device.ts";

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const root = new URL("../../", import.meta.url);

/** What the task of a command permits; of a word that is none, `train`'s. */
function permissionsOf(command: string): string[] {
  const tasks: Readonly<Record<string, string>> = manifest.tasks;
  const [, permissions] = /^deno run (.*) cli\.ts /.exec(tasks[command] ?? tasks.train)!;
  return permissions.split(" ");
}

/** A running command, with the permissions of its task or of another; everything it writes stays in `cache`. */
export function start(
  args: readonly string[],
  cache: string,
  env: Record<string, string> = {},
  task = args[0],
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissionsOf(task), "--no-check", new URL("cli.ts", root).pathname, ...args],
    env: { FOVEA_CACHE: cache, NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for a command. */
export async function end(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs a command to its end. */
export function fovea(args: readonly string[], cache: string, env?: Record<string, string>): Promise<Ended> {
  return end(start(args, cache, env));
}

/** The last line on standard error: what a user sees of a mistake. */
export function lastLine({ stderr }: Ended): string {
  return stderr.trimEnd().split("\n").at(-1) ?? "";
}

/** Is there a WebGPU adapter here? */
export async function hasWebGpu(): Promise<boolean> {
  const device = await openWebGpu();
  await device?.[Symbol.asyncDispose]();
  return device !== undefined;
}
