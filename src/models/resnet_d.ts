/**
 * ResNet-D (He, T., et al., "Bag of tricks for image classification with convolutional neural networks", 2018, figure
 * 2): a ResNet whose stem is three 3×3 convolutions, and whose shortcuts average the pixels that they leave out. Key
 * names are timm's.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import { type ModelDefinition, prepared } from "./model.ts";
import { crop875, crop90half, crop95, crop95half, type PublishedWeights, timm } from "./published.ts";
import { basicBlock, bottleneck, resnetFamily, resnetLayers, type ResNetOptions, resnetTakes } from "./resnet.ts";
import { scaledBy } from "./width.ts";

/** A ResNet's, but for the stem. */
const family: Family = {
  ...resnetFamily,
  name: "a ResNet-D",
  stem: "conv1.0",
  advice: {},
  rows: resnetFamily.rows.map(({ ours, timm }) =>
    ours === "conv1.*" ? { ours: "conv1.{i}.*", timm: "conv1.{i}.*" } : { ours, timm }
  ),
  baseModels: [],
};

function resnetD(depth: number, { block, blocks }: Pick<ResNetOptions, "block" | "blocks">): ModelDefinition {
  return {
    name: `resnet${depth}d`,
    summary:
      `ResNet-${depth}-D (He, T. 2018): a ResNet-${depth} with a stem of three 3×3 convolutions and averaging shortcuts`,
    imageSize: 224,
    minImageSize: 8,
    family,
    // timm's names are torchvision's.
    published: { torchvision: crop875 },
    ...resnetTakes,
    // The stem is what makes it.
    takes: resnetTakes.takes.filter((option) => option !== "stem"),
    build: (sizes) => {
      const scale = scaledBy(sizes.width);
      return resnetLayers(sizes, { block, blocks, scale, deep: scale(32), averages: true });
    },
  };
}

/** `resnet18d`, `resnet34d`, `resnet50d`, `resnet101d`. */
export const resnetDs: readonly ModelDefinition[] = [
  resnetD(18, { block: basicBlock, blocks: [2, 2, 2, 2] }),
  resnetD(34, { block: basicBlock, blocks: [3, 4, 6, 3] }),
  resnetD(50, { block: bottleneck, blocks: [3, 4, 6, 3] }),
  resnetD(101, { block: bottleneck, blocks: [3, 4, 23, 3] }),
];

/** Published weights, the usual ones of a model first. */
export const resnetDWeights: readonly PublishedWeights[] = [
  timm("resnet18d", "resnet18d.ra2_in1k", "apache-2.0", crop875, 72.296),
  timm("resnet18d", "resnet18d.ra4_e3600_r224_in1k", "apache-2.0", crop90half, 74.356),
  timm("resnet34d", "resnet34d.ra2_in1k", "apache-2.0", crop875, 77.108),
  timm("resnet50d", "resnet50d.a1_in1k", "apache-2.0", crop95, 80.73),
  timm("resnet50d", "resnet50d.a2_in1k", "apache-2.0", crop95, 80.268),
  timm("resnet50d", "resnet50d.a3_in1k", "apache-2.0", crop95, 78.742),
  timm("resnet50d", "resnet50d.gluon_in1k", "apache-2.0", crop875, 79.08),
  timm("resnet50d", "resnet50d.ra2_in1k", "apache-2.0", crop875, 80.546),
  timm("resnet50d", "resnet50d.ra4_e3600_r224_in1k", "apache-2.0", crop95half, 80.956),
  timm("resnet101d", "resnet101d.gluon_in1k", "apache-2.0", crop875, 80.466),
  timm("resnet101d", "resnet101d.ra2_in1k", "apache-2.0", prepared(269, 256, "bicubic"), 82.254),
];
