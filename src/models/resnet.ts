/**
 * ResNet (He et al., "Deep residual learning for image recognition", 2015), with torchvision's key names.
 *
 * @module
 */

import { option } from "../errors.ts";
import {
  ATTENTION_POOL,
  batchNorm2d,
  conv2d,
  kaimingNormalFanOut,
  type Layer,
  maxPool2d,
  padToMultiple,
  pooledHead,
  relu,
  residual,
  sequential,
  squeezeExcitation,
  stochasticDepth,
} from "../nn/mod.ts";
import { type Family, hasName, type KeyRow, type Relative } from "../interop/keys/family.ts";
import { type ModelDefinition, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import {
  crop875,
  crop90half,
  crop95,
  huggingFace,
  type PublishedWeights,
  timm,
  torchvision,
  torchvisionV2,
  uncropped,
} from "./published.ts";
import { attentionRows, withAttention } from "./stage_attention.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<
  ResolvedModelOptions,
  "channels" | "classes" | "imageSize" | "stem" | "dropout" | "stochasticDepth" | "attentionAfter" | "head"
>;

/** Convolution without bias: batch norm follows and has one. */
const conv = (inputs: number, outputs: number, kernel: number, stride = 1, groups = 1): Layer =>
  conv2d(inputs, outputs, kernel, {
    ...{ stride, padding: (kernel - 1) / 2, groups, bias: false },
    init: kaimingNormalFanOut(),
  });

/** What a block may have that He's has not. */
export interface BlockOptions {
  /** Share of the pictures for which its body is left out in training; default 0. */
  readonly depthRate?: number;
  /** Of a bottleneck, channels of the 3×3 convolution; default a quarter of the output. */
  readonly narrow?: number;
  /** Of a bottleneck, groups of the 3×3 convolution; default 1. */
  readonly groups?: number;
  /** Whether its shortcut averages pixels where it leaves some out (ResNet-D); default false. */
  readonly averages?: boolean;
  /** Hidden units of squeeze and excitation at the body's end; default none. */
  readonly squeezed?: number;
}

/** A 1×1 convolution that fits a block's input to its output, where sizes differ (section 3.3, option B). */
function projection(inputs: number, outputs: number, stride: number, { averages }: BlockOptions): Layer | undefined {
  if (stride === 1 && inputs === outputs) return undefined;
  if (!averages) return sequential([conv(inputs, outputs, 1, stride), batchNorm2d(outputs)]);
  return sequential([averagePixels(stride), conv(inputs, outputs, 1), batchNorm2d(outputs)]);
}

/** Means of `side` × `side` pixels; at the right and at the bottom of as many as there are. */
function averagePixels(side: number): Layer {
  return (x, { b }) => {
    const padded = padToMultiple(b, x, side, [2, 3]);
    const means = b.op("avgPool2d", [padded], { kernel: side, stride: side });
    if (padded === x) return means;
    const isPixel = padToMultiple(b, b.broadcastTo(1, [1, 1, ...x.shape.slice(2)]), side, [2, 3]);
    return b.div(means, b.op("avgPool2d", [isPixel], { kernel: side, stride: side }));
  };
}

/** The end of a block's body, where it has one: squeeze and excitation, and leaving it out in training. */
const bodyEnd = (outputs: number, { squeezed, depthRate = 0 }: BlockOptions): Record<string, Layer> => ({
  ...squeezed !== undefined && { se: squeezeExcitation(outputs, squeezed) },
  ...depthRate > 0 && { drop_path: stochasticDepth(depthRate) },
});

/**
 * Two 3×3 convolutions around which the input is added (figure 2).
 *
 * @param inputs Channels that come in.
 * @param outputs Channels that go out.
 * @param stride Of the first convolution.
 */
export function basicBlock(inputs: number, outputs: number, stride: number, options: BlockOptions = {}): Layer {
  const body = sequential({
    conv1: conv(inputs, outputs, 3, stride),
    bn1: batchNorm2d(outputs),
    relu: relu(),
    conv2: conv(outputs, outputs, 3),
    bn2: batchNorm2d(outputs),
    ...bodyEnd(outputs, options),
  });
  return residual(body, relu(), projection(inputs, outputs, stride, options));
}

/**
 * A 3×3 convolution between two of 1×1, the first of which narrows to a quarter of the output (figure 5). The 3×3 has
 * the stride, as in torchvision ("V1.5"). In the paper the first 1×1 has it, which leaves three quarters of the pixels
 * unread.
 *
 * @param inputs Channels that come in.
 * @param outputs Channels that go out.
 * @param stride Of the 3×3 convolution.
 */
export function bottleneck(inputs: number, outputs: number, stride: number, options: BlockOptions = {}): Layer {
  const { narrow = outputs / 4, groups } = options;
  const body = sequential({
    conv1: conv(inputs, narrow, 1),
    bn1: batchNorm2d(narrow),
    relu1: relu(),
    conv2: conv(narrow, narrow, 3, stride, groups),
    bn2: batchNorm2d(narrow),
    relu2: relu(),
    conv3: conv(narrow, outputs, 1),
    bn3: batchNorm2d(outputs),
    ...bodyEnd(outputs, options),
  });
  return residual(body, relu(), projection(inputs, outputs, stride, options));
}

/** Table 1's first rows for ImageNet; section 4.2's single 3×3 convolution for small pictures. */
function stem(channels: number, width: number, small: boolean, deep?: number): Record<string, Layer> {
  const after = { bn1: batchNorm2d(width), relu: relu() };
  if (small) return { conv1: conv(channels, width, 3), ...after };
  const conv1 = deep === undefined ? conv(channels, width, 7, 2) : sequential([
    ...[conv(channels, deep, 3, 2), batchNorm2d(deep), relu()],
    ...[conv(deep, deep, 3), batchNorm2d(deep), relu()],
    conv(deep, width, 3),
  ]);
  return { conv1, ...after, maxpool: maxPool2d(3, { stride: 2, padding: 1 }) };
}

/**
 * Below this side, in pixels, the `auto` stem is the small one: ImageNet's would leave one pixel for the last stage.
 */
const SMALL_PICTURE = 64;

/** How a ResNet differs from the others: a column of table 1. */
export interface ResNetOptions {
  /** Which block its stages are made of. */
  readonly block: typeof basicBlock | typeof bottleneck;
  /** Blocks of each of the four stages. */
  readonly blocks: readonly [number, number, number, number];
  /** Of the numbers of channels, of a bottleneck of the narrow ones; default as they are. */
  readonly scale?: Scale;
  /** Channels of a stage's 3×3 convolutions, stages counted from 0; default as wide as a basic block's. */
  readonly narrow?: (stage: number) => number;
  /** Groups of the 3×3 convolutions; default 1. */
  readonly groups?: number;
  /** Channels of three 3×3 convolutions, the first two's, in the place of the stem's 7×7 (ResNet-C); default none. */
  readonly deep?: number;
  /** Whether shortcuts average pixels where they leave some out (ResNet-D); default false. */
  readonly averages?: boolean;
  /** Hidden units of squeeze and excitation for a block's number of output channels; default none. */
  readonly squeezed?: (outputs: number) => number;
}

/**
 * The layers of a ResNet. Units are dropped before the logits, and blocks left out the more the later they are, as timm
 * does: the rate of stochastic depth falls linearly to 0 at the first block.
 */
export function resnetLayers(
  { channels, classes, imageSize, stem: chosen, dropout: dropRate = 0, stochasticDepth: depthRate = 0, ...rest }:
    Options,
  { block, blocks, scale = scaledBy(), narrow, groups, deep, averages, squeezed }: ResNetOptions,
): Layer {
  const first = scale(64);
  const expansion = block === bottleneck ? 4 : 1;
  const widths = blocks.map((_, k) => expansion * scale(64 * 2 ** k));
  /** Blocks of one width; the first changes width and resolution. */
  const stage = (k: number): Layer => {
    const before = sum(blocks.slice(0, k));
    const made = (b: number, inputs: number, stride: number) =>
      block(inputs, widths[k], stride, {
        depthRate: depthRate * (before + b) / (sum(blocks) - 1),
        ...{ narrow: narrow?.(k), groups, averages, squeezed: squeezed?.(widths[k]) },
      });
    const entry = k === 0 ? made(0, first, 1) : made(0, widths[k - 1], 2);
    const others = Array.from({ length: blocks[k] - 1 }, (_, b) => made(b + 1, widths[k], 1));
    return withAttention(rest.attentionAfter, `layer${k + 1}`, sequential([entry, ...others]));
  };
  return sequential({
    ...stem(channels, first, chosen === "small" || (chosen === "auto" && imageSize < SMALL_PICTURE && !deep), deep),
    layer1: stage(0),
    layer2: stage(1),
    layer3: stage(2),
    layer4: stage(3),
    ...pooledHead(widths[3], classes, { head: rest.head, dropout: dropRate }),
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

/** Hugging Face's numbers: stages and convolutions from 0. */
const huggingFaceRows: readonly KeyRow[] = [
  { ours: "conv1.*", huggingface: "embedder.embedder.convolution.*" },
  { ours: "bn1.*", huggingface: "embedder.embedder.normalization.*" },
  ...[0, 1, 2, 3].flatMap((stage) => {
    const [ours, theirs] = [`layer${stage + 1}.{i}`, `encoder.stages.${stage}.layers.{i}`];
    return [
      { ours: `${ours}.downsample.0.*`, huggingface: `${theirs}.shortcut.convolution.*` },
      { ours: `${ours}.downsample.1.*`, huggingface: `${theirs}.shortcut.normalization.*` },
      ...[0, 1, 2].flatMap((k) => [
        { ours: `${ours}.conv${k + 1}.*`, huggingface: `${theirs}.layer.${k}.convolution.*` },
        { ours: `${ours}.bn${k + 1}.*`, huggingface: `${theirs}.layer.${k}.normalization.*` },
      ]),
    ];
  }),
  { ours: "fc.*", huggingface: "classifier.1.*" },
];

/** Residual networks that are one option away, or of a size that is not among the models. */
const relatives: readonly Relative[] = [
  { name: "an SE-ResNet of another size (seresnet)", isIt: hasName(/^layer1\.0\.se\.fc/) },
  { name: "a ResNet with attention over channels (ecaresnet)", isIt: hasName(/^layer1\.0\.(se|eca|attn)\./) },
  { name: "ResNeSt or SKNet", isIt: hasName(/^layer1\.0\.conv\d\.(fc1|attn|conv)\./) },
  {
    name: "a ResNet with a stem of three convolutions of another size (resnet26d, resnet50c)",
    isIt: hasName(/^conv1\.0\./),
  },
  {
    name: "a ResNeXt of another size (resnext50_32x4d)",
    isIt: (shapes) => isBottleneck(shapes, (outputs, inputs) => outputs !== inputs),
  },
  {
    name: "a Wide ResNet of another size (wide_resnet50_2)",
    isIt: (shapes) => isBottleneck(shapes, (outputs, inputs) => outputs === inputs && outputs > 64),
  },
  {
    name: "a ResNet with average pooling in its shortcuts (ResNet-D)",
    isIt: (shapes) => shapes.get("layer2.0.downsample.1.weight")?.length === 4,
  },
  {
    name: "a ResNet without batch norm (resnet50_gn)",
    isIt: (shapes) => shapes.has("bn1.weight") && !shapes.has("bn1.running_mean"),
  },
];

/** Whether the 3×3 convolution of the first bottleneck has such sizes. */
function isBottleneck(
  shapes: ReadonlyMap<string, readonly number[]>,
  isSuch: (outputs: number, inputs: number) => boolean,
): boolean {
  const [outputs, inputs] = shapes.get("layer1.0.conv2.weight") ?? [];
  return shapes.has("layer1.0.conv3.weight") && inputs !== undefined && isSuch(outputs, inputs);
}

/** torchvision's and timm's ResNets are called alike. */
export const resnetFamily: Family = {
  name: "a ResNet",
  heads: ["fc"],
  stem: "conv1",
  advice: {
    "conv1.weight": `give ${option("stem")} imagenet for weights of 7×7, ${option("stem")} small for those of 3×3`,
  },
  rows: [
    ...[
      "conv1.*",
      "bn1.*",
      "layer{i}.{i}.conv{i}.*",
      "layer{i}.{i}.bn{i}.*",
      "layer{i}.{i}.downsample.{i}.*",
      "layer{i}.{i}.se.fc{i}.*",
      "fc.*",
    ].map((ours) => ({ ours, timm: ours })),
    ...attentionRows("layer{i}"),
    ...ATTENTION_POOL.map((ours) => ({ ours, timm: ours })),
    ...huggingFaceRows,
  ],
  baseModels: ["resnet."],
  relatives,
};

/** What ResNets and their variants can be asked for. */
export const resnetTakes = {
  takes: ["stem", "dropout", "stochasticDepth", "attentionAfter", "head"],
  heads: ["fcn", "attention-pool"],
  stages: ["layer1", "layer2", "layer3", "layer4"],
} as const satisfies Partial<ModelDefinition>;

function resnet(depth: number, options: ResNetOptions): ModelDefinition {
  const kind = options.block === bottleneck ? "bottleneck blocks, stride in the 3×3" : "basic blocks";
  return {
    name: `resnet${depth}`,
    summary: `ResNet-${depth} (He 2015): four stages of ${options.blocks.join(", ")} ${kind}`,
    imageSize: 224,
    minImageSize: 8,
    family: resnetFamily,
    published: { torchvision: torchvisionV1, huggingface: crop875 },
    ...resnetTakes,
    build: (sizes) => resnetLayers(sizes, { ...options, scale: scaledBy(sizes.width) }),
  };
}

/** `resnet18`, `resnet34`, `resnet50`, `resnet101`, `resnet152`. */
export const resnets: readonly ModelDefinition[] = [
  resnet(18, { block: basicBlock, blocks: [2, 2, 2, 2] }),
  resnet(34, { block: basicBlock, blocks: [3, 4, 6, 3] }),
  resnet(50, { block: bottleneck, blocks: [3, 4, 6, 3] }),
  resnet(101, { block: bottleneck, blocks: [3, 4, 23, 3] }),
  resnet(152, { block: bottleneck, blocks: [3, 8, 36, 3] }),
];

/** Published weights, the usual ones of a model first. */
export const resnetWeights: readonly PublishedWeights[] = [
  torchvision("resnet18", "ResNet18_Weights.IMAGENET1K_V1", "resnet18-f37072fd.pth", torchvisionV1, 69.758),
  timm("resnet18", "resnet18.a1_in1k", "apache-2.0", crop95, 71.504),
  timm("resnet18", "resnet18.a2_in1k", "apache-2.0", crop95, 70.634),
  timm("resnet18", "resnet18.a3_in1k", "apache-2.0", crop95, 68.25),
  timm("resnet18", "resnet18.tv_in1k", "bsd-3-clause", torchvisionV1, 69.752),
  timm("resnet18", "resnet18.fb_ssl_yfcc100m_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 72.636),
  timm("resnet18", "resnet18.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 73.286),
  timm("resnet18", "resnet18.gluon_in1k", "apache-2.0", crop875, 70.844),
  torchvision("resnet34", "ResNet34_Weights.IMAGENET1K_V1", "resnet34-b627a593.pth", torchvisionV1, 73.314),
  timm("resnet34", "resnet34.a1_in1k", "apache-2.0", crop95, 76.42),
  timm("resnet34", "resnet34.a2_in1k", "apache-2.0", crop95, 75.52),
  timm("resnet34", "resnet34.a3_in1k", "apache-2.0", crop95, 72.996),
  timm("resnet34", "resnet34.bt_in1k", "apache-2.0", crop875, 75.176),
  timm("resnet34", "resnet34.ra4_e3600_r224_in1k", "apache-2.0", crop90half, 77.492),
  timm("resnet34", "resnet34.tv_in1k", "bsd-3-clause", torchvisionV1, 73.298),
  timm("resnet34", "resnet34.gluon_in1k", "apache-2.0", crop875, 74.574),
  torchvision("resnet50", "ResNet50_Weights.IMAGENET1K_V2", "resnet50-11ad3fa6.pth", torchvisionV2, 80.858),
  torchvision("resnet50", "ResNet50_Weights.IMAGENET1K_V1", "resnet50-0676ba61.pth", torchvisionV1, 76.13),
  timm("resnet50", "resnet50.a1_in1k", "apache-2.0", crop95, 80.382),
  timm("resnet50", "resnet50.a1h_in1k", "apache-2.0", uncropped, 80.654),
  timm("resnet50", "resnet50.a2_in1k", "apache-2.0", crop95, 79.828),
  timm("resnet50", "resnet50.a3_in1k", "apache-2.0", crop95, 78.052),
  timm("resnet50", "resnet50.b1k_in1k", "apache-2.0", crop95, 79.564),
  timm("resnet50", "resnet50.b2k_in1k", "apache-2.0", crop95, 79.388),
  timm("resnet50", "resnet50.c1_in1k", "apache-2.0", crop95, 79.766),
  timm("resnet50", "resnet50.c2_in1k", "apache-2.0", crop95, 79.868),
  timm("resnet50", "resnet50.d_in1k", "apache-2.0", crop95, 79.904),
  timm("resnet50", "resnet50.ram_in1k", "apache-2.0", crop875, 79.034),
  timm("resnet50", "resnet50.am_in1k", "apache-2.0", crop875, 79.004),
  timm("resnet50", "resnet50.ra_in1k", "apache-2.0", crop875, 78.82),
  timm("resnet50", "resnet50.bt_in1k", "apache-2.0", crop875, 78.444),
  timm("resnet50", "resnet50.tv_in1k", "bsd-3-clause", torchvisionV1, 76.156),
  timm("resnet50", "resnet50.tv2_in1k", "bsd-3-clause", torchvisionV2, 80.846),
  timm("resnet50", "resnet50.fb_ssl_yfcc100m_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 79.252),
  timm("resnet50", "resnet50.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0", torchvisionV1, 81.146),
  timm("resnet50", "resnet50.gluon_in1k", "apache-2.0", crop875, 77.58),
  torchvision("resnet101", "ResNet101_Weights.IMAGENET1K_V2", "resnet101-cd907fc2.pth", torchvisionV2, 81.886),
  torchvision("resnet101", "ResNet101_Weights.IMAGENET1K_V1", "resnet101-63fe2227.pth", torchvisionV1, 77.374),
  timm("resnet101", "resnet101.a1h_in1k", "apache-2.0", crop95, 81.95),
  timm("resnet101", "resnet101.a1_in1k", "apache-2.0", crop95, 81.494),
  timm("resnet101", "resnet101.a2_in1k", "apache-2.0", crop95, 81.344),
  timm("resnet101", "resnet101.a3_in1k", "apache-2.0", crop95, 79.836),
  timm("resnet101", "resnet101.tv_in1k", "bsd-3-clause", torchvisionV1, 77.404),
  timm("resnet101", "resnet101.tv2_in1k", "bsd-3-clause", torchvisionV2, 81.906),
  timm("resnet101", "resnet101.gluon_in1k", "apache-2.0", crop875, 79.306),
  torchvision("resnet152", "ResNet152_Weights.IMAGENET1K_V2", "resnet152-f82ba261.pth", torchvisionV2, 82.284),
  torchvision("resnet152", "ResNet152_Weights.IMAGENET1K_V1", "resnet152-394f9c45.pth", torchvisionV1, 78.312),
  timm("resnet152", "resnet152.a1h_in1k", "apache-2.0", crop95, 82.818),
  timm("resnet152", "resnet152.a1_in1k", "apache-2.0", crop95, 81.998),
  timm("resnet152", "resnet152.a2_in1k", "apache-2.0", crop95, 81.764),
  timm("resnet152", "resnet152.a3_in1k", "apache-2.0", crop95, 80.548),
  timm("resnet152", "resnet152.tv_in1k", "bsd-3-clause", torchvisionV1, 78.33),
  timm("resnet152", "resnet152.tv2_in1k", "bsd-3-clause", torchvisionV2, 82.294),
  timm("resnet152", "resnet152.gluon_in1k", "apache-2.0", crop875, 79.712),
  huggingFace("resnet18", "microsoft/resnet-18", crop875),
  huggingFace("resnet34", "microsoft/resnet-34", crop875),
  huggingFace("resnet50", "microsoft/resnet-50", crop875),
  huggingFace("resnet101", "microsoft/resnet-101", crop875),
  huggingFace("resnet152", "microsoft/resnet-152", crop875),
];
