/**
 * Images a second without gradients, beside the peers'.
 *
 * @module
 */

import { type Item, overNetworks } from "../item.ts";
import { onnx, pytorch, secondsIn, tfjs } from "../peers.ts";
import { inferenceStep, prepare, secondsOf } from "../programs.ts";

export const inference: Item = {
  name: "inference",
  async run(context) {
    const measured = await overNetworks(context, async ({ name, imageSize, batch, model }, device) => {
      using prepared = await prepare(device, inferenceStep(model(), batch), 0.02);
      const seconds = await secondsOf(prepared, 5);
      const question = { what: "infer", name, size: imageSize, batch, runs: 3 } as const;
      // On a software adapter the others take up to half a minute for a run.
      const once = { ...question, runs: 1 };
      const answers = {
        "PyTorch": await pytorch(question),
        "ONNX Runtime wasm": await onnx("wasm", question),
        "tfjs wasm": await tfjs("wasm", question),
        "ONNX Runtime webgpu": await onnx("webgpu", once),
        "tfjs webgpu": await tfjs("webgpu", once),
      };
      const times = [seconds, ...Object.values(answers).map(secondsIn)];
      return { cells: times.map((took) => took && batch / took), answers };
    });
    const others = ["PyTorch", "ONNX Runtime wasm", "tfjs wasm", "ONNX Runtime webgpu", "tfjs webgpu"];
    const columns = ["network", "Fovea", ...others];
    return { title: "Inference, images a second", columns, ...measured };
  },
};
