/**
 * Swin (Liu et al., "Swin transformer: hierarchical vision transformer using shifted windows", 2021) and Swin V2 (Liu
 * et al., "Swin transformer V2: scaling up capacity and resolution", 2022), with torchvision's key names. Between the
 * first convolution and the head feature maps are [N, H, W, C].
 *
 * @module
 */

import {
  constantInit,
  conv2d,
  cosineWindowAttention,
  dropout,
  inline,
  type Layer,
  layerNorm,
  layerScale,
  linear,
  mlp,
  normalInit,
  padToMultiple,
  sequential,
  skip,
  stochasticDepth,
  windowAttention,
} from "../nn/mod.ts";
import { type ModelDefinition, type ModelOption, prepared } from "./model.ts";
import { huggingFace, type PublishedWeights, timm, torchvision } from "./published.ts";
import { headsScaledBy } from "./width.ts";
import { PATCH, STAGES, swinFamily, swinV2Family, type Version, WINDOW, WINDOW_V2 } from "./swin_keys.ts";

/** Added to the variance of every layer norm. */
const EPS = 1e-5;

/** Units of an mlp over its width. */
const MLP_RATIO = 4;

/** How dense layers start. torchvision cuts the normal distribution at ±2, which no draw reaches. */
const start = { init: normalInit(0.02), biasInit: constantInit(0) };

/** Options of {@link swinBlock}. */
export interface SwinBlockOptions {
  /** 1 for Swin, 2 for Swin V2. */
  readonly version: Version;
  /** Side of a window in positions. */
  readonly window: number;
  /** Positions by which windows are shifted; default 0. */
  readonly shift?: number;
  /** Share of the units dropped after each projection; default 0. */
  readonly dropout?: number;
  /** Share of the attention weights dropped; default 0. */
  readonly attentionDropout?: number;
  /** Share of the pictures that each branch is left out for; default 0. */
  readonly stochasticDepth?: number;
  /** Start of the layer scale; default none. */
  readonly layerScale?: number;
}

/**
 * A block: attention in windows, then an mlp, each with its input added (figure 3b): [N, H, W, C] to the same shape.
 * Swin normalises what goes into the two, Swin V2 what comes out ("res-post-norm", V2's figure 1). Parameters `norm1`,
 * `attn`, `norm2` and `mlp`; with layer scale also `ls1` and `ls2`.
 *
 * @param width Channels C.
 * @param heads Number of attention heads.
 */
export function swinBlock(width: number, heads: number, options: SwinBlockOptions): Layer {
  const { version, window, shift, dropout: rate = 0, attentionDropout, stochasticDepth: depthRate = 0 } = options;
  const attn = (version === 1 ? windowAttention : cosineWindowAttention)(width, heads, {
    window,
    shift,
    dropout: attentionDropout,
  });
  const branch = (number: 1 | 2, body: Record<string, Layer>): Layer => {
    const norm = { [`norm${number}`]: layerNorm(width, EPS) };
    return skip(sequential({
      ...version === 1 ? { ...norm, ...body } : { ...body, ...norm },
      ...options.layerScale === undefined ? {} : { [`ls${number}`]: layerScale(width, options.layerScale) },
      [`drop_path${number}`]: stochasticDepth(depthRate),
    }));
  };
  return inline(
    branch(1, { attn, dropout: dropout(rate) }),
    branch(2, { mlp: mlp(width, MLP_RATIO * width, { ...start, dropout: rate }) }),
  );
}

/**
 * Four neighbours become one position of twice the width: [N, H, W, C] to [N, H / 2, W / 2, 2C]. Where H or W is odd, a
 * zero row or column is added. Swin normalises before the reduction, Swin V2 after it. Parameters `norm` and
 * `reduction`.
 */
function patchMerging(width: number, version: Version): Layer {
  const reduction = linear(4 * width, 2 * width, { ...start, bias: false });
  const body = version === 1
    ? sequential({ norm: layerNorm(4 * width, EPS), reduction })
    : sequential({ reduction, norm: layerNorm(2 * width, EPS) });
  return (x, scope) => {
    const { b } = scope;
    const padded = padToMultiple(b, x, 2, [1, 2]);
    const [batch, height, across] = padded.shape;
    const squares = b.reshape(padded, [batch, height / 2, 2, across / 2, 2, width]);
    // The four in the order of torchvision's concatenation: the lower left one before the upper right one.
    const merged = b.permute(squares, [0, 1, 3, 4, 2, 5]);
    return body(b.reshape(merged, [batch, height / 2, across / 2, 4 * width]), scope);
  };
}

