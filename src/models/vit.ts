/**
 * ViT (Dosovitskiy et al., "An image is worth 16×16 words", 2020) and DeiT (Touvron et al., "Training data-efficient
 * image transformers", 2020), with torchvision's key names.
 *
 * @module
 */

import type { Builder, Tensor } from "../../kernels/op.ts";
import {
  constantInit,
  conv2d,
  dropout,
  encoderBlock,
  type Initializer,
  type Layer,
  layerNorm,
  linear,
  normalInit,
  padToMultiple,
  type Scope,
  sequential,
} from "../nn/mod.ts";
import { type Family, hasName, type KeyRow, type Relative } from "../interop/keys/family.ts";
import { type ModelDefinition, type ModelOption, prepared, torchvisionV1 } from "./model.ts";
import { crop90, huggingFace, type PublishedWeights, timm, torchvision } from "./published.ts";
import { headsScaledBy } from "./width.ts";

/** What a vision transformer is made of. */
export interface VisionTransformerOptions {
  /** Side of a patch in pixels. */
  readonly patch: number;
  /** Width D of a token. */
  readonly width: number;
  /** Blocks of the encoder. */
  readonly depth: number;
  /** Attention heads of a block. */
  readonly heads: number;
  /** Units of a block's mlp; default 4 · width. */
  readonly hidden?: number;
  /** With DeiT's distillation token and its head; default false. */
  readonly distilled?: boolean;
  /** Whether the tokens before the patches have positions, too; default true. */
  readonly tokensHavePositions?: boolean;
  /** Channels of the pictures. */
  readonly channels: number;
  /** Logits. */
  readonly classes: number;
  /** Share of the units dropped, of the embedded tokens and after each projection; default 0. */
  readonly dropout?: number;
  /** Share of the attention weights dropped; default 0. */
  readonly attentionDropout?: number;
  /**
   * Share of the pictures for which the last block's branches are left out, falling to 0 at the first block; default 0.
   */
  readonly stochasticDepth?: number;
  /** Start of the layer scale; default none. */
  readonly layerScale?: number;
  /** Added to the variance of the layer norms; default 1e-6. */
  readonly normEps?: number;
}

/**
 * A vision transformer (ViT's figure 1): pictures [N, C, H, W] to logits [N, classes]. Where the patch does not divide
 * the picture, zeros at the right and at the bottom fill the last patches.
 *
 * Distilled, a second token learns from a teacher (DeiT's figure 2). The logits are the mean of the two heads', whose
 * own are the scope's outputs `heads` and `head_dist`.
 */
export function visionTransformer(options: VisionTransformerOptions): Layer {
  const { patch, width, channels, classes, distilled = false } = options;
  const embedding = conv2d(channels, width, patch, {
    stride: patch,
    // torchvision cuts this normal distribution at ±2, which no draw reaches.
    init: normalInit(1 / Math.sqrt(channels * patch * patch)),
    biasInit: constantInit(0),
  });
  const head = linear(width, classes, { init: constantInit(0), biasInit: constantInit(0) });
  return (x, scope) => {
    const { b } = scope;
    const size = [x.shape[0], width] as const;
    const tokens = [token(scope, "class_token", constantInit(0), size)];
    if (distilled) tokens.push(token(scope, "dist_token", normalInit(0.02), size));
    const patches = sequenceOf(b, scope.call("conv_proj", embedding, padToMultiple(b, x, patch, [2, 3])));
    const encoded = scope.call("encoder", encoder(options, tokens.length), b.concat([...tokens, patches], 1));
    const logits = scope.call("heads", sequential({ head }), tokenAt(b, encoded, 0));
    if (!distilled) return logits;
    return b.mul(b.add(logits, scope.call("head_dist", head, tokenAt(b, encoded, 1))), 0.5);
  };
}

/**
 * Tokens [N, T, D] with their positions through all blocks, normalised at the end.
 *
 * @param before Tokens before the patches.
 */
