/**
 * The graphs of training: a whole step (forward, loss, gradients, update, sums for the log), and the search for a
 * number that is not finite.
 *
 * @module
 */

import { type Operand, sizeOf, type Tensor } from "../../kernels/op.ts";
import {
  type BatchTensors,
  type DeviceTransformation,
  deviceTransformations,
} from "../augment/device/transformations.ts";
import { mix, mixes, type Mixing } from "../augment/device/mix.ts";
import type { Task } from "../data/labels.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { differentiate } from "../graph/differentiate.ts";
import type { Graph } from "../graph/graph.ts";
import { recompute } from "../graph/passes/recompute.ts";
import type { Model } from "../models/model.ts";
import { disagreement, divergence, twice } from "./consistency.ts";
import { distillationLoss, type Teacher, teacherLogits } from "./distillation.ts";
import { lossScale } from "./loss_scale.ts";
import { type LossFunction, type LossRule, taskLoss } from "./losses.ts";
import type { Optimizer } from "./optimizers/mod.ts";
import type { SettledOptions } from "./settled_options.ts";
import type { Gradient } from "./clipping.ts";
import { fixedIn } from "./adapt.ts";
import { headOf, learnAll, type Learning, learningOf } from "./parameter_groups.ts";
import { gatheredName, momentName, SKIPPED, updateChain, type UpdateOptions } from "./update_chain.ts";

/** How a training step is computed. */
export interface StepOptions extends UpdateOptions {
  readonly task: Task;
  /** Pictures N in a step. */
  readonly batch: number;
  /** What is learnt, and how fast; everything at one rate when undefined. */
  readonly learning?: Learning;
  /** Share of the target that all classes get alike. */
  readonly labelSmoothing: number;
  /** In the place of the task's loss: a named one with its numbers, or one of the user's own. */
  readonly loss?: LossRule | LossFunction;
  /** τ by which the logarithms of the classes' shares are added to the logits in the loss; default 0. */
  readonly logitAdjustment?: number;
  /** Share of the batch's moments in batch norms' running ones; default the layers' own. */
  readonly batchNormMomentum?: number;
  /** α of R-Drop: the weight of two passes' disagreement; 0, the default, has one pass. */
  readonly rDrop?: number;
  /** Views V of each picture, whose answers are drawn together; default 1. */
  readonly augSplits?: number;
  /** Weight of that. */
  readonly jsdAlpha?: number;
  /** What the student learns from besides the labels. */
  readonly teacher?: Teacher;
  /**
   * Computes activations again in the backward pass instead of holding them: a third more time for much less memory.
   */
  readonly checkpointActivations?: boolean;
  /** Are the weights of some epochs averaged? That takes memory besides the step's. Default not. */
  readonly swa?: boolean;
  /** Random changes to a batch on the device, in their order; default none. */
  readonly transformations?: readonly DeviceTransformation[];
  /** How pictures and targets are mixed after them; default not. */
  readonly mixing?: Mixing;
}

/** A step of which it is settled what is learnt. */
export type LearningStep = StepOptions & Required<Pick<StepOptions, "learning">>;

/**
 * The step of a run that updates.
 *
 * @param samples Size of the training split.
 */
export function stepOf(options: SettledOptions, samples: number): LearningStep {
  const { model, task, batch, accumulate, optimizer, weightDecay, labelSmoothing, teacher, loss } = options;
  const { clipNorm, clipValue, clipAgc, ema, swa, logitAdjustment, rDrop, batchNormMomentum } = options;
  return {
    ...{ task, optimizer, weightDecay, clipNorm, clipValue, clipAgc, labelSmoothing, teacher, logitAdjustment, rDrop },
    ...{ batchNormMomentum, augSplits: options.augSplits, jsdAlpha: options.jsdAlpha },
    averages: ema !== undefined,
    swa: swa > 0,
    // The numbers of a named loss are options beside it.
    loss: typeof loss === "function" ? loss : { ...options, loss },
    mixing: mixes(options) ? options : undefined,
    learning: learningOf(model.parameters, options, fixedIn(model)),
    batch: Math.min(batch, samples),
    accumulation: accumulate > 1 ? "update" : undefined,
    checkpointActivations: options.checkpointActivations,
    transformations: [...deviceTransformations(options.augment), ...options.transform ? [options.transform] : []],
    precision: options.precision,
    skipNonFinite: options.skipNonFinite > 0,
  };
}

