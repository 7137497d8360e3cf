import { assertEquals, assertRejects } from "@std/assert";
import { Dataset } from "../../src/data/dataset.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import { openDataset } from "../../src/data/open.ts";
import { evaluateModel } from "../../src/run/evaluate.ts";
import { Predictor } from "../../src/run/predictor.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";
import { infoFor } from "../run/written_run.ts";

/** Runs `test` with a data set of two classes. */
const withData = (test: (data: Dataset, folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 3, b: 4 }));
    await test(await openDataset(folder), folder);
  });

Deno.test("Trainer.evaluate() tests a model that it has not trained, as evaluateModel() and a predictor see it", () =>
  withData(async (data, folder) => {
    await using device = await openDevice();
    const model = createModel("lenet", { classes: 2, imageSize: 16 });
    model.initialize(1);
    const info = infoFor(model);
    const trainer = new Trainer({ device, model, task: "multiclass", cache: "off", batch: 4 });
    await assertRejects(() => trainer.evaluate(data), TypeError, "how pictures are prepared is not known");
    let last = 0;
    const { preprocessing } = info;
    const { report, predictions } = await trainer.evaluate(data, { preprocessing, onProgress: (done) => last = done });
    assertEquals(last, 7);
    const alone = await evaluateModel({ ...info, device, model, data, cache: { mode: "off" } });
    assertEquals(alone.report.confusion, report.confusion);
    await using predictor = new Predictor({ ...info, model, device });
    const said = await predictor.predict(data.samples.map(({ file }) => `${folder}/${file}`));
    const tops = said.map(({ top }) => info.classes.indexOf(top.name));
    assertEquals(tops, data.samples.map((_, i) => Number(predictions.logits[2 * i + 1] > predictions.logits[2 * i])));
  }));

Deno.test("evaluateModel() refuses data that do not fit, and a model without weights", () =>
  withData(async (data) => {
    await using device = await openDevice();
    const three = createModel("lenet", { classes: 3, imageSize: 16 });
    const two = createModel("lenet", { classes: 2, imageSize: 16 });
    const common = { device, data, cache: { mode: "off" } } as const;
    await assertRejects(
      () => evaluateModel({ ...common, ...infoFor(three), model: three }),
      UserError,
      "gives 3 logits: the data have 3 and 2",
    );
    await assertRejects(
      () => evaluateModel({ ...common, ...infoFor(two), model: two }),
      TypeError,
      "has no value for c1",
    );
  }));
