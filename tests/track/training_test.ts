/**
 * What trackers are told of real short runs, and what those leave in `metrics.jsonl`.
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { join } from "node:path";
import type { Split } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import { decodePicture } from "../../src/data/pictures/decode.ts";
import { squareOf } from "../../src/data/pictures/resize.ts";
import type { Device } from "../../src/device/device.ts";
import { openDevice } from "../../src/device/open.ts";
import { readRecords } from "../../src/files.ts";
import type { Report } from "../../src/metrics/mod.ts";
import { createModel } from "../../src/models/mod.ts";
import { lossKindOf } from "../../src/train/loss_kind.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { Trainer } from "../../src/train/trainer.ts";
import type { LogFacts, Note, RunFacts, Tracker, ValidationFacts } from "../../src/track/tracker.ts";
import type { WorstPicture } from "../../src/report/sheet.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

/** Five steps of eight pictures an epoch, a log every four: the second window runs over the end of an epoch. */
const [STEPS, EPOCHS, LOG_EVERY] = [5, 2, 4];

/** Runs in one folder on one device. */
async function withRuns(use: (given: { split: Split; options: TrainerOptions; folder: string }) => Promise<void>) {
  await inFolder(async (folder) => {
    await write(join(folder, "data"), classFolders({ a: 25, b: 25 }));
    const split = (await openDataset(join(folder, "data"))).split({ ratios: [8, 1, 1], seed: 1 });
    await using device = await openDevice();
    await use({ split, options: optionsOf(device), folder });
  });
}

const optionsOf = (device: Device): TrainerOptions => ({
  ...{ device, model: createModel("lenet", { classes: 2, imageSize: 32 }), task: "multiclass", epochs: EPOCHS },
  ...{ batch: 8, logEvery: LOG_EVERY, cache: "off", workers: 1, tune: "off" },
});

/** A model is trained once. */
const anew = (options: TrainerOptions): TrainerOptions => ({
  ...options,
  model: createModel("lenet", { classes: 2, imageSize: 32 }),
});

/** Everything that a tracker is told, but for progress. */
type Told = readonly [method: string, facts: unknown];

function recorder(told: Told[], more: Partial<Tracker> = {}): Tracker {
  const methods = ["begin", "rewind", "log", "validation", "checkpoint", "test", "end", "note"] as const;
  const hear = methods.map((method) => [method, (facts: unknown) => void told.push([method, facts])]);
  return { name: "recorder", ...Object.fromEntries(hear), ...more };
}

/** Records of a run without what differs from time to time. */
async function recordsOf(run: string): Promise<Record<string, unknown>[]> {
  return (await readRecords(join(run, "metrics.jsonl"))).map(({ imagesPerSecond: _, ...record }) => record);
}

const of = <T>(told: readonly Told[], wanted: string): T[] =>
  told.flatMap(([method, facts]) => method === wanted ? [facts as T] : []);

