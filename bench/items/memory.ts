/**
 * Device memory of a training step beside the least that any plan could take.
 *
 * @module
 */

import { totalOf } from "../../src/device/memory.ts";
import { type Item, overNetworks } from "../item.ts";
import { pytorch } from "../peers.ts";
import { trainingStep } from "../programs.ts";
import { percent } from "../table.ts";

const mebibytes = (bytes: number) => bytes / 2 ** 20;

export const memory: Item = {
  name: "memory",
  async run(context) {
    const { rows, notes } = await overNetworks(context, async ({ name, imageSize, batch, model }, device) => {
      const use = device.measure(trainingStep(model(), batch));
      const answer = await pytorch({ what: "train", name, size: imageSize, batch, runs: 1 });
      const cells = [
        ...[use.temporaries, use.lowerBound].map(mebibytes),
        percent(use.temporaries / use.lowerBound),
        ...[use.state + use.inputs, use.textures, totalOf(use)].map(mebibytes),
        "bytes" in answer && answer.bytes ? mebibytes(answer.bytes) : undefined,
      ];
      return { cells, answers: { PyTorch: answer } };
    });
    return {
      title: "Memory of a training step, MiB",
      columns: [
        ...["network", "temporaries", "least", "of the least", "state and inputs", "textures", "in all"],
        "PyTorch's peak",
      ],
      rows,
      notes: [
        "Least: the largest sum of temporaries alive at one time. Wanted: within 10% of it.",
        "Textures: on a software adapter, tensors are copied into them, since reading them there is cheaper. A GPU has none.",
        "PyTorch's peak is how much its process grows beyond what it holds when it is imported. Wanted for ResNet-50: no " +
        "more than it.",
        ...notes,
      ],
    };
  },
};