/** States of the step besides the model's and the optimiser's, each one number. */
export const COUNTERS = {
  /** Sum of the losses of the pictures since the last log. */
  lossSum: "train.lossSum",
  /** Pictures in that sum. */
  lossCount: "train.lossCount",
  ...SKIPPED,
} as const;

/** State that holds the weights of classes or of positive labels, [K]. */
export const CLASS_WEIGHT = "loss.classWeight";

/** State that holds what is added to the logits in the loss, [K], where something is. */
export const LOGIT_OFFSET = "loss.logitOffset";

/**
 * Values that all states of a training graph start from, but for the model's own and the loss scale's.
 *
 * @param gathers Do several steps make one update?
 */
export function initialState(
  model: Model,
  optimizer: Optimizer,
  classWeight: readonly number[],
  { rates }: Learning = learnAll(model.parameters),
  gathers = false,
): Map<string, Float32Array> {
  const states = new Map<string, Float32Array>([[CLASS_WEIGHT, Float32Array.from(classWeight)]]);
  for (const name of Object.values(COUNTERS)) {
    states.set(name, Float32Array.of(name === COUNTERS.firstSkipped ? -1 : 0));
  }
  for (const { name, shape } of model.parameters) {
    if (!rates.has(name)) continue;
    for (const [moment, itsShape] of Object.entries(optimizer.moments(shape))) {
      states.set(momentName(moment, name), new Float32Array(sizeOf(itsShape)));
    }
    if (gathers) states.set(gatheredName(name), new Float32Array(sizeOf(shape)));
  }
  return states;
}

interface Forward {
  readonly b: GraphBuilder;
  readonly loss: Tensor;
  readonly weight: Tensor;
  readonly scope: ReturnType<Model["trace"]>["scope"];
  /** Logits of the teacher [N, K], where there is one. */
  readonly taught?: Tensor;
  /** What the loss was multiplied by before it was differentiated. */
  readonly scale: Operand;
  /** Learnt parameters and the gradients of the scaled loss, in the model's order. */
  readonly grads: readonly Gradient[];
}

/** A loss of the user's own. Throws TypeError where it is no scalar. */
function scalarOf(loss: Tensor): Tensor {
  if (loss.shape.length === 0) return loss;
  throw new TypeError(`The loss has the shape [${loss.shape.join(", ")}]: give the mean of the batch, a scalar`);
}

/** Loss and gradients: what training and the search share. */
function forwardBackward(model: Model, options: StepOptions): Forward {
  const { task, batch, labelSmoothing, teacher, precision, loss: aim, logitAdjustment = 0, rDrop = 0 } = options;
  const { batchNormMomentum, augSplits = 1, jsdAlpha = 0 } = options;
  const { rates, frozen } = options.learning ?? learnAll(model.parameters);
  const b = new GraphBuilder({ precision });
  const changed = changedBatch(b, model, options);
  // Of every pass: all that follows is a mean over the pictures of all of them.
  const passed = (x: Tensor) => rDrop > 0 ? twice(b, x) : x;
  const pictures = changed?.pictures ?? imagesOf(b, model, options);
  const answers = model.trace(b, batch, true, frozen, passed(pictures), { momentum: batchNormMomentum });
  const { scope } = answers;
  // Of several views the first is learnt from.
  const logits = augSplits > 1 ? b.slice(answers.logits, [0, 0], [batch, model.classes]) : answers.logits;
  const targets = passed(changed?.targets ?? b.input("targets", [batch, model.classes]));
  const weight = b.input("weight", [batch]);
  const classWeight = b.state(CLASS_WEIGHT, [model.classes]);
  const logitOffset = logitAdjustment > 0 ? b.state(LOGIT_OFFSET, [model.classes]) : undefined;
  const operands = { logits, targets, weight: passed(weight), classWeight, labelSmoothing };
  const rule = typeof aim === "function" ? undefined : aim;
  const named = { ...operands, rule, logitOffset };
  const taught = teacher && teacherLogits(b, teacher, pictures);
  const ofTargets = taught
    ? distillationLoss(b, task, teacher, { ...named, teacher: passed(taught), outputs: scope.outputs })
    : typeof aim === "function"
    ? scalarOf(aim(b, operands))
    : taskLoss(b, task, named);
  const loss = rDrop > 0
    ? b.add(ofTargets, b.mul(disagreement(b, task, logits, weight), rDrop))
    : augSplits > 1
    ? b.add(ofTargets, b.mul(divergence(b, task, answers.logits, weight), jsdAlpha))
    : ofTargets;
  const learnt = model.parameters.filter(({ name }) => rates.has(name));
  const isOfHead = headOf(model);
  const parameters = learnt.map(({ name, shape }) => b.state(name, shape));
  const scale = precision === "f16" ? lossScale(b) : 1;
  const grads = differentiate(b, b.mul(loss, scale), parameters);
  return {
    b,
    loss,
    weight,
    scope,
    taught,
    scale,
    grads: learnt.map(({ name, decay }, k) => {
      const isHead = isOfHead(name);
      return { name, decay, rate: rates.get(name)!, isHead, parameter: parameters[k], grad: grads[k] };
    }),
  };
}

