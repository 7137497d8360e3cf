/**
 * From the command to the first step.
 *
 * @module
 */

import { makeDemo } from "../../src/data/demo/demo.ts";
import type { Item } from "../item.ts";
import { type Cell, median } from "../table.ts";

const root = new URL("../../", import.meta.url).pathname;

/** Networks with the most seconds until their first step is done. */
const networks: readonly (readonly [name: string, size: number, batch: number, most: number])[] = [
  ["naive-cnn", 64, 32, 5],
  ["resnet50", 224, 8, 15],
];

async function run(args: readonly string[]): Promise<number> {
  const start = performance.now();
  await output(args);
  return (performance.now() - start) / 1000;
}

async function output(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...args],
    ...{ cwd: root, stdout: "piped", stderr: "piped" },
  }).output();
  if (!success) throw new Error(`${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Bytes that a fresh main job may fetch. */
const MOST_FETCHED = 30e6;

/** Median of three, after one that fills the caches. */
async function medianOf(args: readonly string[]): Promise<number> {
  await run(args);
  return median([await run(args), await run(args), await run(args)]);
}

export const start: Item = {
  name: "start",
  async run({ backend }) {
    const folder = await Deno.makeTempDir();
    try {
      const faces = `${folder}/faces`;
      await makeDemo({ count: 64, size: 224, directory: faces });
      const rows: Cell[][] = [["`--help`", await medianOf(["cli.ts", "--help"]), 0.3]];
      for (const [name, size, batch, most] of networks) {
        const seconds = await medianOf(["bench/first_step.ts", backend, name, `${size}`, `${batch}`, faces]);
        rows.push([`the first loss of ${name} at ${size}², batch ${batch}`, seconds, most]);
      }
      const fetched = Number(await output(["bench/fetched.ts"]));
      rows.push(["a main job with empty caches fetches, MB (Deno itself aside)", fetched / 1e6, MOST_FETCHED / 1e6]);
      return {
        title: "From the command to the first step, s, with warm caches; and what is fetched before, MB",
        columns: ["what", "s or MB", "at most"],
        rows,
      };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
