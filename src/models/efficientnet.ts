/**
 * EfficientNet (Tan and Le, "EfficientNet: Rethinking model scaling for convolutional neural networks", 2019), with
 * torchvision's key names and initial values.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import {
  constantInit,
  dropout,
  flatten,
  globalAvgPool2d,
  type Layer,
  linear,
  sequential,
  silu,
  uniformInit,
} from "../nn/mod.ts";
import { convNorm, invertedResidual, invertedResidualRows } from "./inverted_residual.ts";
import { type ModelDefinition, prepared, type ResolvedModelOptions } from "./model.ts";
import { crop875, crop90half, type PublishedWeights, timm, torchvision } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout" | "stochasticDepth">;

/** A row of table 1: expansion, window, stride, channels, layers. */
type Stage = readonly [expansion: number, kernel: number, stride: number, channels: number, layers: number];

/** Stages 2 to 8 of B0. */
const stages: readonly Stage[] = [
  [1, 3, 1, 16, 1],
  [6, 3, 2, 24, 2],
  [6, 5, 2, 40, 2],
  [6, 3, 2, 80, 3],
  [6, 5, 1, 112, 3],
  [6, 5, 2, 192, 4],
  [6, 3, 1, 320, 1],
];

/** How an EfficientNet differs from the others. */
export interface EfficientNetOptions {
  /** Its stages; default B0's. */
  readonly stages?: readonly Stage[];
  /** Factor on the layers of each stage, rounded up; default 1. */
  readonly depth?: number;
  /** Of B0's numbers of channels; default as they are. */
  readonly scale?: Scale;
}

/**
 * The layers of an EfficientNet. Blocks are left out the more the later they are: the rate of stochastic depth rises
 * linearly from 0 at the first block, as in torchvision.
 */
export function efficientNetLayers(
  { channels, classes, dropout: rate = 0.2, stochasticDepth: depthRate = 0.2 }: Options,
  { stages: rows = stages, depth = 1, scale = scaledBy() }: EfficientNetOptions = {},
): Layer {
  const layersOf = (layers: number) => Math.ceil(layers * depth);
  const total = rows.reduce((sum, [, , , , layers]) => sum + layersOf(layers), 0);
  const activation = silu();
  let [inputs, done] = [scale(32), 0];
  const features = [convNorm(channels, inputs, { kernel: 3, stride: 2, activation })];
  for (const [expansion, kernel, stride, width, layers] of rows) {
    const blocks: Layer[] = [];
    for (let k = 0; k < layersOf(layers); k++) {
      blocks.push(invertedResidual(inputs, scale(width), {
        ...{
          kernel,
          activation,
          wide: scaledBy(expansion)(inputs),
          expands: expansion > 1,
          stride: k === 0 ? stride : 1,
        },
        ...{ squeezed: Math.max(1, Math.floor(inputs / 4)), excitation: { activation } },
        depthRate: depthRate * done++ / total,
      }));
      inputs = scale(width);
    }
    features.push(sequential(blocks));
  }
  return sequential({
    features: sequential([...features, convNorm(inputs, 4 * inputs, { activation })]),
    avgpool: globalAvgPool2d(),
    flatten: flatten(),
    classifier: sequential([
      dropout(rate),
      linear(4 * inputs, classes, { init: uniformInit(1 / Math.sqrt(classes)), biasInit: constantInit(0) }),
    ]),
  });
}

const family: Family = {
  name: "an EfficientNet",
  heads: ["classifier.1"],
  stem: "features.0.0",
  rows: [
    { ours: "features.0.0.*", timm: "conv_stem.*" },
    { ours: "features.0.1.*", timm: "bn1.*" },
    ...stages.flatMap(([expansion], stage) =>
      invertedResidualRows(`features.${stage + 1}.{i}`, `blocks.${stage}.{i}`, {
        expansion: expansion > 1,
        excitation: true,
      })
    ),
    { ours: `features.${stages.length + 1}.0.*`, timm: "conv_head.*" },
    { ours: `features.${stages.length + 1}.1.*`, timm: "bn2.*" },
    { ours: "classifier.1.*", timm: "classifier.*" },
  ],
};