function encoder(
  { width, depth, heads, dropout: rate = 0, stochasticDepth = 0, normEps = 1e-6, tokensHavePositions = true, ...block }:
    VisionTransformerOptions,
  before: number,
): Layer {
  const blocks = Array.from({ length: depth }, (_, i): [string, Layer] => [
    `encoder_layer_${i}`,
    encoderBlock(width, heads, {
      ...block,
      normEps,
      dropout: rate,
      stochasticDepth: stochasticDepth * i / Math.max(1, depth - 1),
    }),
  ]);
  return (x, scope) => {
    const { b } = scope;
    const [, tokens] = x.shape;
    const others = tokensHavePositions ? 0 : before;
    const learnt = scope.parameter("pos_embedding", [1, tokens - others, width], normalInit(0.02), { decay: false });
    const positions = others > 0 ? b.pad(learnt, [0, others, 0], [0, 0, 0]) : learnt;
    return sequential({
      dropout: dropout(rate),
      layers: sequential(Object.fromEntries(blocks)),
      ln: layerNorm(width, normEps),
    })(b.add(x, positions), scope);
  };
}

/** A learnt token, the same for every picture: [N, 1, D]. */
function token(scope: Scope, name: string, init: Initializer, [batch, width]: readonly [number, number]): Tensor {
  return scope.b.broadcastTo(scope.parameter(name, [1, 1, width], init, { decay: false }), [batch, 1, width]);
}

/** Token `index` of [N, T, D]: [N, D]. */
function tokenAt(b: Builder, x: Tensor, index: number): Tensor {
  const [batch, , width] = x.shape;
  return b.reshape(b.slice(x, [0, index, 0], [batch, 1, width]), [batch, width]);
}

/** Patches by rows: [N, D, h, w] to [N, h · w, D]. */
function sequenceOf(b: Builder, x: Tensor): Tensor {
  const [batch, width, rows, columns] = x.shape;
  return b.permute(b.reshape(x, [batch, width, rows * columns]), [0, 2, 1]);
}

/** Width, depth and heads of each size: Ti and S are DeiT's table 1, B and L are ViT's. */
const sizes = {
  ti: { width: 192, depth: 12, heads: 3 },
  s: { width: 384, depth: 12, heads: 6 },
  b: { width: 768, depth: 12, heads: 12 },
  l: { width: 1024, depth: 24, heads: 16 },
} as const;

/** DeiT III's. */
const deit3Sizes = { ...sizes, m: { width: 512, depth: 12, heads: 8 } } as const;

/** Fovea's block, timm's and Hugging Face's. */
const OURS = "encoder.layers.encoder_layer_{i}";
const TIMM = "blocks.{i}";
const HF = "encoder.layer.{i}";

/** Hugging Face's block since transformers 5, as it is in memory; `save_pretrained` writes the older names. */
const HF5 = "layers.{i}";

const queryKeyValue5 = ["q", "k", "v"].map((part) => `${HF5}.attention.${part}_proj.*`);

const queryKeyValue = ["query", "key", "value"].map((part) => `${HF}.attention.attention.${part}.*`);

