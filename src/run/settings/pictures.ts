/**
 * Settings of how pictures become the model's input.
 *
 * @module
 */

import type { Augment } from "../../augment/augmentations.ts";
import { squareFor } from "../../data/batches/batch.ts";
import { choice, integer } from "../kinds.ts";
import { augment, bytes, normalize, valueRange } from "../values.ts";
import { FREE, isSmall, only, setting, SMALL_SIZE, USUAL_SIZE } from "./setting.ts";

/** How pictures become the model's input. */
export const pictureSettings = {
  imageSize: setting(integer({ min: 8, max: 1024 }), {
    help: "height and width that the model sees, in pixels",
    byDefault: "the pictures' own up to 64, else 224",
    derive: ({ data: { pictureSize = USUAL_SIZE } = { pictureSize: USUAL_SIZE } }) =>
      pictureSize <= SMALL_SIZE ? pictureSize : USUAL_SIZE,
  }),
  augment: setting(augment, {
    help: "random changes to training pictures: a preset or terms of the README's table",
    byDefault: "none below 64 pixels and for IDX files, else flip",
    // Or drawn upright by convention.
    derive: (facts) => isSmall(facts) || facts.data?.kind === "idx" ? "none" : "flip",
  }),
  resize: setting(integer({ min: 8, max: 2048 }), {
    help:
      "pixels of a picture's shorter side before the image size is cut out: of the middle, or anywhere for crop-flip",
    byDefault: "the image size; for crop-flip 256 for 224 and in proportion",
    derive: ({ settings }) => squareFor(settings.imageSize as number, settings.augment as Augment),
  }),
  interpolation: setting(choice(["bilinear", "bicubic"]), {
    help: "how pixels are mixed where pictures are resized, as Pillow does",
    default: "bilinear",
  }),
  fit: setting(choice(["crop", "pad", "squash"]), {
    help: "how long pictures become square: the middle is kept; black beside it; squashed",
    default: "crop",
  }),
  range: setting(valueRange, {
    help: "values of 16-bit pictures that become black and white",
    byDefault: "0:65535, of which the high byte is kept",
    idle: ({ data }) => data?.kind === "idx" ? "IDX files have 8 bits" : undefined,
  }),
  normalize: setting(normalize, {
    help: "mean and standard deviation: the training split's, ImageNet's, 0.5 and 0.5, or numbers for each channel",
    default: "train",
  }),
  cache: setting(choice(["auto", "off"]), { ...FREE, help: "keep decoded pictures between runs", default: "auto" }),
  cacheBudget: setting(bytes, {
    ...FREE,
    help: "most that the cache may take on disk",
    default: 4 * 2 ** 30,
    byDefault: "4GiB",
    idle: only("cache", "auto"),
  }),
  shuffle: setting(choice(["full", "runs"]), {
    help:
      "how an epoch is mixed: all pictures, or windows of runs of consecutive ones, which a disk gives faster than one " +
      "by one",
    byDefault: "full; runs where pictures as stored take more than half of the free memory",
    derive: () => "full" as const,
    idle: ({ data, settings: { sampling = "uniform" } }, nameOf) =>
      data?.kind === "idx"
        ? "the pictures of IDX files are in memory"
        : sampling === "uniform"
        ? undefined
        : `${nameOf("sampling")} ${sampling} draws pictures one by one`,
  }),
  workers: setting(integer({ min: 1, max: 64 }), {
    ...FREE,
    help: "threads that make batches",
    byDefault: "one less than there are cores, at most 4",
  }),
} as const;
