import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import { channelStatistics } from "../../src/data/store/statistics.ts";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import { infoOf, metadataOf } from "../../src/run/checkpoint.ts";
import { Channel } from "../../src/track/channel.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import { runOptionsOf } from "../../src/train/run_options.ts";
import { resolveOptions } from "../../src/train/resolve_options.ts";
import { preprocessingOf } from "../../src/train/preprocessing.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

/** Options of a run on pictures of 16×16, or of `imageSize`. */
function optionsOf(options: Partial<TrainerOptions>, data: Dataset, { channels = 3, imageSize = 16 } = {}) {
  const model = createModel("lenet", { classes: 2, channels, imageSize });
  const asked = { ...{ task: "multiclass", epochs: 1, cache: { mode: "off" } }, ...options, model } as TrainerOptions;
  return runOptionsOf(resolveOptions(asked), data, new Channel());
}

const withPictures = (use: (data: Dataset) => Promise<void>) =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ cat: 3, dog: 2 }));
    await use(await openDataset(folder));
  });

Deno.test("preprocessingOf() resizes to the model's size, bilinear, and takes the split's statistics by default", () =>
  withPictures(async (data) => {
    const resizing = { imageSize: 16, square: 16, interpolation: "bilinear" } as const;
    const { mean, std } = await channelStatistics(data, { resizing, cache: { mode: "off" } });
    const want = { ...resizing, mean, std };
    assertEquals(await preprocessingOf(optionsOf({}, data), data), want);
    const undefinedOnes = { resize: undefined, interpolation: undefined, normalize: undefined };
    assertEquals(await preprocessingOf(optionsOf(undefinedOnes, data), data), want);
  }));

Deno.test("preprocessingOf() takes resizing and statistics that are given", () =>
  withPictures(async (data) => {
    const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
    const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const own = { mean: [0.1, 0.2, 0.3], std: [1, 2, 3] };
    const cases: [Partial<TrainerOptions>, square: number, { mean: number[]; std: number[] }][] = [
      [{ normalize: "half" }, 16, half],
      [{ normalize: "imagenet", augment: "crop-flip" }, 18, imagenet],
      [{ normalize: own, resize: 19 }, 19, own],
      [{ normalize: "half", augment: "crop-flip", resize: 17, interpolation: "bicubic" }, 17, half],
    ];
    for (const [options, square, statistics] of cases) {
      const { interpolation = "bilinear" } = options;
      const got = await preprocessingOf(optionsOf(options, data), data);
      assertEquals(got, { imageSize: 16, square, interpolation, ...statistics }, JSON.stringify(options));
    }
  }));

Deno.test("preprocessingOf() gives grey pictures the means over the channels", async () => {
  const grey = { channels: 1, kind: "idx" } as Dataset;
  const { mean, std } = await preprocessingOf(optionsOf({ normalize: "imagenet" }, grey, { channels: 1 }), grey);
  assertEquals([mean, std].map(([value]) => Number(value.toFixed(6))), [0.449, 0.226]);
});

Deno.test("preprocessingOf() refuses changes of colours to grey pictures", async () => {
  const grey = { channels: 1, kind: "idx" } as Dataset;
  await assertRejects(
    () => preprocessingOf(optionsOf({ augment: "alexnet", normalize: "half" }, grey, { channels: 1 }), grey),
    UserError,
    "Cannot use augment alexnet: lighting changes colours, and the pictures are grey",
  );
});

Deno.test("preprocessingOf() refuses a resize below the cut, and statistics of another number of channels", () =>
  withPictures(async (data) => {
    const refused: [Partial<TrainerOptions>, string][] = [
      [{ resize: 15 }, "Cannot cut the middle part of 16×16 out of pictures resized to 15: give resize 16 or more"],
      [{ resize: 16, augment: "crop-flip" }, "Cannot cut a random part of 16×16 out of pictures resized to 16"],
      [{ normalize: { mean: [0], std: [1] } }, "Cannot normalise pictures of 3 channels by 1 means and 1 standard"],
    ];
    for (const [options, message] of refused) {
      await assertRejects(() => preprocessingOf(optionsOf(options, data), data), UserError, message);
    }
  }));

Deno.test("runOptionsOf() settles the augmentation by the training split, which the step on the device goes by", () => {
  const folder = { kind: "folder", task: "multiclass" } as Dataset;
  const idx = { ...folder, kind: "idx" } as Dataset;
  const cases: [Partial<TrainerOptions>, Dataset, imageSize: number, augment: string][] = [
    [{}, folder, 64, "flip"],
    [{}, folder, 63, "none"],
    [{}, idx, 64, "none"],
    [{ augment: "crop-flip" }, idx, 16, "crop-flip"],
  ];
  for (const [options, data, imageSize, augment] of cases) {
    assertEquals(optionsOf(options, data, { imageSize }).augment, augment, `${data.kind} ${imageSize}`);
  }
});

const info = {
  format: 1,
  model: { name: "lenet", classes: 2, channels: 3, imageSize: 16, stem: "auto" },
  task: "multiclass",
  classes: ["cat", "dog"],
  preprocessing: { imageSize: 16, square: 18, interpolation: "bicubic", mean: [0, 0, 0], std: [1, 1, 1] },
} as const;

Deno.test("infoOf() reads what metadataOf() writes, and takes a checkpoint that names no interpolation for bilinear", () => {
  assertEquals(infoOf(metadataOf(info), "last"), info);
  const { interpolation: _, ...old } = info.preprocessing;
  const read = infoOf({ fovea: JSON.stringify({ ...info, preprocessing: old }) }, "last");
  const want = { ...info.preprocessing, interpolation: "bilinear" };
  // In the order in which a resumed run compares them.
  assertEquals(JSON.stringify(read.preprocessing), JSON.stringify(want));
});

Deno.test("infoOf() reads how far a run was that called its steps updates", () => {
  const best = { epoch: 1, accuracy: 0.5 };
  const progress = { epoch: 1, step: 3, updates: 27, best };
  const read = infoOf({ fovea: JSON.stringify({ ...info, progress }) }, "last");
  assertEquals(read.progress, { epoch: 1, step: 3, stepsDone: 27, best });
  const written = metadataOf({ ...info, progress: { epoch: 1, step: 3, stepsDone: 27, best } });
  assertEquals(infoOf(written, "last").progress, read.progress);
});

Deno.test("infoOf() refuses files that are no checkpoint, or of another format", () => {
  assertThrows(() => infoOf({}, "x.safetensors"), UserError, "x.safetensors is no checkpoint of a run");
  const other = { fovea: JSON.stringify({ ...info, format: 2 }) };
  assertThrows(
    () => infoOf(other, "x.safetensors"),
    UserError,
    "is of checkpoint format 2: this version reads format 1",
  );
});
