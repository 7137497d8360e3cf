/**
 * The graphs of training: a whole step (forward, loss, gradients, update, sums for the log), and the search for a number that
 * is not finite.
 *
 * @module
 */

import { type Operand, sizeOf, type Tensor } from "../../kernels/op.ts";
import {
  type BatchTensors,
  type DeviceTransformation,
  deviceTransformations,
} from "../augment/device/transformations.ts";
import type { Task } from "../data/labels.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { differentiate } from "../graph/differentiate.ts";
import type { Graph, Precision } from "../graph/graph.ts";
import { recompute } from "../graph/recompute.ts";
import type { Model } from "../models/model.ts";
import { distillationLoss, type Teacher, teacherLogits } from "./distillation.ts";
import { adjustLossScale, lossScale } from "./loss_scale.ts";
import { taskLoss } from "./losses.ts";
import type { Optimizer } from "./optimizers.ts";
import type { SettledOptions } from "./options.ts";
import { learnAll, type Learning, learningOf } from "./parameter_groups.ts";

/** How a training step is computed. */
export interface StepOptions {
  readonly task: Task;
  /** Pictures N in a step. */
  readonly batch: number;
  readonly optimizer: Optimizer;
  /** On weights, not on biases and norms. */
  readonly weightDecay: number;
  /** What is learnt, and how fast; everything at one rate when undefined. */
  readonly learning?: Learning;
  /** Greatest norm of the whole gradient; none when undefined. */
  readonly clipNorm?: number;
  /** Share of the target that all classes get alike. */
  readonly labelSmoothing: number;
  /** What the student learns from besides the labels. */
  readonly teacher?: Teacher;
  /**
   * Where several steps make one update: `gather` adds the gradient, times the input `share`, to what was gathered before;
   * `update` does so and learns from the sum. Undefined: every step learns from its own gradient.
   */
  readonly accumulation?: "gather" | "update";
  /** Computes activations again in the backward pass instead of holding them: a third more time for much less memory. */
  readonly checkpointActivations?: boolean;
  /** Random changes to a batch on the device, in their order; default none. */
  readonly transformations?: readonly DeviceTransformation[];
  /** How activations and the gradients that flow back are held, default f32; `f16` brings the states of a loss scale. */
  readonly precision?: Precision;
  /** Goes on after a step that is not finite, leaving it out; otherwise nothing is updated from that step on. */
  readonly skipNonFinite: boolean;
}

/** A step of which it is settled what is learnt. */
export type LearningStep = StepOptions & Required<Pick<StepOptions, "learning">>;

/**
 * The step of a run that updates.
 *
 * @param samples Size of the training split.
 */
export function stepOf(options: SettledOptions, samples: number): LearningStep {
  const { model, task, batch, accumulate, optimizer, weightDecay, clipNorm, labelSmoothing, teacher } = options;
  return {
    ...{ task, optimizer, weightDecay, clipNorm, labelSmoothing, teacher },
    learning: learningOf(model.parameters, options),
    batch: Math.min(batch, samples),
    accumulation: accumulate > 1 ? "update" : undefined,
    checkpointActivations: options.checkpointActivations,
    // What is chosen where none is given has none on the device.
    transformations: deviceTransformations(options.augment ?? "none"),
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
  /** Steps that were not finite, but for those that the loss scale answers for. */
  skipped: "train.skipped",
  /** The first of them, or −1. */
  firstSkipped: "train.firstSkipped",
} as const;

/** State that holds the weights of classes or of positive labels, [K]. */
export const CLASS_WEIGHT = "loss.classWeight";

/** Name of a moment's state. */
export function momentName(moment: string, parameter: string): string {
  return `optimizer.${moment}.${parameter}`;
}

/** Name of the state that gathers a parameter's gradient over the steps of one update. */
export function gatheredName(parameter: string): string {
  return `gathered.${parameter}`;
}

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
    for (const moment of optimizer.moments) states.set(momentName(moment, name), new Float32Array(sizeOf(shape)));
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
  readonly grads: readonly {
    readonly name: string;
    readonly decay: boolean;
    readonly rate: number;
    readonly parameter: Tensor;
    readonly grad: Tensor;
  }[];
}

