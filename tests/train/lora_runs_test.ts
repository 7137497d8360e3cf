/**
 * Runs that learn by LoRA: what they keep, that they can be stopped, and that others take their weights.
 */

import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { readRecords } from "../../src/files.ts";
import { Model } from "../../src/models/mod.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import { evaluateModel } from "../../src/run/evaluate.ts";
import { openRun } from "../../src/run/open_run.ts";
import { checkpointPath, loadCheckpoint } from "../../src/run/run_directory.ts";
import { loadWeights } from "../../src/run/weights.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { classFolders, write } from "../data/sets.ts";
import { traces } from "../e2e/runs.ts";

const size = { classes: 2, channels: 3, imageSize: 8, stem: "auto" } as const;
const madeModel = () =>
  new Model("my-vit", visionTransformer({ ...size, patch: 4, width: 8, depth: 1, heads: 2, hidden: 12 }), size);

/** The model as it begins, with weights to adapt. */
const begun = () => {
  const model = madeModel();
  model.initialize(5);
  return model;
};

const folder = await Deno.makeTempDir();
addEventListener("unload", () => {
  device[Symbol.asyncDispose]();
  Deno.removeSync(folder, { recursive: true });
});
await write(join(folder, "pictures"), classFolders({ a: 10, b: 6 }));
const data = await openDataset(join(folder, "pictures"));
const device = await openDevice("wasm");
const how = { device, task: "multiclass", epochs: 3, batch: 4, cache: "off", logEvery: 1, augment: "none" } as const;

/** Trains three epochs of four steps; gives the run's folder, and its model. */
async function train(name: string, options: Partial<TrainerOptions> = {}) {
  const out = join(folder, name);
  const model = options.model ?? begun();
  const common = { ...how, model, learningRate: 0.05, lora: 2, loraAlpha: 6, out };
  const ended = await new Trainer({ ...common, ...options }).fit(data, data);
  return { out, model, ...ended };
}

Deno.test("a run with LoRA that is stopped resumes to the same bytes", async () => {
  const course: Partial<TrainerOptions> = {
    ...{ loraDropout: 0.3, accumulate: 2, layerDecay: 0.8, freezeEpochs: 1, swa: 1 },
    optimizer: "adamw",
  };
  const whole = await traces((await train("whole", course)).out);
  const controller = new AbortController();
  const tracker = { name: "stop", log: ({ step }: { step: number }) => step === 7 && controller.abort() };
  const { out, interrupted } = await train("stopped", {
    ...course,
    signal: controller.signal,
    trackers: [tracker as never],
  });
  assert(interrupted);
  // What it learns from is in its checkpoint.
  await train("stopped", { ...course, resume: true, model: madeModel() });
  assertEquals(await traces(out), whole);
});

Deno.test("checkpoints hold merged weights under the model's own names, and last what they are merged of", async () => {
  for (const options of [{}, { ema: 0.8 }] as const) {
    const { out, model, best } = await train(`kept ${Object.keys(options)}`, options);
    const before = begun().weights;
    const last = await loadCheckpoint(out, "last");
    const kept = await loadCheckpoint(out, "epoch-003");
    assertEquals([...kept.tensors.keys()], madeModel().parameters.map(({ name }) => name));
    assertEquals([last.info.lora, kept.info.lora], [{ alpha: 6 }, undefined]);
    const [down, up] = ["A", "B"].map((which) => {
      const name = `encoder.layers.encoder_layer_0.mlp.0.lora_${which}.weight`;
      return last.tensors.get(options.ema ? `average.${name}` : name)!.values;
    });
    for (const [key, { values }] of kept.tensors) {
      const isHead = key.startsWith("heads");
      const isAdapted = /self_attention.*weight|mlp.*weight/.test(key);
      (isHead || isAdapted ? assertNotEquals : assertEquals)(values, before.get(key), key);
      // In `last` they stay as they were.
      if (!isHead) assertEquals(last.tensors.get(key)!.values, before.get(key), key);
    }
    const key = "encoder.layers.encoder_layer_0.mlp.0.weight";
    kept.tensors.get(key)!.values.forEach((value, i) => {
      const [o, k] = [Math.floor(i / 8), i % 8];
      const product = up[o * 2] * down[k] + up[o * 2 + 1] * down[8 + k];
      assertAlmostEquals(value, before.get(key)![i] + 3 * product, 1e-6);
    });
    // The model, and what is opened, have the same weights; what was validated is what is kept.
    const opened = (await openRun(out, { models: [madeModel()], checkpoint: best!.epoch })).model;
    assertEquals(model.weights, opened.weights);
    const { info, model: final } = await openRun(out, { models: [madeModel()], checkpoint: "last" });
    assertEquals(final.weights, (await openRun(out, { models: [madeModel()], checkpoint: 3 })).model.weights);
    const { report } = await evaluateModel({ ...info, ...how, model: final, data, cache: { mode: "off" } });
    const records = (await readRecords(join(out, "metrics.jsonl"))) as Record<string, unknown>[];
    assertAlmostEquals(report.loss!, records.findLast(({ type }) => type === "val")!.loss as number, 1e-5);
  }
});

Deno.test("a run begins from one with LoRA, and learns from it; its last checkpoint alone is refused", async () => {
  const { out, model: taught } = await train("taught");
  const model = madeModel();
  await loadWeights(model, out);
  assertEquals(model.weights, taught.weights);
  const teacher = { model: taught, preprocessing: (await openRun(out, { models: [madeModel()] })).info.preprocessing };
  const { model: student } = await train("again", { model, teacher, epochs: 1 });
  assertEquals(student.weights.size, madeModel().parameters.length);
  await assertRejects(
    () => loadWeights(madeModel(), checkpointPath(out, "last")),
    UserError,
    "it keeps what LoRA learns beside the weights, for its run to go on; give the run",
  );
});

Deno.test("LoRA that would change nothing, or freezes all that it learns, is refused", async () => {
  const refused: readonly (readonly [Partial<TrainerOptions>, string])[] = [
    [{ lora: undefined }, "loraAlpha would change nothing: there is no lora"],
    [{ freeze: ["encoder", "heads"] }, "Cannot freeze encoder, heads: nothing is left to learn"],
    [{ freeze: ["conv_proj"] }, "Cannot freeze conv_proj: the model has no such parameter beside what is frozen"],
    [{ model: madeModel() }, "Cannot adapt my-vit with lora 2: it has no weights yet"],
  ];
  for (const [options, says] of refused) {
    await assertRejects(() => train("refused", options), Error, says);
  }
});
