/**
 * Knowledge distillation: a trained model, the teacher, says what it sees in the pictures that another one, the
 * student, is trained on.
 *
 * The teacher is a part of the training step's graph, in evaluation mode: running statistics, nothing dropped. It is no
 * path to a parameter of the student, so no gradient reaches it. Nothing is assigned to its states.
 *
 * The teacher's states are under `teacher.`. Pictures are renormalised for it by one multiply-add that fuses into its
 * first layer.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import type { Task } from "../data/labels.ts";
import { option, UserError } from "../errors.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Model } from "../models/model.ts";
import { Scope } from "../nn/layer.ts";
import { type NamedLossInputs, taskLoss } from "./losses.ts";

/** Mean and standard deviation of each channel by which a model's pictures are normalised. */
export interface Normalization {
  /** Of values from 0 to 1. */
  readonly mean: readonly number[];
  /** Of values from 0 to 1. */
  readonly std: readonly number[];
}

/** A teacher and how the student learns from it. */
export interface TeacherOptions {
  /** With its weights, for the student's picture size, channels and classes. */
  readonly model: Model;
  /** What its pictures are normalised by; pictures are normalised anew where the student's are by something else. */
  readonly preprocessing: Normalization;
  /**
   * `soft` (default): the student's probabilities are drawn to the teacher's (Hinton, Vinyals, Dean, "Distilling the
   * knowledge in a neural network", 2015). `hard`: the teacher's answer is a second label; `token`: it is the label of
   * the student's second head (both: Touvron et al., "Training data-efficient image transformers & distillation through
   * attention", 2021, section 4).
   */
  readonly mode?: "soft" | "hard" | "token";
  /** T: what both sides' logits are divided by in `soft` mode; default 4. */
  readonly temperature?: number;
  /** α: the teacher's share of the loss, from 0 to 1; the labels have the rest. Default 0.5, as DeiT's. */
  readonly alpha?: number;
}

/** A teacher with the defaults filled in. */
export type Teacher = Required<TeacherOptions>;

/** Fills in the defaults. */
export function resolveTeacher(options: TeacherOptions): Teacher {
  return { mode: "soft", temperature: 4, alpha: 0.5, ...options };
}

/** Heads of a distilled student: paths of its outputs [N, K] that learn from the labels and from the teacher. */
const HEADS = { label: "heads", teacher: "head_dist" } as const;

/** Before the names of a teacher's states: those of the student have none. */
const PREFIX = "teacher.";

/** States [C] that turn the student's normalised pictures into the teacher's: factor and summand of each channel. */
const AFFINE = { scale: "teacher.images.scale", shift: "teacher.images.shift" } as const;

/**
 * Checks that a teacher fits a student.
 *
 * @throws RangeError for a temperature or share out of range, TypeError when pictures or logits differ in shape.
 */
export function checkTeacher({ model: teacher, preprocessing, temperature, alpha }: Teacher, student: Model): void {
  if (!(temperature > 0)) throw new RangeError(`Cannot distil at temperature ${temperature}: give one above 0`);
  if (!(alpha >= 0 && alpha <= 1)) throw new RangeError(`Cannot weigh a teacher by ${alpha}: give 0 to 1`);
  const shapes = [teacher, student].map(({ channels, imageSize, classes }) =>
    `pictures of [${channels}, ${imageSize}, ${imageSize}] and gives ${classes} logits`
  );
  if (shapes[0] !== shapes[1]) {
    throw new TypeError(`Cannot distil ${teacher.name} into ${student.name}: it takes ${shapes[0]}, not ${shapes[1]}`);
  }
  const { mean, std } = preprocessing;
  if (mean.length !== teacher.channels || std.length !== teacher.channels) {
    throw new TypeError(`Cannot normalise ${teacher.channels} channels by ${mean.length} means and ${std.length} stds`);
  }
}