/** Loss and gradients: what training and the search share. */
function forwardBackward(model: Model, options: StepOptions): Forward {
  const { task, batch, labelSmoothing, teacher, precision } = options;
  const { rates, frozen } = options.learning ?? learnAll(model.parameters);
  const b = new GraphBuilder({ precision });
  const changed = changedBatch(b, model, options);
  const { logits, scope } = model.trace(b, batch, true, frozen, changed?.pictures);
  const targets = changed?.targets ?? b.input("targets", logits.shape);
  const weight = b.input("weight", [batch]);
  const classWeight = b.state(CLASS_WEIGHT, [model.classes]);
  const operands = { logits, targets, weight, classWeight, labelSmoothing };
  const taught = teacher && teacherLogits(b, teacher, changed?.pictures ?? imagesOf(b, model, batch));
  const loss = taught
    ? distillationLoss(b, task, teacher, { ...operands, teacher: taught, outputs: scope.outputs })
    : taskLoss(b, task, operands);
  const learnt = model.parameters.filter(({ name }) => rates.has(name));
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
      return { name, decay, rate: rates.get(name)!, parameter: parameters[k], grad: grads[k] };
    }),
  };
}

/** The batch as transformations on the device leave it, where there are any. */
function changedBatch(
  b: GraphBuilder,
  model: Model,
  { batch, transformations = [] }: StepOptions,
): BatchTensors | undefined {
  if (transformations.length === 0) return undefined;
  const key = [b.input("keyHi", []), b.input("keyLo", [])] as const;
  const given = { pictures: imagesOf(b, model, batch), targets: b.input("targets", [batch, model.classes]) };
  return transformations.reduce((before, transform) => transform(b, before, key), given);
}

/** Most rows whose sums are computed side by side. */
const MOST_ROWS = 512;

/** Elements that one workgroup adds up about as fast as a dispatch takes. */
const FEW = 4096;

/** Σ x², in two passes where x is large: a single sum has one workgroup. */
function sumOfSquares(b: GraphBuilder, x: Tensor): Tensor {
  const size = sizeOf(x.shape);
  if (size <= FEW) return b.sum(b.square(b.reshape(x, [size])), undefined, false);
  const rows = Array.from({ length: MOST_ROWS }, (_, k) => MOST_ROWS - k).find((rows) =>
    size % (4 * rows) === 0 && size >= 64 * rows
  );
  if (rows === undefined) return b.sum(b.square(x), undefined, false);
  return b.sum(b.sum(b.square(b.reshape(x, [rows, size / rows])), [1]), undefined, false);
}

/** The input that the model's trace has asked for. */
function imagesOf(b: GraphBuilder, { channels, imageSize }: Model, batch: number): Tensor {
  return b.input("images", [batch, channels, imageSize, imageSize]);
}

/**
 * The graph of one training step. Inputs: `images`, `targets`, `weight`, `keyHi`, `keyLo`, `step`; of a step that updates, the
 * optimiser's scalars; where several steps make one update, `share`.
 */
