/**
 * Wide ResNet for ImageNet (Zagoruyko and Komodakis, "Wide residual networks", 2016, table 8): a ResNet whose 3×3
 * convolutions are as many times as wide, with torchvision's key names.
 *
 * @module
 */

import { type ModelDefinition, torchvisionV1 } from "./model.ts";
import { crop875, type PublishedWeights, timm, torchvision, torchvisionV2 } from "./published.ts";
import { bottleneck, resnetFamily, resnetLayers, type ResNetOptions, resnetTakes } from "./resnet.ts";
import { scaledBy } from "./width.ts";

function wideResnet(depth: number, blocks: ResNetOptions["blocks"], factor: number): ModelDefinition {
  return {
    name: `wide-resnet${depth}-${factor}`,
    summary:
      `Wide ResNet-${depth}-${factor} (Zagoruyko 2016): a ResNet whose 3×3 convolutions are ${factor} times as wide`,
    imageSize: 224,
    minImageSize: 8,
    family: resnetFamily,
    published: { torchvision: torchvisionV1 },
    ...resnetTakes,
    build: (sizes) => {
      const scale = scaledBy(sizes.width);
      const narrow = (stage: number) => scale(64 * factor * 2 ** stage);
      return resnetLayers(sizes, { block: bottleneck, blocks, scale, narrow });
    },
  };
}

/** `wide-resnet50-2`, `wide-resnet101-2`. */
export const wideResnets: readonly ModelDefinition[] = [
  wideResnet(50, [3, 4, 6, 3], 2),
  wideResnet(101, [3, 4, 23, 3], 2),
];

/** Published weights, the usual ones of a model first. */
export const wideResnetWeights: readonly PublishedWeights[] = [
  torchvision(
    "wide-resnet50-2",
    "Wide_ResNet50_2_Weights.IMAGENET1K_V2",
    "wide_resnet50_2-9ba9bcbe.pth",
    torchvisionV2,
    81.602,
  ),
  torchvision(
    "wide-resnet50-2",
    "Wide_ResNet50_2_Weights.IMAGENET1K_V1",
    "wide_resnet50_2-95faca4d.pth",
    torchvisionV1,
    78.468,
  ),
  timm("wide-resnet50-2", "wide_resnet50_2.racm_in1k", "apache-2.0", crop875, 81.466),
  timm("wide-resnet50-2", "wide_resnet50_2.tv2_in1k", "bsd-3-clause", torchvisionV2, 81.612),
  timm("wide-resnet50-2", "wide_resnet50_2.tv_in1k", "bsd-3-clause", torchvisionV1, 78.486),
  torchvision(
    "wide-resnet101-2",
    "Wide_ResNet101_2_Weights.IMAGENET1K_V2",
    "wide_resnet101_2-d733dc28.pth",
    torchvisionV2,
    82.51,
  ),
  torchvision(
    "wide-resnet101-2",
    "Wide_ResNet101_2_Weights.IMAGENET1K_V1",
    "wide_resnet101_2-32ee1156.pth",
    torchvisionV1,
    78.848,
  ),
  timm("wide-resnet101-2", "wide_resnet101_2.tv2_in1k", "bsd-3-clause", torchvisionV2, 82.514),
  timm("wide-resnet101-2", "wide_resnet101_2.tv_in1k", "bsd-3-clause", torchvisionV1, 78.862),
];
