/**
 * Opens the teacher of a distillation: the best checkpoint of a run, or a file of weights.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import { printable } from "../data/names.ts";
import { option, UserError } from "../errors.ts";
import { createModel, type Model, models } from "../models/mod.ts";
import { type OpenedModel, openModel } from "../run/open_model.ts";
import type { OpenRunOptions } from "../run/open_run.ts";
import type { TeacherOptions } from "./distillation.ts";

/** Who is to be taught. */
export interface Student {
  /** What is trained. */
  readonly model: Model;
  /** What its logits mean. */
  readonly task: Task;
  /** Names of its classes or labels, in the order of the logits. */
  readonly classes: readonly string[];
}

/** A model, and how its pictures are prepared. */
export type OpenedTeacher = Pick<TeacherOptions, "model" | "preprocessing">;

/**
 * Opens a teacher with its weights. A run, a checkpoint or an export of Fovea's says what its logits mean. Weights that
 * others have published do not: their logits are taken for the student's classes in their order, where there are as
 * many.
 *
 * A teacher for another picture size is made for the student's where that changes the shape of no parameter, as of a
 * ResNet with the same stem. Position embeddings and dense layers over pixels bind a model to its size.
 *
 * @param path Run directory, or a file that `openModel` reads.
 * @param student For whom.
 * @param options Which checkpoint of a run, and models of the user's own.
 * @returns The model for the student's pictures, and how its own are normalised.
 * @throws UserError when nothing can be opened there, or it is of another task, other classes, channels or another
 *   size.
 */
export async function openTeacher(
  path: string,
  student: Student,
  options: OpenRunOptions = {},
): Promise<OpenedTeacher> {
  const { model, preprocessing, meaning } = await openModel(path, options);
  if (meaning) checkMeaning(path, meaning, student);
  const { channels, classes, imageSize } = student.model;
  if (model.classes !== classes) {
    refuse(path, `its ${model.name} gives ${model.classes} logits, not ${classes}`, "a teacher of the same classes");
  }
  if (model.channels !== channels) {
    refuse(path, `its pictures have ${model.channels} channels, not ${channels}`, "a teacher of such pictures");
  }
  const fitting = atSize(model, imageSize);
  if (!fitting) {
    const sizes = [model.imageSize, imageSize].map((size) => `${size}×${size}`);
    refuse(
      path,
      `its ${model.name} is made for pictures of ${sizes[0]}, not ${sizes[1]}`,
      `${option("imageSize")} ${model.imageSize}, or a teacher of this size`,
    );
  }
  return { model: fitting, preprocessing };
}

/** A run or a checkpoint says what its logits mean. */
function checkMeaning(path: string, its: NonNullable<OpenedModel["meaning"]>, { task, classes }: Student): void {
  if (its.task !== task) refuse(path, `its task is ${its.task}, not ${task}`, "a teacher of this task");
  const [theirs, ours] = [its.classes, classes].map((names) => names.map(printable).join(", "));
  if (theirs !== ours) {
    refuse(path, `its classes are ${theirs}, not ${ours}`, `a teacher of the same, or its ${option("target")}`);
  }
}

/** The model with the same weights for pictures of a size; none where a parameter has another shape there. */
function atSize(model: Model, imageSize: number): Model | undefined {
  if (model.imageSize === imageSize) return model;
  const definition = models.find(({ name }) => name === model.name);
  // What a model of the user's own can take is not known.
  if (!definition || imageSize < definition.minImageSize) return undefined;
  const other = createModel(model.name, { ...model.options, imageSize });
  const shapes = ({ parameters }: Model) => JSON.stringify(parameters.map(({ name, shape }) => [name, shape]));
  if (shapes(other) !== shapes(model)) return undefined;
  for (const [name, values] of model.weights) other.weights.set(name, values);
  return other;
}

function refuse(path: string, why: string, give: string): never {
  throw new UserError(`Cannot learn from ${printable(path)}: ${why}; give ${give}`);
}
