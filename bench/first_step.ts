/**
 * A whole process up to the loss of its first training step: `bench/first_step.ts BACKEND MODEL SIZE BATCH DATA`, with
 * a folder of demo faces. For `bench/items/start.ts`.
 *
 * @module
 */

import { openDataset } from "../src/data/open.ts";
import { type Backend, openDevice } from "../src/device/open.ts";
import { createModel } from "../src/models/mod.ts";
import { Trainer } from "../src/train/trainer.ts";

const [backend, name, size, batch, path] = Deno.args;
const data = await openDataset(path, { task: "binary", target: ["Eyeglasses"] });
const { train, val } = data.split({ seed: 1 });
const trainer = new Trainer({
  device: await openDevice(backend as Backend),
  model: createModel(name, { classes: data.outputs, imageSize: Number(size) }),
  ...{ task: data.task, epochs: 1, batch: Number(batch), logEvery: 1 },
  // The loss is read back from the device: the step is done by then.
  trackers: [{ name: "first step", log: () => Deno.exit(0) }],
});
await trainer.fit(train, val);
throw new Error("Training ended without a step");
