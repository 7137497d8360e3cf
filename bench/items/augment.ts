/**
 * What random changes to pictures cost beside a training step.
 *
 * @module
 */

import { makeDemo } from "../../src/data/demo/demo.ts";
import { squareFor } from "../../src/data/batches/batch.ts";
import { Loader } from "../../src/data/batches/loader.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import { createModel } from "../../src/models/mod.ts";

import type { Item } from "../item.ts";
import { prepare, secondsOf, trainingStep } from "../programs.ts";
import { type Cell, median, percent } from "../table.ts";

const [NETWORK, FACES, SIZE, BATCH, EPOCHS] = ["resnet18", 1024, 64, 32, 7];

/** What is timed; the first is what the others are compared with. */
const changes = [
  "none",
  "flip",
  "crop-flip",
  "crop-flip,rand-m9-n2-mstd0.5",
  "crop-flip,rand-m9-n2-mstd0.5,erase-p0.25",
];

/** Seconds a picture in which one Worker makes batches. */
async function secondsAPicture(data: Dataset, augment: string): Promise<number> {
  using loader = await Loader.open(data, {
    ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], augment, last: "drop", seed: 1, batch: BATCH, workers: 1 },
    ...{ imageSize: SIZE, square: squareFor(SIZE, augment), shuffle: true, cache: { mode: "auto" } },
  });
  const times: number[] = [];
  for (let epoch = 0; epoch <= EPOCHS; epoch++) {
    const start = performance.now();
    let pictures = 0;
    for await (const _ of loader.epoch(epoch)) pictures += BATCH;
    times.push((performance.now() - start) / 1000 / pictures);
  }
  // The first fills the cache.
  return median(times.slice(1));
}

export const augment: Item = {
  name: "augment",
  async run({ device }) {
    const folder = await Deno.makeTempDir();
    try {
      await makeDemo({ count: FACES, size: 2 * SIZE, directory: `${folder}/faces` });
      const data = await openDataset(`${folder}/faces`, { task: "binary", target: ["Eyeglasses"] });
      const model = createModel(NETWORK, { classes: 5, imageSize: SIZE });
      using step = await prepare(device, trainingStep(model, BATCH), 0.02);
      const seconds = await secondsOf(step, 15);
      const cores = device.isSoftware ? navigator.hardwareConcurrency : 1;
      let plain: number | undefined;
      const rows: Cell[][] = [];
      for (const change of changes) {
        const each = await secondsAPicture(data, change);
        plain ??= each;
        rows.push([`\`${change}\``, 1000 * each, percent((each - plain) * BATCH / (cores * seconds))]);
      }
      return {
        title: `Random changes to pictures of ${SIZE}² beside a step of ${NETWORK}, batch ${BATCH}`,
        columns: [
          "`--augment`",
          "ms a picture, one core",
          `more than none, of a step's ${cores > 1 ? "cores" : "time"}`,
        ],
        rows,
        notes: [
          `A step takes ${(1000 * seconds).toFixed(0)} ms${cores > 1 ? ` of ${cores} cores` : ""}. ` +
          "A Worker makes the batches from the cache, with what their reading and passing on take. Wanted: 10% at most.",
        ],
      };
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
