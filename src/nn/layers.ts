/**
 * The layers of CNNs.
 *
 * A layer is a function that returns a `Layer` and asks its scope for parameters by PyTorch's names. Export a new one
 * from `mod.ts`, which makes it public, and add a row to `shapes` in `tests/nn/layers_test.ts`.
 *
 * @module
 */

import { batchMoments, normalize } from "../../kernels/composed/batch_norm.ts";
import { sizeOf, type Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { constantInit, fanInUniform, type Initializer } from "./init.ts";
import type { Layer } from "./layer.ts";

/** Options of {@link conv2d}. */
export interface Conv2dOptions {
  /** Step between windows; default 1. */
  readonly stride?: number;
  /** Zeros on every side; default 0. */
  readonly padding?: number;
  /** Channels are convolved in so many separate groups; default 1. */
  readonly groups?: number;
  /** Adds a learnt bias per output channel; default true. */
  readonly bias?: boolean;
  /** Initial weights; default PyTorch's. */
  readonly init?: Initializer;
  /** Initial bias; default PyTorch's. */
  readonly biasInit?: Initializer;
}

/**
 * Convolution: [N, I, H, W] to [N, O, H', W']. Parameters `weight` [O, I / groups, k, k] and `bias` [O].
 *
 * @param inputs Channels I.
 * @param outputs Channels O.
 * @param kernel Side of the window.
 */
export function conv2d(inputs: number, outputs: number, kernel: number, options: Conv2dOptions = {}): Layer {
  const { stride = 1, padding = 0, groups = 1, bias = true } = options;
  const fanIn = inputs / groups * kernel * kernel;
  return (x, scope) => {
    const weight = scope.parameter(
      "weight",
      [outputs, inputs / groups, kernel, kernel],
      options.init ?? fanInUniform(fanIn),
    );
    const y = scope.b.op("conv2d", [x, weight], { stride, padding, groups });
    if (!bias) return y;
    const shift = scope.parameter("bias", [outputs], options.biasInit ?? fanInUniform(fanIn), { decay: false });
    return scope.b.add(y, scope.b.reshape(shift, [outputs, 1, 1]));
  };
}

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Adds a learnt bias; default true. */
  readonly bias?: boolean;
  /** Initial weights; default PyTorch's. */
  readonly init?: Initializer;
  /** Initial bias; default PyTorch's. */
  readonly biasInit?: Initializer;
}

/** Dense layer: [N, …, I] to [N, …, O]. Parameters `weight` [O, I] and `bias` [O]. */
export function linear(inputs: number, outputs: number, options: LinearOptions = {}): Layer {
  const { bias = true, init = fanInUniform(inputs), biasInit = fanInUniform(inputs) } = options;
  return (x, scope) => {
    const shift = () => scope.parameter("bias", [outputs], biasInit, { decay: false });
    return scope.dense(x, "weight", [outputs, inputs], init, bias ? shift : undefined);
  };
}

/** A dense layer whose width follows from its input. */
export function lazyLinear(outputs: number, options: LinearOptions = {}): Layer {
  return (x, scope) => linear(x.shape[1], outputs, options)(x, scope);
}

/** Options of {@link batchNorm2d}. */
export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Share of the batch's moments in the running ones after a step; default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation of [N, C, H, W] (Ioffe and Szegedy, 2015). In training it is by the batch's moments, and by
 * running ones where those are frozen. In evaluation it is by running ones. Parameters `weight` and `bias` [C]; buffers
 * `running_mean` and `running_var` [C].
 */
