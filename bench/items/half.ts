/**
 * Training steps in half precision beside those in float32.
 *
 * @module
 */

import { type Item, overNetworks } from "../item.ts";
import { prepare, secondsOf, trainingStep } from "../programs.ts";
import { percent } from "../table.ts";

const mebibytes = (bytes: number) => bytes / 2 ** 20;

export const half: Item = {
  name: "half",
  async run({ device, isGpu, backend }) {
    const title = "Training steps in half precision";
    const columns = ["network", "f32, s", "f16, s", "× f32", "f32, MiB", "f16, MiB", "of f32"];
    if (!device.precisions.includes("f16")) {
      return { title, columns, rows: [], notes: ["The adapter has no shader-f16."] };
    }
    const { rows, notes } = await overNetworks({ isGpu, backend }, async ({ batch, model }) => {
      using full = await prepare(device, trainingStep(model(), batch), 0.02);
      const seconds = await secondsOf(full, 5);
      using halved = await prepare(device, trainingStep(model(), batch, "f16"), 0.02);
      const halfSeconds = await secondsOf(halved, 5);
      const [bytes, halfBytes] = [full, halved].map(({ program }) => program.memory.temporaries);
      const cells = [
        ...[seconds, halfSeconds, (halfSeconds / seconds).toFixed(2)],
        ...[mebibytes(bytes), mebibytes(halfBytes), percent(halfBytes / bytes)],
      ];
      return { cells, answers: {} };
    });
    return {
      title,
      columns,
      rows,
      notes: [
        "MiB: temporaries. What is not halved are weights' gradients, sums and positions.",
        "A software adapter converts every number and gains nothing.",
        ...notes,
      ],
    };
  },
};
