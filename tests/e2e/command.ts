/**
 * Runs the command line as a user does.
 */

import manifest from "../../deno.json" with { type: "json" };
import { openWebGpu } from "../../src/device/webgpu/device.ts";
import { withVariables } from "../environment.ts";

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

/** Runs a command to its end in a process of its own, as a user does. */
export function spawned(args: readonly string[], cache: string, env?: Record<string, string>): Promise<Ended> {
  return end(start(args, cache, env));
}

/**
 * Runs a command to its end in this process. One of its own costs a second or two before it does anything, and fonts,
 * charts and kernels are read anew: it is for what permissions, signals and pipes are tested by.
 */
export async function fovea(
  args: readonly string[],
  cache: string,
  env: Record<string, string> = {},
): Promise<Ended> {
  using written = capture();
  using _ = withVariables({ FOVEA_CACHE: cache, ...env });
  const { main } = await import("../../cli.ts");
  const code = await main(args);
  return { code, stdout: written.stdout, stderr: written.stderr };
}

/** Takes what this process writes until it is disposed of; nothing of it is a terminal. */
function capture(): Disposable & { readonly stdout: string; readonly stderr: string } {
  const { log, warn, error } = console;
  const written = { stdout: "", stderr: "" };
  for (const to of ["stdout", "stderr"] as const) {
    const decoder = new TextDecoder();
    const writeSync = (bytes: Uint8Array) => {
      written[to] += decoder.decode(bytes, { stream: true });
      return bytes.length;
    };
    Object.assign(Deno[to], { writeSync, isTerminal: () => false });
  }
  const onto = (to: keyof typeof written) => (text: string) => void (written[to] += `${text}\n`);
  Object.assign(console, { log: onto("stdout"), warn: onto("stderr"), error: onto("stderr") });
  return {
    get stdout() {
      return written.stdout;
    },
    get stderr() {
      return written.stderr;
    },
    [Symbol.dispose]() {
      Object.assign(console, { log, warn, error });
      for (const to of ["stdout", "stderr"] as const) {
        // What stands on the object hides what its class has.
        delete (Deno[to] as Partial<typeof Deno.stdout>).writeSync;
        delete (Deno[to] as Partial<typeof Deno.stdout>).isTerminal;
      }
    },
  };
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
