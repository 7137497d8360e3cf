/**
 * The bench: `deno task bench [ITEM…] [--gpu] [--json FILE]` prints a table for each item, with the machine, the
 * adapter and its rates above them. Every figure is a ratio to something measured in the same run. `--gpu` without
 * items is the report of a card (`gpu/report.ts`), to be sent.
 *
 * @module
 */

import { type Command, flag, flagName, parseCommand, toggle } from "../src/cli/command.ts";
import { describe } from "../src/cli/help.ts";
import { openDevice } from "../src/device/open.ts";
import { UserError } from "../src/errors.ts";
import { choice, integer, names, path } from "../src/run/kinds.ts";
import { deviceSettings } from "../src/run/settings/device.ts";
import { reportOnCard } from "./gpu/report.ts";
import type { Item } from "./item.ts";
import { augment } from "./items/augment.ts";
import { convolution } from "./items/convolution.ts";
import { gpujs } from "./items/gpujs.ts";
import { growth } from "./items/growth.ts";
import { half } from "./items/half.ts";
import { inference } from "./items/inference.ts";
import { kernels } from "./items/kernels.ts";
import { loop } from "./items/loop.ts";
import { matmul } from "./items/matmul.ts";
import { memory } from "./items/memory.ts";
import { start } from "./items/start.ts";
import { training } from "./items/training.ts";
import { ratesOf, squareSide } from "./programs.ts";
import { markdown, type Table } from "./table.ts";

const items: readonly Item[] = [
  matmul,
  convolution,
  training,
  inference,
  loop,
  augment,
  memory,
  half,
  start,
  growth,
  gpujs,
  kernels,
];

const command = {
  name: "bench",
  summary: "times Fovea and its peers side by side, a table for each item; 20 minutes for all on two cores",
  example: "matmul training --json bench.json",
  words: { usage: "[ITEM…]", min: 0, max: items.length, paths: false },
  flags: {
    gpu: toggle({ help: "a report of the graphics card, to be sent; with items, these at sizes for a GPU" }),
    backend: flag(deviceSettings.backend.kind, { help: "the device; auto is what train takes", default: "auto" }),
    json: flag(path, { help: "file that keeps the tables", byDefault: "they are only printed", placeholder: "FILE" }),

    quick: toggle({ help: "fewer and smaller: the report in 3 minutes", heading: "With --gpu" }),
    minutes: flag(integer({ min: 1 }), {
      help: "minutes after which nothing more is timed",
      byDefault: "10, with --quick 3",
    }),
    networks: flag(names, {
      help: "networks whose steps and convolutions are timed instead of the report's own",
      default: [],
    }),
    torch: toggle({ default: true, help: "PyTorch beside it, where python3 has it and it sees the card" }),
    adapter: flag(choice(["gpu", "any"]), {
      default: "gpu",
      help: "any takes a software adapter too, at tiny sizes, to try the command; so does FORCE_GPU=1",
    }),
  },
} satisfies Command;

/** Writes the tables that there are. */
async function keep(file: string, report: object): Promise<void> {
  try {
    await Deno.writeTextFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
  } catch (error) {
    throw new UserError(`Cannot keep the tables in ${file} (${(error as Error).message}): give another --json`);
  }
}

async function main(args: readonly string[]): Promise<void> {
  const { options, given, words } = parseCommand(command, args);
  const { gpu, json, backend } = options;
  const known = items.map(({ name }) => name);
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length > 0) {
    throw new UserError(`There is no item ${unknown.join(", ")}; give some of ${known.join(", ")}, or none for all`, 2);
  }
  if (gpu && words.length === 0) {
    return await reportOnCard({ ...options, keep: async (report) => json ? await keep(json, report) : undefined });
  }
  const idle = [...given].filter((flag) => !["gpu", "json", "backend"].includes(flag));
  if (idle.length > 0) throw new UserError(`${idle.map(flagName).join(", ")} takes --gpu without items`, 2);
  await using device = await openDevice(backend);
  const rates = await ratesOf(device, squareSide(gpu));
  const machine =
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}, ${navigator.hardwareConcurrency} cores; ` +
    `${device.name}, ${device.description}: matmul ${(rates.flops / 1e9).toFixed(1)} GFLOP/s, copy ${
      (rates.bytes / 1e9).toFixed(1)
    } GB/s`;
  console.log(`${machine}\n`);
  const tables: Table[] = [];
  // Before the first, so that a fault costs nothing, and after each, so that a later one loses nothing.
  if (json) await keep(json, { machine, tables });
  for (const item of items.filter(({ name }) => words.length === 0 || words.includes(name))) {
    const table = await item.run({ device, backend, isGpu: gpu });
    console.log(`${markdown(table)}\n`);
    tables.push(table);
    if (json) await keep(json, { machine, tables });
  }
}

if (Deno.args.includes("--help")) {
  console.log(describe("deno task", command));
  console.log(`Items (default: all)\n  ${items.map(({ name }) => name).join(", ")}`);
} else {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    Deno.exitCode = error.exitCode;
  }
}