export function trainingGraph(model: Model, options: StepOptions): Graph {
  const { optimizer, clipNorm, weightDecay, skipNonFinite, accumulation } = options;
  const { b, loss, weight, scope, scale, grads: own } = forwardBackward(model, options);
  const inverse = scale === 1 ? 1 : b.div(1, scale);
  const grads = accumulation === undefined ? own : own.map(({ name, grad, ...rest }) => {
    const gathered = b.state(gatheredName(name), grad.shape);
    return { ...rest, name, grad: b.add(gathered, b.mul(grad, b.mul(b.input("share", []), inverse))) };
  });
  // What was gathered has another step's scale no more.
  const unscale = accumulation === undefined ? inverse : 1;

  const squares = grads.map(({ grad }) => sumOfSquares(b, grad));
  const normSquared = squares.reduce((sum, square) => b.add(sum, square));
  const finite = b.mul(b.op("isFinite", [loss]), b.op("isFinite", [normSquared]));
  // A gradient that overflows half precision is left out without being a fault.
  const overflowed = options.precision === "f16" ? adjustLossScale(b, finite) : 0;
  const failed = b.sub(b.sub(1, finite), overflowed);
  const skipped = b.state(COUNTERS.skipped, []);
  const goesOn = skipNonFinite ? finite : b.mul(finite, b.equal(skipped, 0));
  const factor = clipNorm === undefined || accumulation === "gather"
    ? 1
    : b.minimum(b.div(clipNorm, b.add(b.mul(b.sqrt(normSquared), unscale), 1e-6)), 1);
  // One scalar says both how to scale the gradient and, below 0, that nothing is to change: bindings are few.
  const gradScale = b.where(goesOn, b.mul(factor, unscale), -1);
  const guarded = (name: string, old: Tensor, value: Tensor) =>
    b.assign(name, b.where(b.greater(0, gradScale), old, value));

  const names = accumulation === "gather" ? [] : Object.keys(optimizer.scalars(0, 0));
  const scalars = Object.fromEntries(names.map((name) => [name, b.input(name, [])]));
  for (const { name, decay, rate, parameter, grad } of grads) {
    if (accumulation === "gather") {
      guarded(gatheredName(name), b.state(gatheredName(name), grad.shape), grad);
      continue;
    }
    // A step that is left out takes what was gathered with it.
    if (accumulation === "update") b.assign(gatheredName(name), b.broadcastTo(0, grad.shape));
    const moments = Object.fromEntries(
      optimizer.moments.map((moment) => [moment, b.state(momentName(moment, name), parameter.shape)]),
    );
    const scaled = b.mul(grad, gradScale);
    const update = optimizer.update({
      b,
      parameter,
      grad: scaled,
      moments,
      scalars,
      rate,
      weightDecay: decay ? weightDecay : 0,
    });
    for (const moment of optimizer.moments) guarded(momentName(moment, name), moments[moment], update.moments[moment]);
    guarded(name, parameter, update.parameter);
  }
  for (const [name, value] of scope.updates) guarded(name, b.state(name, value.shape), value);

  const count = b.sum(weight, undefined, false);
  const lossSum = b.state(COUNTERS.lossSum, []);
  const lossCount = b.state(COUNTERS.lossCount, []);
  const firstSkipped = b.state(COUNTERS.firstSkipped, []);
  guarded(COUNTERS.lossSum, lossSum, b.add(lossSum, b.mul(loss, count)));
  guarded(COUNTERS.lossCount, lossCount, b.add(lossCount, count));
  b.assign(COUNTERS.skipped, b.add(skipped, failed));
  const isFirst = b.mul(failed, b.greater(0, firstSkipped));
  b.assign(COUNTERS.firstSkipped, b.where(isFirst, b.input("step", []), firstSkipped));
  return options.checkpointActivations ? recompute(b.graph, loss) : b.graph;
}

/**
 * The graph that finds where a step stops being finite: for the pictures, every layer's output, the loss and every
 * gradient, in the order of the computation, how many of its elements are not finite.
 */
export function searchGraph(model: Model, options: StepOptions): Graph {
  const { b, loss, scope, taught, grads } = forwardBackward(model, options);
  const count = (name: string, x: Tensor) => b.output(name, b.sum(b.sub(1, b.op("isFinite", [x])), undefined, false));
  count("images", imagesOf(b, model, options.batch));
  if (taught) count("output of the teacher", taught);
  for (const { name, parameter } of grads) count(`parameter ${name}`, parameter);
  for (const [path, output] of scope.outputs) count(`output of ${path}`, output);
  count("loss", loss);
  for (const { name, grad } of grads.toReversed()) count(`gradient of ${name}`, grad);
  return b.graph;
}