/** What a Swin transformer is made of. */
export interface SwinTransformerOptions extends Omit<SwinBlockOptions, "shift" | "window"> {
  /** Side of a window in positions; of each stage, where they differ. */
  readonly window: number | readonly number[];
  /** Side of a patch in pixels; default 4. */
  readonly patch?: number;
  /** Width C of the first stage; each further one is twice as wide. */
  readonly width: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Attention heads of each stage's blocks. */
  readonly heads: readonly number[];
  /** Channels of the pictures. */
  readonly channels: number;
  /** Logits. */
  readonly classes: number;
  /**
   * Share of the pictures for which the last block's branches are left out, falling to 0 at the first block; default 0.
   */
  readonly stochasticDepth?: number;
}

/**
 * A Swin transformer (figure 3a): pictures [N, C, H, W] to logits [N, classes]. Where the patch does not divide the
 * picture, zeros at the right and at the bottom fill the last patches.
 */
export function swinTransformer(options: SwinTransformerOptions): Layer {
  const { version, patch = PATCH, width, depths, channels, classes } = options;
  const last = width * 2 ** (depths.length - 1);
  const stages = depths.flatMap((_, k) => {
    const blocks = stage(options, k);
    return k === 0 ? [blocks] : [patchMerging(width * 2 ** (k - 1), version), blocks];
  });
  return sequential({
    features: sequential([patchEmbedding(channels, width, patch), ...stages]),
    norm: layerNorm(last, EPS),
    avgpool: (x, { b }) => b.mean(x, [1, 2], false),
    head: linear(last, classes, start),
  });
}

/** Patches as positions: [N, channels, H, W] to [N, H / patch, W / patch, C]. Parameters `0` and `2`. */
function patchEmbedding(channels: number, width: number, patch: number): Layer {
  return sequential([
    inline(
      (x, { b }) => padToMultiple(b, x, patch, [2, 3]),
      conv2d(channels, width, patch, { stride: patch }),
    ),
    (x, { b }) => b.permute(x, [0, 2, 3, 1]),
    layerNorm(width, EPS),
  ]);
}

/** The blocks of one resolution; every second one has shifted windows. */
function stage(options: SwinTransformerOptions, index: number): Layer {
  const { width, depths, heads, stochasticDepth = 0, window: given, ...block } = options;
  const window = typeof given === "number" ? given : given[index];
  const before = depths.slice(0, index).reduce((sum, depth) => sum + depth, 0);
  const blocks = depths.reduce((sum, depth) => sum + depth, 0);
  return sequential(
    Array.from({ length: depths[index] }, (_, k) =>
      swinBlock(width * 2 ** index, heads[index], {
        ...block,
        window,
        shift: k % 2 === 0 ? 0 : Math.floor(window / 2),
        stochasticDepth: stochasticDepth * (before + k) / Math.max(1, blocks - 1),
      })),
  );
}

/** Sizes of section 3.3, and the stochastic depth that torchvision and the papers train them with. */
const sizes = {
  t: { width: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24], stochasticDepth: 0.2 },
  s: { width: 96, depths: [2, 2, 18, 2], heads: [3, 6, 12, 24], stochasticDepth: 0.3 },
  b: { width: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32], stochasticDepth: 0.5 },
} as const;

/**
 * Preprocessing of the weights, whose pictures have the model's own side.
 *
 * @param crop That side.
 * @param resize The shorter side before, in torchvision.
 */
const publishedFor = (crop: number, resize: number): ModelDefinition["published"] => ({
  torchvision: prepared(resize, crop, "bicubic"),
  timm: prepared(100, 90, "bicubic"),
  microsoft: prepared(256, 224, "bicubic"),
  huggingface: prepared(1, 1, "bicubic"),
});

/** Shorter side before the crop, in torchvision, by version. */
const torchvisionResize = { 1: { t: 232, s: 246, b: 238 }, 2: { t: 260, s: 260, b: 272 } } as const;

const takes: readonly ModelOption[] = ["dropout", "attentionDropout", "stochasticDepth", "layerScale", "window"];

/** Sides of the stages' windows, none larger than the stage's map; offsets of V2 need two positions. */
function windowsAt(window: number, imageSize: number, version: Version): number[] {
  return STAGES.map((stage) => {
    const side = Math.ceil(imageSize / PATCH / 2 ** stage);
    return Math.min(window, Math.max(version === 1 ? 1 : 2, side));
  });
}