const rows: readonly KeyRow[] = [
  { ours: "class_token", timm: "cls_token", huggingface: "embeddings.cls_token" },
  { ours: "dist_token", timm: "dist_token", huggingface: "embeddings.distillation_token" },
  { ours: "encoder.pos_embedding", timm: "pos_embed", huggingface: "embeddings.position_embeddings" },
  { ours: "conv_proj.*", timm: "patch_embed.proj.*", huggingface: "embeddings.patch_embeddings.projection.*" },
  { ours: `${OURS}.ln_1.*`, timm: `${TIMM}.norm1.*`, huggingface: `${HF}.layernorm_before.*` },
  { ours: `${OURS}.self_attention.in_proj_*`, timm: `${TIMM}.attn.qkv.*`, huggingface: { join: queryKeyValue } },
  {
    ours: `${OURS}.self_attention.out_proj.*`,
    timm: `${TIMM}.attn.proj.*`,
    huggingface: `${HF}.attention.output.dense.*`,
  },
  { ours: `${OURS}.ls1.gamma`, timm: `${TIMM}.ls1.gamma` },
  { ours: `${OURS}.ln_2.*`, timm: `${TIMM}.norm2.*`, huggingface: `${HF}.layernorm_after.*` },
  { ours: `${OURS}.mlp.0.*`, timm: `${TIMM}.mlp.fc1.*`, huggingface: `${HF}.intermediate.dense.*` },
  { ours: `${OURS}.mlp.3.*`, timm: `${TIMM}.mlp.fc2.*`, huggingface: `${HF}.output.dense.*` },
  { ours: `${OURS}.ls2.gamma`, timm: `${TIMM}.ls2.gamma` },
  { ours: "encoder.ln.*", timm: "norm.*", huggingface: "layernorm.*" },
  { ours: "heads.head.*", timm: "head.*", huggingface: "classifier.*" },
  { ours: "head_dist.*", timm: "head_dist.*", huggingface: "distillation_classifier.*" },
  { ours: `${OURS}.ln_1.*`, huggingface: `${HF5}.layernorm_before.*` },
  { ours: `${OURS}.self_attention.in_proj_*`, huggingface: { join: queryKeyValue5 } },
  { ours: `${OURS}.self_attention.out_proj.*`, huggingface: `${HF5}.attention.o_proj.*` },
  { ours: `${OURS}.ln_2.*`, huggingface: `${HF5}.layernorm_after.*` },
  { ours: `${OURS}.mlp.0.*`, huggingface: `${HF5}.mlp.fc1.*` },
  { ours: `${OURS}.mlp.3.*`, huggingface: `${HF5}.mlp.fc2.*` },
  // A distilled DeiT's first head.
  { ours: "heads.head.*", huggingface: "cls_classifier.*" },
  // torchvision before 0.14.
  { ours: `${OURS}.mlp.0.*`, torchvision: `${OURS}.mlp.linear_1.*` },
  { ours: `${OURS}.mlp.3.*`, torchvision: `${OURS}.mlp.linear_2.*` },
];

/** Vision transformers that are one option away. */
const relatives: readonly Relative[] = [
  { name: "a ViT whose queries and keys are normalised (qk-norm)", isIt: hasName(/attn\.[qk]_norm\./) },
  { name: "a ViT with register tokens", isIt: hasName(/(^|\.)reg(ister)?_tokens?$/) },
  { name: "CLIP's ViT, with a norm before the blocks", isIt: hasName(/^(norm_pre|ln_pre|pre_layrnorm)\./) },
  { name: "BEiT or EVA", isIt: hasName(/attn\.(relative_position_bias_table|q_bias)$|^rel_pos_bias\./) },
  { name: "a ViT with relative positions (relpos)", isIt: hasName(/attn\.rel_pos\.|^shared_rel_pos\./) },
  { name: "a ViT with gated units (SwiGLU)", isIt: hasName(/mlp\.(w12|w1|fc1_g)\./) },
  {
    name: "a DeiT III of another size (deit3)",
    isIt: (shapes) =>
      shapes.has("cls_token") && shapes.has("blocks.0.ls1.gamma") &&
      Number.isInteger(Math.sqrt(shapes.get("pos_embed")?.[1] ?? NaN)),
  },
  {
    name: "a ViT with average pooling and no class token (gap)",
    isIt: (shapes) =>
      shapes.get("pos_embed")?.length === 3 && (!shapes.has("cls_token") || hasName(/^fc_norm\./)(shapes)),
  },
];