/** The batch as transformations on the device leave it, where there are any. */
function changedBatch(
  b: GraphBuilder,
  model: Model,
  options: StepOptions,
): BatchTensors | undefined {
  const { batch, transformations = [], mixing } = options;
  if (transformations.length === 0 && !mixing) return undefined;
  const key = [b.input("keyHi", []), b.input("keyLo", [])] as const;
  const given = { pictures: imagesOf(b, model, options), targets: b.input("targets", [batch, model.classes]) };
  const changed = transformations.reduce((before, transform) => transform(b, before, key), given);
  return mixing ? mix(b, changed) : changed;
}

/** The pictures of a step: all views of them. */
function imagesOf(b: GraphBuilder, { channels, imageSize }: Model, { batch, augSplits = 1 }: StepOptions): Tensor {
  return b.input("images", [augSplits * batch, channels, imageSize, imageSize]);
}

/**
 * The graph of one training step. Inputs: `images`, `targets`, `weight`, `keyHi`, `keyLo`, `step`; of a step that
 * updates, the optimiser's scalars, and `averageShare` where an average is kept; where several steps make one update,
 * `share`.
 */
export function trainingGraph(model: Model, options: StepOptions): Graph {
  const { b, loss, weight, scope, scale, grads } = forwardBackward(model, options);
  const statistics = Array.from(
    scope.updates,
    ([state, value]) => ({ state, old: b.state(state, value.shape), value }),
  );
  const guard = updateChain(b, loss, scale, grads, statistics, options);
  const count = b.sum(weight, undefined, false);
  const lossSum = b.state(COUNTERS.lossSum, []);
  const lossCount = b.state(COUNTERS.lossCount, []);
  const firstSkipped = b.state(COUNTERS.firstSkipped, []);
  guard.write({ state: COUNTERS.lossSum, old: lossSum, value: b.add(lossSum, b.mul(loss, count)) });
  guard.write({ state: COUNTERS.lossCount, old: lossCount, value: b.add(lossCount, count) });
  guard.count(firstSkipped);
  return options.checkpointActivations ? recompute(b.graph, loss) : b.graph;
}

/**
 * The graph that finds where a step stops being finite. Its outputs are how many elements are not finite, in the order
 * of the computation: of the pictures, every layer's output, the loss and every gradient.
 */
export function searchGraph(model: Model, options: StepOptions): Graph {
  const { b, loss, scope, taught, grads } = forwardBackward(model, options);
  const count = (name: string, x: Tensor) => b.output(name, b.sum(b.sub(1, b.op("isFinite", [x])), undefined, false));
  count("images", imagesOf(b, model, options));
  if (taught) count("output of the teacher", taught);
  for (const { name, parameter } of grads) count(`parameter ${name}`, parameter);
  for (const [path, output] of scope.outputs) count(`output of ${path}`, output);
  count("loss", loss);
  for (const { name, grad } of grads.toReversed()) count(`gradient of ${name}`, grad);
  return b.graph;
}
