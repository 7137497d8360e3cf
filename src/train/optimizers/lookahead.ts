/**
 * Lookahead.
 *
 * @module
 */

import type { Optimizer } from "./optimizer.ts";

/** Options of {@link lookahead}. */
export interface LookaheadOptions {
  /** Steps of the fast weights between two of the slow ones; default 5. */
  readonly every?: number;
  /** How far the slow weights go towards the fast ones; default 0.5. */
  readonly alpha?: number;
}

/**
 * Lookahead (Zhang et al., 2019) around another rule: slow weights φ start where the run starts. After every k steps of
 * the rule they go towards its weights, φ ← φ + α(θ − φ), and the rule goes on from there: θ ← φ.
 */
export function lookahead(rule: Optimizer, { every = 5, alpha = 0.5 }: LookaheadOptions = {}): Optimizer {
  return {
    name: rule.name,
    settings: rule.settings,
    moments: (shape) => ({ ...rule.moments(shape), slow: shape }),
    scalars: (learningRate, step, momentum) => ({
      ...rule.scalars(learningRate, step, momentum),
      isFirst: step === 0 ? 1 : 0,
      isSync: (step + 1) % every === 0 ? 1 : 0,
    }),
    update(inputs) {
      const { b, parameter, moments, scalars: { isFirst, isSync } } = inputs;
      const fast = rule.update(inputs);
      // Moments start at 0, the slow weights at the parameter.
      const slow = b.where(isFirst, parameter, moments.slow);
      const next = b.add(slow, b.mul(b.sub(fast.parameter, slow), b.mul(isSync, alpha)));
      return { parameter: b.where(isSync, next, fast.parameter), moments: { ...fast.moments, slow: next } };
    },
  };
}
