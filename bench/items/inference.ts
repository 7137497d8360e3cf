/**
 * Images a second without gradients, beside the peers'.
 *
 * @module
 */

import type { Item } from "../item.ts";
import { networksFor } from "../networks.ts";
import { pytorch, secondsIn, silences, tfjs } from "../peers.ts";
import { inferenceStep, prepare, secondsOf } from "../programs.ts";
import type { Cell } from "../table.ts";

export const inference: Item = {
  name: "inference",
  async run({ device, isGpu }) {
    const rows: Cell[][] = [];
    const notes: string[] = [];
    for (const { name, imageSize, batch, model } of networksFor(isGpu)) {
      using prepared = await prepare(device, inferenceStep(model(), batch), 0.02);
      const seconds = await secondsOf(prepared, 5);
      const question = { what: "infer", name, size: imageSize, batch, runs: 3 } as const;
      const answers = {
        [`PyTorch (${name})`]: await pytorch(question),
        [`tfjs webgpu (${name})`]: await tfjs("webgpu", question),
        [`tfjs wasm (${name})`]: await tfjs("wasm", question),
      };
      const rates = [seconds, ...Object.values(answers).map(secondsIn)].map((took) => took && batch / took);
      rows.push([`${name} ${imageSize}², batch ${batch}`, ...rates]);
      notes.push(...silences(answers));
    }
    const columns = ["network", "Fovea", "PyTorch", "tfjs webgpu", "tfjs wasm"];
    return { title: "Inference, images a second", columns, rows, notes };
  },
};
