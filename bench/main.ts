/**
 * The bench: `deno task bench [ITEM…] [--gpu] [--json FILE]` prints a table for each item, with the machine, the adapter
 * and its rates above them. Every figure is a ratio to something measured in the same run.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { openDevice } from "../src/device/open.ts";
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

/** What is asked for. */
interface Options {
  readonly _: readonly string[];
  readonly gpu: boolean;
  readonly json?: string;
}

const { _: words, gpu, json } = parseArgs(Deno.args, { boolean: ["gpu"], string: ["json"] }) as unknown as Options;
const unknown = words.filter((word) => !items.some(({ name }) => name === word));
if (unknown.length > 0) {
  console.error(
    `There is no item ${unknown.join(", ")}; give some of ${items.map(({ name }) => name).join(", ")}, or none for all`,
  );
  Deno.exit(2);
}

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
for (const item of items.filter(({ name }) => words.length === 0 || words.includes(name))) {
  const table = await item.run(context);
  console.log(`${markdown(table)}\n`);
  tables.push(table);
  // After each, so that a later fault loses nothing.
  if (json) await Deno.writeTextFile(json, `${JSON.stringify({ machine, tables }, undefined, 2)}\n`);
}
