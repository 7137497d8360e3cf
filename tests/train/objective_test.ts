/**
 * Runs by what is learnt from: losses by name, mixtures, sampling. They resume to the same bytes, refuse what
 * contradicts itself, and help rare classes.
 */

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import type { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import type { Task } from "../../src/data/labels.ts";
import { openDevice } from "../../src/device/open.ts";
import { Model } from "../../src/models/mod.ts";
import { dropout, flatten, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import { type RandomStream, randomStream } from "../../src/random.ts";
import { balancedAccuracy } from "../../src/metrics/mod.ts";
import { conflictIn, idleIn, resolveSettings } from "../../src/run/resolve.ts";
import { classWeightsOf } from "../../src/train/class_weights.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { Tracker } from "../../src/track/tracker.ts";
import { traces } from "../e2e/runs.ts";
import { classFolders, deepPng, inFolder, noisePng, write } from "../data/sets.ts";

const common = { epochs: 2, batch: 4, cache: "off", tune: "off", workers: 1, logEvery: 1 } as const;

/** How much brighter a class's columns are, of 65,535. */
const SIGNAL = 3000;

/** A small net for `classes` outputs. */
const netOf = (classes: number, dropped = 0) =>
  new Model(
    "net",
    sequential({
      ...{ flatten: flatten(), hidden: lazyLinear(16), relu: relu(), dropout: dropout(dropped) },
      head: lazyLinear(classes),
    }),
    {
      ...{ classes, channels: 3, imageSize: 8, stem: "auto" },
    },
  );

/** What each task is trained on, and by: everything at once that goes together. */
const recipes: readonly (readonly [Task, number, Partial<TrainerOptions>])[] = [
  ["multiclass", 3, { mixup: 0.4, cutmix: 1, mixupMode: "elem", sampling: "sqrt", repeats: 2, loss: "bce" }],
  ["multiclass", 3, {
    mixup: 0.4,
    mixupOffEpoch: 1,
    labelSmoothing: 0.1,
    loss: "poly1",
    logitAdjustment: 1,
    rDrop: 0.6,
  }],
  ["binary", 1, { cutmix: 1, mixupMode: "pair", sampling: "effective", effectiveBeta: 0.9, loss: "focal" }],
  ["multilabel", 2, { mixup: 0.4, cutmix: 1, loss: "asymmetric", repeats: 3 }],
];

/** Pictures of a task: 16 of noise. */
async function dataOf(folder: string, task: Task): Promise<Dataset> {
  if (task === "multiclass") {
    await write(folder, classFolders({ a: 8, b: 5, c: 3 }));
    return await openDataset(folder);
  }
  const rows = Array.from({ length: 16 }, (_, i) => `${i}.png,${i % 3 ? 1 : 0},${i % 5 ? 0 : 1}`);
  await write(folder, Object.fromEntries(rows.map((_, i) => [`${i}.png`, noisePng(i)])));
  await write(folder, { "labels.csv": ["file,x,y", ...rows].join("\n") });
  return await openDataset(folder, { task, target: task === "binary" ? ["x"] : ["x", "y"] });
}

for (const [task, outputs, recipe] of recipes) {
  Deno.test(`a ${task} run by ${Object.keys(recipe).join(", ")} that is stopped resumes to the same bytes`, () =>
    inFolder(async (folder) => {
      await using device = await openDevice("wasm");
      const data = await dataOf(join(folder, "data"), task);
      const train = async (out: string, options: Partial<TrainerOptions> = {}) => {
        const model = netOf(outputs, 0.1);
        await new Trainer({ ...common, device, task, ...recipe, ...options, model, out: join(folder, out) })
          .fit(data, data);
        return model.weights.get("head.weight")!;
      };
      const weights = await train("whole");
      assert(weights.every(Number.isFinite));
      const stop = new AbortController();
      const stopper: Tracker = {
        name: "stopper",
        log({ step }) {
          if (step >= 3) stop.abort();
        },
      };
      await train("stopped", { signal: stop.signal, trackers: [stopper] });
      assertNotEquals((await traces(join(folder, "stopped"))).log, (await traces(join(folder, "whole"))).log);
      await train("stopped", { resume: true });
      assertEquals(await traces(join(folder, "stopped")), await traces(join(folder, "whole")));
      assertNotEquals(await train("other", { seed: 2 }), weights);
    }));
}

Deno.test("settings of losses, mixtures and sampling that contradict are refused with what fits", () => {
  const conflicts: readonly (readonly [Task, Parameters<typeof conflictIn>[0], string])[] = [
    ["multiclass", { loss: "asymmetric" }, "the task is multiclass; give cross-entropy, bce, focal or poly1"],
    ["binary", { loss: "cross-entropy" }, "the task is binary; give bce, focal, asymmetric or poly1"],
    ["multiclass", { cutmix: 1, imageSize: 1 }, "a picture of 1 pixel has no parts; give mixup"],
    ["multiclass", { mixup: 1, batch: 1 }, "batch 1 has no two pictures to mix; give 2 or more"],
    [
      "multiclass",
      { augSplits: 3, augment: "deit" },
      "views are not mixed with other pictures; give mixup 0 and cutmix 0",
    ],
    ["multilabel", { augSplits: 3, augment: "augmix", rDrop: 1 }, "rDrop is given, which goes by one view; give one"],
    [
      "multiclass",
      { augSplits: 3, augment: "augmix", teacher: "runs/a" },
      "teacher is given, which goes by one view; give one",
    ],
    [
      "multiclass",
      { augSplits: 2, augment: "crop-flip" },
      "all views would be the same; give augment with terms besides crops and flip, such as augmix",
    ],
    ["multiclass", { mixup: 1, mixupOffEpoch: 5 }, "the run has 5 epochs, and none after it; give fewer"],
    [
      "multiclass",
      { logitAdjustment: 1, sampling: "balanced" },
      "sampling balanced changes the shares of the classes already; give one",
    ],
  ];
  for (const [task, given, why] of conflicts) assertEquals(conflictIn(given, { task })?.why, why);
  const idle: readonly (readonly [Task, Parameters<typeof idleIn>[0], string])[] = [
    ["multilabel", { sampling: "balanced" }, "the task is multilabel"],
    ["binary", { logitAdjustment: 1 }, "the task is binary"],
    ["multiclass", { loss: "bce", logitAdjustment: 1 }, "only loss cross-entropy, focal or poly1 have it"],
    ["multiclass", { focalGamma: 1 }, "only loss focal has it"],
    ["multiclass", { loss: "focal", focalAlpha: 0.5 }, "the task is multiclass"],
    ["multiclass", { mixupMode: "elem" }, "there is neither mixup nor cutmix"],
    ["multiclass", { mixup: 1, mixupSwitchProb: 0.2 }, "only mixup and cutmix together have it"],
    ["multiclass", { jsdAlpha: 6 }, "augSplits is 1"],
    ["multiclass", { effectiveBeta: 0.9 }, "only sampling effective and classWeights effective have it"],
  ];
  for (const [task, given, why] of idle) assertEquals(idleIn(given, { task })?.why, why);
  // What is off mixes nothing.
  assertEquals(conflictIn({ mixup: 0, cutmix: 0, batch: 1 }, { task: "multiclass" }), undefined);
  // The task is not known before the data are.
  assertEquals(idleIn({ logitAdjustment: 1, bceSum: true }), undefined);
  for (const loss of ["bce", "focal", "poly1"] as const) {
    for (const task of ["binary", "multiclass", "multilabel"] as const) {
      assertEquals(conflictIn({ loss }, { task }), undefined);
    }
  }
});

Deno.test("a preset of augment mixes as its recipe does, unless that is given, or a batch has no two pictures", () => {
  const mixed = (given: Parameters<typeof resolveSettings>[0]) => {
    const { mixup, cutmix } = resolveSettings(given);
    return [mixup, cutmix];
  };
  assertEquals(mixed({ augment: "deit" }), [0.8, 1]);
  assertEquals(mixed({ augment: "light2" }), [0.2, 0]);
  assertEquals(mixed({ augment: "deit", mixup: 0 }), [0, 1]);
  assertEquals(mixed({ augment: "deit", batch: 1 }), [0, 0]);
  assertEquals(mixed({ augment: "flip" }), [0, 0]);
  assertEquals(mixed({}), [0, 0]);
});

Deno.test("a loss of one's own leaves no place for logit adjustment, and options are refused as flags are", async () => {
  await using device = await openDevice("wasm");
  const trainer = (options: Partial<TrainerOptions>) => () =>
    new Trainer({ ...common, device, task: "multiclass", model: netOf(3), ...options });
  const own = { loss: (b, { logits }) => b.mean(logits, undefined, false), logitAdjustment: 1 } as TrainerOptions;
  assertThrows(trainer(own), TypeError, "logitAdjustment is of the losses that have names");
  assertThrows(trainer({ loss: "asymmetric" }), TypeError, "loss cannot be used: the task is multiclass");
  assertThrows(trainer({ loss: "hinge" as "bce" }), RangeError, "give cross-entropy, bce, focal, asymmetric or poly1");
});

Deno.test("class weights by effective numbers are Cui's: of mean 1, by 1 - beta to 1 - beta^n", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 8, b: 4 }));
    const weights = classWeightsOf(await openDataset(folder), {
      ...{ classWeights: "effective", posWeight: "none", effectiveBeta: 0.5 },
    });
    const [a, b] = [0.5 / (1 - 0.5 ** 8), 0.5 / (1 - 0.5 ** 4)];
    assertEquals(weights.map((x) => x.toFixed(9)), [2 * a / (a + b), 2 * b / (a + b)].map((x) => x.toFixed(9)));
  }));

