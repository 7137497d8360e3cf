/**
 * SE-ResNet (Hu et al., "Squeeze-and-excitation networks", 2017): a ResNet with squeeze and excitation at the end of
 * each block's body, with timm's key names.
 *
 * @module
 */

import type { ModelDefinition } from "./model.ts";
import { crop875, crop95, type PublishedWeights, timm } from "./published.ts";
import { bottleneck, resnetFamily, resnetLayers, resnetTakes } from "./resnet.ts";
import { scaledBy } from "./width.ts";

/** Section 6.1's reduction ratio; timm's numbers of units are multiples of 8. */
const squeezed = scaledBy(1 / 16);

/** `seresnet50`. */
export const seresnet50: ModelDefinition = {
  name: "seresnet50",
  summary: "SE-ResNet-50 (Hu 2017): a ResNet-50 with squeeze and excitation at the end of each block",
  imageSize: 224,
  minImageSize: 8,
  family: resnetFamily,
  // timm's names are torchvision's.
  published: { torchvision: crop95 },
  ...resnetTakes,
  build: (sizes) =>
    resnetLayers(sizes, { block: bottleneck, blocks: [3, 4, 6, 3], scale: scaledBy(sizes.width), squeezed }),
};

/** Published weights, the usual ones first. */
export const seresnetWeights: readonly PublishedWeights[] = [
  timm("seresnet50", "seresnet50.a1_in1k", "apache-2.0", crop95, 80.012),
  timm("seresnet50", "seresnet50.a2_in1k", "apache-2.0", crop95, 80.102),
  timm("seresnet50", "seresnet50.a3_in1k", "apache-2.0", crop95, 77.036),
  timm("seresnet50", "seresnet50.ra2_in1k", "apache-2.0", crop875, 80.26),
];
