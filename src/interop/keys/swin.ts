/**
 * Key names of Swin and Swin V2. torchvision numbers stages and the mergings between them in one list.
 *
 * @module
 */

import type { WritableTensor } from "../safetensors.ts";
import type { Cell, Family, KeyRow, KeyStyle } from "./family.ts";

const STAGES = [0, 1, 2, 3];

/** A row whose name is the same everywhere but for its beginning, and for those of the mlp's layers. */
function blockRow(stage: number, ours: string, theirs: string | readonly (string | null)[] = ours): KeyRow {
  const within = (name: string) => `layers.${stage}.blocks.{i}.${name}`;
  const cell: Cell = typeof theirs === "string"
    ? within(theirs)
    : { join: theirs.map((part) => part === null ? null : within(part)) };
  return { ours: `features.${2 * stage + 1}.{i}.${ours}`, timm: cell, microsoft: cell };
}

/** The merging before a stage: of the stage in timm, of the one before in Microsoft's files, as in older ones of timm. */
function mergingRow(stage: number, name: string): KeyRow {
  return {
    ours: `features.${2 * stage}.${name}.*`,
    timm: `layers.${stage}.downsample.${name}.*`,
    microsoft: `layers.${stage - 1}.downsample.${name}.*`,
  };
}

/** What both versions have. */
const shared: readonly KeyRow[] = [
  { ours: "features.0.0.*", timm: "patch_embed.proj.*", microsoft: "patch_embed.proj.*" },
  { ours: "features.0.2.*", timm: "patch_embed.norm.*", microsoft: "patch_embed.norm.*" },
  ...STAGES.flatMap((stage) => [
    ...["norm1.*", "norm2.*", "attn.qkv.*", "attn.proj.*", "ls1.gamma", "ls2.gamma"].map((name) =>
      blockRow(stage, name)
    ),
    blockRow(stage, "mlp.0.*", "mlp.fc1.*"),
    blockRow(stage, "mlp.3.*", "mlp.fc2.*"),
  ]),
  ...STAGES.slice(1).flatMap((stage) => [mergingRow(stage, "norm"), mergingRow(stage, "reduction")]),
  { ours: "norm.*", timm: "norm.*", microsoft: "norm.*" },
  { ours: "head.*", timm: "head.fc.*", microsoft: "head.*" },
];

/** Swin. */
export const swin: Family = {
  name: "a Swin",
  models: /^swin-[tsb]$/,
  heads: ["head"],
  stem: "features.0.0",
  rows: [...shared, ...STAGES.map((stage) => blockRow(stage, "attn.relative_position_bias_table"))],
  grid: { key: "relative_position_bias_table", over: "window", axis: 0, before: [] },
  buffers: (tensors, style) =>
    buffersOf(tensors, style, "attn.relative_position_bias_table", ({ shape: [positions] }, prefix) => {
      const window = (Math.sqrt(positions) + 1) / 2;
      return [[`${prefix}relative_position_index`, relativePositionIndex(window)]];
    }),
};

/** Side of Swin V2's windows in torchvision's models. */
const WINDOW_V2 = 8;

/** Swin V2, whose position bias is computed by a small network, and whose keys have no bias: it is zero in one tensor. */
export const swinV2: Family = {
  name: "a Swin V2",
  models: /^swin-v2-[tsb]$/,
  heads: ["head"],
  stem: "features.0.0",
  rows: [
    // Before the shared rows, whose attn.qkv.* would do for the bias too.
    ...STAGES.map((stage) => blockRow(stage, "attn.qkv.bias", ["attn.q_bias", null, "attn.v_bias"])),
    ...shared,
    ...STAGES.flatMap((stage) => ["attn.logit_scale", "attn.cpb_mlp.{i}.*"].map((name) => blockRow(stage, name))),
  ],
  buffers: (tensors, style) =>
    buffersOf(tensors, style, "attn.logit_scale", (_, prefix) => [
      [`${prefix}relative_coords_table`, relativeCoordsTable(WINDOW_V2)],
      [`${prefix}relative_position_index`, relativePositionIndex(WINDOW_V2)],
    ]),
};

/** What torchvision keeps beside each tensor with an ending; timm keeps none of it. */
function buffersOf(
  tensors: ReadonlyMap<string, WritableTensor>,
  style: KeyStyle,
  ending: string,
  make: (tensor: WritableTensor, prefix: string) => [string, WritableTensor][],
): Map<string, WritableTensor> {
  if (style !== "torchvision") return new Map();
  const found = [...tensors].filter(([name]) => name.endsWith(ending));
  return new Map(
    found.flatMap(([name, tensor]) => make(tensor, name.slice(0, name.lastIndexOf(".") + 1))),
  );
}

/** Row of the table of biases for each pair of positions in a window: [window⁴], by the pair's first position. */
function relativePositionIndex(window: number): WritableTensor {
  const count = window * window;
  const values = BigInt64Array.from({ length: count * count }, (_, pair) => {
    const [from, to] = [Math.floor(pair / count), pair % count];
    const rows = Math.floor(from / window) - Math.floor(to / window) + window - 1;
    const columns = from % window - to % window + window - 1;
    return BigInt(rows * (2 * window - 1) + columns);
  });
  return { shape: [count * count], values };
}

/** Offsets within a window, from −8 to 8 and on a logarithmic scale: [1, 2w − 1, 2w − 1, 2] (V2's equation 4). */
function relativeCoordsTable(window: number): WritableTensor {
  const side = 2 * window - 1;
  const spaced = (index: number) => {
    const x = 8 * (index - window + 1) / (window - 1);
    return Math.sign(x) * Math.log2(1 + Math.abs(x)) / 3;
  };
  const values = Float32Array.from({ length: side * side * 2 }, (_, i) => {
    const position = i >> 1;
    return spaced(i % 2 === 0 ? Math.floor(position / side) : position % side);
  });
  return { shape: [1, side, side, 2], values };
}
