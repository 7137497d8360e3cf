import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { parseCommand } from "../../src/cli/command.ts";
import { comparedWith, withConfig } from "../../src/cli/config_file.ts";
import { demoRecipe } from "../../src/cli/demo_recipe.ts";
import { crossValidate, train } from "../../src/cli/flags.ts";
import { givenIn } from "../../src/cli/idle.ts";
import { UserError } from "../../src/errors.ts";
import { multiclassTest } from "../../src/metrics/mod.ts";
import { type Given, idleIn, recordOf, resolveSettings } from "../../src/run/resolve.ts";
import { fovea, lastLine } from "../e2e/command.ts";

const recipes = new URL("../../fixtures/recipes/", import.meta.url).pathname;

/** Settings of a file and of flags over it. */
async function settingsOf(file: unknown, flags: string[] = [], name = "config.json", command: typeof train = train) {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, name);
    await Deno.writeTextFile(path, typeof file === "string" ? file : JSON.stringify(file));
    const { asked, expected } = await withConfig(
      command,
      parseCommand(command, ["--config", path, ...flags]),
    ).catch((error) => {
      if (error instanceof UserError) throw new UserError(error.message.replace(`${path}: `, ""));
      throw error;
    });
    return { asked, expected };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("withConfig() takes settings by the names of config.json and of the flags, flags over them", async () => {
  const { asked } = await settingsOf({ model: "lenet", "lr": 0.1, "weight-decay": 0.2, warmup: 1, epochs: 9 }, [
    "--epochs",
    "3",
  ]);
  assertEquals(asked, { model: "lenet", epochs: 3, learningRate: 0.1, weightDecay: 0.2, warmupEpochs: 1 });
});

Deno.test("withConfig() takes values as config.json has them and as flags have them, and YAML", async () => {
  const values = {
    split: [6, 2, 2],
    betas: [0.8, 0.9],
    learningRateScale: { "fc*": 2 },
    skipNonFinite: 3,
    target: ["a", "b"],
  } as const;
  assertEquals((await settingsOf(values)).asked, values);
  const words = { split: "6:2:2", betas: "0.8,0.9", lrScale: ["fc*=2"], onNan: "skip:3", target: ["a", "b"] };
  assertEquals((await settingsOf(words)).asked, values);
  const yaml = "split: 6:2:2\nbetas: [0.8, 0.9]\nlr-scale: fc*=2\non-nan: skip:3\ntarget:\n  - a\n  - b\n";
  assertEquals((await settingsOf(yaml, [], "config.yaml")).asked, values);
});

Deno.test("withConfig() resolves a path as a flag's: from the user's working directory", async () => {
  const { asked } = await settingsOf({ data: "pets", pretrained: "imagenet:resnet18" });
  assertEquals(asked, parseGiven(["--data", "pets", "--pretrained", "imagenet:resnet18"]));
});

const parseGiven = (words: string[]): Given => {
  const { options, given } = parseCommand(train, words);
  return givenIn(options, given);
};

const mistakes: readonly (readonly [file: unknown, message: string])[] = [
  [{ epoch: 3 }, "there is no setting epoch; did you mean epochs?"],
  [{ zebra: 3 }, "there is no setting zebra; see train --help"],
  [{ out: "x" }, "out is no setting: give --out on the command line"],
  [{ epochs: "five" }, 'epochs is "five": give a whole number of at least 1'],
  [{ epochs: [5] }, "epochs is [5]: give a whole number of at least 1"],
  [{ epochs: 0 }, "epochs is 0: give a whole number of at least 1"],
  [{ stratify: 1 }, "stratify is 1: give true or false"],
  [{ precision: "f23" }, 'precision is "f23": give f32 or f16; did you mean f32?'],
  [{ lr: 1, learningRate: 1 }, "lr and learningRate are the same setting: give it once"],
  [{ title: 1 }, "title is no text"],
  [{ expect: 1 }, 'expect is no object: give such as {"minutes": 5, "accuracy": 0.9}'],
  [{ expect: { acuracy: 1 } }, "expect: there is no key acuracy; did you mean accuracy?"],
  [{ expect: { minutes: "5" } }, 'expect: minutes is "5": give a number'],
  [[1], 'it is no object: give settings by name, such as {"model": "lenet"}'],
];
for (const [file, message] of mistakes) {
  Deno.test(`withConfig() refuses ${JSON.stringify(file)} in one line`, async () => {
    assertEquals((await assertRejects(() => settingsOf(file), UserError)).message, message);
  });
}

Deno.test("withConfig() refuses what the command has no flag for, and a file that is not there", async () => {
  const command = crossValidate as unknown as typeof train;
  const { message } = await assertRejects(() => settingsOf({ fold: "1/2" }, [], "a.json", command), UserError);
  assertEquals(
    message,
    "there is no setting fold; see cross-validate --help",
  );
  const missing = parseCommand(train, ["--config", "/none/x.json"]);
  await assertRejects(
    () => withConfig(train, missing),
    UserError,
    "/none/x.json is not there: give a file of settings",
  );
  await assertRejects(() => settingsOf("{"), UserError, "cannot be read");
});

