/**
 * Adam and the rules that keep its two moments: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g².
 *
 * @module
 */

import type { Tensor } from "../../../kernels/op.ts";
import { decayed, momentsOf, type Optimizer, type UpdateInputs, withDecay } from "./optimizer.ts";

/** Options of {@link adam} and of the rules that keep its moments. */
export interface AdamOptions {
  /** Decay rates of the moments; default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
}

/** Options of {@link adam} and {@link adamW}. */
export interface CycledAdamOptions extends AdamOptions {
  /** Is the first decay rate of each step the schedule's? Default false. */
  readonly cycleMomentum?: boolean;
}

/** What the rules share: defaults, and the moments' new values. */
function momentsRule({ betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions) {
  const [beta1, beta2] = betas;
  return {
    ...{ beta1, beta2, eps },
    row: { settings: { betas, eps }, moments: momentsOf("m", "v") },
    next: ({ b, moments }: UpdateInputs, g: Tensor, first?: Tensor) => ({
      m: b.add(b.mul(moments.m, first ?? beta1), b.mul(g, first ? b.sub(1, first) : 1 - beta1)),
      v: b.add(b.mul(moments.v, beta2), b.mul(b.square(g), 1 - beta2)),
    }),
  };
}

/**
 * Adam (Kingma and Ba, 2015, the efficient form before section 2.1's end): θ ← θ − α m / (√v + ε̂) with α = η √(1 −
 * β₂ᵗ) / (1 − β₁ᵗ) and ε̂ = ε √(1 − β₂ᵗ). Weight decay is added to the gradient.
 */
export function adam(options: CycledAdamOptions = {}): Optimizer {
  return adamRule("adam", options);
}

/** Adam with decoupled weight decay (Loshchilov and Hutter, 2019): θ is scaled by 1 − ηλ instead. */
export function adamW(options: CycledAdamOptions = {}): Optimizer {
  return adamRule("adamw", options);
}

function adamRule(name: "adam" | "adamw", options: CycledAdamOptions): Optimizer {
  const { beta1, beta2, eps, row, next } = momentsRule(options);
  const { cycleMomentum = false } = options;
  return {
    name,
    ...row,
    settings: { ...row.settings, ...cycleMomentum && { cycleMomentum } },
    scalars(learningRate, step, first = beta1) {
      const correction = Math.sqrt(1 - beta2 ** (step + 1));
      return {
        learningRate,
        adamRate: learningRate * correction / (1 - first ** (step + 1)),
        adamEps: eps * correction,
        ...cycleMomentum && { cycledBeta: first },
      };
    },
    update(inputs) {
      const { b, parameter, grad, scalars, rate } = inputs;
      const { m, v } = next(inputs, name === "adamw" ? grad : withDecay(inputs), scalars.cycledBeta);
      const kept = name === "adamw" ? decayed(inputs) : parameter;
      const step = b.div(b.mul(m, b.mul(scalars.adamRate, rate)), b.add(b.sqrt(v), scalars.adamEps));
      return { parameter: b.sub(kept, step), moments: { m, v } };
    },
  };
}

/**
 * Adam with Nesterov's momentum (Dozat, 2016) and PyTorch's decay of it: μ = β₁(1 − ½·0.96^(0.004 t)). Weight decay is
 * added to the gradient.
 */
export function nadam(options: AdamOptions = {}): Optimizer {
  const { beta1, beta2, eps, row, next } = momentsRule(options);
  const mu = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (0.004 * t));
  // Products of μ up to each step, since a step asks for all before it.
  const products: number[] = [1];
  const product = (t: number) => {
    while (products.length <= t) products.push(products.at(-1)! * mu(products.length));
    return products[t];
  };
  return {
    name: "nadam",
    ...row,
    scalars(learningRate, step) {
      const t = step + 1;
      const correction = Math.sqrt(1 - beta2 ** t);
      return {
        gradRate: learningRate * correction * (1 - mu(t)) / (1 - product(t)),
        momentRate: learningRate * correction * mu(t + 1) / (1 - product(t + 1)),
        adamEps: eps * correction,
      };
    },
    update(inputs) {
      const { b, parameter, scalars: { gradRate, momentRate, adamEps }, rate } = inputs;
      const g = withDecay(inputs);
      const { m, v } = next(inputs, g);
      const ahead = b.add(b.mul(g, b.mul(gradRate, rate)), b.mul(m, b.mul(momentRate, rate)));
      return { parameter: b.sub(parameter, b.div(ahead, b.add(b.sqrt(v), adamEps))), moments: { m, v } };
    },
  };
}

/**
 * Rectified Adam (Liu et al., 2020): the first steps, whose second moment is of too few gradients, are momentum alone.
 * Weight decay is added to the gradient, as in PyTorch.
 */
export function radam(options: AdamOptions = {}): Optimizer {
  const { beta1, beta2, eps, row, next } = momentsRule(options);
  const most = 2 / (1 - beta2) - 1;
  return {
    name: "radam",
    ...row,
    scalars(learningRate, step) {
      const t = step + 1;
      const length = most - 2 * t * beta2 ** t / (1 - beta2 ** t);
      const rate = learningRate / (1 - beta1 ** t);
      if (length <= 5) return { plainRate: rate, adamRate: 0, adamEps: eps };
      const rectified = Math.sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length));
      return { plainRate: 0, adamRate: rate * rectified * Math.sqrt(1 - beta2 ** t), adamEps: eps };
    },
    update(inputs) {
      const { b, parameter, scalars: { plainRate, adamRate, adamEps }, rate } = inputs;
      const { m, v } = next(inputs, withDecay(inputs));
      const factor = b.add(plainRate, b.div(adamRate, b.add(b.sqrt(v), adamEps)));
      return { parameter: b.sub(parameter, b.mul(b.mul(m, rate), factor)), moments: { m, v } };
    },
  };
}

