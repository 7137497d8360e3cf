/**
 * MobileNetV2 (Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018), with torchvision's key
 * names and initial values.
 *
 * @module
 */

import type { Family, KeyRow } from "../interop/keys/family.ts";
import {
  batchNorm2d,
  constantInit,
  conv2d,
  dropout,
  flatten,
  globalAvgPool2d,
  kaimingNormalFanOut,
  type Layer,
  linear,
  normalInit,
  relu6,
  sequential,
  skip,
} from "../nn/mod.ts";
import { type ModelDefinition, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { crop875, type PublishedWeights, timm, torchvision, torchvisionV2 } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout">;

/** A row of table 2: expansion t, channels c, blocks n, stride s of the first. */
type Stage = readonly [expansion: number, channels: number, blocks: number, stride: number];

const stages: readonly Stage[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** Convolution without bias: batch norm follows and has one. */
const conv = (inputs: number, outputs: number, kernel: number, stride = 1, groups = 1): Layer =>
  conv2d(inputs, outputs, kernel, {
    ...{ stride, padding: (kernel - 1) / 2, groups, bias: false },
    init: kaimingNormalFanOut(),
  });

const convNormRelu = (...sizes: Parameters<typeof conv>): Layer =>
  sequential([conv(...sizes), batchNorm2d(sizes[1]), relu6()]);

/**
 * Table 1's bottleneck: 1×1 to wider, 3×3 of each channel by itself, and 1×1 to narrow again, which nothing follows
 * (section 3.2). The input is added where it has the output's sizes.
 */
function invertedResidual(inputs: number, outputs: number, stride: number, expansion: number): Layer {
  const wide = expansion * inputs;
  const body = sequential({
    conv: sequential([
      ...expansion === 1 ? [] : [convNormRelu(inputs, wide, 1)],
      convNormRelu(wide, wide, 3, stride, wide),
      conv(wide, outputs, 1),
      batchNorm2d(outputs),
    ]),
  });
  return stride === 1 && inputs === outputs ? skip(body) : body;
}

/** How a MobileNetV2 differs from the paper's. */
export interface MobileNetV2Options {
  /** Its stages; default table 2's. */
  readonly stages?: readonly Stage[];
  /** Of the numbers of channels; default as they are. */
  readonly scale?: Scale;
}

/**
 * The layers of a MobileNetV2. Narrower ones keep the 1,280 channels of the last convolution (section 4), as in
 * torchvision.
 */
export function mobileNetV2Layers(
  { channels, classes, dropout: rate = 0.2 }: Options,
  { stages: rows = stages, scale = scaledBy() }: MobileNetV2Options = {},
): Layer {
  const first = scale(32);
  const last = Math.max(1280, scale(1280));
  const features = [convNormRelu(channels, first, 3, 2)];
  let inputs = first;
  for (const [expansion, width, blocks, stride] of rows) {
    for (let k = 0; k < blocks; k++) {
      features.push(invertedResidual(inputs, scale(width), k === 0 ? stride : 1, expansion));
      inputs = scale(width);
    }
  }
  return sequential({
    features: sequential([...features, convNormRelu(inputs, last, 1)]),
    avgpool: globalAvgPool2d(),
    flatten: flatten(),
    classifier: sequential([
      dropout(rate),
      linear(last, classes, { init: normalInit(0.01), biasInit: constantInit(0) }),
    ]),
  });
}

/** A block's tensors: torchvision counts its layers, timm names them. */
function blockRows(ours: string, theirs: string, isExpanded: boolean): readonly KeyRow[] {
  const layers = isExpanded
    ? ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
    : ["conv_dw", "bn1", "conv_pw", "bn2"];
  const places = isExpanded ? ["0.0", "0.1", "1.0", "1.1", "2", "3"] : ["0.0", "0.1", "1", "2"];
  return layers.map((layer, k) => ({ ours: `${ours}.conv.${places[k]}.*`, timm: `${theirs}.${layer}.*` }));
}

const blocks = stages.flatMap(([expansion, , count], stage) =>
  Array.from({ length: count }, (_, k) => ({ isExpanded: expansion > 1, theirs: `blocks.${stage}.${k}` }))
);

const family: Family = {
  name: "a MobileNetV2",
  heads: ["classifier.1"],
  stem: "features.0.0",
  rows: [
    { ours: "features.0.0.*", timm: "conv_stem.*" },
    { ours: "features.0.1.*", timm: "bn1.*" },
    ...blocks.flatMap(({ isExpanded, theirs }, k) => blockRows(`features.${k + 1}`, theirs, isExpanded)),
    { ours: `features.${blocks.length + 1}.0.*`, timm: "conv_head.*" },
    { ours: `features.${blocks.length + 1}.1.*`, timm: "bn2.*" },
    { ours: "classifier.1.*", timm: "classifier.*" },
  ],
};

/** `mobilenet-v2`. */
export const mobileNetV2: ModelDefinition = {
  name: "mobilenet-v2",
  summary: "MobileNetV2 (Sandler 2018): 17 blocks that widen, convolve each channel by itself, and narrow again",
  imageSize: 224,
  minImageSize: 8,
  family,
  published: { torchvision: torchvisionV1, timm: crop875 },
  takes: ["dropout"],
  build: (options) => mobileNetV2Layers(options, { scale: scaledBy(options.width) }),
};

/** Published weights, the usual ones of a model first. */
export const mobileNetV2Weights: readonly PublishedWeights[] = [
  torchvision("mobilenet-v2", "MobileNet_V2_Weights.IMAGENET1K_V2", "mobilenet_v2-7ebf99e0.pth", torchvisionV2, 72.154),
  torchvision("mobilenet-v2", "MobileNet_V2_Weights.IMAGENET1K_V1", "mobilenet_v2-b0353104.pth", torchvisionV1, 71.878),
  timm("mobilenet-v2", "mobilenetv2_100.ra_in1k", "apache-2.0", crop875, 72.91),
];
