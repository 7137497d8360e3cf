/**
 * What Swin's and Swin V2's tensors are called by those who publish weights, and what those keep beside them.
 *
 * @module
 */

import type { Cell, Family, FamilyWindows, KeyRow, KeyStyle } from "../interop/keys/family.ts";
import type { WritableTensor } from "../interop/safetensors.ts";

/** 1 for Swin, 2 for Swin V2. */
export type Version = 1 | 2;

/** Side of a patch in pixels. */
export const PATCH = 4;

/** Side of Swin's windows. */
export const WINDOW = 7;

/** The stages, counted from 0. */
export const STAGES: readonly number[] = [0, 1, 2, 3];

/** What somebody calls a tensor of a block, within the block; of one that is in several, what its parts are called. */
type Theirs = string | readonly (string | null)[];

/** Names within the blocks of a stage as a cell. */
function cellIn(blocks: string, theirs: Theirs): Cell {
  const within = (name: string) => `${blocks}.{i}.${name}`;
  return typeof theirs === "string"
    ? within(theirs)
    : { join: theirs.map((part) => part === null ? null : within(part)) };
}

const huggingFaceCell = (stage: number, theirs: Theirs): Cell => cellIn(`encoder.layers.${stage}.blocks`, theirs);

/**
 * Rows of what Hugging Face calls otherwise: before transformers 5, as `save_pretrained` writes it still, and since, as
 * it is in memory. With a version they are those that only it has.
 */
function huggingFaceRows(stage: number, version?: Version): readonly KeyRow[] {
  const row = (ours: string, theirs: Theirs): KeyRow => ({
    ours: `features.${2 * stage + 1}.{i}.${ours}`,
    huggingface: huggingFaceCell(stage, theirs),
  });
  const parts = ["query", "key", "value"].map((part) => `attention.self.${part}.*`);
  if (version === 1) {
    const table = "attn.relative_position_bias_table";
    return [
      row(table, "attention.self.relative_position_bias_table"),
      row(table, "attention.relative_position_bias.relative_position_bias_table"),
    ];
  }
  if (version === 2) {
    return [
      row("attn.logit_scale", "attention.self.logit_scale"),
      row("attn.cpb_mlp.{i}.*", "attention.self.continuous_position_bias_mlp.{i}.*"),
    ];
  }
  return [
    row("norm1.*", "layernorm_before.*"),
    row("norm2.*", "layernorm_after.*"),
    row("attn.qkv.*", parts),
    row("attn.qkv.*", ["q", "k", "v"].map((part) => `attention.${part}_proj.*`)),
    row("attn.proj.*", "attention.output.dense.*"),
    row("attn.proj.*", "attention.o_proj.*"),
    row("mlp.0.*", "intermediate.dense.*"),
    row("mlp.0.*", "mlp.fc1.*"),
    row("mlp.3.*", "output.dense.*"),
    row("mlp.3.*", "mlp.fc2.*"),
  ];
}

/** A row whose name is the same everywhere but for its beginning, and for those of the mlp's layers. */
function blockRow(stage: number, ours: string, theirs: Theirs = ours): KeyRow {
  const cell = cellIn(`layers.${stage}.blocks`, theirs);
  return { ours: `features.${2 * stage + 1}.{i}.${ours}`, timm: cell, microsoft: cell };
}

/**
 * The merging before a stage: of the stage in timm, of the one before in Microsoft's files, as in older ones of timm.
 */
function mergingRow(stage: number, name: string): KeyRow {
  return {
    ours: `features.${2 * stage}.${name}.*`,
    timm: `layers.${stage}.downsample.${name}.*`,
    microsoft: `layers.${stage - 1}.downsample.${name}.*`,
    huggingface: `encoder.layers.${stage - 1}.downsample.${name}.*`,
  };
}

/** What both versions have. */
const shared: readonly KeyRow[] = [
  { ours: "features.0.0.*", timm: "patch_embed.proj.*", microsoft: "patch_embed.proj.*" },
  { ours: "features.0.0.*", huggingface: "embeddings.patch_embeddings.projection.*" },
  { ours: "features.0.2.*", huggingface: "embeddings.norm.*" },
  { ours: "features.0.2.*", timm: "patch_embed.norm.*", microsoft: "patch_embed.norm.*" },
  ...STAGES.flatMap((stage) => [
    ...["norm1.*", "norm2.*", "attn.qkv.*", "attn.proj.*", "ls1.gamma", "ls2.gamma"].map((name) =>
      blockRow(stage, name)
    ),
    blockRow(stage, "mlp.0.*", "mlp.fc1.*"),
    blockRow(stage, "mlp.3.*", "mlp.fc2.*"),
  ]),
  ...STAGES.slice(1).flatMap((stage) => [mergingRow(stage, "norm"), mergingRow(stage, "reduction")]),
  { ours: "norm.*", timm: "norm.*", microsoft: "norm.*", huggingface: "layernorm.*" },
  { ours: "head.*", timm: "head.fc.*", microsoft: "head.*", huggingface: "classifier.*" },
  ...STAGES.flatMap((stage) => huggingFaceRows(stage)),
];

/** Windows of a version's models. */
function windowsOf(side: number): FamilyWindows {
  return { side, stages: STAGES.map((stage) => `features.${2 * stage + 1}.`), patch: PATCH };
}

/** Swin. */
export const swinFamily: Family = {
  name: "a Swin",
  heads: ["head"],
  stem: "features.0.0",
  rows: [
    ...shared,
    ...STAGES.map((stage) => blockRow(stage, "attn.relative_position_bias_table")),
    ...STAGES.flatMap((stage) => huggingFaceRows(stage, 1)),
  ],
  baseModels: ["swin."],
  windows: { ...windowsOf(WINDOW), table: "attn.relative_position_bias_table" },
  grid: { key: "relative_position_bias_table", over: "window", axis: 0, before: [] },
  buffers: (tensors, style) =>
    swinBuffers(tensors, style, "attn.relative_position_bias_table", ({ shape: [positions] }, prefix) => {
      const window = (Math.sqrt(positions) + 1) / 2;
      return [[`${prefix}relative_position_index`, relativePositionIndex(window)]];
    }),
};

/** Side of Swin V2's windows in torchvision's models. */
export const WINDOW_V2 = 8;

/**
 * Swin V2, whose position bias is computed by a small network, and whose keys have no bias: it is zero in one tensor.
 */
export const swinV2Family: Family = {
  name: "a Swin V2",
  heads: ["head"],
  stem: "features.0.0",
  rows: [
    // Before the shared rows, whose attn.qkv.* would do for the bias too.
    ...STAGES.map((stage) => ({
      ...blockRow(stage, "attn.qkv.bias", ["attn.q_bias", null, "attn.v_bias"]),
      huggingface: huggingFaceCell(stage, ["attention.self.query.bias", null, "attention.self.value.bias"]),
    })),
    ...shared,
    ...STAGES.flatMap((stage) => ["attn.logit_scale", "attn.cpb_mlp.{i}.*"].map((name) => blockRow(stage, name))),
    ...STAGES.flatMap((stage) => huggingFaceRows(stage, 2)),
  ],
  baseModels: ["swinv2."],
  windows: windowsOf(WINDOW_V2),
  buffers: (tensors, style, window = WINDOW_V2) =>
    swinBuffers(tensors, style, "attn.logit_scale", (_, prefix) => [
      [`${prefix}relative_coords_table`, relativeCoordsTable(window)],
      [`${prefix}relative_position_index`, relativePositionIndex(window)],
    ]),
};

/** What torchvision keeps beside each tensor with an ending; timm keeps none of it. */
function swinBuffers(
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
