/**
 * Times the ways to compute a model's training step and adds those that beat the heuristic to
 * `src/device/webgpu/stored_choices.json`, which comes with Fovea:
 *
 * ```sh
 * deno run -A bench/store_choices.ts naive-cnn 64 32 quick   # model, image size, batch, effort
 * ```
 *
 * A network of the bench has its own image size. Nothing else may run beside it. At the end it says how a step with the
 * choices compares with one by the heuristic.
 *
 * @module
 */

import { openDevice } from "../src/device/open.ts";
import { storedChoices } from "../src/device/webgpu/stored_choices.ts";
import { writeAtomic } from "../src/files.ts";
import { Choices } from "../src/graph/choices.ts";
import { createModel } from "../src/models/mod.ts";
import { networksFor } from "./networks.ts";
import { deviceSecondsOf, prepare, trainingStep } from "./programs.ts";

const [name = "naive-cnn", imageSize = "64", batch = "32", effort = "quick"] = Deno.args;
if (effort !== "quick" && effort !== "full") throw new TypeError(`Cannot tune with effort ${effort}: quick or full`);
const path = new URL("../src/device/webgpu/stored_choices.json", import.meta.url);

await using device = await openDevice("webgpu");
const network = networksFor(false).find((network) => network.name === name);
const model = network?.model() ?? createModel(name, { classes: 5, imageSize: Number(imageSize) });
const graph = trainingStep(model, Number(batch));
const { choices } = await device.tune!([graph], { effort, known: {} });

using ruled = await prepare(device, graph, 0.02, new Choices());
using chosen = await prepare(device, graph, 0.02, choices);
// In turns, so that what the machine does besides hits both.
const ratios: number[] = [];
for (let k = 0; k < 5; k++) ratios.push(await deviceSecondsOf(ruled, 1) / await deviceSecondsOf(chosen, 1));
const [, , ratio] = ratios.sort((a, b) => a - b);
console.log(
  `${name} ${imageSize}, batch ${batch}: ${Object.keys(choices.entries).length} timed, ${
    ratio.toFixed(2)
  } times as fast as by rules`,
);

// Versions stand in brackets: `llvmpipe (LLVM 15.0.6, 256 bits)`.
const adapter = device.description.split(" (")[0];
const before = storedChoices.find((stored) => stored.adapter === adapter)?.choices ?? {};
const { entries } = new Choices(before, choices.entries);
const others = storedChoices.filter((stored) => stored.adapter !== adapter);
await writeAtomic(path.pathname, `${JSON.stringify([...others, { adapter, choices: entries }], null, 2)}\n`);
