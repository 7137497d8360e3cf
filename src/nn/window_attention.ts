/**
 * Self-attention in shifted windows on feature maps [N, H, W, C], by torchvision's rules and with its key names. Swin
 * has it (Liu et al., "Swin transformer: hierarchical vision transformer using shifted windows", 2021), and Swin V2
 * (Liu et al., "Swin transformer V2: scaling up capacity and resolution", 2022).
 *
 * Zeros at the right and at the bottom fill the last windows. A shift moves the map in a circle, so that windows lie
 * across the borders of those of the block before. Positions that only the circle made neighbours do not attend to each
 * other. Along an axis that holds a single window there is nothing to shift.
 *
 * The shift's mask, and V2's offsets, are computed from `iota` in the graph. Equal calls are one node, so each is
 * computed once a resolution. The bias table is spread by `relativeBias`, whose gradient gathers in a fixed order.
 *
 * @module
 */

import type { Builder, Tensor } from "../../kernels/op.ts";
import { sequential } from "./blocks.ts";
import { constantInit, normalInit } from "./init.ts";
import type { Layer, Scope } from "./layer.ts";
import { dropout, linear, relu } from "./layers.ts";
import { mergeHeads, splitHeads } from "./transformer.ts";

/** Options of {@link windowAttention} and {@link cosineWindowAttention}. */
export interface WindowAttentionOptions {
  /** Side of a window in positions. */
  readonly window: number;
  /** Positions by which windows are shifted down and to the right; default 0. */
  readonly shift?: number;
  /** Share of the attention weights dropped; default 0. */
  readonly dropout?: number;
}

/** What Swin's attention and Swin V2's differ in. */
interface Version {
  /** Tokens [M, T, C] to queries, keys and values of all heads [M, T, 3C]. */
  readonly qkv: Layer;
  /** How much each query [N, M, heads, T, d] asks for each key, before the bias: [N, M, heads, T, T]. */
  readonly scores: (q: Tensor, k: Tensor, scope: Scope) => Tensor;
  /** What the bias is for each offset between two positions: [(2 · window − 1)², heads]. */
  readonly table: (scope: Scope) => Tensor;
}

/** A map in windows. */
interface Grid {
  /** Side of a window. */
  readonly side: number;
  /** Windows one below the other. */
  readonly rows: number;
  /** Windows side by side. */
  readonly columns: number;
  /** Positions by which they are shifted down and to the right. */
  readonly shift: readonly [number, number];
}

/** Windows [N, windows, T, C] back in their places in the map: [N, H, W, C]. */
type Whole = (windows: Tensor) => Tensor;

/** How Swin's dense layers start. torchvision cuts the normal distribution at ±2, which no draw reaches. */
const start = { init: normalInit(0.02), biasInit: constantInit(0) };

/** Most that Swin V2's scores are multiplied by (section 3.2). */
const MAX_SCALE = 100;

/** Units of the network that gives Swin V2's bias. */
const BIAS_UNITS = 512;

/**
 * Swin's attention: [N, H, W, C] to the same shape. Each head is softmax(q · kᵀ / √d + bias) · v within a window, where
 * the bias is a learnt number for each offset between two positions (equation 4). Parameters
 * `relative_position_bias_table` [(2 · window − 1)², heads], `qkv` and `proj`.
 *
 * @param width Channels C.
 * @param heads Number of heads; RangeError when it does not divide C.
 * @throws RangeError when window or shift are no whole numbers, or the shift is not below the window.
 */
export function windowAttention(width: number, heads: number, options: WindowAttentionOptions): Layer {
  const { window } = options;
  return shiftedWindows(width, heads, options, {
    qkv: linear(width, 3 * width, start),
    // The factor rides with the product's write-out; on q it would be a pass of its own.
    scores: (q, k, { b }) => b.mul(b.matmul(q, k, { transposeB: true }), 1 / Math.sqrt(width / heads)),
    table: (scope) =>
      scope.parameter("relative_position_bias_table", [(2 * window - 1) ** 2, heads], start.init, { decay: false }),
  });
}

/**
 * Swin V2's attention: [N, H, W, C] to the same shape. Scores are cosines of queries and keys times a learnt factor of
 * the head, of 100 at most. The bias is what a small network gives for the offset on a logarithmic scale, from 0 to 16
 * (section 3). Parameters `logit_scale` [heads, 1, 1], `qkv`, of whose bias the keys' third is left out, `proj`, and
 * the network's `cpb_mlp.0` and `cpb_mlp.2`.
 *
 * @param width Channels C.
 * @param heads Number of heads; RangeError when it does not divide C.
 * @throws RangeError as {@link windowAttention}, and for a window of 1, which has no offsets to scale.
 */
