/**
 * The fallback without WebGPU, beside tfjs's.
 *
 * @module
 */

import { openGpuJs } from "../../src/device/gpujs/device.ts";
import type { Item } from "../item.ts";
import { networksFor } from "../networks.ts";
import { secondsIn, silences, tfjs } from "../peers.ts";
import { prepare, secondsOf, trainingStep } from "../programs.ts";

const BATCH = 8;

export const gpujs: Item = {
  name: "gpujs",
  async run() {
    const [{ name, imageSize, model }] = networksFor(false);
    await using device = await openGpuJs();
    using prepared = await prepare(device, trainingStep(model(), BATCH), 0.02);
    const seconds = await secondsOf(prepared, 3);
    const answer = await tfjs("cpu", { what: "train", name, size: imageSize, batch: BATCH, runs: 3 });
    const peer = secondsIn(answer);
    return {
      title: `A training step without WebGPU: ${name} at ${imageSize}², batch ${BATCH}`,
      columns: ["device", "s", "times faster"],
      rows: [["Fovea, gpu.js", seconds, peer && (peer / seconds).toFixed(2)], ["tfjs cpu", peer, "1.00"]],
      notes: ["Wanted: at least equal.", ...silences({ "tfjs cpu": answer })],
    };
  },
};