function swin(size: keyof typeof sizes, version: Version): ModelDefinition {
  const { stochasticDepth: published, ...architecture } = sizes[size];
  const [side, imageSize] = version === 1 ? [WINDOW, 224] : [WINDOW_V2, 256];
  const paper = version === 1 ? "Swin (Liu 2021)" : "Swin V2 (Liu 2022)";
  return {
    name: version === 1 ? `swin-${size}` : `swin-v2-${size}`,
    summary: `${paper}: ${architecture.depths.join(", ")} blocks from width ${architecture.width} on, ` +
      `windows of ${side}×${side}`,
    imageSize,
    minImageSize: 4,
    family: version === 1 ? swinFamily : swinV2Family,
    published: publishedFor(imageSize, torchvisionResize[version][size]),
    takes,
    build: ({ stochasticDepth = published, window: given, width: factor, ...options }) => {
      const window = given === undefined ? side : windowsAt(given, options.imageSize, version);
      const first = headsScaledBy({ width: architecture.width, heads: architecture.heads[0] }, factor);
      // Each stage is twice as wide as the one before, and has twice the heads.
      const heads = architecture.heads.map((_, stage) => first.heads * 2 ** stage);
      const sized = { ...architecture, width: first.width, heads };
      return swinTransformer({ ...sized, ...options, version, window, stochasticDepth });
    },
  };
}

/** `swin-t` to `swin-v2-b`. */
export const swins: readonly ModelDefinition[] = ([1, 2] as const).flatMap((version) =>
  (["t", "s", "b"] as const).map((size) => swin(size, version))
);

/** How pictures are prepared for most weights. */
const torchvisionV2 = prepared(260, 256, "bicubic");
const timm224 = prepared(248, 224, "bicubic");
const timm256 = prepared(284, 256, "bicubic");
const whole224 = prepared(224, 224, "bicubic");
const whole256 = prepared(256, 256, "bicubic");

/** Published weights, the usual ones of a model first. */
export const swinWeights: readonly PublishedWeights[] = [
  torchvision("swin-t", "Swin_T_Weights.IMAGENET1K_V1", "swin_t-704ceda3.pth", prepared(232, 224, "bicubic"), 81.474),
  timm("swin-t", "swin_tiny_patch4_window7_224.ms_in1k", "mit", timm224, 81.388),
  timm("swin-t", "swin_tiny_patch4_window7_224.ms_in22k_ft_in1k", "mit", timm224, 80.966),
  timm("swin-t", "swin_tiny_patch4_window7_224.ms_in22k", "mit", timm224, undefined, { classes: 21841 }),
  torchvision("swin-s", "Swin_S_Weights.IMAGENET1K_V1", "swin_s-5e29d889.pth", prepared(246, 224, "bicubic"), 83.196),
  timm("swin-s", "swin_small_patch4_window7_224.ms_in22k_ft_in1k", "mit", timm224, 83.33),
  timm("swin-s", "swin_small_patch4_window7_224.ms_in1k", "mit", timm224, 83.228),
  timm("swin-s", "swin_small_patch4_window7_224.ms_in22k", "mit", timm224, undefined, { classes: 21841 }),
  torchvision("swin-b", "Swin_B_Weights.IMAGENET1K_V1", "swin_b-68c6b09e.pth", prepared(238, 224, "bicubic"), 83.582),
  timm("swin-b", "swin_base_patch4_window7_224.ms_in22k_ft_in1k", "mit", timm224, 85.276),
  timm("swin-b", "swin_base_patch4_window7_224.ms_in1k", "mit", timm224, 83.604),
  timm("swin-b", "swin_base_patch4_window7_224.ms_in22k", "mit", timm224, undefined, { classes: 21841 }),
  torchvision(
    "swin-v2-t",
    "Swin_V2_T_Weights.IMAGENET1K_V1",
    "swin_v2_t-b137f0e2.pth",
    torchvisionV2,
    82.072,
  ),
  timm("swin-v2-t", "swinv2_tiny_window8_256.ms_in1k", "mit", timm256, 81.824),
  torchvision(
    "swin-v2-s",
    "Swin_V2_S_Weights.IMAGENET1K_V1",
    "swin_v2_s-637d8ceb.pth",
    torchvisionV2,
    83.712,
  ),
  timm("swin-v2-s", "swinv2_small_window8_256.ms_in1k", "mit", timm256, 83.844),
  torchvision(
    "swin-v2-b",
    "Swin_V2_B_Weights.IMAGENET1K_V1",
    "swin_v2_b-781e5279.pth",
    prepared(272, 256, "bicubic"),
    84.112,
  ),
  timm("swin-v2-b", "swinv2_base_window8_256.ms_in1k", "mit", timm256, 84.246),
  huggingFace("swin-t", "microsoft/swin-tiny-patch4-window7-224", whole224),
  huggingFace("swin-s", "microsoft/swin-small-patch4-window7-224", whole224),
  huggingFace("swin-b", "microsoft/swin-base-patch4-window7-224", whole224),
  huggingFace("swin-v2-t", "microsoft/swinv2-tiny-patch4-window8-256", whole256),
  huggingFace("swin-v2-s", "microsoft/swinv2-small-patch4-window8-256", whole256),
  huggingFace("swin-v2-b", "microsoft/swinv2-base-patch4-window8-256", whole256),
];