/** Values of a teacher's states, by name. The pictures of the step are normalised by `student`. */
export function teacherState({ model, preprocessing }: Teacher, student: Normalization): Map<string, Float32Array> {
  const { mean, std } = preprocessing;
  // x = (v − m) / s is to become (v − m') / s' = x · s / s' + (m − m') / s'.
  return new Map([
    ...model.parameters.map(({ name }): [string, Float32Array] => [PREFIX + name, model.weights.get(name)!]),
    [AFFINE.scale, Float32Array.from(std, (value, c) => student.std[c] / value)],
    [AFFINE.shift, Float32Array.from(mean, (value, c) => (student.mean[c] - value) / std[c])],
  ]);
}

/**
 * Adds the teacher to a graph.
 *
 * @param images The student's pictures [N, C, S, S].
 * @returns The teacher's logits [N, K].
 */
export function teacherLogits(b: GraphBuilder, { model }: Teacher, images: Tensor): Tensor {
  const [scale, shift] = [AFFINE.scale, AFFINE.shift].map((name) =>
    b.reshape(b.state(name, [model.channels]), [model.channels, 1, 1])
  );
  return model.layer(b.add(b.mul(images, scale), shift), Scope.root(b, false, PREFIX));
}

/** Operands of a loss with a teacher. */
export interface DistillationInputs extends NamedLossInputs {
  /** The teacher's logits [N, K]. */
  readonly teacher: Tensor;
  /** The student's outputs by path, among which `token` finds its two heads. */
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/**
 * Mean loss of a batch with a teacher, a scalar: (1 − α) · {@link taskLoss} + α · the teacher's part.
 *
 * - `soft`: T² · KL(p(teacher / T) ‖ p(student / T)), where p is the softmax; T² keeps the size of the gradient the
 *   same at every T (section 2 of the paper).
 * - `hard`: the cross-entropy of the student's logits with the teacher's answer, the class of its largest logit.
 * - `token`: the same of the head `head_dist`, while the head `heads` has the labels' part to itself.
 *
 * In binary and multi-label tasks each label is a pair of classes with the probabilities σ(x) and 1 − σ(x). The answer
 * is whether σ(x) ≥ ½, and the mean is over labels too. Weights of classes and smoothing are the labels' part's alone.
 *
 * @throws UserError when `token` is asked of a student with one head.
 */
export function distillationLoss(
  b: GraphBuilder,
  task: Task,
  { mode, temperature, alpha }: Pick<Teacher, "mode" | "temperature" | "alpha">,
  { teacher, outputs, ...own }: DistillationInputs,
): Tensor {
  const heads = mode === "token" ? headsOf(outputs) : { label: own.logits, teacher: own.logits };
  const mean = (logits: Tensor, targets: Tensor) => taskLoss(b, task, { logits, targets, weight: own.weight });
  let taught: Tensor;
  if (mode === "soft") {
    const [p, q] = [teacher, heads.teacher].map((logits) => b.mul(logits, 1 / temperature));
    const targets = task === "multiclass" ? b.op("softmax", [p]) : b.sigmoid(p);
    // KL(p ‖ q) is the cross-entropy of q with p, less the entropy of p.
    taught = b.mul(b.sub(mean(q, targets), mean(p, targets)), temperature ** 2);
  } else {
    taught = mean(heads.teacher, answers(b, task, teacher));
  }
  const labelled = taskLoss(b, task, { ...own, logits: heads.label });
  return b.add(b.mul(labelled, 1 - alpha), b.mul(taught, alpha));
}

/** Targets [N, K] that say what the answer to logits [N, K] is: one-hot rows (classes that tie share), or 0 and 1. */
function answers(b: GraphBuilder, task: Task, logits: Tensor): Tensor {
  if (task !== "multiclass") return b.sub(1, b.greater(0, logits));
  const isTop = b.equal(logits, b.max(logits, [1]));
  return b.div(isTop, b.sum(isTop, [1]));
}

function headsOf(outputs: ReadonlyMap<string, Tensor>): { label: Tensor; teacher: Tensor } {
  const [label, teacher] = [outputs.get(HEADS.label), outputs.get(HEADS.teacher)];
  if (!label || !teacher) {
    throw new UserError(
      `Cannot use ${option("distill")} token with a model of one head: give ${option("model")} deit-ti-distilled or ` +
        `another distilled one, or ${option("distill")} soft or hard`,
      2,
    );
  }
  return { label, teacher };
}
