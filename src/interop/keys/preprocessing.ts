/**
 * How pictures were prepared for published weights. The names of a file's tensors do not say which of several trainings
 * they are from, so this is what most of a style's weights of a model were made with.
 *
 * @module
 */

import type { KeyStyle } from "./family.ts";

/** How pictures are prepared for weights; the trainer's `Preprocessing`. */
export interface WeightsPreprocessing {
  /** Side of the square that is cut from a picture's middle: the model's picture size. */
  readonly imageSize: number;
  /** Length that the shorter side is resized to before, in pixels. */
  readonly square: number;
  /** How it is resized. */
  readonly interpolation: "bilinear" | "bicubic";
  /** Mean of each channel, of values from 0 to 1. */
  readonly mean: readonly number[];
  /** Standard deviation of each channel. */
  readonly std: readonly number[];
}

const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const halves = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

type Row = Pick<WeightsPreprocessing, "interpolation" | "mean" | "std"> & {
  /** Which models. */
  readonly models: RegExp;
  /** Sides of the crop and of the square before it; or their ratio. */
  readonly sizes: readonly [crop: number, resize: number];
};

/** By style, the first row that fits a model. */
const table: Readonly<Record<KeyStyle, readonly Row[]>> = {
  torchvision: [
    { models: /^swin-t$/, sizes: [224, 232], interpolation: "bicubic", ...imagenet },
    { models: /^swin-s$/, sizes: [224, 246], interpolation: "bicubic", ...imagenet },
    { models: /^swin-b$/, sizes: [224, 238], interpolation: "bicubic", ...imagenet },
    { models: /^swin-v2-[ts]$/, sizes: [256, 260], interpolation: "bicubic", ...imagenet },
    { models: /^swin-v2-b$/, sizes: [256, 272], interpolation: "bicubic", ...imagenet },
    { models: /^vit-l16$/, sizes: [224, 242], interpolation: "bilinear", ...imagenet },
    // AlexNet, VGG, ResNet and ViT: the first version of their weights.
    { models: /./, sizes: [224, 256], interpolation: "bilinear", ...imagenet },
  ],
  timm: [
    { models: /^vgg/, sizes: [7, 8], interpolation: "bilinear", ...imagenet },
    // AugReg's.
    { models: /^vit-/, sizes: [90, 100], interpolation: "bicubic", ...halves },
    // DeiT, Swin, Swin V2.
    { models: /./, sizes: [90, 100], interpolation: "bicubic", ...imagenet },
  ],
  huggingface: [
    { models: /^deit-/, sizes: [224, 256], interpolation: "bicubic", ...imagenet },
    // No crop.
    { models: /./, sizes: [1, 1], interpolation: "bilinear", ...halves },
  ],
  microsoft: [{ models: /./, sizes: [224, 256], interpolation: "bicubic", ...imagenet }],
};

/**
 * How pictures are prepared for weights.
 *
 * @param style Whose names the weights' file has.
 * @param model Name of the model.
 * @param imageSize Side of the model's pictures.
 * @returns What to do with a picture; of another size than the weights' own, in proportion.
 */
export function preprocessingFor(style: KeyStyle, model: string, imageSize: number): WeightsPreprocessing {
  const { sizes: [crop, resize], interpolation, mean, std } = table[style].find(({ models }) => models.test(model))!;
  // timm rounds down; the others' numbers come out whole.
  return { imageSize, square: Math.floor(imageSize * resize / crop), interpolation, mean, std };
}