export function cosineWindowAttention(width: number, heads: number, options: WindowAttentionOptions): Layer {
  const { window } = options;
  if (window === 1) {
    throw new RangeError("Cannot space the offsets of a window of 1 by their logarithms: give a window of 2 or more");
  }
  const network = sequential([
    linear(2, BIAS_UNITS, start),
    relu(),
    linear(BIAS_UNITS, heads, { ...start, bias: false }),
  ]);
  return shiftedWindows(width, heads, options, {
    qkv: withoutKeyBias(width),
    scores: (q, k, scope) => {
      const { b } = scope;
      const logScale = scope.parameter("logit_scale", [heads, 1, 1], constantInit(Math.log(10)), { decay: false });
      const scale = b.exp(b.minimum(logScale, Math.log(MAX_SCALE)));
      return b.mul(b.matmul(unit(b, q), unit(b, k), { transposeB: true }), scale);
    },
    table: (scope) =>
      scope.b.mul(scope.b.sigmoid(scope.call("cpb_mlp", network, logSpacedOffsets(scope.b, window))), 16),
  });
}

/**
 * Zeros after the ends of `axes`, up to a multiple of `side`.
 *
 * @param axes Axes of x, counted from 0.
 */
export function padToMultiple(b: Builder, x: Tensor, side: number, axes: readonly number[]): Tensor {
  const missing = x.shape.map((size, axis) => axes.includes(axis) ? Math.ceil(size / side) * side - size : 0);
  return missing.some((count) => count > 0) ? b.pad(x, x.shape.map(() => 0), missing) : x;
}

/** Pads, shifts, attends in windows and undoes both (figure 4). */
function shiftedWindows(width: number, heads: number, options: WindowAttentionOptions, version: Version): Layer {
  const { window, shift = 0, dropout: rate = 0 } = options;
  checkSizes(width, heads, window, shift);
  const attend = attention(width, heads, rate, version);
  return (x, scope) => {
    const { b } = scope;
    const padded = padToMultiple(b, x, window, [1, 2]);
    const [, height, across] = padded.shape;
    const [down, right] = [height, across].map((size) => window < size ? shift : 0);
    const grid = { side: window, rows: height / window, columns: across / window, shift: [down, right] } as const;
    const windows = partition(b, roll(b, padded, -down, -right), grid);
    const whole: Whole = (y) => {
      const map = roll(b, reverse(b, y, grid), down, right);
      return padded === x ? map : b.slice(map, [0, 0, 0, 0], [...x.shape.slice(0, 3), map.shape[3]]);
    };
    return whole(attend(windows, grid, scope, whole));
  };
}

/** Throws RangeError for sizes that do not go together. */
function checkSizes(width: number, heads: number, window: number, shift: number): void {
  if (width % heads !== 0) {
    throw new RangeError(`Cannot share a width of ${width} among ${heads} heads: give a number that divides it`);
  }
  const isCount = Number.isInteger(window) && window >= 1;
  if (!isCount || !Number.isInteger(shift) || shift < 0 || shift >= window) {
    throw new RangeError(
      `Cannot shift windows of ${window} by ${shift}: give a whole side of at least 1 and a whole shift from 0 to below it`,
    );
  }
}

/** Multi-head attention within each window of [N, M, T, C], where M windows make a map. */
function attention(width: number, heads: number, rate: number, { qkv, scores, table }: Version) {
  const proj = linear(width, width, start);
  return (x: Tensor, grid: Grid, scope: Scope, whole: Whole): Tensor => {
    const { b } = scope;
    const [batch, windows, positions] = x.shape;
    const bias = b.op("relativeBias", [table(scope)], { height: grid.side, width: grid.side });
    const projected = scope.call("qkv", qkv, b.reshape(x, [batch * windows, positions, width]));
    const [q, k, v] = splitHeads(b, projected, heads).map((part) =>
      b.reshape(part, [batch, windows, heads, positions, width / heads])
    );
    const biased = b.add(scores(q, k, scope), bias);
    const masked = grid.shift.some((count) => count > 0) ? b.add(biased, shiftMask(b, grid)) : biased;
    const weights = scope.call("attention", dropout(rate), b.op("softmax", [masked]));
    const stitch = (received: Tensor) => b.permute(whole(b.permute(received, [0, 1, 3, 2])), [0, 3, 1, 2]);
    scope.attends({ weights, stitch });
    const attended = b.reshape(b.matmul(weights, v), [batch * windows, heads, positions, width / heads]);
    return b.reshape(scope.call("proj", proj, mergeHeads(b, attended)), x.shape);
  };
}

