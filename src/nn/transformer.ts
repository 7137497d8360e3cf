/**
 * The layers of vision transformers, on tokens [N, …, D].
 *
 * @module
 */

import type { Builder, Tensor } from "../../kernels/op.ts";
import { inline, sequential, skip } from "./blocks.ts";
import { constantInit, type Initializer, normalInit, xavierUniform } from "./init.ts";
import type { Layer } from "./layer.ts";
import { dropout, linear } from "./layers.ts";

/**
 * Layer normalisation over the last axis (Ba, Kiros and Hinton, 2016). Parameters `weight` and `bias` [D].
 *
 * @param width Size D of the last axis.
 * @param eps Added to the variance: 1e-6 in ViT, 1e-5 in Swin.
 */
export function layerNorm(width: number, eps: number): Layer {
  return (x, scope) => {
    const gamma = scope.parameter("weight", [width], constantInit(1), { decay: false });
    const beta = scope.parameter("bias", [width], constantInit(0), { decay: false });
    return scope.b.op("layerNorm", [x, gamma, beta], { eps });
  };
}

/** {@link layerNorm} over the channels of [N, C, H, W], as in ConvNeXt. Parameters `weight` and `bias` [C]. */
export function channelNorm(channels: number, eps: number): Layer {
  const norm = layerNorm(channels, eps);
  return (x, scope) => scope.b.permute(norm(scope.b.permute(x, [0, 2, 3, 1]), scope), [0, 3, 1, 2]);
}

/** x · Φ(x), the Gaussian error linear unit (Hendrycks and Gimpel, 2016), to 2e-7. */
export function gelu(): Layer {
  return (x, { b }) => b.mul(b.mul(x, 0.5), b.add(b.op("erf", [b.mul(x, Math.SQRT1_2)]), 1));
}

/**
 * Stochastic depth (Huang et al., 2016): in training, a residual branch is left out for a share `rate` of the pictures
 * and scaled up for the others.
 *
 * @param rate From 0 to below 1; RangeError beyond.
 */
export function stochasticDepth(rate: number): Layer {
  if (!(rate >= 0 && rate < 1)) {
    throw new RangeError(`Cannot leave branches out at rate ${rate}: give a rate from 0 to below 1`);
  }
  return (x, { b, training, key, stream }) => {
    if (!training || rate === 0) return x;
    const shape = x.shape.map((size, axis) => axis === 0 ? size : 1);
    const dropped = b.greater(rate, b.op("random", key, { shape, stream }));
    return b.where(dropped, 0, b.mul(x, 1 / (1 - rate)));
  };
}

/**
 * Layer scale (Touvron et al., "Going deeper with image transformers", 2021): a learnt factor for each channel.
 * Parameter `gamma` [D].
 *
 * @param width Size D of the last axis.
 * @param start What the factors start from.
 */
export function layerScale(width: number, start: number): Layer {
  return (x, scope) => scope.b.mul(x, scope.parameter("gamma", [width], constantInit(start), { decay: false }));
}

/** Options of {@link mlp}. */
export interface MlpOptions {
  /** Share of the units dropped after each dense layer; default 0. */
  readonly dropout?: number;
  /** Initial weights; default Xavier's, as in torchvision's ViT. */
  readonly init?: Initializer;
  /** Initial biases; default normal with a deviation of 1e-6, as there. */
  readonly biasInit?: Initializer;
}

/**
 * The two dense layers of a transformer block, with GELU between them: [N, …, D] to the same shape. Parameters `0` and
 * `3`.
 *
 * @param width Size D of the last axis.
 * @param hidden Units of the first layer.
 */
export function mlp(width: number, hidden: number, options: MlpOptions = {}): Layer {
  const { dropout: rate = 0, ...start } = { init: xavierUniform(), biasInit: normalInit(1e-6), ...options };
  return sequential([
    linear(width, hidden, start),
    gelu(),
    dropout(rate),
    linear(hidden, width, start),
    dropout(rate),
  ]);
}

/**
 * Queries, keys and values of each head, from one product that gave all three.
 *
 * @param qkv [N, T, 3D]: queries of all heads, then keys, then values.
 * @param heads Number H of heads, a divisor of D.
 * @returns Three tensors [N, H, T, D / H].
 */