/**
 * LAMB (You et al., 2020): Adam's step with decay, u = m̂ / (√v̂ + ε) + λθ, as long as the parameter: θ ← θ − η ‖θ‖ /
 * ‖u‖ u. As in timm, where the decay is 0, and where either norm is, the length is left alone. timm clips the whole
 * gradient to norm 1 besides.
 */
export function lamb({ eps = 1e-6, ...options }: AdamOptions = {}): Optimizer {
  const { beta1, beta2, row, next } = momentsRule({ eps, ...options });
  return {
    name: "lamb",
    ...row,
    scalars: (learningRate, step) => ({
      learningRate,
      mCorrection: 1 / (1 - beta1 ** (step + 1)),
      vCorrection: 1 / Math.sqrt(1 - beta2 ** (step + 1)),
    }),
    update(inputs) {
      const { b, parameter, grad, scalars, rate, weightDecay } = inputs;
      const { m, v } = next(inputs, grad);
      const adam = b.div(b.mul(m, scalars.mCorrection), b.add(b.mul(b.sqrt(v), scalars.vCorrection), eps));
      const learningRate = b.mul(scalars.learningRate, rate);
      if (weightDecay === 0) return { parameter: b.sub(parameter, b.mul(adam, learningRate)), moments: { m, v } };
      const step = b.add(adam, b.mul(parameter, weightDecay));
      const norm = (x: Tensor) => b.sqrt(b.sum(b.square(x), undefined, false));
      const [length, stepLength] = [norm(parameter), norm(step)];
      const hasLength = b.mul(b.greater(length, 0), b.greater(stepLength, 0));
      const trust = b.where(hasLength, b.div(length, stepLength), 1);
      return { parameter: b.sub(parameter, b.mul(step, b.mul(trust, learningRate))), moments: { m, v } };
    },
  };
}

/**
 * Lion (Chen et al., 2023): the sign of β₁m + (1 − β₁)g, with m ← β₂m + (1 − β₂)g and decoupled weight decay. Its rate
 * is 3 to 10 times smaller than AdamW's, its decay as much larger.
 *
 * @param options Default betas 0.9 and 0.99; there is no ε.
 */
export function lion({ betas = [0.9, 0.99] }: Pick<AdamOptions, "betas"> = {}): Optimizer {
  const [beta1, beta2] = betas;
  return {
    name: "lion",
    settings: { betas },
    moments: momentsOf("m"),
    scalars: (learningRate) => ({ learningRate }),
    update(inputs) {
      const { b, grad, moments, scalars, rate } = inputs;
      const mixed = b.add(b.mul(moments.m, beta1), b.mul(grad, 1 - beta1));
      const sign = b.sub(b.greater(mixed, 0), b.greater(0, mixed));
      const m = b.add(b.mul(moments.m, beta2), b.mul(grad, 1 - beta2));
      return { parameter: b.sub(decayed(inputs), b.mul(sign, b.mul(scalars.learningRate, rate))), moments: { m } };
    },
  };
}
