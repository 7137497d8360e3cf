import { assertEquals, assertThrows } from "@std/assert";
import { changeBetween, checkGiven, type Given, idleIn, recordOf, resolveSettings } from "../../src/run/resolve.ts";
import { settings } from "../../src/run/settings.ts";
import type { DataFacts } from "../../src/run/settings/setting.ts";

const folder: DataFacts = { kind: "folder", task: "multiclass", pictureSize: 48 };

Deno.test("resolveSettings() fills in defaults, and what depends on other settings and on the data", () => {
  const cases: [Given, DataFacts, Given][] = [
    [{}, folder, { imageSize: 48, batch: 64, augment: "none", resize: 48, learningRate: 0.002, split: [8, 1, 1] }],
    [{}, { ...folder, pictureSize: 300 }, { imageSize: 224, batch: 32, augment: "flip", resize: 224 }],
    [{ imageSize: 96 }, { ...folder, kind: "idx" }, { augment: "none", batch: 32 }],
    [{ imageSize: 224, augment: "crop-flip" }, folder, { resize: 256 }],
    [{ optimizer: "sgd" }, folder, { learningRate: 0.05, weightDecay: 0, momentum: 0.9 }],
    [{ optimizer: "adamw", learningRate: 0.5 }, folder, { learningRate: 0.5, weightDecay: 0.01 }],
    [{ task: undefined }, { ...folder, hasOwnSplit: true }, { task: "multiclass", split: "own" }],
  ];
  for (const [given, data, want] of cases) {
    const values = resolveSettings(given, data);
    for (const [name, value] of Object.entries(want)) {
      assertEquals(values[name as keyof typeof values], value, `${JSON.stringify(given)}: ${name}`);
    }
  }
});

Deno.test("idleIn() finds what would change nothing, whichever it is, and never what asks for nothing", () => {
  const idle: [Given, string, string][] = [
    [{ momentum: 0.9 }, "momentum", "only optimizer sgd, rmsprop or muon have it"],
    [{ optimizer: "adamw", nesterov: true }, "nesterov", "only optimizer sgd or muon have it"],
    [{ gamma: 0.5 }, "gamma", "only schedule step, multistep, plateau or exponential have it"],
    [{ fallEvery: 3, schedule: "constant" }, "fallEvery", "only schedule step has it"],
    [{ posWeight: "balanced" }, "posWeight", "the task is multiclass"],
    [{ labelColumn: "label" }, "labelColumn", "the data are no CSV file"],
    [{ labelSeparator: ";" }, "labelSeparator", "the data are no CSV file"],
    [{ temperature: 2 }, "temperature", "there is no teacher"],
    [{ teacher: "run", distill: "hard", temperature: 2 }, "temperature", "only distill soft has it"],
    [{ cache: "off", cacheBudget: 5 }, "cacheBudget", "only cache auto has it"],
    [
      { model: "lenet", stochasticDepth: 0.1 },
      "stochasticDepth",
      "lenet has no use for it; a model that takes it is resnet18",
    ],
    [{ model: "my-own", width: 0.5 }, "width", "my-own is no model of Fovea's, which could make it narrower"],
    [{ model: "vit-ti16", stem: "small" }, "stem", "vit-ti16 has no use for it; a model that takes it is resnet18"],
  ];
  for (const [given, name, why] of idle) {
    assertEquals(idleIn(given, folder), { name, why } as ReturnType<typeof idleIn>);
  }
  const fine: Given[] = [
    {},
    { optimizer: "sgd", momentum: 0.5, nesterov: true },
    { nesterov: false, posWeight: "none", stem: "auto", cache: "off", tune: "off" },
    { teacher: "run", temperature: 2 },
    { model: "my-own", dropout: 0.3 },
    { allowOutside: true },
  ];
  for (const given of fine) assertEquals(idleIn(given, folder), undefined, JSON.stringify(given));
});

Deno.test("idleIn() calls settings as they are called where it is asked", () => {
  const idle = idleIn({ momentum: 1 }, folder, (name) => `--${name}`);
  assertEquals(idle?.why, "only --optimizer sgd, rmsprop or muon have it");
});

Deno.test("checkGiven() names the setting, the value and what will do", () => {
  const wrong: [Record<string, unknown>, typeof TypeError | typeof RangeError, string][] = [
    [{ learningRate: -1 }, RangeError, "learningRate is -1: give a number of at least 0"],
    [{ learningRate: NaN }, RangeError, "learningRate is null: give a number of at least 0"],
    [{ epochs: 1.5 }, RangeError, "epochs is 1.5: give a whole number of at least 1"],
    [{ epochs: "3" }, TypeError, 'epochs is "3": give a whole number of at least 1'],
    [{ augment: "crop-m3" }, RangeError, 'augment is "crop-m3": give crop without m3'],
    [{ nesterov: 1 }, TypeError, "nesterov is 1: give true or false"],
    [{ freeze: "conv1" }, TypeError, 'freeze is "conv1": give one name or more'],
    [{ learningRateScale: { head: 0 } }, RangeError, "give a pattern and a factor above 0"],
    [{ split: [0, 1, 1] }, RangeError, "split is [0,1,1]: give three ratios such as 8:1:1, or own"],
    [{ normalize: { mean: [0, 0, 0], std: [1] } }, RangeError, "give train, imagenet, half or numbers"],
    [{ lerningRate: 1 }, TypeError, "There is no setting lerningRate; did you mean learningRate?"],
  ];
  for (const [given, kind, message] of wrong) assertThrows(() => checkGiven(given), kind, message);
  checkGiven({ epochs: null, batch: "auto", classWeights: [1, 2], others: undefined, device: {} }, ["device"]);
});

Deno.test("recordOf() has every setting: null where it does not apply or has no value", () => {
  const record = recordOf(resolveSettings({ optimizer: "adamw" }, folder), folder);
  assertEquals(Object.keys(record), Object.keys(settings));
  const { momentum, gamma, labelColumn, posWeight, clipNorm, weightDecay, classWeights, task, teacher } = record;
  assertEquals([momentum, gamma, labelColumn, posWeight, clipNorm, teacher], new Array(6).fill(null));
  assertEquals([weightDecay, classWeights, task], [0.01, "none", "multiclass"]);
  const widths = ["lenet", "my-own"].map((model) => recordOf(resolveSettings({ model }, folder), folder).width);
  assertEquals(widths, [1, null]);
});

Deno.test("changeBetween() finds what a resumed run may not change, and nothing else", () => {
  const was = recordOf(resolveSettings({}, folder), folder);
  assertEquals(changeBetween(was, { ...was, workers: 3, cache: "off", backend: "gpujs", logEvery: 7 }), undefined);
  assertEquals(changeBetween(was, { ...was, learningRate: 1 }), { name: "learningRate", was: "0.002", is: "1" });
  // Settings that a later version has are none that the run had.
  const { gamma: _, ...earlier } = was;
  assertEquals(changeBetween(earlier, { ...was, gamma: 5 }), undefined);
  // Nor is one that applies in a later version alone, as long as it does nothing.
  const before = { ...was, labelSmoothing: null };
  assertEquals(changeBetween(before, was), undefined);
  assertEquals(changeBetween(before, { ...was, labelSmoothing: 0.1 })?.is, "0.1");
});
