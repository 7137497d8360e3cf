/**
 * Training steps beside the peers' and beside the device's roofline.
 *
 * @module
 */

import { type Item, overNetworks } from "../item.ts";
import { pytorch, secondsIn, tfjs } from "../peers.ts";
import { inTurnOf, prepare, ratesOf, rooflineOf, secondsOf, squareSide, trainingStep } from "../programs.ts";
import { percent } from "../table.ts";

export const training: Item = {
  name: "training",
  async run(context) {
    const { rows, notes } = await overNetworks(context, async ({ name, imageSize, batch, atMost, model }, device) => {
      using prepared = await prepare(device, trainingStep(model(), batch), 0.02);
      // Beside each network, since the machine's speed drifts.
      const rates = await ratesOf(device, squareSide(context.isGpu));
      const seconds = await secondsOf(prepared, 5);
      const steps = await prepared.program.profile(prepared.inputs);
      const flops = steps.reduce((sum, { cost }) => sum + cost.flops, 0);
      const question = { what: "train", name, size: imageSize, batch, runs: 3 } as const;
      const answers = {
        "PyTorch": await pytorch(question),
        "tfjs webgpu": await tfjs("webgpu", { ...question, runs: 1 }),
      };
      const [torch, tensorflow] = Object.values(answers).map(secondsIn);
      const cells = [
        seconds,
        torch,
        torch && (seconds / torch).toFixed(2),
        atMost,
        tensorflow,
        tensorflow && (tensorflow / seconds).toFixed(1),
        percent(rooflineOf(steps, rates) / seconds),
        percent(inTurnOf(steps, rates) / seconds),
        percent(flops / rates.flops / seconds),
        prepared.program.steps,
      ];
      return { cells, answers };
    });
    return {
      title: "Training steps",
      columns: [
        ...["network", "Fovea, s", "PyTorch, s", "× PyTorch", "at most", "tfjs webgpu, s", "times faster"],
        ...["of the roofline", "of both in turn", "of the matmul rate", "dispatches"],
      ],
      rows,
      notes: [
        "Roofline: Σ over dispatches of max(FLOPs / matmul rate, bytes / copy rate), both measured just before the step.",
        "Both in turn: their sum instead, for a software adapter computes and moves data with the same cores.",
        "Of the matmul rate: the FLOPs of all dispatches over the time, as a share of it.",
        "Wanted: 75% of the roofline; the three convolutions 15 times tfjs.",
        ...notes,
      ],
    };
  },
};
