/**
 * VGG (Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014), with
 * torchvision's key names and initial values.
 *
 * @module
 */

import {
  ATTENTION_POOL,
  batchNorm2d,
  constantInit,
  conv2d,
  denseConv2d,
  dropout,
  kaimingNormalFanOut,
  type Layer,
  linear,
  mapForDense,
  maxPool2d,
  meanOfClassMap,
  normalInit,
  relu,
  sequential,
} from "../nn/mod.ts";
import type { Family } from "../interop/keys/family.ts";
import { type ModelDefinition, prepared, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { type PublishedWeights, timm, torchvision } from "./published.ts";
import { attentionRows, withAttention } from "./stage_attention.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout" | "attentionAfter" | "head">;

/** Output channels of the 3×3 convolutions of each stage; a pooling ends a stage. */
type Stages = readonly (readonly number[])[];

/** Table 1's columns A, B, D and E, by the number of layers with weights. */
const columns: Readonly<Record<11 | 13 | 16 | 19, Stages>> = {
  11: [[64], [128], [256, 256], [512, 512], [512, 512]],
  13: [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
  16: [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
  19: [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512, 512, 512, 512]],
};

/** The convolutions of all stages, in one numbered list as torchvision has it. */
function features(channels: number, stages: Stages, norm: boolean, attentionAfter?: readonly string[]): Layer {
  const options = { padding: 1, init: kaimingNormalFanOut(), biasInit: constantInit(0) };
  const layers: Layer[] = [];
  let inputs = channels;
  for (const stage of stages) {
    for (const outputs of stage) {
      layers.push(conv2d(inputs, outputs, 3, options), ...(norm ? [batchNorm2d(outputs)] : []), relu());
      inputs = outputs;
    }
    layers.push(withAttention(attentionAfter, `features.${layers.length}`, maxPool2d(2)));
  }
  return sequential(layers);
}

/** Names of the poolings that end the stages. */
function poolings(depth: VggOptions["depth"], norm: boolean): string[] {
  const sizes = columns[depth].map((widths) => widths.length * (norm ? 3 : 2) + 1);
  return sizes.map((_, k) => `features.${sizes.slice(0, k + 1).reduce((total, size) => total + size) - 1}`);
}

/** How a VGG differs from the others. */
export interface VggOptions {
  /** Which column of table 1, by its number of layers with weights. */
  readonly depth: 11 | 13 | 16 | 19;
  /** Batch norm after each convolution. */
  readonly norm: boolean;
  /** Of the numbers of channels and hidden units; default as they are. */
  readonly scale?: Scale;
}

/** The layers of a VGG. */
export function vggLayers(
  { channels, classes, dropout: rate = 0.5, attentionAfter, head }: Options,
  { depth, norm, scale = scaledBy() }: VggOptions,
): Layer {
  const stages = columns[depth].map((widths) => widths.map(scale));
  const [last, hidden] = [stages.at(-1)!.at(-1)!, scale(4096)];
  const isConvolved = head === "fcn";
  const start = { init: normalInit(0.01), biasInit: constantInit(0) };
  const dense = (inputs: number, outputs: number, side = 1): Layer =>
    isConvolved ? denseConv2d(inputs, outputs, side, start) : linear(inputs * side * side, outputs, start);
  return sequential({
    features: features(channels, stages, norm, attentionAfter),
    ...mapForDense(last, 7, head),
    classifier: sequential([
      dense(last, hidden, 7),
      relu(),
      dropout(rate),
      dense(hidden, hidden),
      relu(),
      dropout(rate),
      dense(hidden, classes),
    ]),
    ...isConvolved && meanOfClassMap,
  });
}

/** VGG and torchvision's AlexNet. In timm VGG's first two dense layers are convolutions over the whole picture. */
export const vggFamily: Family = {
  name: "a VGG or AlexNet",
  heads: ["classifier.6"],
  stem: "features.0",
  rows: [
    { ours: "features.{i}.*", timm: "features.{i}.*" },
    { ours: "classifier.0.*", timm: { conv: "pre_logits.fc1.*", kernel: 7 } },
    { ours: "classifier.3.*", timm: { conv: "pre_logits.fc2.*", kernel: 1 } },
    { ours: "classifier.6.*", timm: "head.fc.*" },
    ...attentionRows("features.{i}"),
    ...ATTENTION_POOL.map((ours) => ({ ours, timm: ours })),
    // AlexNet's, which timm has not.
    { ours: "classifier.1.*" },
    { ours: "classifier.4.*" },
  ],
};

/** In timm, pictures of 7/8 their size before the crop. */
const published: ModelDefinition["published"] = {
  torchvision: torchvisionV1,
  timm: prepared(8, 7, "bilinear"),
};

function vgg(depth: VggOptions["depth"], norm: boolean): ModelDefinition {
  const convolutions = columns[depth].flat().length;
  return {
    name: `vgg${depth}${norm ? "-bn" : ""}`,
    summary: `VGG-${depth} (Simonyan 2014): ${convolutions} 3×3 convolutions${
      norm ? " with batch norm" : ""
    }, three dense layers`,
    imageSize: 224,
    minImageSize: 32,
    family: vggFamily,
    published,
    takes: ["dropout", "attentionAfter", "head"],
    heads: ["fcn", "attention-pool"],
    stages: poolings(depth, norm),
    build: (options) => vggLayers(options, { depth, norm, scale: scaledBy(options.width) }),
  };
}

/** `vgg11`, `vgg13`, `vgg16`, `vgg19`, and each with `-bn`. */
export const vggs: readonly ModelDefinition[] = ([11, 13, 16, 19] as const).flatMap((depth) => [
  vgg(depth, false),
  vgg(depth, true),
]);

/** Published weights, the usual ones of a model first. */
export const vggWeights: readonly PublishedWeights[] = [
  torchvision("vgg11", "VGG11_Weights.IMAGENET1K_V1", "vgg11-8a719046.pth", torchvisionV1, 69.02),
  timm("vgg11", "vgg11.tv_in1k", "bsd-3-clause", torchvisionV1, 69.05),
  torchvision("vgg11-bn", "VGG11_BN_Weights.IMAGENET1K_V1", "vgg11_bn-6002323d.pth", torchvisionV1, 70.37),
  timm("vgg11-bn", "vgg11_bn.tv_in1k", "bsd-3-clause", torchvisionV1, 70.374),
  torchvision("vgg13", "VGG13_Weights.IMAGENET1K_V1", "vgg13-19584684.pth", torchvisionV1, 69.928),
  timm("vgg13", "vgg13.tv_in1k", "bsd-3-clause", torchvisionV1, 69.95),
  torchvision("vgg13-bn", "VGG13_BN_Weights.IMAGENET1K_V1", "vgg13_bn-abd245e5.pth", torchvisionV1, 71.586),
  timm("vgg13-bn", "vgg13_bn.tv_in1k", "bsd-3-clause", torchvisionV1, 71.56),
  torchvision("vgg16", "VGG16_Weights.IMAGENET1K_V1", "vgg16-397923af.pth", torchvisionV1, 71.592),
  timm("vgg16", "vgg16.tv_in1k", "bsd-3-clause", torchvisionV1, 71.594),
  torchvision("vgg16-bn", "VGG16_BN_Weights.IMAGENET1K_V1", "vgg16_bn-6c64b313.pth", torchvisionV1, 73.36),
  timm("vgg16-bn", "vgg16_bn.tv_in1k", "bsd-3-clause", torchvisionV1, 73.354),
  torchvision("vgg19", "VGG19_Weights.IMAGENET1K_V1", "vgg19-dcbb9e9d.pth", torchvisionV1, 72.376),
  timm("vgg19", "vgg19.tv_in1k", "bsd-3-clause", torchvisionV1, 72.4),
  torchvision("vgg19-bn", "VGG19_BN_Weights.IMAGENET1K_V1", "vgg19_bn-c79401a0.pth", torchvisionV1, 74.218),
  timm("vgg19-bn", "vgg19_bn.tv_in1k", "bsd-3-clause", torchvisionV1, 74.23),
];
