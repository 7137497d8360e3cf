/**
 * The bench: `deno task bench [ITEM…] [--gpu] [--json FILE]` prints a table for each item, with the machine, the adapter
 * and its rates above them. Every figure is a ratio to something measured in the same run.
 *
 * @module
 */

import { type Command, parseCommand, path, toggle } from "../src/cli/command.ts";
import { describe } from "../src/cli/help.ts";
import { openDevice } from "../src/device/open.ts";
import { UserError } from "../src/errors.ts";
import type { Context, Item } from "./item.ts";
import { convolution } from "./items/convolution.ts";
import { gpujs } from "./items/gpujs.ts";
import { growth } from "./items/growth.ts";
import { half } from "./items/half.ts";
import { inference } from "./items/inference.ts";
import { loop } from "./items/loop.ts";
import { matmul } from "./items/matmul.ts";
import { memory } from "./items/memory.ts";
import { start } from "./items/start.ts";
import { training } from "./items/training.ts";
import { ratesOf, squareSide } from "./programs.ts";
import { markdown, type Table } from "./table.ts";

const items: readonly Item[] = [matmul, convolution, training, inference, loop, memory, half, start, growth, gpujs];

const command = {
  name: "bench",
  summary: "times Fovea and its peers side by side, a table for each item; 20 minutes for all on two cores",
  example: "matmul training --json bench.json",
  words: { usage: "[ITEM…]", min: 0, max: items.length, paths: false },
  flags: {
    gpu: toggle({ help: "sizes for a GPU instead of those for a processor" }),
    json: path({ help: "file that keeps the tables", byDefault: "they are only printed", placeholder: "FILE" }),
  },
} satisfies Command;

/** The items that are asked for, and how; undefined when the help is. */
function asked(): { wanted: readonly Item[]; gpu: boolean; json?: string } | undefined {
  if (Deno.args.includes("--help")) {
    console.log(describe("deno task", command));
    console.log(`Items (default: all)\n  ${items.map(({ name }) => name).join(", ")}`);
    return undefined;
  }
  try {
    const { options, words } = parseCommand(command, Deno.args);
    const unknown = words.filter((word) => !items.some(({ name }) => name === word));
    if (unknown.length > 0) {
      throw new UserError(
        `There is no item ${unknown.join(", ")}; give some of ${
          items.map(({ name }) => name).join(", ")
        }, or none for all`,
      );
    }
    return { wanted: words.length === 0 ? items : items.filter(({ name }) => words.includes(name)), ...options };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}

const given = asked();
if (!given) Deno.exit(0);
const { wanted, gpu, json } = given;
await using device = await openDevice("webgpu");
const rates = await ratesOf(device, squareSide(gpu));
const context: Context = { device, isGpu: gpu };
const machine =
  `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} cores; ` +
  `${device.description}: matmul ${(rates.flops / 1e9).toFixed(1)} GFLOP/s, copy ${
    (rates.bytes / 1e9).toFixed(1)
  } GB/s`;
console.log(`${machine}\n`);
const tables: Table[] = [];
for (const item of wanted) {
  const table = await item.run(context);
  console.log(`${markdown(table)}\n`);
  tables.push(table);
  // After each, so that a later fault loses nothing.
  if (json) await Deno.writeTextFile(json, `${JSON.stringify({ machine, tables }, undefined, 2)}\n`);
}
