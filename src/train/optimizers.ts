/**
 * Optimisers: an update of one parameter as nodes of the graph. Moments are State; what changes from step to step is a
 * few scalars.
 *
 * A new optimiser has a case in `fixtures/train/make.py`, which writes what PyTorch's does in ten steps.
 *
 * @module
 */

import type { Builder, Tensor } from "../../kernels/op.ts";

/** What an update rule is given for one parameter. */
export interface UpdateInputs {
  /** Builder of the training graph. */
  readonly b: Builder;
  /** Its value before the step. */
  readonly parameter: Tensor;
  /** d loss / d parameter, of the parameter's shape, clipped where that is asked for. */
  readonly grad: Tensor;
  /** Values of {@link Optimizer.moments}, of the parameter's shape. */
  readonly moments: Readonly<Record<string, Tensor>>;
  /** Values of {@link Optimizer.scalars}. */
  readonly scalars: Readonly<Record<string, Tensor>>;
  /** Factor on the learning rate of this parameter, and so on a decay that is decoupled from the gradient. */
  readonly rate: number;
  /** Weight decay of this parameter: 0 for biases and norms. */
  readonly weightDecay: number;
}

/** New values after a step. */
export interface Update {
  /** Of the parameter. */
  readonly parameter: Tensor;
  /** Of each of {@link Optimizer.moments}. */
  readonly moments: Readonly<Record<string, Tensor>>;
}

/** A rule that turns gradients into updates. */
export interface Optimizer {
  /** As `config.json` has it. */
  readonly name: string;
  /** What of it is a setting, as `config.json` has it. */
  readonly settings?: SgdOptions;
  /** Names of the moments kept for each parameter; they start at 0. */
  readonly moments: readonly string[];
  /** Scalars of a step by name, given the learning rate and the number of updates before it. */
  scalars(learningRate: number, step: number): Readonly<Record<string, number>>;
  /** Adds the update of one parameter to the graph; it assigns nothing. */
  update(inputs: UpdateInputs): Update;
}

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Default 0.9. */
  readonly momentum?: number;
  /** Nesterov's form: default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent as PyTorch has it (Sutskever et al., 2013): v ← μv + g, θ ← θ − η v, or − η (g + μv)
 * with Nesterov's momentum. Weight decay is added to the gradient.
 */
export function sgd({ momentum = 0.9, nesterov = false }: SgdOptions = {}): Optimizer {
  return {
    name: "sgd",
    settings: { momentum, nesterov },
    moments: momentum === 0 ? [] : ["momentum"],
    scalars: (learningRate) => ({ learningRate }),
    update({ b, parameter, grad, moments, scalars, rate, weightDecay }): Update {
      const g = b.add(grad, weightDecay === 0 ? 0 : b.mul(parameter, weightDecay));
      const learningRate = b.mul(scalars.learningRate, rate);
      if (momentum === 0) return { parameter: b.sub(parameter, b.mul(g, learningRate)), moments: {} };
      const velocity = b.add(b.mul(moments.momentum, momentum), g);
      const direction = nesterov ? b.add(g, b.mul(velocity, momentum)) : velocity;
      return { parameter: b.sub(parameter, b.mul(direction, learningRate)), moments: { momentum: velocity } };
    },
  };
}

/** Options of {@link adam} and {@link adamW}. */
export interface AdamOptions {
  /** Decay rates of the moments; default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
}

/**
 * Adam (Kingma and Ba, 2015, the efficient form before section 2.1's end): m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ
 * ← θ − α m / (√v + ε̂) with α = η √(1 − β₂ᵗ) / (1 − β₁ᵗ) and ε̂ = ε √(1 − β₂ᵗ). Weight decay is added to the gradient.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamRule("adam", options);
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, 2019): θ is scaled by 1 − ηλ instead. */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adamRule("adamw", options);
}

function adamRule(
  name: "adam" | "adamw",
  { betas: [beta1, beta2] = [0.9, 0.999], eps = 1e-8 }: AdamOptions,
): Optimizer {
  return {
    name,
    moments: ["m", "v"],
    scalars(learningRate, step) {
      const correction = Math.sqrt(1 - beta2 ** (step + 1));
      return {
        learningRate,
        adamRate: learningRate * correction / (1 - beta1 ** (step + 1)),
        adamEps: eps * correction,
      };
    },
    update({ b, parameter, grad, moments, scalars, rate, weightDecay }) {
      const decoupled = name === "adamw" && weightDecay > 0;
      const g = b.add(grad, decoupled || weightDecay === 0 ? 0 : b.mul(parameter, weightDecay));
      const m = b.add(b.mul(moments.m, beta1), b.mul(g, 1 - beta1));
      const v = b.add(b.mul(moments.v, beta2), b.mul(b.square(g), 1 - beta2));
      const kept = decoupled ? b.mul(parameter, b.sub(1, b.mul(scalars.learningRate, rate * weightDecay))) : parameter;
      const step = b.div(b.mul(m, b.mul(scalars.adamRate, rate)), b.add(b.sqrt(v), scalars.adamEps));
      return { parameter: b.sub(kept, step), moments: { m, v } };
    },
  };
}
