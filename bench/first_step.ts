/**
 * A whole process up to its first training step: `bench/first_step.ts MODEL SIZE BATCH`. For `bench/items/start.ts`.
 *
 * @module
 */

import { createModel } from "../src/models/mod.ts";
import { openDevice } from "../src/device/open.ts";
import { prepare, trainingStep } from "./programs.ts";

const [name, size, batch] = Deno.args;
await using device = await openDevice("webgpu");
const model = createModel(name, { classes: 1000, imageSize: Number(size) });
model.initialize(1);
using _prepared = await prepare(device, trainingStep(model, Number(batch)), 0.02);