/** ViT and DeiT, distilled or not. */
const family: Family = {
  name: "a ViT",
  heads: ["heads.head", "head_dist"],
  stem: "conv_proj",
  rows,
  baseModels: ["vit.", "deit."],
  relatives,
  // Of all ViTs and DeiTs that Hugging Face publishes.
  normEps: { huggingface: 1e-12 },
  secondHead: { name: "head_dist", token: "dist_token" },
  grid: { key: "pos_embedding", over: "picture", axis: 1, before: ["class_token", "dist_token"] },
};

/** ViT's weights: AugReg's in timm; Hugging Face's have no crop; `resize` is torchvision's. */
const vitPublished = (resize: number): ModelDefinition["published"] => ({
  torchvision: { ...torchvisionV1, resize },
  timm: prepared(100, 90, "bicubic", "half"),
  huggingface: prepared(1, 1, "bilinear", "half"),
});

/** DeiT's weights. */
const deitPublished: ModelDefinition["published"] = {
  torchvision: torchvisionV1,
  timm: prepared(100, 90, "bicubic"),
  huggingface: prepared(256, 224, "bicubic"),
};

const takes: readonly ModelOption[] = ["dropout", "attentionDropout", "stochasticDepth", "layerScale", "normEps"];

function definition(
  name: string,
  summary: string,
  architecture: Pick<
    VisionTransformerOptions,
    "patch" | "width" | "depth" | "heads" | "distilled" | "tokensHavePositions"
  >,
  published: ModelDefinition["published"],
): ModelDefinition {
  return {
    name,
    summary,
    imageSize: 224,
    minImageSize: architecture.patch,
    family,
    published,
    takes,
    build: ({ width, ...options }) =>
      visionTransformer({ ...architecture, ...headsScaledBy(architecture, width), ...options }),
  };
}

function vit(size: keyof typeof sizes, patch: 16 | 32): ModelDefinition {
  const { width, depth, heads } = sizes[size];
  const summary =
    `ViT (Dosovitskiy 2020): ${depth} blocks of width ${width} with ${heads} heads, patches of ${patch}×${patch}`;
  const published = vitPublished(size === "l" && patch === 16 ? 242 : 256);
  return definition(`vit-${size}${patch}`, summary, { ...sizes[size], patch }, published);
}

/**
 * DeiT III (Touvron et al., "DeiT III: Revenge of the ViT", 2022): positions are added to the patches alone, and layer
 * scale is part of the model.
 */
function deit3(size: keyof typeof deit3Sizes): ModelDefinition {
  const { width, depth, heads } = deit3Sizes[size];
  const architecture = { ...deit3Sizes[size], patch: 16, tokensHavePositions: false };
  const summary = `DeiT III (Touvron 2022): ${depth} blocks of width ${width} with ${heads} heads and layer scale`;
  const made = definition(`deit3-${size}`, summary, architecture, { timm: crop90 });
  return { ...made, build: ({ layerScale = 1e-6, ...options }) => made.build({ ...options, layerScale }) };
}

function deit(size: "ti" | "s" | "b", distilled: boolean): ModelDefinition {
  const base = `vit-${size}16`;
  const name = distilled ? `deit-${size}-distilled` : `deit-${size}`;
  const what = distilled ? "with a distillation token and its head" : "by another name, for its weights";
  const architecture = { ...sizes[size], patch: 16, ...distilled ? { distilled } : {} };
  return definition(name, `DeiT (Touvron 2020): ${base} ${what}`, architecture, deitPublished);
}

/** `vit-ti16` to `vit-l32`. */
export const vits: readonly ModelDefinition[] = (["ti", "s", "b", "l"] as const).flatMap((size) => [
  vit(size, 16),
  vit(size, 32),
]);

/** `deit-ti` to `deit-b-distilled`. */
export const deits: readonly ModelDefinition[] = (["ti", "s", "b"] as const).flatMap((size) => [
  deit(size, false),
  deit(size, true),
]);