/** Section 4: factors on width and depth, side of the pictures, and units dropped. */
const sizes = [
  { width: 1, depth: 1, imageSize: 224, dropout: 0.2, published: prepared(256, 224, "bicubic") },
  { width: 1, depth: 1.1, imageSize: 240, dropout: 0.2, published: prepared(256, 240, "bicubic") },
  { width: 1.1, depth: 1.2, imageSize: 288, dropout: 0.3, published: prepared(288, 288, "bicubic") },
  { width: 1.2, depth: 1.4, imageSize: 300, dropout: 0.3, published: prepared(320, 300, "bicubic") },
] as const;

/** `efficientnet-b0` to `efficientnet-b3`. */
export const efficientnets: readonly ModelDefinition[] = sizes.map((
  { width, depth, imageSize, dropout, published },
  n,
) => ({
  name: `efficientnet-b${n}`,
  summary: `EfficientNet-B${n} (Tan 2019): inverted residuals with squeeze and excitation` +
    (n === 0 ? "" : `, ${width} times as wide and ${depth} times as deep as B0`),
  imageSize,
  minImageSize: 8,
  family,
  published: { torchvision: published, timm: crop875 },
  takes: ["dropout", "stochasticDepth"],
  build: (options) => {
    const scale: Scale = (channels) => scaledBy(options.width)(scaledBy(width)(channels));
    return efficientNetLayers({ ...options, dropout: options.dropout ?? dropout }, { depth, scale });
  },
}));

/** Published weights, the usual ones of a model first. */
export const efficientnetWeights: readonly PublishedWeights[] = [
  torchvision(
    "efficientnet-b0",
    "EfficientNet_B0_Weights.IMAGENET1K_V1",
    "efficientnet_b0_rwightman-7f5810bc.pth",
    crop875,
    77.692,
  ),
  timm("efficientnet-b0", "efficientnet_b0.ra4_e3600_r224_in1k", "apache-2.0", crop90half, 78.568),
  timm("efficientnet-b0", "efficientnet_b0.ra_in1k", "apache-2.0", crop875, 77.698),
  torchvision(
    "efficientnet-b1",
    "EfficientNet_B1_Weights.IMAGENET1K_V2",
    "efficientnet_b1-c27df63c.pth",
    prepared(255, 240, "bilinear"),
    79.838,
  ),
  torchvision(
    "efficientnet-b1",
    "EfficientNet_B1_Weights.IMAGENET1K_V1",
    "efficientnet_b1_rwightman-bac287d4.pth",
    prepared(256, 240, "bicubic"),
    78.642,
  ),
  timm("efficientnet-b1", "efficientnet_b1.ft_in1k", "apache-2.0", crop875, 77.592),
  timm(
    "efficientnet-b1",
    "efficientnet_b1.ra4_e3600_r240_in1k",
    "apache-2.0",
    prepared(266, 240, "bicubic", "half"),
    80.404,
  ),
  torchvision(
    "efficientnet-b2",
    "EfficientNet_B2_Weights.IMAGENET1K_V1",
    "efficientnet_b2_rwightman-c35c1473.pth",
    prepared(288, 288, "bicubic"),
    80.608,
  ),
  timm("efficientnet-b2", "efficientnet_b2.ra_in1k", "apache-2.0", prepared(292, 256, "bicubic"), 79.324),
  torchvision(
    "efficientnet-b3",
    "EfficientNet_B3_Weights.IMAGENET1K_V1",
    "efficientnet_b3_rwightman-b3899882.pth",
    prepared(320, 300, "bicubic"),
    82.008,
  ),
  timm("efficientnet-b3", "efficientnet_b3.ra2_in1k", "apache-2.0", prepared(329, 288, "bicubic"), 81.472),
];
