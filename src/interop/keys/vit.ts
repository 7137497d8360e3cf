/**
 * Key names of ViT and DeiT.
 *
 * @module
 */

import type { Family, KeyRow } from "./family.ts";

/** Fovea's block, timm's and Hugging Face's. */
const OURS = "encoder.layers.encoder_layer_{i}";
const TIMM = "blocks.{i}";
const HF = "encoder.layer.{i}";

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
  // A distilled DeiT's first head.
  { ours: "heads.head.*", huggingface: "cls_classifier.*" },
  // torchvision before 0.14.
  { ours: `${OURS}.mlp.0.*`, torchvision: `${OURS}.mlp.linear_1.*` },
  { ours: `${OURS}.mlp.3.*`, torchvision: `${OURS}.mlp.linear_2.*` },
];

/** ViT and DeiT, distilled or not. */
export const vit: Family = {
  name: "a ViT",
  models: /^(vit|deit)-/,
  heads: ["heads.head", "head_dist"],
  stem: "conv_proj",
  rows,
  grid: { key: "pos_embedding", over: "picture", axis: 1, before: ["class_token", "dist_token"] },
};
