import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { checkedConfig, type CheckedSettings, readConfig, type RunConfig, settingsIn } from "../../src/run/config.ts";

/** What main jobs of the first versions wrote, shortened. */
const today: RunConfig = {
  versions: { fovea: "0.1.0", deno: "2.9.6" },
  device: { kind: "webgpu", description: "llvmpipe" },
  rates: { flops: 2e10, bytes: 2e9, readBack: 0.011, queueDepth: 16, isProcessor: true },
  format: 1,
  model: { name: "lenet", classes: 3, channels: 3, imageSize: 32, stem: "auto" },
  task: "multiclass",
  classes: ["a", "b", "c"],
  preprocessing: { imageSize: 32, square: 32, interpolation: "bilinear", mean: [0.5], std: [0.2] },
  seed: 1,
  epochs: 2,
  batch: 16,
  accumulate: 1,
  precision: "f32",
  optimizer: "adam",
  schedule: { name: "cosine", learningRate: 0.002, totalSteps: 20 },
  learning: { freeze: [], learningRateScale: {}, layerDecay: 1 },
  kernels: "abc",
  tuning: "def",
  fingerprint: { train: "1", val: "2" },
  flags: { target: [], epochs: 2, lr: 0.01, warmup: 1, stepSize: 3, onNan: 2, lrScale: [["head.*", 10]], others: null },
};

const table: CheckedSettings = {
  batch: {
    kind: {
      faultOf: (value) => typeof value === "number" && value >= 1 ? undefined : "type",
      wants: "a whole number of at least 1",
    },
  },
};

Deno.test("checkedConfig() takes what was written, and what a later version adds", async () => {
  assertEquals(await checkedConfig(today, "config.json", table), today);
  const later = { settings: { batch: 4, later: true, epochs: null }, later: [1], teacher: null };
  assertEquals(await checkedConfig(later, "config.json", table), { settings: later.settings, later: [1] });
  assertEquals(await checkedConfig({}, "config.json"), {});
});

const damaged: readonly (readonly [value: unknown, says: string])[] = [
  [[], 'it is "a list": give an object'],
  ["run", 'it is "run": give an object'],
  [{ batch: "a" }, 'batch is "a": give a whole number of at least 1'],
  [{ batch: 0 }, "batch is 0: give a whole number of at least 1"],
  [{ batch: 1.5 }, "batch is 1.5: give a whole number of at least 1"],
  [{ task: "regression" }, 'task is "regression": give binary, multiclass or multilabel'],
  [{ device: { kind: "webgpu" } }, "device.description is missing"],
  [{ classes: ["a", 7] }, "classes.1 is 7: give a text"],
  [{ rates: { ...today.rates!, bytes: -1 } }, "rates.bytes is -1: give a number above 0"],
  [{ preprocessing: { ...today.preprocessing, mean: "no" } }, 'preprocessing.mean is "no": give a list of numbers'],
  [{ settings: 3 }, "settings is 3: give an object"],
  [{ settings: { batch: "a" } }, 'settings.batch is "a": give a whole number of at least 1'],
  [{ seed: "x".repeat(100) }, `seed is "${"x".repeat(59)}…: give a whole number of at least 0`],
  [{ kernels: { "\u200f": 1 } }, 'kernels is {"\\u{200f}":1}: give a text'],
];
for (const [value, says] of damaged) {
  Deno.test(`checkedConfig() names the field of ${JSON.stringify(value).slice(0, 60)}`, async () => {
    const error = await assertRejects(() => checkedConfig(value, "runs/x/config.json", table), UserError);
    assertEquals(error.message.slice(0, `runs/x/config.json: ${says}`.length), `runs/x/config.json: ${says}`);
  });
}

Deno.test("readConfig() refuses a folder that is no run, and what is not JSON", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await assertRejects(() => readConfig(folder), UserError, "is not a run directory");
    await Deno.writeTextFile(join(folder, "config.json"), "{");
    await assertRejects(() => readConfig(folder), UserError, "config.json is not JSON");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("settingsIn() gives settings without null, and flags by their present names", async () => {
  assertEquals(settingsIn({ settings: { epochs: 3, clipNorm: null, classNames: null } }, "run"), { epochs: 3 });
  // Runs of before the classes of IDX files had names call them by their numbers.
  assertEquals(settingsIn({ settings: { epochs: 3 } }, "run"), { epochs: 3, classNames: ["numbers"] });
  assertEquals(settingsIn(today, "run"), {
    classNames: ["numbers"],
    ...{ target: [], epochs: 2, learningRate: 0.01, warmupEpochs: 1, fallEvery: 3, skipNonFinite: 2 },
    learningRateScale: { "head.*": 10 },
  });
  assertThrows(() => settingsIn({ batch: 4 }, "runs/x"), UserError, "runs/x cannot be opened as a run");
  const own = { settings: { optimizer: "lion" } };
  assertEquals(settingsIn(await checkedConfig(own, "x"), "x").optimizer as string, "lion");
  const wrong = { flags: { lr: "fast" } };
  assertThrows(() => settingsIn(wrong, "runs/x"), UserError, 'learningRate is "fast": give a number of at least 0');
});
