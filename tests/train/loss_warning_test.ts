import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { createModel } from "../../src/models/mod.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

Deno.test("a loss many times that of guessing is warned of once, a usual one is not", () =>
  inFolder(async (folder) => {
    await write(join(folder, "pets"), classFolders({ cat: 12, dog: 12 }));
    const data = await openDataset(join(folder, "pets"));
    const { train, val } = data.split({ seed: 1 });
    await using device = await openDevice();
    const warningsAt = async (learningRate: number) => {
      const warnings: string[] = [];
      const trainer = new Trainer({
        ...{ device, task: data.task, epochs: 3, batch: 4, logEvery: 2, tune: "off", optimizer: "sgd", learningRate },
        cache: "off",
        model: createModel("lenet", { classes: 2, imageSize: 16 }),
        trackers: [{ name: "notes", note: (note) => void (note.type === "warning" && warnings.push(note.message)) }],
      });
      await trainer.fit(train, val);
      return warnings;
    };
    assertEquals(await warningsAt(0.01), []);
    const [warning, ...more] = await warningsAt(100);
    assertMatch(warning, /^the loss is \S+, and guessing has at most 0\.693: the learning rate may be too high/);
    assertEquals(more, []);
  }));
