/**
 * The whole training loop, from files on disk, beside the bare step.
 *
 * @module
 */

import { makeDemo } from "../../src/data/demo.ts";
import { openDataset } from "../../src/data/open.ts";
import { createModel } from "../../src/models/mod.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { Item } from "../item.ts";
import { prepare, secondsOf, trainingStep } from "../programs.ts";
import { type Cell, median, percent } from "../table.ts";

const [FACES, SIZE, BATCH, EPOCHS] = [640, 64, 32, 3];

export const loop: Item = {
  name: "loop",
  async run({ device }) {
    const folder = await Deno.makeTempDir();
    try {
      await makeDemo({ count: FACES, size: SIZE, directory: `${folder}/faces` });
      const data = await openDataset(`${folder}/faces`, { task: "binary", target: ["Eyeglasses"] });
      const { train, val } = data.split({ ratios: [8, 1, 1], seed: 1 });
      const rows: Cell[][] = [];
      for (const cache of ["auto", "off"] as const) {
        const model = createModel("naive-cnn", { classes: data.outputs, imageSize: SIZE });
        using bare = await prepare(
          device,
          trainingStep(createModel("naive-cnn", { classes: 5, imageSize: SIZE }), BATCH),
        );
        const alone = BATCH / await secondsOf(bare, 5);
        const rates: number[] = [];
        const trainer = new Trainer({
          ...{ device, model, task: "binary", epochs: EPOCHS, batch: BATCH, cache: { mode: cache }, logEvery: 4 },
          onEvent(event) {
            // The first epoch fills caches and compiles.
            if (event.type === "log" && event.epoch > 0) rates.push(event.imagesPerSecond);
          },
        });
        await trainer.fit(train, val);
        const whole = median(rates);
        rows.push([`\`--cache ${cache}\``, whole, alone, percent(whole / alone)]);
      }
      return {
        title:
          `The training loop from ${FACES} JPEG files of ${SIZE}², naive-cnn, batch ${BATCH}, from the second epoch on`,
        columns: ["pictures", "images/s", "the bare step's", "share"],
        rows,
        notes: ["Wanted: 95%."],
      };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
