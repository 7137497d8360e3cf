import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import { checkpointPath, epochName, RunDirectory } from "../../src/run/run_directory.ts";
import { isBetter } from "../../src/train/fit.ts";
import { classWeightsOf } from "../../src/train/class_weights.ts";
import { checkEpochs } from "../../src/train/resume.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { infoFor } from "../run/written_run.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

Deno.test("isBetter() goes by accuracy, then by the lower loss; on a full tie the earlier stays", () => {
  const best = { epoch: 1, accuracy: 0.5, loss: 0.7 };
  assertEquals(isBetter({ accuracy: 0, loss: 9 }, undefined), true);
  assertEquals(isBetter({ accuracy: 0.6, loss: 9 }, best), true);
  assertEquals(isBetter({ accuracy: 0.4, loss: 0 }, best), false);
  assertEquals(isBetter({ accuracy: 0.5, loss: 0.6 }, best), true);
  assertEquals(isBetter({ accuracy: 0.5, loss: 0.7 }, best), false);
  assertEquals(isBetter({ accuracy: 0.5, loss: 0.1 }, { epoch: 1, accuracy: 0.5 }), false);
  assertEquals(isBetter({ accuracy: 0.5, loss: null }, best), false);
});

Deno.test("checkEpochs() lets a run have more epochs where its schedule allows it", () => {
  const was = (schedule: string) => ({ schedule, epochs: 5 });
  for (const schedule of ["constant", "step", "own"]) checkEpochs("r", was(schedule), 8, 5);
  checkEpochs("r", was("cosine"), 5, 3);
  checkEpochs("r", was("constant"), 4, 4);
  assertThrows(
    () => checkEpochs("r", was("cosine"), 8, 5),
    UserError,
    "begin a run from its weights with pretrained r",
  );
  assertThrows(() => checkEpochs("r", was("constant"), 3, 4), UserError, "4 are done; give epochs 4 or more");
});

Deno.test("keepCheckpoints() keeps the latest, the best epoch's among them", () =>
  inFolder(async (folder) => {
    const left = async (count: number, ...bests: readonly number[]) => {
      const run = new RunDirectory(`${folder}/${count}-${bests}`);
      await run.begin({});
      for (const name of ["best", ...[1, 2, 3, 4, 5].map(epochName)]) {
        await Deno.writeTextFile(checkpointPath(run.path, name), name);
      }
      for (const epoch of bests.length === 0 ? [undefined] : bests) {
        const best = epoch === undefined ? undefined : { epoch, accuracy: 1 };
        const info = infoFor(createModel("lenet", { classes: 2 }));
        await run.saveLast(new Map(), { ...info, progress: { epoch: 5, step: 0, stepsDone: 5, best } });
      }
      await run.keepCheckpoints(count);
      await run.close();
      const names = (await Array.fromAsync(Deno.readDir(`${run.path}/checkpoints`))).map(({ name }) => name);
      assertEquals(names.filter((name) => !name.startsWith("epoch")).length, 1 + Math.max(1, bests.length));
      return names.flatMap((name) => /epoch-00(\d)/.exec(name)?.[1] ?? []).sort().join("");
    };
    assertEquals(await left(1, 2), "2");
    assertEquals(await left(2, 2), "25");
    assertEquals(await left(3, 5), "345");
    assertEquals(await left(9, 1), "12345");
    assertEquals(await left(2), "45");
    // What the checkpoint before the last names stays besides.
    assertEquals(await left(1, 2, 4), "24");
    assertEquals(await left(2, 1, 4), "145");
  }));

Deno.test("Trainer.fit() refuses empty parts and another task than the data's; weights fit the classes", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 8, b: 8 }));
    const data: Dataset = await openDataset(folder);
    await using device = await openDevice();
    const fit = async (ratios: [number, number, number], task: "binary" | "multiclass" = "multiclass") => {
      const { train, val, test } = data.split({ ratios });
      await new Trainer({
        device,
        model: createModel("lenet", { classes: 2, imageSize: 32 }),
        task,
        out: `${folder}/r`,
      })
        .fit(train, val, test);
    };
    await assertRejects(() => fit([8, 2, 0]), UserError, "The test part has no pictures: give it a share with split");
    await assertRejects(() => fit([8, 0, 2]), UserError, "The val part has no pictures");
    await assertRejects(() => fit([8, 1, 1], "binary"), TypeError, "task is binary: the data's is multiclass");
    const error = assertThrows(() => classWeightsOf(data, { classWeights: [1, 2, 3], posWeight: "none" }), UserError);
    assertEquals(
      [error.message, error.exitCode],
      ["Cannot use classWeights with 3 weights for 2: give one for each of a, b, in this order", 2],
    );
    await assertRejects(() => Deno.stat(`${folder}/r`), Deno.errors.NotFound);
  }));
