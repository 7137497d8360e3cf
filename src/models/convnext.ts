/**
 * ConvNeXt (Liu et al., "A ConvNet for the 2020s", 2022), with torchvision's key names and initial values.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import {
  channelNorm,
  constantInit,
  conv2d,
  type Conv2dOptions,
  flatten,
  gelu,
  globalAvgPool2d,
  type Layer,
  layerNorm,
  linear,
  normalInit,
  sequential,
  stochasticDepth,
} from "../nn/mod.ts";
import { type ModelDefinition, prepared, type ResolvedModelOptions } from "./model.ts";
import { crop875, crop95, type PublishedWeights, timm, torchvision, torchvisionV2 } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "stochasticDepth">;

/** torchvision cuts this normal distribution at ±2, which no draw reaches. */
const start = { init: normalInit(0.02), biasInit: constantInit(0) };

const conv = (inputs: number, outputs: number, kernel: number, options: Conv2dOptions = {}): Layer =>
  conv2d(inputs, outputs, kernel, { ...start, ...options });

/** Added to variances. */
const EPS = 1e-6;

/** Start of the factors of channels (appendix A.1). */
const LAYER_SCALE = 1e-6;

/** Pixels as tokens, and back: `block` has layers of both. */
const toTokens: Layer = (x, { b }) => b.permute(x, [0, 2, 3, 1]);
const toPixels: Layer = (x, { b }) => b.permute(x, [0, 3, 1, 2]);

/**
 * The block of figure 4: 7×7 of each channel by itself, layer norm, and two dense layers on each pixel with GELU
 * between them, 4 times as wide; a factor for each channel; the input is added.
 */
export function convNextBlock(width: number, depthRate = 0): Layer {
  const block = sequential([
    conv(width, width, 7, { padding: 3, groups: width }),
    toTokens,
    layerNorm(width, EPS),
    linear(width, 4 * width, start),
    gelu(),
    linear(4 * width, width, start),
    toPixels,
  ]);
  return (x, scope) => {
    const { b } = scope;
    const factors = scope.parameter("layer_scale", [width, 1, 1], constantInit(LAYER_SCALE), { decay: false });
    const y = b.mul(scope.call("block", block, x), factors);
    return b.add(x, depthRate > 0 ? scope.call("stochastic_depth", stochasticDepth(depthRate), y) : y);
  };
}

/** How a ConvNeXt differs from the others. */
export interface ConvNextOptions {
  /** Channels of each stage. */
  readonly widths: readonly number[];
  /** Blocks of each stage. */
  readonly blocks: readonly number[];
  /** Of the numbers of channels; default as they are. */
  readonly scale?: Scale;
}

/** The layers of a ConvNeXt. The rate of stochastic depth rises linearly from 0 at the first block. */
export function convNextLayers(
  { channels, classes, stochasticDepth: depthRate = 0 }: Options,
  { widths: wanted, blocks, scale = scaledBy() }: ConvNextOptions,
): Layer {
  const widths = wanted.map(scale);
  const last = widths.at(-1)!;
  const total = blocks.reduce((sum, count) => sum + count, 0);
  const features: Layer[] = [
    sequential([conv(channels, widths[0], 4, { stride: 4 }), channelNorm(widths[0], EPS)]),
  ];
  let done = 0;
  for (const [stage, count] of blocks.entries()) {
    const width = widths[stage];
    if (stage > 0) {
      const before = widths[stage - 1];
      features.push(sequential([channelNorm(before, EPS), conv(before, width, 2, { stride: 2 })]));
    }
    const rates = Array.from({ length: count }, () => depthRate * done++ / Math.max(1, total - 1));
    features.push(sequential(rates.map((rate) => convNextBlock(width, rate))));
  }
  return sequential({
    features: sequential(features),
    avgpool: globalAvgPool2d(),
    classifier: sequential([channelNorm(last, EPS), flatten(), linear(last, classes, start)]),
  });
}

/** timm's names within a block, by ours. */
const within = { "block.0": "conv_dw", "block.2": "norm", "block.3": "mlp.fc1", "block.5": "mlp.fc2" };

