/**
 * Attention in a window that slides over a feature map, in the place of a convolution: each position of [N, C, H, W]
 * looks at the k × k positions around it. Around the map there are zeros, as for convolutions. The products are
 * `kernels/local`, so that no layer stores its map k² times.
 *
 * The weights of all positions, [N · groups, k², H, W] with the window by rows, are the output `weights`.
 *
 * @module
 */

import type { Builder, Tensor } from "../../kernels/op.ts";
import { sequential } from "./blocks.ts";
import { normalInit } from "./init.ts";
import type { Layer, Scope } from "./layer.ts";
import { avgPool2d, conv2d, linear, relu } from "./layers.ts";
import { padToMultiple } from "./window_attention.ts";

/** A 1×1 convolution without bias. */
const pointwise = (inputs: number, outputs: number): Layer => conv2d(inputs, outputs, 1, { bias: false });

/** Zeros around a map: so many on each side. */
const border = (b: Builder, x: Tensor, reach: number): Tensor => b.pad(x, [0, 0, reach, reach], [0, 0, reach, reach]);

/** [N, C, H, W] in groups of channels: [N · groups, C / groups, H, W]. */
const inGroups = (b: Builder, x: Tensor, groups: number): Tensor => {
  const [batch, channels, ...sides] = x.shape;
  return b.reshape(x, [batch * groups, channels / groups, ...sides]);
};

/** Throws RangeError unless the window has a middle and the channels can be shared. */
function checkWindow(channels: number, groups: number, kernel: number): void {
  if (!(Number.isInteger(kernel) && kernel % 2 === 1 && kernel > 0)) {
    throw new RangeError(`Cannot attend in a window of ${kernel}: give an odd side`);
  }
  if (!Number.isInteger(channels / groups)) {
    throw new RangeError(`Cannot share ${channels} channels among ${groups} groups: give a number that divides them`);
  }
}

/** Softmax over the window, as the output `weights`. */
const weightsOf = (scope: Scope, scores: Tensor): Tensor =>
  scope.call("weights", (scores, { b }) => b.op("softmax", [scores], { axis: 1 }), scores);

/** Options of {@link localSelfAttention2d}. */
export interface LocalSelfAttentionOptions {
  /** Side of the window, odd; default 7. */
  readonly kernel?: number;
  /** Number of heads, so that each has an even number of channels; default 8. */
  readonly heads?: number;
}

/**
 * Local self-attention with relative positions (Ramachandran et al., "Stand-alone self-attention in vision models",
 * 2019, equation 3): [N, I, H, W] to [N, O, H, W]. Each head is the mean of the window's values, weighted by the
 * softmax of q · k + q · r, without the usual 1 / √d. r is learnt for each offset: half of a head's channels for the
 * row's, half for the column's. Parameters `query`, `key` and `value` [O, I, 1, 1] without biases, `row` and `column`
 * [O / 2, k].
 *
 * @param inputs Channels I.
 * @param outputs Channels O.
 * @throws RangeError when the heads do not divide half of O, or the window has no middle.
 */
export function localSelfAttention2d(
  inputs: number,
  outputs: number,
  { kernel = 7, heads = 8 }: LocalSelfAttentionOptions = {},
): Layer {
  checkWindow(outputs / 2, heads, kernel);
  const depth = outputs / heads;
  const project = pointwise(inputs, outputs);
  return (x, scope) => {
    const { b } = scope;
    const [batch, , height, width] = x.shape;
    const [q, k, v] = ["query", "key", "value"].map((name) => scope.call(name, project, x));
    const [row, column] = ["row", "column"].map((name) =>
      scope.parameter(name, [outputs / 2, kernel], normalInit(1 / Math.sqrt(depth)), { decay: false })
    );
    const [seen, values] = [k, v].map((part) => inGroups(b, border(b, part, (kernel - 1) / 2), heads));
    const attrs = { kernel, stride: 1 };
    const content = b.op("localScores", [inGroups(b, q, heads), seen], attrs);
    // q · r for each row and each column of the window, as a convolution of each half of a head by itself.
    const halves = [row, column].map((part) => b.reshape(part, [heads, 1, depth / 2, kernel]));
    const taps = b.reshape(b.permute(b.concat(halves, 1), [0, 1, 3, 2]), [2 * heads * kernel, depth / 2, 1, 1]);
    const places = b.reshape(
      b.op("conv2d", [q, taps], { stride: 1, padding: 0, groups: 2 * heads }),
      [batch * heads, 2, kernel, height, width],
    );
    const along = (axis: number) =>
      b.reshape(
        b.slice(places, [0, axis, 0, 0, 0], [batch * heads, 1, kernel, height, width]),
        [batch * heads, ...axis === 0 ? [kernel, 1] : [1, kernel], height, width],
      );
    const square = b.reshape(content, [batch * heads, kernel, kernel, height, width]);
    const scores = b.add(b.add(square, along(0)), along(1));
    const weights = weightsOf(scope, b.reshape(scores, content.shape));
    return b.reshape(b.op("localSum", [weights, values], attrs), q.shape);
  };
}

