import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import type { Task } from "../../src/data/labels.ts";
import { UserError } from "../../src/errors.ts";
import { createModel, type Model } from "../../src/models/mod.ts";
import { checkpointPath, RunDirectory } from "../../src/run/run_directory.ts";
import { openTeacher } from "../../src/train/teacher.ts";

const folder = await Deno.makeTempDir();
const classes = ["cat", "dog", "fox"];
const statistics = { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] };

/** A run whose best checkpoint is of a model with its initial weights. */
async function runOf(model: Model, task: Task = "multiclass"): Promise<string> {
  model.initialize(1);
  const { name, options, imageSize } = model;
  const run = new RunDirectory(join(folder, `${name}-${imageSize}-${task}`));
  await run.begin({});
  const tensors = new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, values: model.weights.get(name)! }]),
  );
  await run.saveCheckpoint("best", tensors, {
    format: 1,
    model: { name, ...options },
    task,
    classes,
    preprocessing: { imageSize, square: imageSize, interpolation: "bilinear", ...statistics },
  });
  await run.close();
  return run.path;
}

const small = createModel("lenet", { classes: 3, imageSize: 32 });
const lenet = await runOf(small);
const large = createModel("resnet18", { classes: 3, imageSize: 96 });
const resnet = await runOf(large);
const student = {
  model: createModel("naive-cnn", { classes: 3, imageSize: 32 }),
  task: "multiclass",
  classes,
} as const;

Deno.test("openTeacher() opens a run's best checkpoint, and the file alone", async () => {
  for (const path of [lenet, checkpointPath(lenet, "best")]) {
    const { model, preprocessing } = await openTeacher(path, student);
    assertEquals([model.name, model.weights], ["lenet", small.weights], path);
    assertEquals([preprocessing.mean, preprocessing.std], [statistics.mean, statistics.std], path);
  }
});

Deno.test("openTeacher() makes a ResNet for the student's picture size", async () => {
  const sized = { ...student, model: createModel("naive-cnn", { classes: 3, imageSize: 64 }) };
  const { model } = await openTeacher(resnet, sized);
  assertEquals(model.imageSize, 64);
  assertEquals(model.weights, large.weights);
});

Deno.test("openTeacher() refuses what does not fit", async (t) => {
  const empty = join(folder, "empty");
  await Deno.mkdir(empty);
  const file = checkpointPath(lenet, "best");
  const other = (options: { classes?: number; channels?: number; imageSize?: number }) => ({
    ...student,
    model: createModel("naive-cnn", { classes: 3, imageSize: 32, ...options }),
  });
  const cases: readonly [what: string, path: string, who: Parameters<typeof openTeacher>[1], says: RegExp][] = [
    ["nothing", join(folder, "none"), student, /none/],
    ["a folder that is no run", empty, student, /not a run directory/],
    ["another task", lenet, { ...student, task: "multilabel" }, /task is multiclass, not multilabel; give a teacher/],
    ["other classes", lenet, { ...student, classes: ["cat", "dog", "owl"] }, /cat, dog, fox, not cat, dog, owl; give/],
    ["classes in another order", lenet, { ...student, classes: ["dog", "cat", "fox"] }, /not dog, cat, fox; give/],
    ["a file with other classes", file, other({ classes: 4 }), /its lenet gives 3 logits, not 4; give/],
    ["grey pictures", lenet, other({ channels: 1 }), /pictures have 3 channels, not 1; give/],
    ["a size that dense layers cannot take", lenet, other({ imageSize: 48 }), /32×32, not 48×48; give imageSize 32/],
    ["a size that has another stem", resnet, student, /96×96, not 32×32; give imageSize 96/],
    ["a size below the model's least", lenet, other({ imageSize: 8 }), /32×32, not 8×8; give imageSize 32/],
  ];
  for (const [what, path, who, says] of cases) {
    await t.step(what, async () => {
      assertMatch((await assertRejects(() => openTeacher(path, who), UserError)).message, says);
    });
  }
});

Deno.test("cleaning up", () => Deno.remove(folder, { recursive: true }));