export function batchNorm2d(channels: number, { eps = 1e-5, momentum = 0.1 }: BatchNormOptions = {}): Layer {
  return (x, scope) => {
    const { b } = scope;
    const gamma = scope.parameter("weight", [channels], constantInit(1), { decay: false });
    const beta = scope.parameter("bias", [channels], constantInit(0), { decay: false });
    const mean = scope.buffer("running_mean", [channels], constantInit(0));
    const variance = scope.buffer("running_var", [channels], constantInit(1));
    const isFixed = scope.isFrozen("running_mean") || scope.isFrozen("running_var");
    if (!scope.training || isFixed) return normalize(b, x, { mean, variance }, gamma, beta, eps);
    const moments = batchMoments(b, x);
    // The running variance is the unbiased one, as in PyTorch.
    const count = sizeOf(x.shape) / channels;
    const own = scope.momentum ?? momentum;
    const [kept, share] = typeof own === "number"
      ? [1 - own, (factor: number) => own * factor]
      : [b.sub(1, own), (factor: number) => b.mul(own, factor)];
    const blend = (running: typeof mean, batch: typeof mean, factor: number) =>
      b.add(b.mul(running, kept), b.mul(b.reshape(batch, [channels]), share(factor)));
    scope.update("running_mean", blend(mean, moments.mean, 1));
    scope.update("running_var", blend(variance, moments.variance, count > 1 ? count / (count - 1) : 1));
    return b.op("batchNorm", [x, gamma, beta], { eps });
  };
}

/** Options of {@link localResponseNorm}. */
export interface LocalResponseNormOptions {
  /** Weight of the mean square; default 1e-4. */
  readonly alpha?: number;
  /** Power of the divisor; default 0.75. */
  readonly beta?: number;
  /** Added to the mean square; default 1. */
  readonly k?: number;
}

/**
 * Local response normalisation across channels of [N, C, H, W] (Krizhevsky et al., 2012, section 3.3): x / (k + alpha /
 * size · Σ x²)^beta, the sum over the `size` channels around each one. Alpha is divided by the size as in PyTorch,
 * Caffe and the authors' own cuda-convnet, though not in the paper's formula.
 *
 * @param size Channels in the window, odd.
 */
export function localResponseNorm(
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
): Layer {
  return (x, { b }) => {
    const energy = b.op("channelWindowSum", [b.square(x)], { size });
    const divisor = b.add(b.mul(energy, alpha / size), k);
    return b.mul(x, b.exp(b.mul(b.log(divisor), -beta)));
  };
}

/** max(x, 0). */
export function relu(): Layer {
  return (x, { b }) => b.relu(x);
}

/** max(x, 0), 6 at most (Krizhevsky, 2010). */
export function relu6(): Layer {
  return (x, { b }) => b.minimum(b.relu(x), 6);
}

/** x · σ(x), also known as swish (Ramachandran et al., 2017). */
export function silu(): Layer {
  return (x, { b }) => b.mul(x, b.sigmoid(x));
}

/** (x + 3) / 6 between 0 and 1, for σ(x) (Howard et al., 2019). */
export function hardSigmoid(): Layer {
  return (x, { b }) => b.mul(b.minimum(b.relu(b.add(x, 3)), 6), 1 / 6);
}

/** x · hardSigmoid(x) (Howard et al., 2019). */
export function hardSwish(): Layer {
  return (x, scope) => scope.b.mul(x, hardSigmoid()(x, scope));
}

/** Hyperbolic tangent. */
export function tanh(): Layer {
  return (x, { b }) => b.tanh(x);
}

/** Zeros a share `rate` of the elements in training and scales the rest up (Srivastava et al., 2014). */
export function dropout(rate: number): Layer {
  return (x, scope) =>
    scope.training && rate > 0 ? scope.b.op("dropout", [x, ...scope.key], { rate, stream: scope.stream }) : x;
}

/** Options of the pooling layers. */
export interface PoolOptions {
  /** Step between windows; default the window's side. */
  readonly stride?: number;
  /** Added on every side; default 0. */
  readonly padding?: number;
}

/** Maximum over windows: [N, C, H, W] to [N, C, H', W']. */
export function maxPool2d(kernel: number, { stride = kernel, padding = 0 }: PoolOptions = {}): Layer {
  return (x, { b }) => b.op("maxPool2d", [x], { kernel, stride, padding });
}

/**
 * Maximum over windows that cover the picture, whatever its size, of numbers that are not negative, as after a ReLU:
 * PyTorch's `ceil_mode`. Zeros at the right and at the bottom fill the last windows.
 */
