/**
 * What an optimiser is: an update of one parameter as nodes of the graph. Moments are State; what changes from step to
 * step is a few scalars.
 *
 * @module
 */

import type { Builder, Shape, Tensor } from "../../../kernels/op.ts";

/** What an update rule is given for one parameter. */
export interface UpdateInputs {
  /** Builder of the training graph. */
  readonly b: Builder;
  /** Its value before the step. */
  readonly parameter: Tensor;
  /** d loss / d parameter, of the parameter's shape, clipped where that is asked for. */
  readonly grad: Tensor;
  /** Values of {@link Optimizer.moments}. */
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
  readonly settings?: OptimizerSettings;
  /** Shapes of the moments kept for a parameter of this shape, by name; they start at 0. */
  moments(shape: Shape): Readonly<Record<string, Shape>>;
  /**
   * Scalars of a step by name, given the learning rate, the number of updates before it, and the momentum where the
   * schedule moves that.
   */
  scalars(learningRate: number, step: number, momentum?: number): Readonly<Record<string, number>>;
  /** Adds the update of one parameter to the graph; it assigns nothing. */
  update(inputs: UpdateInputs): Update;
}

/** Settings of the rules. Each rule has some of them. */
export interface OptimizerSettings {
  /** Share of the last step's direction that is kept. */
  readonly momentum?: number;
  /** Is the gradient taken where the momentum leads? */
  readonly nesterov?: boolean;
  /** Is the momentum, or the first of the decay rates, the schedule's? */
  readonly cycleMomentum?: boolean;
  /** Decay rates of the moments. */
  readonly betas?: readonly [number, number];
  /** What keeps the update's divisor from zero. */
  readonly eps?: number;
}

/** Moments of the parameter's own shape. */
export const momentsOf = (...names: readonly string[]) => (shape: Shape): Record<string, Shape> =>
  Object.fromEntries(names.map((name) => [name, shape]));

/** Weight decay as an addition to the gradient. */
export function withDecay({ b, grad, parameter, weightDecay }: UpdateInputs): Tensor {
  return weightDecay === 0 ? grad : b.add(grad, b.mul(parameter, weightDecay));
}

/** Weight decay apart from the gradient (Loshchilov and Hutter, 2019): the parameter times 1 − ηλ. */
export function decayed({ b, parameter, scalars, rate, weightDecay }: UpdateInputs): Tensor {
  return weightDecay === 0 ? parameter : b.mul(parameter, b.sub(1, b.mul(scalars.learningRate, rate * weightDecay)));
}
