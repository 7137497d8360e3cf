/**
 * ResNets of bottlenecks whose 3×3 convolutions are attention in a sliding window: with stand-alone self-attention
 * (Ramachandran et al., "Stand-alone self-attention in vision models", 2019) and with local relation layers (Hu et al.,
 * "Local relation networks for image recognition", 2019). Names are torchvision's, but for the layers that it has not.
 *
 * @module
 */

import {
  ATTENTION_POOL,
  attentionStem,
  avgPool2d,
  batchNorm2d,
  conv2d,
  inline,
  kaimingNormalFanOut,
  type Layer,
  localRelation,
  localSelfAttention2d,
  maxPool2d,
  padToMultiple,
  pooledHead,
  relu,
  residual,
  sequential,
  stochasticDepth,
} from "../nn/mod.ts";
import type { Family } from "../interop/keys/family.ts";
import type { ModelDefinition, ResolvedModelOptions } from "./model.ts";
import { attentionRows, withAttention } from "./stage_attention.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<
  ResolvedModelOptions,
  "channels" | "classes" | "dropout" | "stochasticDepth" | "attentionAfter" | "head"
>;

/** 1×1 convolution without bias: batch norm follows and has one. */
const conv = (inputs: number, outputs: number, stride = 1): Layer =>
  conv2d(inputs, outputs, 1, { stride, bias: false, init: kaimingNormalFanOut() });

/** What the two kinds differ in. */
export interface LocalKind {
  /** First layers: pictures to the first stage's input, of as many channels as `stemWidth`. */
  readonly stem: (channels: number, width: number) => Record<string, Layer>;
  /** The layer that stands for the 3×3 convolution, by its name. */
  readonly spatial: (channels: number, stride: number) => Record<string, Layer>;
  /** Channels of a block between its 1×1 convolutions in the first stage; each later stage has twice as many. */
  readonly narrow: number;
  /** What numbers of channels are multiples of. */
  readonly multiple: number;
}

/** Means of 2×2 pixels; zeros at the right and at the bottom fill the last ones. */
const halve: Layer = (x, scope) => avgPool2d(2)(padToMultiple(scope.b, x, 2, [2, 3]), scope);

/** All 3×3 convolutions and the stem attend; where pixels are left out, means of 2×2 follow the attention. */
export const standAlone: LocalKind = {
  stem: (channels, width) => ({
    stem: attentionStem(channels, width),
    bn1: batchNorm2d(width),
    maxpool: (x, scope) => maxPool2d(4)(padToMultiple(scope.b, x, 4, [2, 3]), scope),
  }),
  spatial: (channels, stride) => ({
    attention: localSelfAttention2d(channels, channels),
    ...stride > 1 && { avgpool: halve },
  }),
  narrow: 64,
  multiple: 16,
};

/** The 7×7 convolution and the 3×3 ones are relation layers, and bottlenecks are 1.6 times as wide. */
export const relational: LocalKind = {
  stem: (channels, width) => ({
    conv1: conv(channels, width),
    relation: localRelation(width, { stride: 2 }),
    bn1: batchNorm2d(width),
    relu: relu(),
    maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
  }),
  spatial: (channels, stride) => ({ relation: localRelation(channels, { stride }) }),
  narrow: 100,
  multiple: 8,
};

/** A bottleneck (He et al., 2015, figure 5) around another layer than a convolution. */
function block(kind: LocalKind, [inputs, narrow, outputs]: readonly number[], stride: number, rate: number): Layer {
  const body = sequential({
    conv1: conv(inputs, narrow),
    bn1: batchNorm2d(narrow),
    relu1: relu(),
    ...kind.spatial(narrow, stride),
    bn2: batchNorm2d(narrow),
    relu2: relu(),
    conv3: conv(narrow, outputs),
    bn3: batchNorm2d(outputs),
    ...rate > 0 && { drop_path: stochasticDepth(rate) },
  });
  const fits = stride === 1 && inputs === outputs;
  return residual(
    body,
    relu(),
    fits ? undefined : sequential([conv(inputs, outputs, stride), batchNorm2d(outputs)]),
  );
}

/**
 * The layers of such a network.
 *
 * @param blocks Blocks of each of the four stages.
 * @param scale Of the numbers of channels; default as they are.
 */
