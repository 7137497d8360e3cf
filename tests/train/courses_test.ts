/**
 * Runs whose weights are averaged, whose head is learnt first, whose rate falls by what was validated, or that end
 * early: what they leave behind, and that they can be stopped after any step.
 */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { readRecords } from "../../src/files.ts";
import { Model } from "../../src/models/mod.ts";
import { batchNorm2d, conv2d, dropout, flatten, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import { loadCheckpoint } from "../../src/run/run_directory.ts";
import { modelOf } from "../../src/run/checkpoint.ts";
import { writeRunReport } from "../../src/run/run_report.ts";
import { evaluateModel } from "../../src/run/evaluate.ts";
import { learningRateAt } from "../../src/train/schedules.ts";
import { averageName } from "../../src/train/averages.ts";
import { adam } from "../../src/train/optimizers/mod.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { Tracker } from "../../src/track/tracker.ts";
import { classFolders, write } from "../data/sets.ts";
import { copyRun, traces } from "../e2e/runs.ts";

const layer = sequential({
  conv: conv2d(3, 4, 3, { padding: 1, bias: false }),
  bn: batchNorm2d(4),
  relu: relu(),
  dropout: dropout(0.2),
  flatten: flatten(),
  head: lazyLinear(2),
});
const madeModel = () => new Model("my-net", layer, { classes: 2, channels: 3, imageSize: 8, stem: "auto" });

const folder = await Deno.makeTempDir();
addEventListener("unload", () => {
  device[Symbol.asyncDispose]();
  Deno.removeSync(folder, { recursive: true });
});
await write(join(folder, "pictures"), classFolders({ a: 10, b: 6 }));
const data = await openDataset(join(folder, "pictures"));

const device = await openDevice("wasm");

/** Trains four epochs of four steps; gives the run's folder, and how it ended. */
async function train(name: string, options: Partial<TrainerOptions>) {
  const out = join(folder, name);
  const common = {
    device,
    model: madeModel(),
    task: "multiclass",
    epochs: 4,
    batch: 4,
    cache: "off",
    logEvery: 1,
  } as const;
  const ended = await new Trainer({ ...common, augment: "none", learningRate: 0.05, out, ...options }).fit(data, data);
  return { out, ...ended };
}

const courses: Readonly<Record<string, Partial<TrainerOptions>>> = {
  "a moving average, two steps an update, one cycle": {
    ...{ ema: 0.7, accumulate: 2, schedule: "onecycle", cycleMomentum: true },
  },
  "a cool-down": {
    ...{ warmupEpochs: "2steps", warmupLearningRate: 0.01, cooldownEpochs: 1, minLearningRate: 0.005, kDecay: 1.5 },
    ...{ batchNormMomentum: 0.3, rDrop: 0.6 },
  },
  "several views of a picture, and a mean of two epochs": {
    ...{ augSplits: 3, augment: "flip,augmix", loss: "focal" },
    ...{ swa: 2, swaLearningRate: 0.02, accumulate: 3, clipAgc: 0.02 },
  },
  "the head first": { freezeEpochs: 2, optimizer: "adamw", lookahead: 3, schedule: "cosine-restarts", cycleEpochs: 1 },
  "the head first, with an average": { freezeEpochs: 1, ema: 0.9, emaWarmup: false, emaAfter: 2 },
  "a plateau": {
    ...{ schedule: "plateau", plateauPatience: 0, gamma: 0.3, monitor: "balanced-accuracy" },
    ...{ warmupEpochs: "3steps", patience: 3, clipValue: 0.01 },
  },
};

Deno.test("a run of any course that is stopped resumes to the same bytes", async (t) => {
  for (const [name, options] of Object.entries(courses)) {
    await t.step(name, async () => {
      const whole = await traces((await train(`${name} whole`, options)).out);
      // At the end of an epoch, and within one.
      for (const stop of [4, 9]) {
        const controller = new AbortController();
        const tracker = { name: "stop", log: ({ step }: { step: number }) => step === stop && controller.abort() };
        const stopped = `${name} ${stop}`;
        const { out, interrupted } = await train(stopped, {
          ...options,
          signal: controller.signal,
          trackers: [tracker as never],
        });
        assert(interrupted);
        await train(stopped, { ...options, resume: true });
        assertEquals(await traces(out), whole, `stopped after step ${stop}`);
      }
    });
  }
});

Deno.test("a run that is killed within an epoch goes on from what was saved there", async () => {
  const options = { saveEvery: 3, accumulate: 2 };
  const copy = join(folder, "killed");
  // What a kill after step 10 leaves: the last save was after step 9, the second of the third epoch.
  const tracker: Tracker = {
    name: "copy",
    async log({ step }) {
      if (step === 10) await copyRun(join(folder, "saved"), copy);
    },
  };
  const { out } = await train("saved", { ...options, trackers: [tracker] });
  const { info } = await loadCheckpoint(copy, "last");
  assertEquals([info.progress!.epoch, info.progress!.step], [2, 1]);
  await train("killed", { ...options, resume: true });
  assertEquals(await traces(copy), await traces(out));
});

/** Options that change what is learnt, each on its own. */
const changing: Readonly<Record<string, Partial<TrainerOptions>>> = {
  rDrop: { rDrop: 2 },
  warmupLearningRate: { warmupLearningRate: 0.04 },
  minLearningRate: { minLearningRate: 0.01 },
  cooldownEpochs: { cooldownEpochs: 1, minLearningRate: 0.01 },
  kDecay: { kDecay: 3 },
  headInitScale: { headInitScale: 0.5 },
  headInitBias: { headInitBias: 1 },
  augSplits: { augSplits: 2, augment: "invert-p1" },
  jsdAlpha: { augSplits: 2, augment: "invert-p1", jsdAlpha: 3 },
};

Deno.test("options of the loss, of the course and of the head change what is learnt, and the rates are the schedule's", async () => {
  const seen = new Set<string>();
  for (const [name, options] of Object.entries<Partial<TrainerOptions>>({ none: {}, ...changing })) {
    const rates: number[] = [];
    const tracker: Tracker = { name: "rates", log: ({ learningRate }) => void rates.push(learningRate) };
    const { out } = await train(`changing ${name}`, { epochs: 2, ...options, trackers: [tracker] });
    const { tensors } = await loadCheckpoint(out, "epoch-002");
    seen.add([...tensors.get("head.weight")!.values].join());
    const { cooldownEpochs = 0, ...rest } = options;
    const schedule = { name: "cosine", learningRate: 0.05, totalSteps: 8, warmupSteps: 2, ...rest } as const;
    rates.forEach((rate, step) =>
      assertAlmostEquals(rate, learningRateAt(step, { ...schedule, cooldownSteps: 4 * cooldownEpochs }), 1e-12, name)
    );
    assertEquals(rates.length, 8);
  }
  assertEquals(seen.size, 1 + Object.keys(changing).length);
});

Deno.test("batchNormMomentum is the share of a batch in the running statistics, and is refused where there are none", async () => {
  const variances = async (batchNormMomentum?: number) => {
    const model = madeModel();
    const common = { device, model, task: "multiclass", epochs: 1, batch: 16, cache: "off", augment: "none" } as const;
    await new Trainer({ ...common, batchNormMomentum }).fit(data, data);
    return model.weights.get("bn.running_var")!;
  };
  // After one step they are 1 − share and the share of the batch's, from 1.
  const [usual, half, none] = [await variances(), await variances(0.5), await variances(0)];
  assertEquals([...none], [1, 1, 1, 1]);
  usual.forEach((value, k) => assertAlmostEquals((half[k] - 1) / (value - 1), 5, 1e-4));
  const flat = sequential({ flatten: flatten(), head: lazyLinear(2) });
  const model = new Model("flat", flat, { classes: 2, channels: 3, imageSize: 8, stem: "auto" });
  const without = new Trainer({ device, model, task: "multiclass", cache: "off", batchNormMomentum: 0.5 });
  await assertRejects(
    () => without.fit(data, data),
    UserError,
    "Cannot use batchNormMomentum 0.5 with flat: it has no batch norm whose running statistics are learnt; leave it out",
  );
});

Deno.test("averages are what is validated, kept as best and for each epoch, and opened of last", async (t) => {
  for (const options of [{ ema: 0.8 }, { swa: 3 }] as const) {
    await t.step(JSON.stringify(options), async () => {
      const { out } = await train(JSON.stringify(options), options);
      const records = (await readRecords(join(out, "metrics.jsonl"))) as Record<string, unknown>[];
      const validations = records.filter(({ type }) => type === "val");
      const kind = Object.keys(options)[0];
      assertEquals(validations.map(({ average }) => average), [kind === "ema" ? kind : undefined, kind, kind, kind]);
      const last = await loadCheckpoint(out, "last");
      const kept = await loadCheckpoint(out, "epoch-004");
      for (const { name } of madeModel().parameters) {
        assertEquals(kept.tensors.get(name), last.tensors.get(averageName(name)), name);
        assertNotEquals(kept.tensors.get(name), last.tensors.get(name), name);
      }
      assertEquals(modelOf(last, "last", [madeModel()]).weights, modelOf(kept, "4", [madeModel()]).weights);
      // What was validated is what is kept.
      const { task, preprocessing } = kept.info;
      const model = modelOf(kept, "4", [madeModel()]);
      const { report } = await evaluateModel({
        device,
        model,
        task,
        preprocessing,
        data,
        batch: 4,
        cache: { mode: "off" },
      });
      assertAlmostEquals(report.loss!, validations.at(-1)!.loss as number, 1e-6);
    });
  }
});

Deno.test("a mean over epochs is that of the weights at their ends; before them, nothing is averaged", async () => {
  // With a mean of all epochs but the first, raw weights of the others are in `last` of shorter runs.
  const raw: Float32Array[] = [];
  for (const stop of [8, 12, 16]) {
    const controller = new AbortController();
    const tracker = { name: "stop", log: ({ step }: { step: number }) => step === stop && controller.abort() };
    const { out } = await train(`raw ${stop}`, { swa: 3, signal: controller.signal, trackers: [tracker as never] });
    raw.push((await loadCheckpoint(out, "last")).tensors.get("head.weight")!.values);
  }
  const { out } = await train("mean", { swa: 3 });
  const { values } = (await loadCheckpoint(out, "epoch-004")).tensors.get("head.weight")!;
  values.forEach((value, i) => assertAlmostEquals(value, raw.reduce((sum, x) => sum + x[i], 0) / 3, 1e-6));
  assertNotEquals(raw[0], raw[2]);
});

Deno.test("in the first epochs the head alone is learnt, and batch norms keep their statistics", async () => {
  const { out } = await train("probe", { freezeEpochs: 2 });
  const at = async (epoch: number) => (await loadCheckpoint(out, `epoch-00${epoch}`)).tensors;
  const [first, second, third] = [await at(1), await at(2), await at(3)];
  for (const { name } of madeModel().parameters) {
    if (name.startsWith("head")) assertNotEquals(first.get(name), second.get(name), name);
    else assertEquals(first.get(name), second.get(name), name);
    assertNotEquals(second.get(name), third.get(name), name);
  }
  assertEquals(first.get("bn.running_mean")!.values, new Float32Array(4));
  await assertRejects(() => train("no head", { freezeEpochs: 1, freeze: ["head"] }), UserError, "it is frozen");
});

Deno.test("a run ends early after its patience, which its records say, and is over when it is resumed", async () => {
  // Nothing is learnt: no epoch is better than the first.
  const still = { learningRate: 0, patience: 2, weightDecay: 0, monitor: "f1", freeze: ["conv", "bn"] } as const;
  const { out, epochs, interrupted, best, endedEarly, monitor } = await train("early", still);
  assertEquals({ epochs, interrupted, epoch: best!.epoch, monitor }, {
    ...{ epochs: 3, interrupted: false, epoch: 1, monitor: "f1" },
  });
  assertEquals(endedEarly, { step: 12, patience: 2, monitor: "f1" });
  const before = await traces(out);
  const records = (await readRecords(join(out, "metrics.jsonl"))) as Record<string, unknown>[];
  const page = await Deno.readTextFile(await writeRunReport(out, "train"));
  assertStringIncludes(page, "3 of 4 epochs were trained. The run ended early, with no better F1 in 2 epochs.");
  assertEquals(records.at(-1), { type: "early", epoch: 3, best: 1, step: 12, patience: 2, monitor: "f1" });
  assertEquals((await train("early", { ...still, resume: true })).epochs, 3);
  assertEquals(await traces(out), before);
});

Deno.test("the best epoch is that of the monitored metric", async () => {
  for (const [monitor, isLower] of [["loss", true], ["auroc", false], ["calibration-error", true]] as const) {
    const { out, best } = await train(`by ${monitor}`, { monitor, epochs: 5, warmupEpochs: 0 });
    const records = (await readRecords(join(out, "metrics.jsonl"))) as Record<string, unknown>[];
    const values = records.filter(({ type }) => type === "val").map((record) => record[monitor] as number);
    assert(values.every(Number.isFinite), monitor);
    assertEquals(best!.monitored, (isLower ? Math.min : Math.max)(...values));
    assertEquals(values[best!.epoch - 1], best!.monitored);
    assertEquals((await loadCheckpoint(out, "best")).info.epoch, best!.epoch);
  }
});

Deno.test("settings that contradict each other are refused in one line", () => {
  const cycled = { schedule: "onecycle", cycleMomentum: true } as const;
  const refused: readonly (readonly [Partial<TrainerOptions>, string])[] = [
    [{ ema: 1 }, "ema is 1: give a number from 0 to below 1"],
    [{ emaAfter: 3 }, "emaAfter would change nothing: there is no ema"],
    [{ swa: 5 }, "swa cannot be used: the run has 4 epochs; give fewer"],
    [{ swa: 2, ema: 0.9 }, "swa cannot be used: ema averages the weights already; give one"],
    [{ swa: 2, patience: 2 }, "swa cannot be used: patience may end the run before its last epochs"],
    [{ patience: 4 }, "patience cannot be used: the run has 4 epochs, so that it would never end early"],
    [{ clipNorm: 1, clipAgc: 0.01 }, "clipAgc cannot be used: clipNorm is given, too; give one"],
    [{ clipValue: 1, clipAgc: 0.01 }, "clipAgc cannot be used: clipValue is given, too; give one"],
    [{ monitor: "hamming-loss" }, "monitor would change nothing: the task is multiclass, whose reports have no such"],
    [{ milestones: [1] }, "milestones would change nothing: only schedule multistep has it"],
    [
      { schedule: "multistep", milestones: [2, 4] },
      "milestones cannot be used: a run of 4 epochs has no epoch after 4",
    ],
    [{ minLearningRate: 0.05 }, "minLearningRate cannot be used: learningRate is 0.05; give less"],
    [{ warmupLearningRate: 0.05 }, "warmupLearningRate cannot be used: learningRate is 0.05; give less"],
    [{ warmupLearningRate: 0.01, warmupEpochs: 0 }, "warmupLearningRate would change nothing: warmupEpochs is 0"],
    [
      { warmupLearningRate: 0.01, schedule: "onecycle" },
      "warmupLearningRate would change nothing: schedule onecycle has its own",
    ],
    [{ cooldownEpochs: 1, epochs: 1 }, "cooldownEpochs cannot be used: the run has one epoch; give more epochs"],
    [
      { cooldownEpochs: 2, warmupEpochs: 3 },
      "cooldownEpochs cannot be used: with warmupEpochs 3 it is longer than the run of 4 epochs; give fewer",
    ],
    [
      { cooldownEpochs: 2, minLearningRate: 0.01, swa: 2, swaLearningRate: 0.05 },
      "cooldownEpochs cannot be used: swaLearningRate is the rate of the last 2 epochs; give one",
    ],
    [{ kDecay: 2, schedule: () => 0.01 }, "kDecay would change nothing: only schedule polynomial or cosine have it"],
    [
      { warmupLearningRate: 0.01, warmupEpochs: "0steps" },
      "warmupLearningRate would change nothing: warmupEpochs is 0",
    ],
    [{ jsdAlpha: 0, augSplits: 2 }, "jsdAlpha is 0: give a number of at least 0.001"],
    [
      { augSplits: 2, augment: "augmix", teacher: { model: madeModel(), preprocessing: { mean: [], std: [] } } },
      "augSplits cannot be used: teacher is given, which goes by one view; give one",
    ],
    [
      { augSplits: 2, augment: "augmix", transform: (_b, batch) => batch },
      "transform changes pictures along with their targets, and augSplits gives several views: give one",
    ],
    [{ cooldownEpochs: 4 }, "cooldownEpochs cannot be used: the run has 4 epochs; give fewer"],
    [
      { cooldownEpochs: 1 },
      "cooldownEpochs cannot be used: nothing is learnt at the rate 0; give minLearningRate, too",
    ],
    [
      { cooldownEpochs: 1, schedule: "step" },
      "cooldownEpochs would change nothing: only schedule polynomial or cosine",
    ],
    [{ kDecay: 2, schedule: "constant" }, "kDecay would change nothing: only schedule polynomial or cosine have it"],
    [{ schedule: "onecycle", minLearningRate: 0.01 }, "minLearningRate would change nothing"],
    [{ cycleMomentum: true }, "cycleMomentum would change nothing: only schedule onecycle has it"],
    [{ ...cycled, optimizer: "lion" }, "cycleMomentum would change nothing: only optimizer sgd, adam or adamw have it"],
    [{ ...cycled, optimizer: "sgd", momentum: 0.9 }, "momentum would change nothing: cycleMomentum moves it"],
    [{ ...cycled, optimizer: adam() }, "cycleMomentum is the optimizer's, which is made with it"],
  ];
  for (const [options, says] of refused) {
    const common = { device, model: madeModel(), task: "multiclass", epochs: 4, learningRate: 0.05 } as const;
    const error = assertThrows(() => new Trainer({ ...common, ...options }));
    assert((error as Error).message.startsWith(says), (error as Error).message);
  }
});
