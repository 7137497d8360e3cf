import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { createModel, openDataset, openDevice, Trainer } from "../../mod.ts";
import { settings } from "../../src/run/settings.ts";
import { classFolders, inFolder, noisePng, write } from "../data/sets.ts";
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
      `fovea: ${run}/config.json was changed: settings.learningRate was 0.002 when the run began, and is now 0.5; ` +
      "set it back, or begin a new run",
    ]);

    await Deno.writeTextFile(path, JSON.stringify(config));
    const rows = (await Deno.readTextFile(join(run, "split.csv"))).split("\n").map((row) => row.split(","));
    const fileOf = (part: string) => join(pictures, rows.find((row) => row.at(-1) === part)![0]);
    await Deno.copyFile(fileOf("test"), fileOf("train"));
    for (const command of [["eval", run], ["train", "--resume", run]]) {
      const leak = await fovea([...command, "--allow-changed-data"], folder);
      assertEquals(leak.code, 1);
      assertMatch(lastLine(leak), /^fovea: 1 picture in more than one part of the split: .*\. Remove them \(.*\)$/);
    }
    await Deno.writeFile(fileOf("train"), noisePng(999));
    const other = await fovea(["eval", run], folder);
    assertEquals(other.code, 1);
    assertMatch(lastLine(other), /the fingerprint of train was \w+, and is now \w+: .* or set --allow-changed-data$/);
    const moved = join(folder, "moved");
    await Deno.rename(pictures, moved);
    const allowed = await fovea(["train", "--resume", run, "--allow-changed-data", "--data", moved], folder);
    assertEquals(allowed.code, 0, allowed.stderr);
    assertMatch(allowed.stderr, /^warning: The data of .* were changed since it began/m);
  }));