Deno.test("a tracker is told all facts of a run in their order, and metrics.jsonl holds them", () =>
  withRuns(async ({ split, options, folder }) => {
    const told: Told[] = [];
    const progress = new Set<string>();
    const out = join(folder, "run");
    const { test } = await new Trainer({
      ...anew(options),
      ...{ out, labelSmoothing: 0.1, valEvery: 3 },
      trackers: [recorder(told, { progress: ({ type }) => void progress.add(type) })],
    }).fit(split.train, split.val, split.test);

    const epoch = (steps: readonly string[]) => [...steps, "validation", "checkpoint"];
    assertEquals(told.map(([method]) => method), [
      "begin",
      ...epoch(["validation", "log"]),
      ...epoch(["validation", "log", "validation"]),
      ...["note", "test", "end"],
    ]);
    const [run] = of<RunFacts>(told, "begin");
    assertEquals(run.config, JSON.parse(await Deno.readTextFile(join(out, "config.json"))));
    assertEquals([run.path, run.epochs, run.stepsPerEpoch, run.batch], [out, EPOCHS, STEPS, 8]);
    assert(run.memory > 0 && run.dispatches > 0 && run.learnt > 1000 && run.resumedAt === undefined);

    const logs = of<LogFacts>(told, "log");
    assertEquals(logs.map(({ epoch, step }) => [epoch, step]), [[1, 4], [2, 8]]);
    for (const { loss, lossKind, skipped, learningRate, imagesPerSecond } of logs) {
      assert(loss! > 0.1 && loss! < 2 && learningRate > 0 && imagesPerSecond > 0);
      assertEquals([lossKind, skipped], ["label smoothing", 0]);
    }
    const validations = of<ValidationFacts>(told, "validation");
    assertEquals(validations.map(({ epoch, step }) => [epoch, step]), [[1, 3], [1, 5], [2, 6], [2, 9], [2, 10]]);
    assertEquals(validations.map(({ isBest }) => isBest).slice(0, 3), [false, true, false]);
    for (const { report, lossKind } of validations) {
      assertEquals([sumOf(report), lossKind], [split.val.size, "plain"]);
    }
    assertEquals(of<{ path: string; step: number }>(told, "checkpoint").map(({ path, step }) => [path, step]), [
      [join(out, "checkpoints", "epoch-001.safetensors"), 5],
      [join(out, "checkpoints", "epoch-002.safetensors"), 10],
    ]);
    assertEquals(of(told, "test"), [{ ...test!, metrics: {}, lossKind: "plain" }]);
    assertEquals(of(told, "end"), [{ how: "done" }]);
    assertEquals(of<Note>(told, "note").map(({ type }) => type), ["trained"]);
    assertEquals([...progress].filter((type) => type !== "compiling"), [
      ...["decoding", "training", "validating", "testing"],
    ]);

    assertEquals(
      (await recordsOf(out)).map(({ type, step, loss, lossKind }) => [type, step, loss, lossKind]),
      told.flatMap(([method, facts]) => {
        if (method !== "log" && method !== "validation") return [];
        const { step, lossKind, loss = (facts as ValidationFacts).report.loss } = facts as LogFacts;
        return [[method === "log" ? "train" : "val", step, loss, lossKind]];
      }),
    );
    for (const name of ["curves.svg", "curves.png"]) assert((await Deno.stat(join(out, name))).size > 1000, name);
  }));

/** Pictures in a confusion matrix. */
const sumOf = ({ confusion }: Report): number => (confusion as number[][]).flat().reduce((sum, n) => sum + n, 0);

Deno.test("a tracker that asks is given the validation's worst pictures; the run computes the same as without", () =>
  withRuns(async ({ split, options, folder }) => {
    const found: (readonly WorstPicture[])[] = [];
    const told: ValidationFacts[] = [];
    const asking: Tracker = {
      name: "asking",
      async validation(facts) {
        told.push(facts);
        const all = await facts.worst(100);
        assertEquals(await facts.worst(2), all.slice(0, 2));
        found.push(all);
      },
    };
    const [plain, asked] = [join(folder, "plain"), join(folder, "asked")];
    // The validation's last batch of two is not full.
    const short = { batch: 2, epochs: 1, valEvery: 10 };
    await new Trainer({ ...anew(options), ...short, out: plain }).fit(split.train, split.val);
    await new Trainer({ ...anew(options), ...short, out: asked, trackers: [asking] }).fit(split.train, split.val);
    assertEquals(await recordsOf(asked), await recordsOf(plain));
    assertEquals(found.length, 2);
    const { val } = split;
    for (const [v, { predictions: { logits, targets }, report }] of told.entries()) {
      const losses = val.samples.map(({ label: [k] }, i) => {
        assertEquals([...targets.subarray(2 * i, 2 * i + 2)], k === 0 ? [1, 0] : [0, 1]);
        return Math.log(Math.exp(logits[2 * i]) + Math.exp(logits[2 * i + 1])) - logits[2 * i + k];
      });
      assertAlmostEquals(losses.reduce((sum, loss) => sum + loss / losses.length, 0), report.loss!, 1e-6);
      const order = losses.map((_, i) => i).sort((a, b) => losses[b] - losses[a]);
      assertEquals(found[v].map(({ file }) => file), order.map((i) => val.samples[i].file));
      for (const [place, { label, predicted, probability, loss, pixels }] of found[v].entries()) {
        const i = order[place];
        const best = logits[2 * i + 1] > logits[2 * i] ? 1 : 0;
        assertEquals([label, predicted], [val.classes[val.samples[i].label[0]], val.classes[best]]);
        assertAlmostEquals(loss, losses[i], 1e-5);
        assertAlmostEquals(probability, label === predicted ? Math.exp(-loss) : 1 - Math.exp(-loss), 1e-5);
        const source = decodePicture(await Deno.readFile(join(folder, "data", val.samples[i].file)));
        const { data } = squareOf(source, { imageSize: 32, square: 32, interpolation: "bilinear" });
        assertEquals([pixels.width, pixels.height], [32, 32]);
        const most = data.reduce((most, value, at) => Math.max(most, Math.abs(value - pixels.rgb[at])), 0);
        assert(most <= 1, `the picture is another one, by ${most}`);
      }
    }
  }));

