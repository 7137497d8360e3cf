/**
 * The layers of CNNs.
 *
 * @module
 */

import { batchMoments, normalize } from "../../kernels/batch_norm.ts";
import { sizeOf } from "../../kernels/op.ts";
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
    return scope.b.add(
      y,
      scope.b.reshape(scope.parameter("bias", [outputs], fanInUniform(fanIn), { decay: false }), [outputs, 1, 1]),
    );
  };
}

/** Dense layer: [N, I] to [N, O]. Parameters `weight` [O, I] and `bias` [O]. */
export function linear(inputs: number, outputs: number, { bias = true }: { bias?: boolean } = {}): Layer {
  return (x, scope) => {
    const weight = scope.parameter("weight", [outputs, inputs], fanInUniform(inputs));
    const y = scope.b.matmul(x, weight, { transposeB: true });
    return bias ? scope.b.add(y, scope.parameter("bias", [outputs], fanInUniform(inputs), { decay: false })) : y;
  };
}

/** A dense layer whose width follows from its input. */
export function lazyLinear(outputs: number): Layer {
  return (x, scope) => linear(x.shape[1], outputs)(x, scope);
}

/** Options of {@link batchNorm2d}. */
export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number;
  /** Share of the batch's moments in the running ones after a step; default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation of [N, C, H, W] (Ioffe and Szegedy, 2015): by the batch's moments in training, by running ones in
 * evaluation. Parameters `weight` and `bias` [C]; buffers `running_mean` and `running_var` [C].
 */
export function batchNorm2d(channels: number, { eps = 1e-5, momentum = 0.1 }: BatchNormOptions = {}): Layer {
  return (x, scope) => {
    const { b } = scope;
    const gamma = scope.parameter("weight", [channels], constantInit(1), { decay: false });
    const beta = scope.parameter("bias", [channels], constantInit(0), { decay: false });
    const mean = scope.buffer("running_mean", [channels], constantInit(0));
    const variance = scope.buffer("running_var", [channels], constantInit(1));
    if (!scope.training) return normalize(b, x, { mean, variance }, gamma, beta, eps);
    const moments = batchMoments(b, x);
    // The running variance is the unbiased one, as in PyTorch.
    const count = sizeOf(x.shape) / channels;
    const blend = (running: typeof mean, batch: typeof mean, factor: number) =>
      b.add(b.mul(running, 1 - momentum), b.mul(b.reshape(batch, [channels]), momentum * factor));
    scope.update("running_mean", blend(mean, moments.mean, 1));
    scope.update("running_var", blend(variance, moments.variance, count > 1 ? count / (count - 1) : 1));
    return b.op("batchNorm", [x, gamma, beta], { eps });
  };
}

/** max(x, 0). */
export function relu(): Layer {
  return (x, { b }) => b.relu(x);
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

/** Mean over windows: [N, C, H, W] to [N, C, H', W']. */
export function avgPool2d(kernel: number, { stride = kernel, padding = 0 }: PoolOptions = {}): Layer {
  return (x, { b }) => b.op("avgPool2d", [x], { kernel, stride, padding });
}

/** Mean over the whole picture: [N, C, H, W] to [N, C, 1, 1]. */
export function globalAvgPool2d(): Layer {
  return (x, { b }) => b.mean(x, [2, 3]);
}

/** [N, …] to [N, everything else]. */
export function flatten(): Layer {
  return (x, { b }) => b.reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
}
