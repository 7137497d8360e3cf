/**
 * From the command to the first step.
 *
 * @module
 */

import type { Item } from "../item.ts";
import { type Cell, median } from "../table.ts";

const root = new URL("../../", import.meta.url).pathname;

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
    const first = "bench/first_step.ts";
    const cases: readonly (readonly [what: string, args: readonly string[], most: number])[] = [
      ["`--help`", ["cli.ts", "--help"], 0.3],
      ["first step of naive-cnn at 64², batch 32", [first, "naive-cnn", "64", "32"], 5],
      ["first step of resnet50 at 224², batch 8", [first, "resnet50", "224", "8"], 15],
    ];
    const rows: Cell[][] = [];
    for (const [what, args, most] of cases) rows.push([what, await medianOf(args), most]);
    return {
      title: "From the command to the first step, s, with warm caches",
      columns: ["what", "s", "at most"],
      rows,
    };
  },
};
