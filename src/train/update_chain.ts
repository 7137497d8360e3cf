/**
 * From gradients to new values: what every training step ends with, as a chain of links.
 *
 * ```text
 * gradients ─▶ scale ─▶ gather ─▶ clip ─▶ guard ─▶ rule ─▶ average ─▶ write
 * ```
 *
 * | link    | does                                                                                                 |
 * | ------- | ---------------------------------------------------------------------------------------------------- |
 * | scale   | divides by the loss scale of half precision                                                          |
 * | gather  | adds to what earlier steps of one update have gathered                                               |
 * | clip    | shortens the whole gradient, its elements or that of each unit (`clipping.ts`)                       |
 * | guard   | closes where loss or gradient is not finite: nothing is changed then, and the step is counted        |
 * | rule    | the optimiser's new moments and parameters; of a step that only gathers, the gathered gradient       |
 * | average | moves the average of each parameter and running statistic that is changed towards its new value      |
 *
 * Links that scale the whole gradient do not multiply it: each hands on a scalar, `factor`, which the rule multiplies
 * once. Changes are written one at a time, through the guard: the rule's, those of running statistics, and those that
 * the link of averages adds to them.
 *
 * The guard hands on `factor`, the factor of all links, or −1 when loss or gradient norm is not finite. Every
 * assignment of the step keeps the old value where it is below 0. So the device itself leaves a bad step out, and
 * unless `--on-nan skip:N` allows it, every step after it too. The trainer learns of it at the next log or checkpoint.
 * It runs that very step again with a count at each layer (`searchGraph`), and names the first tensor that is not
 * finite.
 *
 * With `accumulate`, a step that gathers adds its gradient, times its share of the mean, to the states `gathered.…`.
 * The last of the steps learns from the sum and clears them. They are two programs over the same kernels. The states
 * are saved in `last`, so a run stopped between them resumes to the same bytes.
 *
 * @module
 */

import type { Operand, Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Precision } from "../graph/graph.ts";
import { averageName } from "./averages.ts";
import { clip, type Clipping, type Gradient, type Gradients, squaredNorm } from "./clipping.ts";
import { adjustLossScale } from "./loss_scale.ts";
import type { Optimizer } from "./optimizers/mod.ts";

/** How the links work: of the step's options, those that are about its update. */
export interface UpdateOptions extends Clipping {
  readonly optimizer: Optimizer;
  /** On weights, not on biases and norms. */
  readonly weightDecay: number;
  /** Is an exponential moving average kept of what the step changes of the model? Default not. */
  readonly averages?: boolean;
  /**
   * Where several steps make one update: `gather` adds the gradient, times the input `share`, to what was gathered
   * before; `update` does so and learns from the sum. Undefined: every step learns from its own gradient.
   */
  readonly accumulation?: "gather" | "update";
  /**
   * How activations and the gradients that flow back are held, default f32; `f16` brings the states of a loss scale.
   */
  readonly precision?: Precision;
  /** Goes on after a step that is not finite, leaving it out; otherwise nothing is updated from that step on. */
  readonly skipNonFinite: boolean;
}

/** New value of a state. */
export interface Change {
  readonly state: string;
  readonly old: Tensor;
  readonly value: Tensor;
  /** Written even where the guard is closed. */
  readonly always?: boolean;
  /** Is it a parameter of the model's? */
  readonly isOfModel?: boolean;
}

/** What stands before the names of moments. */
const MOMENT = "optimizer.";

/** Name of a moment's state. */
export function momentName(moment: string, parameter: string): string {
  return `${MOMENT}${moment}.${parameter}`;
}

/** Is it the name of a moment's state? */
export function isMoment(state: string): boolean {
  return state.startsWith(MOMENT);
}

/** Name of the state that gathers a parameter's gradient over the steps of one update. */
export function gatheredName(parameter: string): string {
  return `gathered.${parameter}`;
}

/**
 * Ends a step with its update.
 *
 * @param b Its graph so far.
 * @param loss Mean loss of its pictures.
 * @param lossScale What the loss was multiplied by before it was differentiated.
 * @param gradients Of the scaled loss.
 * @param statistics New values of the model's running statistics.
 * @returns The guard, through which the step writes what else it learns.
 */
export function updateChain(
  b: GraphBuilder,
  loss: Tensor,
  lossScale: Operand,
  gradients: readonly Gradient[],
  statistics: readonly Change[],
  options: UpdateOptions,
): Guard {
  const scaled = scale(b, gradients, lossScale);
  const gathered = options.accumulation === undefined ? scaled : gather(b, scaled);
  const normSquared = squaredNorm(b, gathered);
  const verdict = judge(b, loss, normSquared, options);
  // One that is only gathered keeps its length.
  const clipped = options.accumulation === "gather" ? gathered : clip(b, gathered, normSquared, options);
  const guard = new Guard(b, clipped.factor, verdict);
  const updates = options.accumulation !== "gather";
  const changes = updates ? rule(b, { ...clipped, factor: guard.factor }, options) : keepGathered(b, clipped);
  for (const change of changes) {
    guard.write(change);
    if (options.averages && updates && change.isOfModel) guard.write(average(b, change));
  }
  for (const change of statistics) {
    guard.write(change);
    if (options.averages && updates) guard.write(average(b, change));
  }
  return guard;
}