Deno.test("a logged loss is the mean over a whole window, across the end of an epoch; a shorter run is one window", () =>
  withRuns(async ({ split, options }) => {
    const lossesOf = async (logEvery: number) => {
      const told: Told[] = [];
      await new Trainer({ ...anew(options), logEvery, trackers: [recorder(told)] }).fit(split.train, split.val);
      return of<LogFacts>(told, "log").map(({ loss }) => loss!);
    };
    const each = await lossesOf(1);
    assertEquals(each.length, STEPS * EPOCHS);
    for (const [logEvery, windows] of [[4, 2], [100, 1]] as const) {
      const length = Math.min(logEvery, each.length);
      const means = Array.from(
        { length: windows },
        (_, w) => each.slice(w * length, (w + 1) * length).reduce((sum, loss) => sum + loss / length, 0),
      );
      const losses = await lossesOf(logEvery);
      assertEquals(losses.length, windows);
      losses.forEach((loss, w) => assertAlmostEquals(loss, means[w], 1e-5));
    }
  }));

for (const stopAt of [3, 7]) {
  Deno.test(`a run stopped within a window, after step ${stopAt}, tells a new tracker where it goes on, and leaves the whole's records`, () =>
    withRuns(async ({ split, options, folder }) => {
      const [whole, out] = [join(folder, "whole"), join(folder, "stopped")];
      await new Trainer({ ...anew(options), out: whole }).fit(split.train, split.val);

      const told: Told[] = [];
      const stop = new AbortController();
      let steps = 0;
      const stopper: Tracker = {
        name: "stopper",
        progress: ({ type }) => type === "training" && ++steps === stopAt && stop.abort(),
      };
      await new Trainer({ ...anew(options), out, signal: stop.signal, trackers: [stopper, recorder(told)] })
        .fit(split.train, split.val, split.test);
      assertEquals(of(told, "end"), [{ how: "interrupted" }]);
      assertEquals(of(told, "test"), []);

      // As a killed run leaves records of steps that are to be taken again.
      const path = join(out, "metrics.jsonl");
      await Deno.writeTextFile(path, `{"type":"train","step":${stopAt + 1},"loss":9}\n`, { append: true });
      const again: Told[] = [];
      await new Trainer({ ...anew(options), out, resume: true, trackers: [recorder(again)] })
        .fit(split.train, split.val);
      assertEquals(again.slice(0, 2).map(([method]) => method), ["begin", "rewind"]);
      assertEquals(of(again, "rewind"), [stopAt]);
      const [{ resumedAt, config }] = of<RunFacts>(again, "begin");
      assertEquals(resumedAt, { epoch: Math.floor(stopAt / STEPS), step: stopAt % STEPS });
      assertEquals(config, JSON.parse(await Deno.readTextFile(join(out, "config.json"))));
      assertEquals(await recordsOf(out), await recordsOf(whole));
    }));
}