/** Options of {@link attentionStem}. */
export interface AttentionStemOptions {
  /** Side of a block of pixels; default 4. */
  readonly block?: number;
  /** Matrices of which a position's values are a mixture; default 4. */
  readonly mixtures?: number;
  /** Number of heads; default 8. */
  readonly heads?: number;
}

/**
 * The attention stem (section 3.3 of the same paper): pixels [N, I, H, W] to [N, O, H, W]. Each pixel attends to the
 * block of 4×4 pixels that it is in. A pixel's values are a mixture of several matrices', whose shares follow from its
 * place in the block, so that edges can be learnt. Zeros at the right and at the bottom fill the last blocks.
 * Parameters `query` and `key` [O, I, 1, 1], `value` [mixtures · O, I, 1, 1], `row` and `column` [block, O], and
 * `mixture` [mixtures, O].
 *
 * @param inputs Channels I.
 * @param outputs Channels O; RangeError where the heads do not divide them.
 */
export function attentionStem(
  inputs: number,
  outputs: number,
  { block = 4, mixtures = 4, heads = 8 }: AttentionStemOptions = {},
): Layer {
  if (outputs % heads !== 0) {
    throw new RangeError(`Cannot share ${outputs} channels among ${heads} heads: give a number that divides them`);
  }
  const pixels = block * block;
  return (x, scope) => {
    const { b } = scope;
    const padded = padToMultiple(b, x, block, [2, 3]);
    const [batch, , height, width] = padded.shape;
    const [down, across] = [height / block, width / block];
    const embedding = (name: string, count: number) =>
      scope.parameter(name, [count, outputs], normalInit(1 / Math.sqrt(outputs)), { decay: false });
    const place = b.add(
      b.reshape(embedding("row", block), [block, 1, outputs]),
      b.reshape(embedding("column", block), [1, block, outputs]),
    );
    const affinities = b.matmul(b.reshape(place, [pixels, outputs]), embedding("mixture", mixtures), {
      transposeB: true,
    });
    const shares = b.permute(b.op("softmax", [affinities]), [1, 0]);
    // A block of a head: its pixels by rows, and their channels.
    const depth = outputs / heads;
    const inBlocks = (name: string, times: number) => {
      const part = scope.call(name, pointwise(inputs, times * outputs), padded);
      const split = b.reshape(part, [batch * times * heads, depth, down, block, across, block]);
      return b.reshape(b.permute(split, [0, 2, 4, 3, 5, 1]), [batch, times, heads * down * across, pixels, depth]);
    };
    const of = (name: string) => b.reshape(inBlocks(name, 1), [batch * heads * down * across, pixels, depth]);
    const [q, k] = [of("query"), of("key")];
    const several = inBlocks("value", mixtures);
    // Spread over heads and blocks by itself: no sum of its gradient goes over three runs of axes.
    const spread = b.broadcastTo(b.reshape(shares, [mixtures, 1, pixels, 1]), several.shape.slice(1));
    const values = b.reshape(b.sum(b.mul(several, spread), [1]), q.shape);
    const scores = b.matmul(q, k, { transposeB: true });
    const weights = scope.call("weights", (scores) => b.op("softmax", [scores]), scores);
    const attended = b.reshape(b.matmul(weights, values), [batch * heads, down, across, block, block, depth]);
    const y = b.reshape(b.permute(attended, [0, 5, 1, 3, 2, 4]), [batch, outputs, height, width]);
    return padded === x ? y : b.slice(y, [0, 0, 0, 0], [batch, outputs, x.shape[2], x.shape[3]]);
  };
}