Deno.test("of classes of 100 : 10 : 1, logit adjustment and balanced sampling gain 5 points of balanced accuracy", () =>
  inFolder(async (folder) => {
    await using device = await openDevice("wasm");
    const set = async (name: string, counts: readonly number[], seed: number) => {
      for (const [c, count] of counts.entries()) {
        const next = randomStream(seed, c);
        const pictures = Array.from({ length: count }, (_, i) => [`${c}/${i}.png`, stripes(c, next)]);
        await write(join(folder, name), Object.fromEntries(pictures));
      }
      return await openDataset(join(folder, name));
    };
    const [rare, even] = [await set("train", [500, 50, 5], 1), await set("val", [100, 100, 100], 2)];
    const score = async (options: Partial<TrainerOptions>) => {
      const model = netOf(3);
      const trainer = new Trainer({ ...common, device, model, task: "multiclass", epochs: 6, batch: 16, ...options });
      await trainer.fit(rare, even);
      const { report } = await trainer.evaluate(even);
      return balancedAccuracy(report.confusion as number[][])!;
    };
    const plain = await score({});
    for (const options of [{ logitAdjustment: 1 }, { sampling: "balanced" }] as const) {
      const gained = await score(options) - plain;
      assert(gained >= 0.05, `${JSON.stringify(options)}: ${plain} and ${gained} more`);
    }
  }));

/** A grey picture of 8 × 8 in noise, in which two columns of its class are brighter. */
function stripes(label: number, next: RandomStream): Uint8Array<ArrayBuffer> {
  const noise = () => Array.from({ length: 4 }, () => next() / 2 ** 32 - 0.5).reduce((sum, x) => sum + x);
  const values = Array.from({ length: 64 }, (_, i) => {
    const signal = Math.floor(i % 8 / 2) === label ? SIGNAL : 0;
    return Math.round(Math.min(65535, Math.max(0, 32768 + 8000 * noise() + signal)));
  });
  return deepPng(values, 8);
}
