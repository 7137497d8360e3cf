/**
 * A run in which model, optimiser, schedule and loss are the user's own.
 */

import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import type { DeviceTransformation } from "../../src/augment/device/transformations.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { Model } from "../../src/models/mod.ts";
import { flatten, lazyLinear, sequential } from "../../src/nn/mod.ts";
import { openPredictor } from "../../src/run/predictor.ts";
import type { Metrics } from "../../src/run/evaluate.ts";
import { openRun } from "../../src/run/open_run.ts";
import { type LossFunction, taskLoss } from "../../src/train/losses.ts";
import { type Optimizer, sgd } from "../../src/train/optimizers/mod.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { Tracker } from "../../src/track/tracker.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

const signs: Optimizer = { ...sgd(), name: "signs" };
const loss: LossFunction = (b, inputs) => b.mul(taskLoss(b, "multiclass", inputs), 0.5);
const madeModel = () =>
  new Model("my-net", sequential({ flatten: flatten(), head: lazyLinear(2) }), {
    ...{ classes: 2, channels: 3, imageSize: 8, stem: "auto" },
  });

/** Runs `test` with a function that trains two epochs of three steps and gives the head's bias. */
const withTraining = (
  test: (
    train: (options: Partial<TrainerOptions>) => Promise<Float32Array>,
    folder: string,
    data: Dataset,
  ) => Promise<void>,
) =>
  inFolder(async (folder) => {
    await using device = await openDevice();
    await write(join(folder, "pictures"), classFolders({ a: 6, b: 6 }));
    const data = await openDataset(join(folder, "pictures"));
    await test(
      async (options) => {
        const model = options.model ?? madeModel();
        const common = { device, task: "multiclass", epochs: 2, batch: 4, cache: "off", tune: "off" } as const;
        await new Trainer({ ...common, augment: "none", learningRate: 0.1, ...options, model }).fit(data, data);
        return model.weights.get("head.bias")!;
      },
      folder,
      data,
    );
  });

Deno.test("a run of functions of the user's own trains by them, is opened again, and resumed with them alone", () =>
  withTraining(async (train, folder, data) => {
    const out = join(folder, "run");
    const steps: number[] = [];
    const schedule = ({ step }: { step: number }) => {
      steps.push(step);
      return 0.01;
    };
    const own = { optimizer: signs, schedule, loss, warmupEpochs: 0 };
    await train({ ...own, out });
    assertEquals(Math.max(...steps), 5);
    const { config, model } = await openRun(out, { models: [madeModel()] });
    const { optimizer, schedule: kept, loss: aim } = config.settings!;
    assertEquals([optimizer, kept, aim, config.loss], ["signs", "own", "own", "own"]);
    await using predictor = await openPredictor(out, { models: [madeModel()] });
    assertEquals((await predictor.predict([join(folder, "pictures", data.samples[0].file)])).length, 1);
    // Over already: a resumed run has the same weights.
    assertEquals(await train({ ...own, out, resume: true }), model.weights.get("head.bias"));
    const changed: readonly (readonly [Partial<TrainerOptions>, string])[] = [
      [{ ...own, loss: undefined }, "its loss was own, and is now cross-entropy"],
      [{ ...own, schedule: "constant" }, "its schedule was own, and is now constant"],
    ];
    for (const [options, says] of changed) {
      await assertRejects(() => train({ ...options, out, resume: true }), UserError, says);
    }
  }));

Deno.test("a schedule and a loss of the user's own are what is learnt by", () =>
  withTraining(async (train) => {
    const plain = { optimizer: sgd({ momentum: 0 }), schedule: "constant", warmupEpochs: 0 } as const;
    const usual = await train(plain);
    assertEquals(await train({ ...plain, schedule: () => 0.1 }), usual);
    // Half the loss at twice the rate.
    const halved = await train({ ...plain, loss, schedule: () => 0.2 });
    assertEquals([...halved].map((x) => x.toFixed(5)), [...usual].map((x) => x.toFixed(5)));
    assertNotEquals([...await train({ ...plain, loss })].map((x) => x.toFixed(5)), [...usual].map((x) => x.toFixed(5)));
    const vector: LossFunction = (_, { logits }) => logits;
    await assertRejects(() => train({ ...plain, loss: vector }), TypeError, "The loss has the shape [4, 2]");
    const teacher = { model: madeModel(), preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] } };
    teacher.model.initialize(1);
    await assertRejects(
      () => train({ loss, teacher } as Partial<TrainerOptions>),
      TypeError,
      "loss and teacher cannot",
    );
    for (const option of ["width", "dropout"]) {
      await assertRejects(
        () => train({ ...plain, [option]: 0.5 } as Partial<TrainerOptions>),
        TypeError,
        `${option} is the model's, which is made before it is trained: give it to createModel`,
      );
    }
    assertThrows(() => new Trainer({ schedule: 3 } as unknown as TrainerOptions), TypeError);
  }));

Deno.test("a transformation of the user's own changes training batches, and a resumed run is given it again", () =>
  withTraining(async (train, folder) => {
    const out = join(folder, "run");
    // Of black pictures nothing is learnt but the bias.
    const transform: DeviceTransformation = (b, { pictures, targets }) => ({ pictures: b.mul(pictures, 0), targets });
    const [plain, black, fresh] = [madeModel(), madeModel(), madeModel()];
    await train({ model: plain });
    await train({ model: black, transform, out });
    fresh.initialize(1);
    assertEquals(black.weights.get("head.weight"), fresh.weights.get("head.weight"));
    assertNotEquals(plain.weights.get("head.weight"), fresh.weights.get("head.weight"));
    await assertRejects(() => train({ out, resume: true }), UserError, "its transform was own, and is now none");
    await train({ transform, out, resume: true });
  }));

Deno.test("metrics of the user's own are told and recorded at every validation, and are null where undefined", () =>
  withTraining(async (train, folder) => {
    const out = join(folder, "run");
    const told: unknown[] = [];
    const tracker: Tracker = { name: "test", validation: ({ metrics }) => void told.push(metrics) };
    const metrics: Metrics = {
      pictures: ({ logits }, { classes }) => logits.length / classes.length,
      nothing: () => NaN,
    };
    await train({ metrics, out, trackers: [tracker] });
    assertEquals(told, [{ pictures: 12, nothing: null }, { pictures: 12, nothing: null }]);
    const records = (await Deno.readTextFile(join(out, "metrics.jsonl"))).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    const validations = records.filter(({ type }) => type === "val");
    assertEquals(validations.map((record) => [record["own.pictures"], record["own.nothing"]]), [[12, null], [
      12,
      null,
    ]]);
  }));
