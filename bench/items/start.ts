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
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", ...args],
    ...{ cwd: root, stdout: "null", stderr: "piped" },
  }).output();
  if (!success) throw new Error(`${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return (performance.now() - start) / 1000;
}

/** Median of three, after one that fills the caches. */
async function medianOf(args: readonly string[]): Promise<number> {
  await run(args);
  return median([await run(args), await run(args), await run(args)]);
}

export const start: Item = {
  name: "start",
  async run() {
    const folder = await Deno.makeTempDir();
    try {
      const faces = `${folder}/faces`;
      await makeDemo({ count: 64, size: 224, directory: faces });
      const rows: Cell[][] = [["`--help`", await medianOf(["cli.ts", "--help"]), 0.3]];
      for (const [name, size, batch, most] of networks) {
        const seconds = await medianOf(["bench/first_step.ts", name, `${size}`, `${batch}`, faces]);
        rows.push([`the first loss of ${name} at ${size}², batch ${batch}`, seconds, most]);
      }
      return {
        title: "From the command to the first step, s, with warm caches",
        columns: ["what", "s", "at most"],
        rows,
      };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
