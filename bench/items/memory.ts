/**
 * Device memory of a training step beside the least that any plan could take.
 *
 * @module
 */

import type { Item } from "../item.ts";
import { networksFor } from "../networks.ts";
import { pytorch, silences } from "../peers.ts";
import { trainingStep } from "../programs.ts";
import { type Cell, percent } from "../table.ts";

const mebibytes = (bytes: number) => bytes / 2 ** 20;

export const memory: Item = {
  name: "memory",
  async run({ device, isGpu }) {
    const rows: Cell[][] = [];
    const notes: string[] = [];
    for (const { name, imageSize, batch, model } of networksFor(isGpu)) {
      const { temporaries, lowerBound, state, inputs } = device.measure(trainingStep(model(), batch));
      const answer = await pytorch({ what: "train", name, size: imageSize, batch, runs: 1 });
      rows.push([
        `${name} ${imageSize}², batch ${batch}`,
        ...[temporaries, lowerBound].map(mebibytes),
        percent(temporaries / lowerBound),
        mebibytes(temporaries + state + inputs),
        "bytes" in answer ? mebibytes(answer.bytes!) : undefined,
      ]);
      notes.push(...silences({ [`PyTorch (${name})`]: answer }));
    }
    return {
      title: "Memory of a training step, MiB",
      columns: ["network", "temporaries", "least", "of the least", "with state and inputs", "PyTorch's peak"],
      rows,
      notes: [
        "Least: the largest sum of temporaries alive at one time. Wanted: within 10% of it, and for ResNet-50 no more than PyTorch (the growth of its process).",
        ...notes,
      ],
    };
  },
};
