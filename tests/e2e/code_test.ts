import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { createModel, openDataset, openDevice, Trainer } from "../../mod.ts";
import { settings } from "../../src/run/settings.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";
import { fovea, lastLine } from "./command.ts";

/** The settings in a run's `config.json`. */
async function settingsOf(run: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(join(run, "config.json"))).settings;
}

Deno.test("a run from code keeps the same settings as one from the command line, and both can be tested", () =>
  inFolder(async (folder) => {
    const pictures = join(folder, "pets");
    await write(pictures, classFolders({ cat: 20, dog: 20 }));
    const [byCode, byFlags] = [join(folder, "code"), join(folder, "flags")];
    {
      await using device = await openDevice();
      const { train, val } = (await openDataset(pictures)).split({ ratios: [8, 1, 1], seed: 1 });
      const model = createModel("lenet", { classes: 2, imageSize: 16 });
      const options = { optimizer: "sgd", momentum: 0.5, classWeights: "balanced", augment: "flip" } as const;
      const trainer = new Trainer({ device, model, task: train.task, epochs: 1, batch: 8, ...options, out: byCode });
      await trainer.fit(train, val);
    }
    const flags = "--image-size 16 --model lenet --epochs 1 --batch 8 --optimizer sgd --momentum 0.5 --augment flip";
    const args = ["train", "--data", pictures, ...flags.split(" "), "--class-weights", "balanced", "--out", byFlags];
    assertEquals((await fovea(args, folder)).code, 0);
    const [code, line] = [await settingsOf(byCode), await settingsOf(byFlags)];
    assertEquals(Object.keys(code), Object.keys(settings));
    // What a program knows by heart it need not say.
    assertEquals({ ...code, split: line.split }, line);
    for (const run of [byCode, byFlags]) {
      const ended = await fovea(["eval", run], folder);
      assert(ended.code === 0, lastLine(ended));
    }
    const read = (run: string) => Deno.readTextFile(join(run, "test", "predictions.csv"));
    assertEquals(await read(byCode), await read(byFlags));
  }));

Deno.test("a run whose config.json was changed by hand is not resumed as another one", () =>
  inFolder(async (folder) => {
    const [pictures, run] = [join(folder, "pets"), join(folder, "run")];
    await write(pictures, classFolders({ cat: 12, dog: 12 }));
    const flags = "--image-size 16 --model lenet --epochs 1 --batch 8".split(" ");
    assertEquals((await fovea(["train", "--data", pictures, ...flags, "--out", run], folder)).code, 0);
    const path = join(run, "config.json");
    const config = JSON.parse(await Deno.readTextFile(path));
    const changed = { ...config, settings: { ...config.settings, learningRate: 0.5 } };
    await Deno.writeTextFile(path, JSON.stringify(changed));
    const refused = await fovea(["train", "--resume", run], folder);
    assertEquals([refused.code, lastLine(refused)], [
      1,
      `fovea: Cannot resume ${run}: its learningRate was 0.002, and is now 0.5`,
    ]);
  }));
