/**
 * AlexNet in its two forms. One is of 2012: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep
 * convolutional neural networks". The other is of 2014, and torchvision's: Krizhevsky, "One weird trick for
 * parallelizing convolutional neural networks".
 *
 * @module
 */

import {
  constantInit,
  conv2d,
  type Conv2dOptions,
  denseConv2d,
  dropout,
  flatten,
  type Layer,
  lazyLinear,
  linear,
  localResponseNorm,
  mapForDense,
  maxPool2d,
  meanOfClassMap,
  normalInit,
  relu,
  sequential,
} from "../nn/mod.ts";
import type { Family } from "../interop/keys/family.ts";
import { type ModelDefinition, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { type PublishedWeights, torchvision } from "./published.ts";
import { vggFamily } from "./vgg.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout" | "head">;

/** The smallest picture of which 11×11 windows and three 3×3 poolings, each by steps, leave one pixel. */
const MIN_IMAGE_SIZE = 63;

/** Overlapping windows (section 3.4 of 2012). */
const pool = (): Layer => maxPool2d(3, { stride: 2 });

/**
 * The layers of `alexnet`.
 *
 * @param scale Of the numbers of channels and hidden units; default as they are.
 */
export function alexnetLayers(
  { channels, classes, dropout: rate = 0.5, head }: Options,
  scale: Scale = scaledBy(),
): Layer {
  const isConvolved = head === "fcn";
  const dense = (inputs: number, outputs: number, side = 1): Layer =>
    isConvolved ? denseConv2d(inputs, outputs, side) : linear(inputs * side * side, outputs);
  const [c1, c2, c3, c4, c5, hidden] = [64, 192, 384, 256, 256, 4096].map(scale);
  return sequential({
    features: sequential([
      conv2d(channels, c1, 11, { stride: 4, padding: 2 }),
      relu(),
      pool(),
      conv2d(c1, c2, 5, { padding: 2 }),
      relu(),
      pool(),
      conv2d(c2, c3, 3, { padding: 1 }),
      relu(),
      conv2d(c3, c4, 3, { padding: 1 }),
      relu(),
      conv2d(c4, c5, 3, { padding: 1 }),
      relu(),
      pool(),
    ]),
    ...mapForDense(c5, 6, head),
    classifier: sequential([
      dropout(rate),
      dense(c5, hidden, 6),
      relu(),
      dropout(rate),
      dense(hidden, hidden),
      relu(),
      dense(hidden, classes),
    ]),
    ...isConvolved && meanOfClassMap,
  });
}

/** `alexnet`. */
export const alexnet: ModelDefinition = {
  name: "alexnet",
  summary: "AlexNet (Krizhevsky 2014): five convolutions and three dense layers, in one column",
  imageSize: 224,
  minImageSize: MIN_IMAGE_SIZE,
  family: vggFamily,
  published: { torchvision: torchvisionV1 },
  takes: ["dropout", "head"],
  heads: ["fcn", "attention-pool"],
  build: (options) => alexnetLayers(options, scaledBy(options.width)),
};

/** Section 3.3's constants. */
const norm = (): Layer => localResponseNorm(5, { alpha: 1e-4, beta: 0.75, k: 2 });

/**
 * Section 5: weights from a normal distribution, and biases of 1 where that gives ReLUs something to pass on, else of
 * 0.
 */
const start = (bias: 0 | 1) => ({ init: normalInit(0.01), biasInit: constantInit(bias) });

/**
 * The layers of `alexnet-2012`, figure 2 of the paper. Its two GPUs are the two groups of a convolution.
 *
 * The paper takes pictures of 224. An 11×11 window by steps of 4 gives 54 columns of them, not the figure's 55. That
 * takes 227, or 224 with 2 zeros on each side, as here. Other picture sizes change the number of inputs of `fc6`.
 *
 * @param scale Of the numbers of channels and hidden units; default as they are.
 */
export function alexnet2012Layers(
  { channels, classes, dropout: rate = 0.5 }: Options,
  scale: Scale = scaledBy(),
): Layer {
  const [c1, c2, c3, c4, c5, hidden] = [96, 256, 384, 384, 256, 4096].map(scale);
  const conv = (inputs: number, outputs: number, kernel: number, options: Conv2dOptions, bias: 0 | 1): Layer =>
    conv2d(inputs, outputs, kernel, { ...options, ...start(bias) });
  return sequential({
    conv1: conv(channels, c1, 11, { stride: 4, padding: 2 }, 0),
    relu1: relu(),
    norm1: norm(),
    pool1: pool(),
    conv2: conv(c1, c2, 5, { padding: 2, groups: 2 }, 1),
    relu2: relu(),
    norm2: norm(),
    pool2: pool(),
    conv3: conv(c2, c3, 3, { padding: 1 }, 0),
    relu3: relu(),
    conv4: conv(c3, c4, 3, { padding: 1, groups: 2 }, 1),
    relu4: relu(),
    conv5: conv(c4, c5, 3, { padding: 1, groups: 2 }, 1),
    relu5: relu(),
    pool5: pool(),
    flatten: flatten(),
    fc6: lazyLinear(hidden, start(1)),
    relu6: relu(),
    drop6: dropout(rate),
    fc7: lazyLinear(hidden, start(1)),
    relu7: relu(),
    drop7: dropout(rate),
    fc8: lazyLinear(classes, start(0)),
  });
}

/** No library has it: files of its weights are Fovea's. */
const alexnet2012Family: Family = {
  name: "alexnet-2012",
  own: true,
  heads: ["fc8"],
  stem: "conv1",
  rows: ["conv{i}.*", "fc{i}.*"].map((ours) => ({ ours })),
};

/** `alexnet-2012`. */
export const alexnet2012: ModelDefinition = {
  name: "alexnet-2012",
  summary: "AlexNet (Krizhevsky 2012): local response normalisation, convolutions in two groups",
  imageSize: 224,
  minImageSize: MIN_IMAGE_SIZE,
  family: alexnet2012Family,
  takes: ["dropout"],
  build: (options) => alexnet2012Layers(options, scaledBy(options.width)),
};

/** Published weights, the usual ones of a model first. */
export const alexnetWeights: readonly PublishedWeights[] = [
  torchvision("alexnet", "AlexNet_Weights.IMAGENET1K_V1", "alexnet-owt-7be5be79.pth", torchvisionV1, 56.522),
];
