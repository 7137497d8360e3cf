/**
 * Images a second without gradients, beside the peers'.
 *
 * @module
 */

import { type Item, overNetworks } from "../item.ts";
import { pytorch, secondsIn, tfjs } from "../peers.ts";
import { inferenceStep, prepare, secondsOf } from "../programs.ts";

export const inference: Item = {
  name: "inference",
  async run({ device, isGpu }) {
    const measured = await overNetworks(isGpu, async ({ name, imageSize, batch, model }) => {
      using prepared = await prepare(device, inferenceStep(model(), batch), 0.02);
      const seconds = await secondsOf(prepared, 5);
      const question = { what: "infer", name, size: imageSize, batch, runs: 3 } as const;
      const answers = {
        "PyTorch": await pytorch(question),
        "tfjs webgpu": await tfjs("webgpu", question),
        "tfjs wasm": await tfjs("wasm", question),
      };
      const times = [seconds, ...Object.values(answers).map(secondsIn)];
      return { cells: times.map((took) => took && batch / took), answers };
    });
    const columns = ["network", "Fovea", "PyTorch", "tfjs webgpu", "tfjs wasm"];
    return { title: "Inference, images a second", columns, ...measured };
  },
};