/** `deit3-s` to `deit3-l`. */
export const deit3s: readonly ModelDefinition[] = (["s", "m", "b", "l"] as const).map(deit3);

/** How pictures are prepared for weights by others than torchvision's first ones. */
const torchvisionL16 = prepared(242, 224, "bilinear");
const whole224 = prepared(224, 224, "bicubic");
const whole384 = prepared(384, 384, "bicubic");
const whole512 = prepared(512, 512, "bicubic");
const half224 = prepared(248, 224, "bicubic", "half");
const half384 = prepared(384, 384, "bicubic", "half");
const squashed224 = prepared(224, 224, "bilinear", "half");
const squashed384 = prepared(384, 384, "bilinear", "half");
const deit224 = prepared(256, 224, "bicubic");
const deit384 = prepared(438, 384, "bicubic");

/** Licence of the weights that were trained on Instagram's pictures. */
const swag = { licence: "cc-by-nc-4.0" };

/** Published weights, the usual ones of a model first. */
export const vitWeights: readonly PublishedWeights[] = [
  timm("vit-ti16", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "apache-2.0", half224, 75.452),
  timm("vit-ti16", "vit_tiny_patch16_384.augreg_in21k_ft_in1k", "apache-2.0", half384, 78.438),
  timm("vit-ti16", "vit_tiny_patch16_224.augreg_in21k", "apache-2.0", half224, undefined, { classes: 21843 }),
  timm("vit-s16", "vit_small_patch16_224.augreg_in21k_ft_in1k", "apache-2.0", half224, 81.402),
  timm("vit-s16", "vit_small_patch16_384.augreg_in21k_ft_in1k", "apache-2.0", half384, 83.814),
  timm("vit-s16", "vit_small_patch16_224.augreg_in1k", "apache-2.0", half224, 78.842),
  timm("vit-s16", "vit_small_patch16_384.augreg_in1k", "apache-2.0", half384, 81.13),
  timm("vit-s16", "vit_small_patch16_224.augreg_in21k", "apache-2.0", half224, undefined, { classes: 21843 }),
  timm("vit-s16", "vit_small_patch16_224.dino", "apache-2.0", crop90, undefined, { classes: 0 }),
  timm("vit-s32", "vit_small_patch32_224.augreg_in21k_ft_in1k", "apache-2.0", half224, 76.01),
  timm("vit-s32", "vit_small_patch32_384.augreg_in21k_ft_in1k", "apache-2.0", half384, 80.476),
  timm("vit-s32", "vit_small_patch32_224.augreg_in21k", "apache-2.0", half224, undefined, { classes: 21843 }),
  torchvision("vit-b16", "ViT_B_16_Weights.IMAGENET1K_V1", "vit_b_16-c867db91.pth", torchvisionV1, 81.072),
  torchvision(
    "vit-b16",
    "ViT_B_16_Weights.IMAGENET1K_SWAG_E2E_V1",
    "vit_b_16_swag-9ac1b537.pth",
    whole384,
    85.304,
    swag,
  ),
  torchvision(
    "vit-b16",
    "ViT_B_16_Weights.IMAGENET1K_SWAG_LINEAR_V1",
    "vit_b_16_lc_swag-4e70ced5.pth",
    whole224,
    81.886,
    swag,
  ),
  timm("vit-b16", "vit_base_patch16_224.augreg2_in21k_ft_in1k", "apache-2.0", half224, 85.108),
  timm("vit-b16", "vit_base_patch16_224.augreg_in21k_ft_in1k", "apache-2.0", half224, 84.534),
  timm("vit-b16", "vit_base_patch16_384.augreg_in21k_ft_in1k", "apache-2.0", half384, 86.01),
  timm("vit-b16", "vit_base_patch16_224.orig_in21k_ft_in1k", "apache-2.0", half224, 81.782),
  timm("vit-b16", "vit_base_patch16_384.orig_in21k_ft_in1k", "apache-2.0", half384, 84.212),
  timm("vit-b16", "vit_base_patch16_224.augreg_in1k", "apache-2.0", half224, 79.154),
  timm("vit-b16", "vit_base_patch16_384.augreg_in1k", "apache-2.0", half384, 81.102),
  timm("vit-b16", "vit_base_patch16_224.orig_in21k", "apache-2.0", half224, undefined, { classes: 0 }),
  timm("vit-b16", "vit_base_patch16_224.augreg_in21k", "apache-2.0", half224, undefined, { classes: 21843 }),
  timm("vit-b16", "vit_base_patch16_224.sam_in1k", "apache-2.0", half224, 80.246),
  timm("vit-b16", "vit_base_patch16_224.dino", "apache-2.0", crop90, undefined, { classes: 0 }),
  timm("vit-b16", "vit_base_patch16_224.mae", "cc-by-nc-4.0", crop90, undefined, { classes: 0 }),
  torchvision("vit-b32", "ViT_B_32_Weights.IMAGENET1K_V1", "vit_b_32-d86f8d99.pth", torchvisionV1, 75.912),
  timm("vit-b32", "vit_base_patch32_224.augreg_in21k_ft_in1k", "apache-2.0", half224, 80.732),
  timm("vit-b32", "vit_base_patch32_384.augreg_in21k_ft_in1k", "apache-2.0", half384, 83.358),
  timm("vit-b32", "vit_base_patch32_224.augreg_in1k", "apache-2.0", half224, 74.908),
  timm("vit-b32", "vit_base_patch32_384.augreg_in1k", "apache-2.0", half384, 78.75),
  timm("vit-b32", "vit_base_patch32_224.orig_in21k", "apache-2.0", half224, undefined, { classes: 0 }),
  timm("vit-b32", "vit_base_patch32_224.augreg_in21k", "apache-2.0", half224, undefined, { classes: 21843 }),
  timm("vit-b32", "vit_base_patch32_224.sam_in1k", "apache-2.0", half224, 73.704),
  torchvision("vit-l16", "ViT_L_16_Weights.IMAGENET1K_V1", "vit_l_16-852ce7e3.pth", torchvisionL16, 79.662),
  torchvision(
    "vit-l16",
    "ViT_L_16_Weights.IMAGENET1K_SWAG_E2E_V1",
    "vit_l_16_swag-4f3808c9.pth",
    whole512,
    88.064,
    swag,
  ),
  torchvision(
    "vit-l16",
    "ViT_L_16_Weights.IMAGENET1K_SWAG_LINEAR_V1",
    "vit_l_16_lc_swag-4d563306.pth",
    whole224,
    85.146,
    swag,
  ),
  timm("vit-l16", "vit_large_patch16_224.augreg_in21k_ft_in1k", "apache-2.0", half224, 85.856),
  timm("vit-l16", "vit_large_patch16_384.augreg_in21k_ft_in1k", "apache-2.0", half384, 87.096),
  timm("vit-l16", "vit_large_patch16_224.orig_in21k", "apache-2.0", half224, undefined, { classes: 0 }),
  timm("vit-l16", "vit_large_patch16_224.augreg_in21k", "apache-2.0", half224, undefined, { classes: 21843 }),
  timm("vit-l16", "vit_large_patch16_224.mae", "cc-by-nc-4.0", crop90, undefined, { classes: 0 }),
  torchvision("vit-l32", "ViT_L_32_Weights.IMAGENET1K_V1", "vit_l_32-c7638314.pth", torchvisionV1, 76.972),
  timm("vit-l32", "vit_large_patch32_384.orig_in21k_ft_in1k", "apache-2.0", half384, 81.508),
  timm("vit-l32", "vit_large_patch32_224.orig_in21k", "apache-2.0", half224, undefined, { classes: 0 }),
  timm("deit-ti", "deit_tiny_patch16_224.fb_in1k", "apache-2.0", crop90, 72.19),
  timm("deit-ti-distilled", "deit_tiny_distilled_patch16_224.fb_in1k", "apache-2.0", crop90, 74.538),
  timm("deit-s", "deit_small_patch16_224.fb_in1k", "apache-2.0", crop90, 79.856),
  timm("deit-s-distilled", "deit_small_distilled_patch16_224.fb_in1k", "apache-2.0", crop90, 81.204),
  timm("deit-b", "deit_base_patch16_224.fb_in1k", "apache-2.0", crop90, 81.98),
  timm("deit-b", "deit_base_patch16_384.fb_in1k", "apache-2.0", whole384, 83.108),
  timm("deit-b-distilled", "deit_base_distilled_patch16_224.fb_in1k", "apache-2.0", crop90, 83.384),
  timm("deit-b-distilled", "deit_base_distilled_patch16_384.fb_in1k", "apache-2.0", whole384, 85.438),
  huggingFace("vit-b16", "google/vit-base-patch16-224", squashed224),
  huggingFace("vit-b16", "google/vit-base-patch16-384", squashed384),
  huggingFace("vit-b16", "google/vit-base-patch16-224-in21k", squashed224, undefined, { classes: 0 }),
  huggingFace("vit-b32", "google/vit-base-patch32-384", squashed384),
  huggingFace("vit-b32", "google/vit-base-patch32-224-in21k", squashed224, undefined, { classes: 0 }),
  huggingFace("vit-l16", "google/vit-large-patch16-224", squashed224),
  huggingFace("vit-l16", "google/vit-large-patch16-384", squashed384),
  huggingFace("vit-l16", "google/vit-large-patch16-224-in21k", squashed224, undefined, { classes: 0 }),
  huggingFace("vit-l32", "google/vit-large-patch32-384", squashed384),
  huggingFace("vit-l32", "google/vit-large-patch32-224-in21k", squashed224, undefined, { classes: 0 }),
  huggingFace("deit-ti", "facebook/deit-tiny-patch16-224", deit224, 72.2),
  huggingFace("deit-s", "facebook/deit-small-patch16-224", deit224, 79.9),
  huggingFace("deit-b", "facebook/deit-base-patch16-224", deit224, 81.8),
  huggingFace("deit-b", "facebook/deit-base-patch16-384", deit384, 82.9),
  huggingFace("deit-ti-distilled", "facebook/deit-tiny-distilled-patch16-224", deit224, 74.5),
  huggingFace("deit-s-distilled", "facebook/deit-small-distilled-patch16-224", deit224, 81.2),
  huggingFace("deit-b-distilled", "facebook/deit-base-distilled-patch16-224", deit224, 83.4),
  huggingFace("deit-b-distilled", "facebook/deit-base-distilled-patch16-384", deit384, 85.2),
  timm("deit3-s", "deit3_small_patch16_224.fb_in1k", "apache-2.0", crop90, 81.382),
  timm("deit3-s", "deit3_small_patch16_224.fb_in22k_ft_in1k", "apache-2.0", whole224, 83.082),
  timm("deit3-m", "deit3_medium_patch16_224.fb_in1k", "apache-2.0", crop90, 83.09),
  timm("deit3-m", "deit3_medium_patch16_224.fb_in22k_ft_in1k", "apache-2.0", whole224, 84.55),
  timm("deit3-b", "deit3_base_patch16_224.fb_in1k", "apache-2.0", crop90, 83.8),
  timm("deit3-b", "deit3_base_patch16_224.fb_in22k_ft_in1k", "apache-2.0", whole224, 85.728),
  timm("deit3-l", "deit3_large_patch16_224.fb_in1k", "apache-2.0", crop90, 84.772),
  timm("deit3-l", "deit3_large_patch16_224.fb_in22k_ft_in1k", "apache-2.0", whole224, 86.99),
];
