import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import { DeviceLostError } from "../../src/device/device_lost.ts";
import { openDevice } from "../../src/device/open.ts";
import { createModel } from "../../src/models/mod.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { hasWebGpu } from "../e2e/command.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

const webGpu = await hasWebGpu();

for (const when of ["progress", "validation"] as const) {
  Deno.test({
    name: `a device that is gone in ${when} ends the run with how to go on`,
    ignore: !webGpu,
    fn: () =>
      inFolder(async (folder) => {
        await write(join(folder, "pets"), classFolders({ cat: 10, dog: 10 }));
        const data = await openDataset(join(folder, "pets"));
        const { train, val } = data.split({ seed: 1 });
        const given: GPUDevice[] = [];
        const { requestDevice } = GPUAdapter.prototype;
        GPUAdapter.prototype.requestDevice = async function (...descriptor) {
          const gpu = await requestDevice.apply(this, descriptor);
          given.push(gpu);
          return gpu;
        };
        try {
          await using device = await openDevice("webgpu");
          const out = join(folder, "run");
          const trainer = new Trainer({
            ...{ device, task: data.task, epochs: 3, batch: 4, logEvery: 2, tune: "off", out },
            cache: { mode: "auto", directory: join(folder, "cache") },
            model: createModel("lenet", { classes: 2, imageSize: 16 }),
            trackers: [{ name: "unplugs", [when]: () => given.at(-1)!.destroy() }],
          });
          // Before the first step, nothing was saved of what is being decoded.
          const { message } = await assertRejects(() => trainer.fit(train, val), DeviceLostError);
          assertEquals(
            message.replace(/\(.*\)/, "(…)"),
            when === "progress"
              ? "The GPU was lost (…): what it said after that is not kept; begin again, on this device or another"
              : `The GPU was lost (…): what it said after that is not kept; what was saved before is kept: go on with resume ${out}`,
          );
        } finally {
          GPUAdapter.prototype.requestDevice = requestDevice;
        }
      }),
  });
}
