import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { encodeSafetensors, openSafetensors } from "../../src/interop/safetensors_file.ts";
import { writeAtomic } from "../../src/files.ts";
import { createModel, Model, type ModelOptions } from "../../src/models/mod.ts";
import type { OwnModel } from "../../src/models/own.ts";
import { conv2d, flatten, type Layer, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import { openModel } from "../../src/run/open_model.ts";
import { openRun } from "../../src/run/open_run.ts";
import { checkpointPath } from "../../src/run/run_directory.ts";
import { saveWeights } from "../../src/run/save_weights.ts";
import { loadWeights } from "../../src/run/weights.ts";
import { infoFor, writeRun } from "./written_run.ts";

const folder = await Deno.makeTempDir();
const build = ({ channels, classes }: { channels: number; classes: number }): Layer =>
  sequential({ conv: conv2d(channels, 4, 3), relu: relu(), flatten: flatten(), head: lazyLinear(classes) });
const myCnn = { name: "my-cnn", build };
const made = (classes = 2, imageSize = 8, name = "my-cnn") => {
  const options = { classes, channels: 3, imageSize, stem: "auto" } as const;
  return new Model(name, build(options), options);
};
const lenet = createModel("lenet", { classes: 2, imageSize: 28 });
const ofLenet = await writeRun(folder, lenet, {
  config: { batch: 7, flags: { lr: 1 } },
  checkpoints: ["best", "last", "epoch-012"],
});
const own = made();
const ofOwn = await writeRun(folder, own);

Deno.test("openRun() gives config, what the checkpoint says, and the model with its weights", async () => {
  for (const checkpoint of [undefined, "best", "last", 12] as const) {
    const { config, info, model } = await openRun(ofLenet, { checkpoint });
    assertEquals([config.batch, info.classes, model.name, model.imageSize], [7, ["a", "b"], "lenet", 28]);
    assertEquals(model.weights, lenet.weights);
  }
  await assertRejects(() => openRun(ofLenet, { checkpoint: 3 }), UserError, "epoch-003");
});

const models: readonly (readonly [what: string, model: OwnModel])[] = [
  ["a definition", myCnn],
  ["a model", made()],
];
for (const [what, model] of models) {
  Deno.test(`openModel() opens a run and a checkpoint of a model of the user's own, given ${what}`, async () => {
    for (const path of [ofOwn, checkpointPath(ofOwn, "best")]) {
      const opened = await openModel(path, { models: [model] });
      assertEquals(opened.model.weights, own.weights);
      assertEquals(opened.preprocessing, infoFor(own).preprocessing);
      assertEquals(opened.meaning, { task: "multiclass", classes: ["a", "b"] });
    }
  });
}

Deno.test("a model of the user's own that is not given, or in another size, is refused", async () => {
  const cases: readonly (readonly [readonly OwnModel[], string])[] = [
    [[], "There is no model my-cnn in Fovea: where it is your own, give its definition with models"],
    [[made(2, 8, "other")], "There is no model my-cnn"],
    [[made(3)], "its classes is 3, and 2 is needed"],
    [[made(2, 12)], "its imageSize is 12, and 8 is needed"],
    [
      [{ name: "my-cnn", build: ({ classes }) => sequential({ flatten: flatten(), fc: lazyLinear(classes) }) }],
      "no fc",
    ],
  ];
  for (const [given, says] of cases) await assertRejects(() => openRun(ofOwn, { models: given }), UserError, says);
});

Deno.test("loadWeights() loads a user's own model by its own names, and makes another head fresh", async () => {
  const file = checkpointPath(ofOwn, "best");
  const same = made();
  assertEquals((await loadWeights(same, file)).loaded.length, 4);
  assertEquals(same.weights, own.weights);
  const other = made(5);
  const { loaded, fresh } = await loadWeights(other, file);
  assertEquals([loaded, fresh], [["conv.weight", "conv.bias"], ["head.weight", "head.bias"]]);
  await assertRejects(() => loadWeights(made(2, 12), file), UserError, "its head.weight is [2, 144], and [2, 400]");
  await assertRejects(() => loadWeights(made(), checkpointPath(ofLenet, "best")), UserError, "it looks like lenet");
});

const saved:
  readonly (readonly [name: string, options: ModelOptions, keys: readonly ("own" | "timm" | "torchvision")[]])[] = [
    ["lenet", { classes: 2, imageSize: 28 }, ["own"]],
    ["naive-cnn", { classes: 2, imageSize: 16 }, ["own"]],
    ["resnet18", { classes: 2, imageSize: 40 }, ["own", "timm", "torchvision"]],
    ["vit-ti16", { classes: 2, imageSize: 32 }, ["own", "timm"]],
    ["lenet", { classes: 2, imageSize: 28, width: 0.5 }, ["own"]],
    ["alexnet", { classes: 2, imageSize: 64, width: 0.05 }, ["own", "torchvision"]],
    ["vgg11-bn", { classes: 2, imageSize: 32, width: 0.05 }, ["own", "timm", "torchvision"]],
    ["resnet50", { classes: 2, imageSize: 32, width: 0.25 }, ["own", "timm", "torchvision"]],
    ["deit-s-distilled", { classes: 2, imageSize: 32, width: 0.25 }, ["own", "timm"]],
    ["swin-v2-t", { classes: 2, imageSize: 32, width: 0.25 }, ["own", "timm", "torchvision"]],
  ];
for (const [name, options, all] of saved) {
  for (const keys of all) {
    Deno.test(`saveWeights() writes ${name} ${JSON.stringify(options)} in ${keys} names, and openModel() has all of it back`, async () => {
      const model = createModel(name, options);
      model.initialize(3);
      const path = join(folder, `${name}-${keys}.safetensors`);
      const about = infoFor(model);
      const count = await saveWeights(model, path, { keys, about });
      using file = await openSafetensors(path);
      assertEquals(file.entries.size, count);
      if (keys === "own") assertEquals([...file.entries.keys()], model.parameters.map((parameter) => parameter.name));
      const opened = await openModel(path);
      assertEquals({ ...opened.model.options, stem: "auto" }, model.options);
      assertEquals(opened.model.weights, model.weights);
      assertEquals(opened.preprocessing, about.preprocessing);
      assertEquals(opened.meaning, { task: "multiclass", classes: ["a", "b"] });
    });
  }
}

Deno.test("openModel() reads the preprocessing that exports of earlier versions name", async () => {
  const model = createModel("lenet", { classes: 2, imageSize: 28 });
  model.initialize(3);
  const { task, classes, preprocessing } = infoFor(model);
  const facts = { task, classes: JSON.stringify(classes), preprocessing: JSON.stringify(preprocessing) };
  const tensors = new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, values: model.weights.get(name)! }]),
  );
  const path = join(folder, "earlier.safetensors");
  const write = (metadata: Record<string, string>) => writeAtomic(path, encodeSafetensors(tensors, metadata));
  await write({ format: "pt", model: "lenet", ...facts });
  const opened = await openModel(path);
  assertEquals([opened.preprocessing, opened.model.imageSize], [preprocessing, 28]);
  assertEquals(opened.model.weights, model.weights);
  for (const damage of [{ preprocessing: "{}" }, { classes: "[1]" }, { task: "none" }]) {
    await write({ format: "pt", model: "lenet", ...facts, ...damage });
    await assertRejects(() => openModel(path), UserError, "what it says of itself is damaged");
  }
});

Deno.test("saveWeights() without a word about the model writes weights that loadWeights() reads", async () => {
  const path = join(folder, "plain.safetensors");
  await saveWeights(own, path);
  const copy = made();
  await loadWeights(copy, path);
  assertEquals(copy.weights, own.weights);
  await assertRejects(() => saveWeights(made(), path), TypeError, "its conv.weight has no value");
});

Deno.test("cleaning up", () => Deno.remove(folder, { recursive: true }));