export function coveringMaxPool2d(kernel: number, stride: number): Layer {
  return (x, { b }) => {
    const missing = x.shape.map((size, axis) => {
      const steps = Math.max(0, Math.ceil((size - kernel) / stride));
      return axis < 2 ? 0 : Math.max(0, steps * stride + kernel - size);
    });
    const padded = missing.some((count) => count > 0) ? b.pad(x, [0, 0, 0, 0], missing) : x;
    return b.op("maxPool2d", [padded], { kernel, stride, padding: 0 });
  };
}

/** Mean over windows: [N, C, H, W] to [N, C, H', W']. */
export function avgPool2d(kernel: number, { stride = kernel, padding = 0 }: PoolOptions = {}): Layer {
  return (x, { b }) => b.op("avgPool2d", [x], { kernel, stride, padding });
}

/**
 * Mean over `side` × `side` windows that cover the picture, whatever its size: [N, C, H, W] to [N, C, side, side].
 * Window i goes from ⌊i · H / side⌋ to ⌈(i + 1) · H / side⌉, as in PyTorch. Windows overlap where the side does not
 * divide. They repeat pixels where the picture is smaller.
 */
export function adaptiveAvgPool2d(side: number): Layer {
  return (x, { b }) => {
    const [, , height, width] = x.shape;
    const rows = height === side ? x : b.matmul(windowMeans(b, side, height), x);
    return width === side ? rows : b.matmul(rows, windowMeans(b, side, width), { transposeB: true });
  };
}

/** The matrix [side, size] of {@link adaptiveAvgPool2d} along one axis: row i averages window i. */
function windowMeans(b: GraphBuilder, side: number, size: number): Tensor {
  const window = b.op("iota", [], { shape: [side, 1] });
  const pixel = b.op("iota", [], { shape: [1, size] });
  // ⌊i · size / side⌋ ≤ h < ⌈(i + 1) · size / side⌉, in integers.
  const isAfterStart = b.greater(b.mul(b.add(pixel, 1), side), b.mul(window, size));
  const isBeforeEnd = b.greater(b.mul(b.add(window, 1), size), b.mul(pixel, side));
  const holds = b.mul(isAfterStart, isBeforeEnd);
  return b.div(holds, b.sum(holds, [1]));
}

/** Mean over the whole picture: [N, C, H, W] to [N, C, 1, 1]. */
export function globalAvgPool2d(): Layer {
  return (x, { b }) => b.mean(x, [2, 3]);
}

/** σ(x). */
const logistic: Layer = (x, { b }) => b.sigmoid(x);

/** Options of {@link squeezeExcitation}. */
export interface SqueezeExcitationOptions {
  /** Between the two layers; default ReLU. */
  readonly activation?: Layer;
  /** Makes factors of what the second layer gives; default the logistic function. */
  readonly gate?: Layer;
  /** Initial weights; default PyTorch's. */
  readonly init?: Initializer;
  /** Initial biases; default PyTorch's. */
  readonly biasInit?: Initializer;
}

/**
 * Squeeze and excitation (Hu et al., 2017): [N, C, H, W], each channel times a factor that two layers compute from the
 * means of all channels. Parameters `fc1` [squeezed, C, 1, 1] and `fc2` [C, squeezed, 1, 1], with biases.
 *
 * @param channels Channels C.
 * @param squeezed Units between the two layers.
 */
export function squeezeExcitation(
  channels: number,
  squeezed: number,
  { activation = relu(), gate = logistic, ...start }: SqueezeExcitationOptions = {},
): Layer {
  const factors = {
    fc1: conv2d(channels, squeezed, 1, start),
    activation,
    fc2: conv2d(squeezed, channels, 1, start),
    gate,
  };
  return (x, scope) => {
    const means = globalAvgPool2d()(x, scope);
    return scope.b.mul(x, Object.entries(factors).reduce((y, [name, layer]) => scope.call(name, layer, y), means));
  };
}

/** [N, …] to [N, everything else]. */
export function flatten(): Layer {
  return (x, { b }) => b.reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
}
