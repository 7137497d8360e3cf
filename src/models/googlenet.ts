/**
 * GoogLeNet (Szegedy et al., "Going deeper with convolutions", 2014) as torchvision has it, with its key names: with
 * batch norm, and with 3×3 convolutions where the paper has 5×5, as in the weights that were published.
 *
 * The paper's two auxiliary classifiers are left out. They help gradients to the early layers, as batch norm does
 * since, and predict nothing: torchvision drops them, too, from a model with published weights. Files that have them
 * are taken.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import {
  batchNorm2d,
  conv2d,
  coveringMaxPool2d,
  dropout,
  flatten,
  globalAvgPool2d,
  inline,
  type Layer,
  linear,
  maxPool2d,
  normalInit,
  relu,
  sequential,
} from "../nn/mod.ts";
import { type ModelDefinition, prepared, type ResolvedModelOptions } from "./model.ts";
import { type PublishedWeights, torchvision } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout">;

/** A convolution with batch norm and ReLU; torchvision cuts its normal distribution at ±2, which no draw reaches. */
const convNormRelu = (inputs: number, outputs: number, kernel: number, stride = 1): Layer =>
  sequential({
    conv: conv2d(inputs, outputs, kernel, {
      ...{ stride, padding: (kernel - 1) / 2, bias: false },
      init: normalInit(0.01),
    }),
    bn: batchNorm2d(outputs, { eps: 0.001 }),
    relu: relu(),
  });

/** Table 1's columns #1×1, #3×3 reduce, #3×3, #5×5 reduce, #5×5 and pool proj. */
type Module = readonly [number, number, number, number, number, number];

/** The inception modules of each stage, a pooling before each. */
const stages: readonly (readonly [name: string, widths: Module][])[] = [
  [
    ["inception3a", [64, 96, 128, 16, 32, 32]],
    ["inception3b", [128, 128, 192, 32, 96, 64]],
  ],
  [
    ["inception4a", [192, 96, 208, 16, 48, 64]],
    ["inception4b", [160, 112, 224, 24, 64, 64]],
    ["inception4c", [128, 128, 256, 24, 64, 64]],
    ["inception4d", [112, 144, 288, 32, 64, 64]],
    ["inception4e", [256, 160, 320, 32, 128, 128]],
  ],
  [
    ["inception5a", [256, 160, 320, 32, 128, 128]],
    ["inception5b", [384, 192, 384, 48, 128, 128]],
  ],
];

/** Side of the windows before each stage. */
const POOLS = [3, 3, 2];

/** An inception module (figure 2b): four branches side by side. */
function inception(inputs: number, [one, reduce3, three, reduce5, five, pooled]: Module): Layer {
  const branches = {
    branch1: convNormRelu(inputs, one, 1),
    branch2: sequential([convNormRelu(inputs, reduce3, 1), convNormRelu(reduce3, three, 3)]),
    branch3: sequential([convNormRelu(inputs, reduce5, 1), convNormRelu(reduce5, five, 3)]),
    branch4: sequential([maxPool2d(3, { stride: 1, padding: 1 }), convNormRelu(inputs, pooled, 1)]),
  };
  return (x, scope) => scope.b.concat(Object.entries(branches).map(([name, layer]) => scope.call(name, layer, x)), 1);
}

/** The layers of GoogLeNet. */
export function googLeNetLayers(
  { channels, classes, dropout: rate = 0.2 }: Options,
  scale: Scale = scaledBy(),
): Layer {
  const [first, second] = [scale(64), scale(192)];
  const layers: Record<string, Layer> = {
    conv1: convNormRelu(channels, first, 7, 2),
    maxpool1: coveringMaxPool2d(3, 2),
    conv2: convNormRelu(first, first, 1),
    conv3: convNormRelu(first, second, 3),
  };
  let inputs = second;
  for (const [stage, modules] of stages.entries()) {
    layers[`maxpool${stage + 2}`] = coveringMaxPool2d(POOLS[stage], 2);
    for (const [name, widths] of modules) {
      const scaled = widths.map(scale) as unknown as Module;
      layers[name] = inception(inputs, scaled);
      inputs = scaled[0] + scaled[2] + scaled[4] + scaled[5];
    }
  }
  return sequential({
    ...layers,
    avgpool: inline(globalAvgPool2d(), flatten()),
    dropout: dropout(rate),
    fc: linear(inputs, classes, { init: normalInit(0.01) }),
  });
}

/** timm has none. */
const family: Family = {
  name: "a GoogLeNet",
  heads: ["fc"],
  stem: "conv1.conv",
  rows: [
    ...["conv", "bn"].flatMap((part) => [
      `conv{i}.${part}.*`,
      ...stages.flat().flatMap(([name]) => [`${name}.branch1.${part}.*`, `${name}.branch{i}.{i}.${part}.*`]),
    ]),
    "fc.*",
  ].map((ours) => ({ ours })),
};

/** torchvision's model turns pictures normalised by ImageNet's statistics into such by 0.5, as its weights want. */
const half = prepared(256, 224, "bilinear", "half");

/** `googlenet`. */
export const googlenet: ModelDefinition = {
  name: "googlenet",
  summary: "GoogLeNet (Szegedy 2014): nine modules of four branches side by side, with batch norm",
  imageSize: 224,
  minImageSize: 32,
  family,
  published: { torchvision: half },
  takes: ["dropout"],
  build: (options) => googLeNetLayers(options, scaledBy(options.width)),
};

/** Published weights, the usual ones of a model first. */
export const googlenetWeights: readonly PublishedWeights[] = [
  torchvision("googlenet", "GoogLeNet_Weights.IMAGENET1K_V1", "googlenet-1378be20.pth", half, 69.778),
];
