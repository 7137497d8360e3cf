/**
 * ResNeXt (Xie et al., "Aggregated residual transformations for deep neural networks", 2016): a ResNet whose 3×3
 * convolutions are in groups, with torchvision's key names.
 *
 * @module
 */

import { type ModelDefinition, torchvisionV1 } from "./model.ts";
import { crop875, crop95, type PublishedWeights, timm, torchvision, torchvisionV2 } from "./published.ts";
import { bottleneck, resnetFamily, resnetLayers, type ResNetOptions, resnetTakes } from "./resnet.ts";
import { scaledBy } from "./width.ts";

/**
 * A ResNeXt. At another width there are fewer or more groups of as many channels, one at least.
 *
 * @param depth Layers with weights.
 * @param blocks Blocks of each stage.
 * @param cardinality Groups of each 3×3 convolution.
 * @param each Channels of a group in the first stage; each later stage has twice as many.
 */
function resnext(depth: number, blocks: ResNetOptions["blocks"], cardinality: number, each: number): ModelDefinition {
  return {
    name: `resnext${depth}-${cardinality}x${each}d`,
    summary: `ResNeXt-${depth} (Xie 2016): a ResNet whose 3×3 convolutions are ${cardinality} groups of ${each}` +
      ` channels, then of more`,
    imageSize: 224,
    minImageSize: 8,
    family: resnetFamily,
    published: { torchvision: torchvisionV1 },
    ...resnetTakes,
    build: (sizes) => {
      const groups = scaledBy(sizes.width, 1)(cardinality);
      const narrow = (stage: number) => groups * each * 2 ** stage;
      return resnetLayers(sizes, { block: bottleneck, blocks, scale: scaledBy(sizes.width), narrow, groups });
    },
  };
}

/** `resnext50-32x4d`, `resnext101-32x8d`, `resnext101-64x4d`: table 1, and torchvision's larger ones. */
export const resnexts: readonly ModelDefinition[] = [
  resnext(50, [3, 4, 6, 3], 32, 4),
  resnext(101, [3, 4, 23, 3], 32, 8),
  resnext(101, [3, 4, 23, 3], 64, 4),
];

/** Published weights, the usual ones of a model first. */
export const resnextWeights: readonly PublishedWeights[] = [
  torchvision(
    "resnext50-32x4d",
    "ResNeXt50_32X4D_Weights.IMAGENET1K_V2",
    "resnext50_32x4d-1a0047aa.pth",
    torchvisionV2,
    81.198,
  ),
  torchvision(
    "resnext50-32x4d",
    "ResNeXt50_32X4D_Weights.IMAGENET1K_V1",
    "resnext50_32x4d-7cdf4587.pth",
    torchvisionV1,
    77.618,
  ),
  timm("resnext50-32x4d", "resnext50_32x4d.a1_in1k", "apache-2.0", crop95, 80.526),
  timm("resnext50-32x4d", "resnext50_32x4d.a1h_in1k", "apache-2.0", crop95, 81.14),
  timm("resnext50-32x4d", "resnext50_32x4d.a2_in1k", "apache-2.0", crop95, 80.444),
  timm("resnext50-32x4d", "resnext50_32x4d.a3_in1k", "apache-2.0", crop95, 79.258),
  timm("resnext50-32x4d", "resnext50_32x4d.fb_ssl_yfcc100m_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 80.316),
  timm("resnext50-32x4d", "resnext50_32x4d.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 82.162),
  timm("resnext50-32x4d", "resnext50_32x4d.gluon_in1k", "apache-2.0", crop875, 79.354),
  timm("resnext50-32x4d", "resnext50_32x4d.ra_in1k", "apache-2.0", crop875, 79.8),
  timm("resnext50-32x4d", "resnext50_32x4d.tv2_in1k", "bsd-3-clause", torchvisionV2, 81.19),
  timm("resnext50-32x4d", "resnext50_32x4d.tv_in1k", "bsd-3-clause", torchvisionV1, 77.632),
  torchvision(
    "resnext101-32x8d",
    "ResNeXt101_32X8D_Weights.IMAGENET1K_V2",
    "resnext101_32x8d-110c445d.pth",
    torchvisionV2,
    82.834,
  ),
  torchvision(
    "resnext101-32x8d",
    "ResNeXt101_32X8D_Weights.IMAGENET1K_V1",
    "resnext101_32x8d-8ba56ff5.pth",
    torchvisionV1,
    79.312,
  ),
  timm("resnext101-32x8d", "resnext101_32x8d.fb_ssl_yfcc100m_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 81.62),
  timm("resnext101-32x8d", "resnext101_32x8d.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 84.276),
  timm("resnext101-32x8d", "resnext101_32x8d.fb_wsl_ig1b_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 82.72),
  timm("resnext101-32x8d", "resnext101_32x8d.tv2_in1k", "bsd-3-clause", torchvisionV2, 82.832),
  timm("resnext101-32x8d", "resnext101_32x8d.tv_in1k", "bsd-3-clause", torchvisionV1, 79.308),
  torchvision(
    "resnext101-64x4d",
    "ResNeXt101_64X4D_Weights.IMAGENET1K_V1",
    "resnext101_64x4d-173b62eb.pth",
    torchvisionV2,
    83.246,
  ),
  timm("resnext101-64x4d", "resnext101_64x4d.c1_in1k", "apache-2.0", crop95, 82.446),
  timm("resnext101-64x4d", "resnext101_64x4d.gluon_in1k", "apache-2.0", crop875, 80.64),
  timm("resnext101-64x4d", "resnext101_64x4d.tv_in1k", "bsd-3-clause", torchvisionV1, 82.978),
];