const family: Family = {
  name: "a ConvNeXt",
  heads: ["classifier.2"],
  stem: "features.0.0",
  rows: [
    { ours: "features.0.{i}.*", timm: "stem.{i}.*" },
    ...[0, 1, 2, 3].flatMap((stage) => {
      const [ours, theirs] = [`features.${2 * stage + 1}.{i}`, `stages.${stage}.blocks.{i}`];
      return [
        { ours: `${ours}.layer_scale`, timm: { vector: `${theirs}.gamma` } },
        ...Object.entries(within).map(([a, b]) => ({ ours: `${ours}.${a}.*`, timm: `${theirs}.${b}.*` })),
        ...stage > 0 ? [{ ours: `features.${2 * stage}.{i}.*`, timm: `stages.${stage}.downsample.{i}.*` }] : [],
      ];
    }),
    { ours: "classifier.0.*", timm: "head.norm.*" },
    { ours: "classifier.2.*", timm: "head.fc.*" },
  ],
};

function convnext(
  size: string,
  widths: readonly number[],
  blocks: readonly number[],
  depthRate: number,
  resize: number,
): ModelDefinition {
  return {
    name: `convnext-${size}`,
    summary: `ConvNeXt-${size[0].toUpperCase()} (Liu 2022): four stages of ${blocks.join(", ")} blocks` +
      ` of 7×7 depthwise convolutions, ${widths[0]} channels wide`,
    imageSize: 224,
    minImageSize: 32,
    family,
    published: { torchvision: prepared(resize, 224, "bilinear"), timm: crop875 },
    takes: ["stochasticDepth"],
    build: ({ width, stochasticDepth = depthRate, ...options }) =>
      convNextLayers({ ...options, stochasticDepth }, { widths, blocks, scale: scaledBy(width) }),
  };
}

/** `convnext-tiny`, `convnext-small`, `convnext-base`, with torchvision's rates of stochastic depth. */
export const convnexts: readonly ModelDefinition[] = [
  convnext("tiny", [96, 192, 384, 768], [3, 3, 9, 3], 0.1, 236),
  convnext("small", [96, 192, 384, 768], [3, 3, 27, 3], 0.4, 230),
  convnext("base", [128, 256, 512, 1024], [3, 3, 27, 3], 0.5, 232),
];

/** Published weights, the usual ones of a model first. */
export const convnextWeights: readonly PublishedWeights[] = [
  torchvision(
    "convnext-tiny",
    "ConvNeXt_Tiny_Weights.IMAGENET1K_V1",
    "convnext_tiny-983f1562.pth",
    prepared(236, 224, "bilinear"),
    82.52,
  ),
  timm("convnext-tiny", "convnext_tiny.fb_in1k", "apache-2.0", crop875, 82.066),
  timm("convnext-tiny", "convnext_tiny.fb_in22k", "apache-2.0", crop875, undefined, { classes: 21841 }),
  timm("convnext-tiny", "convnext_tiny.fb_in22k_ft_in1k", "apache-2.0", crop875, 82.9),
  timm("convnext-tiny", "convnext_tiny.in12k", "apache-2.0", crop95, undefined, { classes: 11821 }),
  timm("convnext-tiny", "convnext_tiny.in12k_ft_in1k", "apache-2.0", crop95, 84.192),
  torchvision(
    "convnext-small",
    "ConvNeXt_Small_Weights.IMAGENET1K_V1",
    "convnext_small-0c510722.pth",
    prepared(230, 224, "bilinear"),
    83.616,
  ),
  timm("convnext-small", "convnext_small.fb_in1k", "apache-2.0", crop875, 83.144),
  timm("convnext-small", "convnext_small.fb_in22k", "apache-2.0", crop875, undefined, { classes: 21841 }),
  timm("convnext-small", "convnext_small.fb_in22k_ft_in1k", "apache-2.0", crop875, 84.582),
  timm("convnext-small", "convnext_small.in12k", "apache-2.0", crop95, undefined, { classes: 11821 }),
  timm("convnext-small", "convnext_small.in12k_ft_in1k", "apache-2.0", crop95, 85.164),
  torchvision(
    "convnext-base",
    "ConvNeXt_Base_Weights.IMAGENET1K_V1",
    "convnext_base-6075fbad.pth",
    torchvisionV2,
    84.062,
  ),
  timm("convnext-base", "convnext_base.fb_in1k", "apache-2.0", crop875, 83.838),
  timm("convnext-base", "convnext_base.fb_in22k", "apache-2.0", crop875, undefined, { classes: 21841 }),
  timm("convnext-base", "convnext_base.fb_in22k_ft_in1k", "apache-2.0", crop875, 85.814),
];