/** Options of {@link localRelation}. */
export interface LocalRelationOptions {
  /** Side of the window, odd; default 7. */
  readonly kernel?: number;
  /** Step between windows; default 1. */
  readonly stride?: number;
  /** Channels that share their weights; default 8. */
  readonly shared?: number;
}

/** Units between the two layers of the geometry prior. */
const GEOMETRY_UNITS = 32;

/**
 * The local relation layer (Hu et al., "Local relation networks for image recognition", 2019): [N, C, H, W] to [N, C,
 * H', W']. Of each group of channels, the mean of the window's, weighted by the softmax of appearance composability and
 * geometry prior, and a 1×1 convolution behind it. A group has one query and one key, single numbers: composability is
 * −(q − k)², of whose terms −q² drops out of the softmax. The prior is what a small network gives for the offset, from
 * −1 to 1; a bias of its last layer would drop out of the softmax, too. Parameters `query` and `key` [C / shared, C, 1,
 * 1], `geometry.0` and `geometry.2`, and `proj` [C, C, 1, 1].
 *
 * @param channels Channels C.
 * @throws RangeError when the channels that share weights do not divide C, or the window has no middle.
 */
export function localRelation(
  channels: number,
  { kernel = 7, stride = 1, shared = 8 }: LocalRelationOptions = {},
): Layer {
  checkWindow(channels, shared, kernel);
  const groups = channels / shared;
  const prior = sequential([linear(2, GEOMETRY_UNITS), relu(), linear(GEOMETRY_UNITS, groups, { bias: false })]);
  return (x, scope) => {
    const { b } = scope;
    const reach = (kernel - 1) / 2;
    const attrs = { kernel, stride };
    const query = scope.call("query", pointwise(channels, groups), x);
    const q = inGroups(b, stride === 1 ? query : avgPool2d(1, { stride })(query, scope), groups);
    const k = inGroups(b, border(b, scope.call("key", pointwise(channels, groups), x), reach), groups);
    // 2qk − k², as a product of two numbers.
    const scores = b.op("localScores", [
      b.concat([b.mul(q, 2), b.broadcastTo(-1, q.shape)], 1),
      b.concat([k, b.square(k)], 1),
    ], attrs);
    const [planes, taps, ...sides] = scores.shape;
    const geometry = b.permute(scope.call("geometry", prior, offsetsOf(b, kernel)), [1, 0]);
    const byGroup = [planes / groups, groups, taps, ...sides];
    const related = b.add(b.reshape(scores, byGroup), b.reshape(geometry, [groups, taps, 1, 1]));
    const weights = weightsOf(scope, b.reshape(related, scores.shape));
    const values = inGroups(b, border(b, x, reach), groups);
    const mean = b.reshape(b.op("localSum", [weights, values], attrs), [x.shape[0], channels, ...sides]);
    return scope.call("proj", pointwise(channels, channels), mean);
  };
}

/** Vertical and horizontal offset of each position of a window from its middle, −1 to 1, by rows: [k², 2]. */
function offsetsOf(b: Builder, kernel: number): Tensor {
  const reach = Math.max(1, (kernel - 1) / 2);
  const offset = b.mul(b.sub(b.op("iota", [], { shape: [kernel] }), (kernel - 1) / 2), 1 / reach);
  const over = (shape: readonly number[]) => b.broadcastTo(b.reshape(offset, shape), [kernel, kernel, 1]);
  return b.reshape(b.concat([over([kernel, 1, 1]), over([1, kernel, 1])], 2), [kernel * kernel, 2]);
}
