/**
 * Training steps beside the peers' and beside the device's roofline.
 *
 * @module
 */

import type { Item } from "../item.ts";
import { networksFor } from "../networks.ts";
import { pytorch, secondsIn, silences, tfjs } from "../peers.ts";
import { prepare, rooflineOf, secondsOf, trainingStep } from "../programs.ts";
import { type Cell, median, percent } from "../table.ts";

const RUNS = 5;

export const training: Item = {
  name: "training",
  async run({ device, rates, isGpu }) {
    const rows: Cell[][] = [];
    const notes: string[] = [];
    for (const { name, imageSize, batch, atMost, model } of networksFor(isGpu)) {
      using prepared = await prepare(device, trainingStep(model(), batch), 0.02);
      const seconds = await secondsOf(prepared, RUNS);
      const profiles = [0, 1, 2].map(() => prepared.program.profile(prepared.inputs));
      const shares = (await Promise.all(profiles)).map((steps) => rooflineOf(steps, rates) / seconds);
      const question = { what: "train", name, size: imageSize, batch, runs: name === "three-conv" ? RUNS : 3 } as const;
      const answers = {
        [`PyTorch (${name})`]: await pytorch(question),
        [`tfjs webgpu (${name})`]: await tfjs("webgpu", { ...question, runs: 1 }),
      };
      const [torch, tensorflow] = Object.values(answers).map(secondsIn);
      rows.push([
        `${name} ${imageSize}², batch ${batch}`,
        seconds,
        torch,
        torch && (seconds / torch).toFixed(2),
        atMost,
        tensorflow,
        tensorflow && (tensorflow / seconds).toFixed(1),
        percent(median(shares)),
        prepared.program.steps,
      ]);
      notes.push(...silences(answers));
    }
    return {
      title: "Training steps",
      columns: [
        ...["network", "Fovea, s", "PyTorch, s", "× PyTorch", "at most", "tfjs webgpu, s", "times faster"],
        ...["of the roofline", "dispatches"],
      ],
      rows,
      notes: [
        "Roofline: Σ over dispatches of max(FLOPs / matmul rate, bytes / copy rate), both measured in this run. Wanted: 75%; the three convolutions 15 times tfjs.",
        ...notes,
      ],
    };
  },
};
