/**
 * The whole training loop, from files on disk, beside the bare step: the program that the trainer itself runs.
 *
 * @module
 */

import { makeDemo } from "../../src/data/demo/demo.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import type { Device } from "../../src/device/device.ts";
import { createModel } from "../../src/models/mod.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { runOptionsOf } from "../../src/train/run_options.ts";
import { resolveOptions } from "../../src/train/resolve_options.ts";
import { stepOf, trainingGraph } from "../../src/train/step.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { Channel } from "../../src/track/channel.ts";
import type { Tracker } from "../../src/track/tracker.ts";
import type { Item } from "../item.ts";
import { prepare, secondsOf } from "../programs.ts";
import { type Cell, percent } from "../table.ts";

const [FACES, SIZE, BATCH, EPOCHS] = [640, 64, 32, 4];

/** Images a second of the training epochs from the second on: the first fills caches and compiles. */
async function rateOf(options: TrainerOptions, train: Dataset, val: Dataset): Promise<number> {
  let [images, seconds, logged] = [0, 0, 0];
  const tracker: Tracker = {
    name: "rate",
    log({ epoch, step, imagesPerSecond }) {
      const count = BATCH * (step - logged);
      logged = step;
      if (epoch === 1) return;
      images += count;
      seconds += count / imagesPerSecond;
    },
  };
  await new Trainer({ ...options, trackers: [tracker] }).fit(train, val);
  return images / seconds;
}

async function measure(device: Device, train: Dataset, val: Dataset, cache: "auto" | "off"): Promise<Cell[]> {
  const model = createModel("naive-cnn", { classes: train.outputs, imageSize: SIZE });
  const options = { device, model, task: train.task, epochs: EPOCHS, batch: BATCH, cache: { mode: cache } };
  using bare = await prepare(
    device,
    trainingGraph(
      model,
      stepOf({ ...runOptionsOf(resolveOptions(options), train, new Channel()), batch: BATCH }, train.size),
    ),
    0.02,
  );
  // Before and after: the machine's speed drifts.
  const before = await secondsOf(bare, 15);
  const whole = await rateOf(options, train, val);
  const alone = 2 * BATCH / (before + await secondsOf(bare, 15));
  return [`\`--cache ${cache}\``, whole, alone, percent(whole / alone)];
}

export const loop: Item = {
  name: "loop",
  async run({ device }) {
    const folder = await Deno.makeTempDir();
    try {
      await makeDemo({ count: FACES, size: SIZE, directory: `${folder}/faces` });
      const data = await openDataset(`${folder}/faces`, { task: "binary", target: ["Eyeglasses"] });
      const { train, val } = data.split({ ratios: [8, 1, 1], seed: 1 });
      const rows: Cell[][] = [];
      for (const cache of ["auto", "off"] as const) rows.push(await measure(device, train, val, cache));
      return {
        title:
          `The training loop from ${FACES} JPEG files of ${SIZE}², naive-cnn, batch ${BATCH}, from the second epoch on`,
        columns: ["pictures", "images/s", "the bare step's", "share"],
        rows,
        notes: [
          "The bare step is the trainer's own program, timed before and after. The loop's rate has its batches, " +
          "read-backs and logs in it, and no validation. Wanted: 95%.",
        ],
      };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