/** Gradients are those of the loss times its scale. */
function scale(b: GraphBuilder, all: readonly Gradient[], lossScale: Operand): Gradients {
  return { all, factor: lossScale === 1 ? 1 : b.div(1, lossScale) };
}

/** Adds this step's share to what was gathered; that has another step's loss scale no more. */
function gather(b: GraphBuilder, { all, factor }: Gradients): Gradients {
  const summed = all.map(({ name, grad, ...rest }) => {
    const gathered = b.state(gatheredName(name), grad.shape);
    return { ...rest, name, grad: b.add(gathered, b.mul(grad, b.mul(b.input("share", []), factor))) };
  });
  return { all: summed, factor: 1 };
}

/** What is found of a step. */
interface Verdict {
  /** 1 where it may change anything, else 0. */
  readonly goesOn: Tensor;
  /** 1 where it is a fault that it is not finite, else 0. */
  readonly failed: Tensor;
  /** Steps before it that were faults. */
  readonly skipped: Tensor;
}

/** States that count steps that were not finite. */
export const SKIPPED = {
  /** Steps that were not finite, but for those that the loss scale answers for. */
  skipped: "train.skipped",
  /** The first of them, or −1. */
  firstSkipped: "train.firstSkipped",
} as const;

/** Is the step finite, and is it a fault where it is not? Half precision's loss scale is set for the next step. */
function judge(b: GraphBuilder, loss: Tensor, normSquared: Tensor, options: UpdateOptions): Verdict {
  const finite = b.mul(b.op("isFinite", [loss]), b.op("isFinite", [normSquared]));
  // A gradient that overflows half precision is left out without being a fault.
  const overflowed = options.precision === "f16" ? adjustLossScale(b, finite) : 0;
  const failed = b.sub(b.sub(1, finite), overflowed);
  const skipped = b.state(SKIPPED.skipped, []);
  return { goesOn: options.skipNonFinite ? finite : b.mul(finite, b.equal(skipped, 0)), failed, skipped };
}

/** Keeps a step that is not finite from changing anything. */
export class Guard {
  /** What gradients are multiplied by; below 0 where nothing is to change. One scalar says both: bindings are few. */
  readonly factor: Tensor;
  readonly #b: GraphBuilder;
  readonly #verdict: Verdict;

  /** Closes where the verdict says so, and else hands the factor on. */
  constructor(b: GraphBuilder, factor: Operand, verdict: Verdict) {
    this.#b = b;
    this.#verdict = verdict;
    this.factor = b.where(verdict.goesOn, factor, -1);
  }

  /** Assigns a new value, or the old one where the step is left out. */
  write({ state, old, value, always }: Change): void {
    const b = this.#b;
    b.assign(state, always ? value : b.where(b.greater(0, this.factor), old, value));
  }

  /** Counts the step where it failed, and keeps the number of the first that did. */
  count(firstSkipped: Tensor): void {
    const b = this.#b;
    const { failed, skipped } = this.#verdict;
    b.assign(SKIPPED.skipped, b.add(skipped, failed));
    const isFirst = b.mul(failed, b.greater(0, firstSkipped));
    b.assign(SKIPPED.firstSkipped, b.where(isFirst, b.input("step", []), firstSkipped));
  }
}

/** The changes of a step that only gathers. */
function* keepGathered(b: GraphBuilder, { all }: Gradients): Generator<Change> {
  for (const { name, grad } of all) {
    const state = gatheredName(name);
    yield { state, old: b.state(state, grad.shape), value: grad };
  }
}

/** The optimiser's changes, a parameter after the other. */
function* rule(b: GraphBuilder, { all, factor }: Gradients, options: UpdateOptions): Generator<Change> {
  const { optimizer, weightDecay, accumulation } = options;
  const names = Object.keys(optimizer.scalars(0, 0));
  const scalars = Object.fromEntries(names.map((name) => [name, b.input(name, [])]));
  for (const { name, decay, rate, parameter, grad } of all) {
    if (accumulation === "update") {
      const state = gatheredName(name);
      // A step that is left out takes what was gathered with it.
      yield { state, old: b.state(state, grad.shape), value: b.broadcastTo(0, grad.shape), always: true };
    }
    const moments = Object.fromEntries(
      Object.entries(optimizer.moments(parameter.shape)).map(([m, shape]) => [m, b.state(momentName(m, name), shape)]),
    );
    const update = optimizer.update({
      b,
      parameter,
      grad: b.mul(grad, factor),
      moments,
      scalars,
      rate,
      weightDecay: decay ? weightDecay : 0,
    });
    for (const [moment, old] of Object.entries(moments)) {
      yield { state: momentName(moment, name), old, value: update.moments[moment] };
    }
    yield { state: name, old: parameter, value: update.parameter, isOfModel: true };
  }
}

/** Moves the average of what is changed: a ← a + w (θ − a), where w is the input `averageShare`. */
function average(b: GraphBuilder, { state, value }: Change): Change {
  const old = b.state(averageName(state), value.shape);
  return { state: averageName(state), old, value: b.add(old, b.mul(b.sub(value, old), b.input("averageShare", []))) };
}