export function localResnetLayers(
  { channels, classes, dropout: dropRate = 0, stochasticDepth: depthRate = 0, attentionAfter, head }: Options,
  kind: LocalKind,
  blocks: readonly number[],
  scale: Scale = scaledBy(1, kind.multiple),
): Layer {
  const total = blocks.reduce((sum, count) => sum + count);
  const first = scale(64);
  const layers = sequential(kind.stem(channels, first));
  let inputs = first;
  let before = 0;
  const stages = blocks.map((count, k) => {
    const [narrow, outputs] = [scale(kind.narrow * 2 ** k), 4 * scale(64 * 2 ** k)];
    const all = Array.from({ length: count }, (_, i) => {
      const stride = k > 0 && i === 0 ? 2 : 1;
      const made = block(kind, [inputs, narrow, outputs], stride, depthRate * before++ / (total - 1));
      inputs = outputs;
      return made;
    });
    return [`layer${k + 1}`, withAttention(attentionAfter, `layer${k + 1}`, sequential(all))] as const;
  });
  return inline(
    layers,
    sequential({
      ...Object.fromEntries(stages),
      ...pooledHead(inputs, classes, { head, dropout: dropRate }),
    }),
  );
}

/** No library has them: files of their weights are Fovea's. */
const familyOf = (name: string, stem: string, spatial: readonly string[]): Family => ({
  name,
  own: true,
  heads: ["fc"],
  stem,
  rows: [
    ...[...spatial, "bn1.*", "layer{i}.{i}.conv{i}.*", "layer{i}.{i}.bn{i}.*"],
    ...["layer{i}.{i}.downsample.{i}.*", "fc.*", ...ATTENTION_POOL],
  ].map((ours): Family["rows"][number] => ({ ours })).concat(attentionRows("layer{i}")),
});

const attention = "layer{i}.{i}.attention";
const standAloneFamily = familyOf("a ResNet with stand-alone self-attention", "stem.query", [
  ...["query.*", "key.*", "value.*", "row", "column", "mixture"].map((name) => `stem.${name}`),
  ...["query.*", "key.*", "value.*", "row", "column"].map((name) => `${attention}.${name}`),
]);

const relationalFamily = familyOf("a local relation network", "conv1", [
  "conv1.*",
  ...["relation", "layer{i}.{i}.relation"].flatMap((layer) =>
    ["query.*", "key.*", "geometry.{i}.*", "proj.*"].map((name) => `${layer}.${name}`)
  ),
]);

/** What the models of a paper share. */
interface Paper {
  readonly family: Family;
  readonly kind: LocalKind;
  readonly what: string;
  readonly counts: string;
}

function definition(
  name: string,
  blocks: readonly number[],
  { family, kind, what, counts }: Paper,
  [parameters, multiplyAdds]: readonly [parameters: number, multiplyAdds: number],
): ModelDefinition {
  return {
    name,
    summary: `ResNet-${blocks.reduce((sum, count) => sum + 3 * count, 2)} of ${blocks.join(", ")} bottlenecks that ` +
      what,
    imageSize: 224,
    minImageSize: 8,
    family,
    paper: { parameters, multiplyAdds, counts },
    takes: ["dropout", "stochasticDepth", "attentionAfter", "head"],
    heads: ["fcn", "attention-pool"],
    stages: ["layer1", "layer2", "layer3", "layer4"],
    build: (sizes) => localResnetLayers(sizes, kind, blocks, scaledBy(sizes.width, kind.multiple)),
  };
}

const standAlonePaper: Paper = {
  family: standAloneFamily,
  kind: standAlone,
  what: "attend in windows of 7×7, as the stem does in 4×4 (Ramachandran 2019)",
  counts: "queries by each of 49 relative positions, for which 7 rows and 7 columns do, softmax and the stem's mixture",
};
const relationalPaper: Paper = {
  family: relationalFamily,
  kind: relational,
  what: "relate 7×7 positions, as the stem does (Hu 2019)",
  counts: "more than products: 2.6 G for ResNet-26 and 4.3 G for ResNet-50, whose products are 2.36 G and 4.09 G",
};

/** `resnet26-sasa`, `resnet38-sasa`, `resnet50-sasa`, `resnet26-lr`, `resnet50-lr`. */
export const localResnets: readonly ModelDefinition[] = [
  definition("resnet26-sasa", [1, 2, 4, 1], standAlonePaper, [10.3, 2.35]),
  definition("resnet38-sasa", [2, 3, 5, 2], standAlonePaper, [14.1, 3.0]),
  definition("resnet50-sasa", [3, 4, 6, 3], standAlonePaper, [18.0, 3.6]),
  definition("resnet26-lr", [2, 2, 2, 2], relationalPaper, [14.7, 2.6]),
  definition("resnet50-lr", [3, 4, 6, 3], relationalPaper, [23.3, 4.3]),
];
