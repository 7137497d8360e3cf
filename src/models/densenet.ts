/**
 * DenseNet (Huang et al., "Densely connected convolutional networks", 2016), with torchvision's key names and initial
 * values.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import {
  avgPool2d,
  batchNorm2d,
  constantInit,
  conv2d,
  dropout,
  flatten,
  globalAvgPool2d,
  inline,
  kaimingNormalFanIn,
  type Layer,
  linear,
  maxPool2d,
  relu,
  sequential,
} from "../nn/mod.ts";
import { type ModelDefinition, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { crop875, type PublishedWeights, timm, torchvision } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout">;

/** Convolution without bias: batch norm precedes it, or follows. */
const conv = (inputs: number, outputs: number, kernel: number, stride = 1): Layer =>
  conv2d(inputs, outputs, kernel, { stride, padding: (kernel - 1) / 2, bias: false, init: kaimingNormalFanIn() });

/** Width of a layer's 1×1 convolution as a multiple of the growth rate: DenseNet-B of section 3. */
const BOTTLENECK = 4;

/**
 * A layer H of section 3, whose `growth` new channels stand behind those that came in: BN, ReLU, 1×1, BN, ReLU, 3×3.
 */
function denseLayer(inputs: number, growth: number, rate: number): Layer {
  const body = sequential({
    norm1: batchNorm2d(inputs),
    relu1: relu(),
    conv1: conv(inputs, BOTTLENECK * growth, 1),
    norm2: batchNorm2d(BOTTLENECK * growth),
    relu2: relu(),
    conv2: conv(BOTTLENECK * growth, growth, 3),
    ...rate > 0 && { dropout: dropout(rate) },
  });
  return (x, scope) => scope.b.concat([x, body(x, scope)], 1);
}

/** Between two blocks: half as many channels, on a quarter of the pixels. */
const transition = (inputs: number, outputs: number): Layer =>
  sequential({ norm: batchNorm2d(inputs), relu: relu(), conv: conv(inputs, outputs, 1), pool: avgPool2d(2) });

/** How a DenseNet differs from the others. */
export interface DenseNetOptions {
  /** Layers of each block. */
  readonly blocks: readonly number[];
  /** Growth rate k: channels that a layer adds; default 32. */
  readonly growth?: number;
  /** Of the numbers of channels; default as they are. */
  readonly scale?: Scale;
}

/** The layers of a DenseNet. Units are dropped after each 3×3 convolution, as in the paper without augmentation. */
export function denseNetLayers(
  { channels, classes, dropout: rate = 0 }: Options,
  { blocks, growth: wanted = 32, scale = scaledBy() }: DenseNetOptions,
): Layer {
  const growth = scale(wanted);
  const first = scale(2 * wanted);
  const features: Record<string, Layer> = {
    conv0: conv(channels, first, 7, 2),
    norm0: batchNorm2d(first),
    relu0: relu(),
    pool0: maxPool2d(3, { stride: 2, padding: 1 }),
  };
  let width = first;
  for (const [k, count] of blocks.entries()) {
    const start = width;
    features[`denseblock${k + 1}`] = sequential(
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`denselayer${i + 1}`, denseLayer(start + i * growth, growth, rate)]),
      ),
    );
    width += count * growth;
    if (k === blocks.length - 1) continue;
    features[`transition${k + 1}`] = transition(width, Math.floor(width / 2));
    width = Math.floor(width / 2);
  }
  features.norm5 = batchNorm2d(width);
  return sequential({
    features: sequential(features),
    relu: relu(),
    pooling: inline(globalAvgPool2d(), flatten()),
    classifier: linear(width, classes, { biasInit: constantInit(0) }),
  });
}

const LAYER = "features.denseblock{i}.denselayer{i}";

/** torchvision's and timm's names are alike; torchvision's files of weights have older ones. */
const family: Family = {
  name: "a DenseNet",
  heads: ["classifier"],
  stem: "features.conv0",
  rows: [
    ...[
      "features.conv0.*",
      "features.norm{i}.*",
      `${LAYER}.norm{i}.*`,
      `${LAYER}.conv{i}.*`,
      "features.transition{i}.norm.*",
      "features.transition{i}.conv.*",
      "classifier.*",
    ].map((ours) => ({ ours, timm: ours })),
    ...["norm", "conv"].map((part) => ({ ours: `${LAYER}.${part}{i}.*`, torchvision: `${LAYER}.${part}.{i}.*` })),
  ],
};

function densenet(depth: number, blocks: readonly number[]): ModelDefinition {
  return {
    name: `densenet${depth}`,
    summary: `DenseNet-${depth} (Huang 2016): four blocks of ${
      blocks.join(", ")
    } layers, each of which sees all before it`,
    imageSize: 224,
    minImageSize: 29,
    family,
    published: { torchvision: torchvisionV1, timm: crop875 },
    takes: ["dropout"],
    build: (options) => denseNetLayers(options, { blocks, scale: scaledBy(options.width) }),
  };
}

/** `densenet121`, `densenet169`, `densenet201`: table 1. */
export const densenets: readonly ModelDefinition[] = [
  densenet(121, [6, 12, 24, 16]),
  densenet(169, [6, 12, 32, 32]),
  densenet(201, [6, 12, 48, 32]),
];

/** Published weights, the usual ones of a model first. */
export const densenetWeights: readonly PublishedWeights[] = [
  torchvision("densenet121", "DenseNet121_Weights.IMAGENET1K_V1", "densenet121-a639ec97.pth", torchvisionV1, 74.434),
  timm("densenet121", "densenet121.ra_in1k", "apache-2.0", crop875, 75.574),
  timm("densenet121", "densenet121.tv_in1k", "apache-2.0", crop875, 74.75),
  torchvision("densenet169", "DenseNet169_Weights.IMAGENET1K_V1", "densenet169-b2777c0a.pth", torchvisionV1, 75.6),
  timm("densenet169", "densenet169.tv_in1k", "apache-2.0", crop875, 75.922),
  torchvision("densenet201", "DenseNet201_Weights.IMAGENET1K_V1", "densenet201-c1103571.pth", torchvisionV1, 76.896),
  timm("densenet201", "densenet201.tv_in1k", "apache-2.0", crop875, 77.284),
];