/** The map moved down and to the right in a circle. */
function roll(b: Builder, x: Tensor, down: number, right: number): Tensor {
  return down === 0 && right === 0 ? x : b.op("roll", [x], { shifts: [0, down, right, 0] });
}

/** Windows of a map by rows, and positions of a window by rows: [N, H, W, C] to [N, rows · columns, side², C]. */
function partition(b: Builder, x: Tensor, { side, rows, columns }: Grid): Tensor {
  const [batch, , , width] = x.shape;
  const windows = b.permute(b.reshape(x, [batch, rows, side, columns, side, width]), [0, 1, 3, 2, 4, 5]);
  return b.reshape(windows, [batch, rows * columns, side * side, width]);
}

/** The map of windows: [N, rows · columns, side², C] to [N, H, W, C]. */
function reverse(b: Builder, x: Tensor, { side, rows, columns }: Grid): Tensor {
  const [batch, , , width] = x.shape;
  const map = b.permute(b.reshape(x, [batch, rows, columns, side, side, width]), [0, 1, 3, 2, 4, 5]);
  return b.reshape(map, [batch, rows * side, columns * side, width]);
}

/**
 * What is added to the scores of a shifted map: [rows · columns, 1, T, T], 0 for positions that were in one region of
 * the map before the shift, −100 for others. The circle put the map's first rows behind its last ones, and its columns
 * likewise. So two bits tell apart the regions that meet in a window.
 */
function shiftMask(b: Builder, { side, rows, columns, shift: [down, right] }: Grid): Tensor {
  const isMoved = (size: number, count: number) => b.greater(b.op("iota", [], { shape: [size] }), size - count - 0.5);
  const region = b.add(
    b.reshape(isMoved(rows * side, down), [rows, 1, side, 1]),
    b.mul(b.reshape(isMoved(columns * side, right), [1, columns, 1, side]), 2),
  );
  const [windows, positions] = [rows * columns, side * side];
  const isSame = b.equal(
    b.reshape(region, [windows, 1, positions, 1]),
    b.reshape(region, [windows, 1, 1, positions]),
  );
  return b.where(isSame, 0, -100);
}

/** x / ‖x‖ over the last axis; the keys of padding are 0, and so is what this gives for them. */
function unit(b: Builder, x: Tensor): Tensor {
  const squared = b.sum(b.square(x), [x.shape.length - 1]);
  // Under the root, so that the root's slope at 0 does not come into it; 1e-12 for the norm as in PyTorch.
  return b.mul(x, b.rsqrt(b.maximum(squared, 1e-24)));
}

/** The dense layer `qkv`, without what its bias has for the keys. Parameters `weight` [3C, C] and `bias` [3C]. */
function withoutKeyBias(width: number): Layer {
  return (x, scope) => {
    const { b } = scope;
    const kept = () => {
      const bias = scope.parameter("bias", [3 * width], start.biasInit, { decay: false });
      const isKey = b.equal(b.op("iota", [], { shape: [3, 1] }), 1);
      return b.reshape(b.where(isKey, 0, b.reshape(bias, [3, width])), [3 * width]);
    };
    return scope.dense(x, "weight", [3 * width, width], start.init, kept);
  };
}

/**
 * Vertical and horizontal offset between two positions of a window, by rows, on a logarithmic scale:
 * sign(Δ) · log₈(1 + 8 · |Δ| / (side − 1)), from about −1 to 1 (section 3.3): [(2 · side − 1)², 2].
 */
function logSpacedOffsets(b: Builder, side: number): Tensor {
  const count = 2 * side - 1;
  const offset = b.mul(b.sub(b.op("iota", [], { shape: [count] }), side - 1), 8 / (side - 1));
  const size = b.mul(b.log(b.add(b.op("abs", [offset]), 1)), 1 / Math.log(8));
  const spaced = b.where(b.greater(0, offset), b.neg(size), size);
  const over = (shape: readonly number[]) => b.broadcastTo(b.reshape(spaced, shape), [count, count, 1]);
  return b.reshape(b.concat([over([count, 1, 1]), over([1, count, 1])], 2), [count * count, 2]);
}
