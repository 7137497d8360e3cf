/**
 * How pictures were prepared for published weights. The names of a file's tensors do not say which of several trainings
 * they are from, so this is what most of a style's weights of a model were made with.
 *
 * @module
 */

import { halfStatistics, imagenetStatistics } from "../data/statistics.ts";
import type { KeyStyle } from "../interop/keys/family.ts";
import type { Preprocessing } from "./checkpoint.ts";

type Row = Pick<Preprocessing, "interpolation" | "mean" | "std"> & {
  /** Which models. */
  readonly models: RegExp;
  /** Sides of the crop and of the square before it; or their ratio. */
  readonly sizes: readonly [crop: number, resize: number];
};

/** By style, the first row that fits a model. */
const table: Readonly<Record<KeyStyle, readonly Row[]>> = {
  torchvision: [
    { models: /^swin-t$/, sizes: [224, 232], interpolation: "bicubic", ...imagenetStatistics },
    { models: /^swin-s$/, sizes: [224, 246], interpolation: "bicubic", ...imagenetStatistics },
    { models: /^swin-b$/, sizes: [224, 238], interpolation: "bicubic", ...imagenetStatistics },
    { models: /^swin-v2-[ts]$/, sizes: [256, 260], interpolation: "bicubic", ...imagenetStatistics },
    { models: /^swin-v2-b$/, sizes: [256, 272], interpolation: "bicubic", ...imagenetStatistics },
    { models: /^vit-l16$/, sizes: [224, 242], interpolation: "bilinear", ...imagenetStatistics },
    // AlexNet, VGG, ResNet and ViT: the first version of their weights.
    { models: /./, sizes: [224, 256], interpolation: "bilinear", ...imagenetStatistics },
  ],
  timm: [
    { models: /^vgg/, sizes: [7, 8], interpolation: "bilinear", ...imagenetStatistics },
    // AugReg's.
    { models: /^vit-/, sizes: [90, 100], interpolation: "bicubic", ...halfStatistics },
    // DeiT, Swin, Swin V2.
    { models: /./, sizes: [90, 100], interpolation: "bicubic", ...imagenetStatistics },
  ],
  huggingface: [
    { models: /^deit-/, sizes: [224, 256], interpolation: "bicubic", ...imagenetStatistics },
    // No crop.
    { models: /./, sizes: [1, 1], interpolation: "bilinear", ...halfStatistics },
  ],
  microsoft: [{ models: /./, sizes: [224, 256], interpolation: "bicubic", ...imagenetStatistics }],
};

/**
 * How pictures are prepared for weights.
 *
 * @param style Whose names the weights' file has.
 * @param model Name of the model.
 * @param imageSize Side of the model's pictures.
 * @returns What to do with a picture; of another size than the weights' own, in proportion.
 */
export function preprocessingFor(style: KeyStyle, model: string, imageSize: number): Preprocessing {
  const { sizes: [crop, resize], interpolation, mean, std } = table[style].find(({ models }) => models.test(model))!;
  // timm rounds down; the others' numbers come out whole.
  return { imageSize, square: Math.floor(imageSize * resize / crop), interpolation, mean, std };
}