Deno.test("what trackers were told is done before a checkpoint is written; one that fails stops nothing", () =>
  withRuns(async ({ split, options, folder }) => {
    const out = join(folder, "run");
    const seen: [told: number, lastStep: number][] = [];
    let validations = 0;
    const slow: Tracker = {
      name: "slow",
      async validation() {
        await new Promise((resolve) => setTimeout(resolve, 50));
        // The epoch's checkpoint is not there yet.
        const names = (await Array.fromAsync(Deno.readDir(join(out, "checkpoints")))).map(({ name }) => name);
        seen.push([++validations, names.filter((name) => name.startsWith("epoch")).length]);
      },
    };
    const told: Told[] = [];
    const bad = new Proxy({ name: "bad" }, {
      get(target, key) {
        if (key === "name") return target.name;
        return () => {
          throw new Error("broken");
        };
      },
    }) as Tracker;
    const result = await new Trainer({ ...anew(options), out, trackers: [slow, bad, recorder(told)] })
      .fit(split.train, split.val);
    assertEquals([result.epochs, seen], [EPOCHS, [[1, 0], [2, 1]]]);
    const warnings = of<Note>(told, "note").flatMap((note) => note.type === "warning" ? [note.message] : []);
    assertEquals(warnings, ["the tracker bad failed in progress: broken; training goes on"]);
  }));

Deno.test("lossKindOf() names all that keeps a training loss from being the validation's", () => {
  const plain = {
    ...{ task: "multiclass", loss: "cross-entropy", classWeights: "none", posWeight: "none", labelSmoothing: 0 },
    ...{ logitAdjustment: 0, mixup: 0, cutmix: 0, sampling: "uniform", bceTargetThreshold: undefined, bceSum: false },
    ...{ rDrop: 0, augSplits: 1, teacher: undefined },
  } as const;
  const cases: readonly [Partial<Parameters<typeof lossKindOf>[0]>, string][] = [
    [{}, "plain"],
    [{ classWeights: "balanced", labelSmoothing: 0.1 }, "class weights, label smoothing"],
    [{ task: "multilabel", loss: "bce", posWeight: [2, 1] }, "positive weights"],
    [{ loss: "bce", mixup: 0.1, cutmix: 1 }, "bce, mixup, CutMix"],
    [{ logitAdjustment: 1, rDrop: 0.5 }, "logit adjustment, R-Drop"],
    [{ augSplits: 3 }, "Jensen-Shannon divergence"],
    [{ task: "binary", loss: "focal", sampling: "sqrt" }, "focal, sqrt sampling"],
    [{ loss: (b, { logits }) => b.mean(logits) }, "a loss of one's own"],
  ];
  for (const [options, kind] of cases) {
    assertEquals(lossKindOf({ ...plain, ...options } as Parameters<typeof lossKindOf>[0]), kind);
  }
});

Deno.test("a run that fails after it began has an end that says so", () =>
  withRuns(async ({ split, options }) => {
    const told: Told[] = [];
    const model = createModel("lenet", { classes: 2, imageSize: 32 });
    model.initialize(1);
    model.weights.get(model.parameters[0].name)!.fill(NaN);
    const error = await new Trainer({ ...options, model, logEvery: 100, trackers: [recorder(told)] })
      .fit(split.train, split.val).then(() => undefined, (error) => error);
    assertEquals(told.map(([method]) => method), ["begin", "end"]);
    assertEquals(of(told, "end"), [{ how: "failed", error }]);
    // No window of losses was over: the end of the epoch found it.
    assert(/^Epoch 1, step 1: parameter .* is not finite/.test(error.message), error.message);
  }));