export function splitHeads(b: Builder, qkv: Tensor, heads: number): [q: Tensor, k: Tensor, v: Tensor] {
  const [batch, tokens, width] = qkv.shape;
  const each = [batch, heads, tokens, width / 3 / heads];
  const parts = b.permute(b.reshape(qkv, [batch, tokens, 3, heads, each[3]]), [2, 0, 3, 1, 4]);
  const part = (index: number) => b.reshape(b.slice(parts, [index, 0, 0, 0, 0], [1, ...each]), each);
  return [part(0), part(1), part(2)];
}

/** What the heads give, side by side again: [N, H, T, D / H] to [N, T, D]. */
export function mergeHeads(b: Builder, x: Tensor): Tensor {
  const [batch, heads, tokens, each] = x.shape;
  return b.reshape(b.permute(x, [0, 2, 1, 3]), [batch, tokens, heads * each]);
}

/** Options of {@link selfAttention}. */
export interface SelfAttentionOptions {
  /** Share of the attention weights dropped; default 0. */
  readonly dropout?: number;
}

/**
 * Multi-head self-attention (Vaswani et al., 2017): tokens [N, T, D] to the same shape. Each head is softmax(q · kᵀ /
 * √d) · v with d = D / heads. Parameters as PyTorch's `MultiheadAttention`: `in_proj_weight` [3D, D], `in_proj_bias`
 * [3D], `out_proj`.
 *
 * @param width Size D of the last axis.
 * @param heads Number of heads; RangeError when it does not divide D.
 */
export function selfAttention(width: number, heads: number, { dropout: rate = 0 }: SelfAttentionOptions = {}): Layer {
  if (width % heads !== 0) {
    throw new RangeError(`Cannot share a width of ${width} among ${heads} heads: give a number that divides it`);
  }
  const projection = linear(width, width, { biasInit: constantInit(0) });
  return (x, scope) => {
    const { b } = scope;
    const bias = () => scope.parameter("in_proj_bias", [3 * width], constantInit(0), { decay: false });
    const projected = scope.dense(x, "in_proj_weight", [3 * width, width], xavierUniform(), bias);
    const [q, k, v] = splitHeads(b, projected, heads);
    // The factor rides with the softmax; on q it would be a pass of its own.
    const scores = b.mul(b.matmul(q, k, { transposeB: true }), 1 / Math.sqrt(width / heads));
    const attention = scope.call("attention", dropout(rate), b.op("softmax", [scores]));
    scope.attends({ weights: attention });
    return scope.call("out_proj", projection, mergeHeads(b, b.matmul(attention, v)));
  };
}

/** Options of {@link encoderBlock}. */
export interface EncoderBlockOptions {
  /** Units of the mlp; default 4 · width. */
  readonly hidden?: number;
  /** Share of the units dropped after each projection; default 0. */
  readonly dropout?: number;
  /** Share of the attention weights dropped; default 0. */
  readonly attentionDropout?: number;
  /** Share of the pictures that each branch is left out for; default 0. */
  readonly stochasticDepth?: number;
  /** What the factors of the layer scale start from; default no layer scale. */
  readonly layerScale?: number;
  /** Added to the variance of the layer norms; default 1e-6. */
  readonly normEps?: number;
}

/**
 * A block of ViT's encoder (Dosovitskiy et al., 2020, figure 1 and equations 2 and 3): tokens [N, T, D] to the same
 * shape. Parameters `ln_1`, `self_attention`, `ln_2` and `mlp` as torchvision's; with layer scale also `ls1` and `ls2`.
 *
 * @param width Size D of the last axis.
 * @param heads Number of attention heads.
 */
export function encoderBlock(width: number, heads: number, options: EncoderBlockOptions = {}): Layer {
  const { hidden = 4 * width, dropout: rate = 0, attentionDropout, stochasticDepth: depthRate = 0, normEps = 1e-6 } =
    options;
  const scale = (name: string): Record<string, Layer> =>
    options.layerScale === undefined ? {} : { [name]: layerScale(width, options.layerScale) };
  return inline(
    skip(sequential({
      ln_1: layerNorm(width, normEps),
      self_attention: selfAttention(width, heads, { dropout: attentionDropout }),
      dropout: dropout(rate),
      ...scale("ls1"),
      drop_path1: stochasticDepth(depthRate),
    })),
    skip(sequential({
      ln_2: layerNorm(width, normEps),
      mlp: mlp(width, hidden, { dropout: rate }),
      ...scale("ls2"),
      drop_path2: stochasticDepth(depthRate),
    })),
  );
}