Deno.test("withConfig() takes a run's config.json, without what flags leave idle", async () => {
  const data = { kind: "folder", task: "multiclass", hasOwnSplit: false } as const;
  const settings = resolveSettings({ data: "/d", optimizer: "adamw", betas: [0.8, 0.9], epochs: 7 }, data);
  const config = { versions: { fovea: "1" }, settings: recordOf(settings, data) };
  const { asked } = await settingsOf(config);
  assertEquals(resolveSettings(asked, data), settings);
  assertEquals(idleIn(asked, data), undefined);
  const { asked: other } = await settingsOf(config, ["--optimizer", "sgd"]);
  assertEquals([other.optimizer, other.betas, other.epochs, idleIn(other, data)], ["sgd", undefined, 7, undefined]);
});

Deno.test("every recipe resolves, and nothing in it is idle", async () => {
  let count = 0;
  for await (const { name } of Deno.readDir(recipes)) {
    count++;
    const { asked, expected } = await withConfig(
      train,
      parseCommand(train, ["--config", join(recipes, name)]),
    );
    const kind = asked.data?.includes("mnist") ? "idx" : "celeba";
    const data = {
      kind,
      task: "multiclass",
      pictureSize: kind === "idx" ? 28 : 64,
      hasOwnSplit: kind === "idx",
    } as const;
    assertEquals([name, idleIn(asked, data)], [name, undefined]);
    assert(Object.keys(asked).length > 1 && expected?.minutes, `${name} says nothing of what it comes to`);
  }
  assert(count >= 4);
});

Deno.test("what is expected is compared, unless a flag has changed what is learnt", async () => {
  const recipe = { epochs: 2, expect: { minutes: 15, on: "two cores", accuracy: 0.93 } };
  assertEquals((await settingsOf(recipe, ["--epochs", "3"])).expected, undefined);
  const { expected } = await settingsOf(recipe, ["--seed", "2", "--workers", "1"]);
  const report = multiclassTest([3, 0, 0, 0, 3, 0, 0, 0, 3, 3, 0, 0], [0, 1, 2, 1], ["a", "b", "c"], { resamples: 0 });
  assertEquals(
    comparedWith(expected!, report, 723),
    "expected accuracy 0.93, got 0.7500; expected 15 min 0 s on two cores, took 12 min 3 s",
  );
});

Deno.test("train --print-config prints what --config takes, to the same settings", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const cache = join(folder, "cache");
    const faces = join(folder, "faces");
    await fovea(["data", "demo", faces, "--count", "40", "--image-size", "16"], cache);
    const flags = [
      "--data",
      faces,
      "--target",
      "Eyeglasses",
      "--optimizer",
      "sgd",
      "--lr",
      "0.3",
      "--schedule",
      "step",
    ];
    const first = await fovea(["train", ...flags, "--step-size", "2", "--split", "6:2:2", "--print-config"], cache);
    const { settings } = JSON.parse(first.stdout);
    assertEquals(
      [settings.task, settings.imageSize, settings.learningRate, settings.betas, settings.batch],
      ["binary", 16, 0.3, null, 64],
    );
    const path = join(folder, "printed.json");
    await Deno.writeTextFile(path, first.stdout);
    assertEquals(await fovea(["train", "--config", path, "--print-config"], cache), first);
    const over = await fovea(["train", "--config", path, "--print-config", "--optimizer", "adam"], cache);
    assertEquals(JSON.parse(over.stdout).settings, {
      ...settings,
      ...{ optimizer: "adam", momentum: null, nesterov: null, betas: [0.9, 0.999], eps: 1e-8 },
    });
    const resumed = await fovea(["train", "--resume", folder, "--config", path], cache);
    assertEquals(
      [resumed.code, lastLine(resumed)],
      [2, "fovea: Cannot use --config with --resume: a resumed run keeps what is in its config.json"],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without a file the demo faces have their recipe, which gives way to flags", async () => {
  const askedBy = async (line: string) => {
    const invocation = parseCommand(train, line.split(" ").filter(Boolean));
    return (await withConfig(train, invocation, demoRecipe(invocation.given))).asked;
  };
  const { task, model, ...recipe } = (await withConfig(
    train,
    parseCommand(train, ["--config", join(recipes, "faces.json")]),
  )).asked;
  assertEquals([task, model], ["multiclass", "naive-cnn"]);
  assertEquals(await askedBy(""), recipe);
  assertEquals(await askedBy("--epochs 2 --seed 3"), { ...recipe, epochs: 2, seed: 3 });
  for (const line of ["--loss bce", "--sampling sqrt", "--target Smiling", "--task binary", "--data pets"]) {
    assertEquals(Object.keys(await askedBy(line)).length, 1, line);
  }
});
