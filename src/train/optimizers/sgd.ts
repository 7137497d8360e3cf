/**
 * Stochastic gradient descent.
 *
 * @module
 */

import { momentsOf, type Optimizer, type Update, withDecay } from "./optimizer.ts";

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Default 0.9. */
  readonly momentum?: number;
  /** Nesterov's form: default false. */
  readonly nesterov?: boolean;
  /** Is the momentum of each step the schedule's? Default false. */
  readonly cycleMomentum?: boolean;
}

/**
 * Stochastic gradient descent as PyTorch has it (Sutskever et al., 2013): v ← μv + g, θ ← θ − η v, or − η (g + μv)
 * with Nesterov's momentum. Weight decay is added to the gradient.
 */
export function sgd({ momentum = 0.9, nesterov = false, cycleMomentum = false }: SgdOptions = {}): Optimizer {
  return {
    name: "sgd",
    settings: cycleMomentum ? { nesterov, cycleMomentum } : { momentum, nesterov },
    moments: momentum === 0 ? momentsOf() : momentsOf("momentum"),
    scalars: (learningRate, _, cycled = momentum) => ({ learningRate, ...cycleMomentum && { cycledMomentum: cycled } }),
    update(inputs): Update {
      const { b, parameter, moments, scalars, rate } = inputs;
      const share = cycleMomentum ? scalars.cycledMomentum : momentum;
      const g = withDecay(inputs);
      const learningRate = b.mul(scalars.learningRate, rate);
      if (momentum === 0) return { parameter: b.sub(parameter, b.mul(g, learningRate)), moments: {} };
      const velocity = b.add(b.mul(moments.momentum, share), g);
      const direction = nesterov ? b.add(g, b.mul(velocity, share)) : velocity;
      return { parameter: b.sub(parameter, b.mul(direction, learningRate)), moments: { momentum: velocity } };
    },
  };
}

/** Options of {@link rmsprop}. */
export interface RmspropOptions {
  /** Default 0. */
  readonly momentum?: number;
  /** Decay rate of the mean square; default 0.99. */
  readonly alpha?: number;
  /** Default 1e-8. */
  readonly eps?: number;
}

/**
 * RMSprop as PyTorch has it (Hinton, 2012, lecture 6e): v ← αv + (1 − α)g², u ← μu + g / (√v + ε), θ ← θ − η u. Weight
 * decay is added to the gradient.
 */
export function rmsprop({ momentum = 0, alpha = 0.99, eps = 1e-8 }: RmspropOptions = {}): Optimizer {
  return {
    name: "rmsprop",
    settings: { momentum, eps },
    moments: momentum === 0 ? momentsOf("v") : momentsOf("v", "momentum"),
    scalars: (learningRate) => ({ learningRate }),
    update(inputs): Update {
      const { b, parameter, moments, scalars, rate } = inputs;
      const g = withDecay(inputs);
      const v = b.add(b.mul(moments.v, alpha), b.mul(b.square(g), 1 - alpha));
      const scaled = b.div(g, b.add(b.sqrt(v), eps));
      const velocity = momentum === 0 ? scaled : b.add(b.mul(moments.momentum, momentum), scaled);
      return {
        parameter: b.sub(parameter, b.mul(velocity, b.mul(scalars.learningRate, rate))),
        moments: momentum === 0 ? { v } : { v, momentum: velocity },
      };
    },
  };
}
