/**
 * What PyTorch computes of losses, optimisers and training steps: fixtures/train/make.py.
 *
 * @module
 */

import type { Task } from "../../src/data/labels.ts";
import type { LossRule } from "../../src/train/losses.ts";
import { type AdamOptions, sgd, type SgdOptions } from "../../src/train/optimizers/mod.ts";
import type { StepOptions } from "../../src/train/step.ts";

/** Mean loss of a batch. */
export interface LossCase {
  readonly name: string;
  readonly task: Task;
  readonly batch: number;
  readonly classes: number;
  readonly labelSmoothing: number;
  /** [K]. */
  readonly classWeight: readonly number[];
  /** [N, K]. */
  readonly logits: readonly number[];
  /** [N, K]. */
  readonly targets: readonly number[];
  /** [N]: 0 for rows that are no samples. */
  readonly weight: readonly number[];
  readonly loss: number;
  /** d loss / d logits [N, K]. */
  readonly grad: readonly number[];
}

/** Ten steps of an optimiser on one parameter of four numbers. */
export interface OptimizerCase {
  readonly name: string;
  readonly rule: "sgd" | "adam" | "adamw";
  readonly options: SgdOptions & AdamOptions;
  readonly weightDecay: number;
  readonly start: readonly number[];
  /** By step. */
  readonly grads: readonly (readonly number[])[];
  readonly rates: readonly number[];
  readonly after: readonly (readonly number[])[];
}

/** One step of SGD on a dense layer `fc` from four pixels to three classes. */
export interface StepCase {
  readonly name: string;
  readonly clipNorm: number | null;
  readonly weightDecay: number;
  readonly loss: number;
  /** [6, 4]. */
  readonly images: readonly number[];
  /** [6, 3]. */
  readonly targets: readonly number[];
  readonly before: Readonly<Record<string, readonly number[]>>;
  readonly after: Readonly<Record<string, readonly number[]>>;
}

/**
 * Ten steps on dense layers `hidden` (4 to 5) and `head` (5 to 3) with tanh between, each parameter at a rate of its
 * own.
 */
export interface GroupsCase {
  readonly name: string;
  readonly rule: "sgd" | "adam" | "adamw";
  readonly weightDecay: number;
  readonly clipNorm: number | null;
  /** Learning rates by step. */
  readonly schedule: readonly number[];
  /** [6, 4]. */
  readonly images: readonly number[];
  /** [6, 3]. */
  readonly targets: readonly number[];
  readonly before: Readonly<Record<string, readonly number[]>>;
  readonly after: Readonly<Record<string, readonly number[]>>;
}

/** All cases. */
export const fixture: {
  readonly losses: readonly LossCase[];
  readonly optimizers: readonly OptimizerCase[];
  readonly steps: readonly StepCase[];
  readonly groups: readonly GroupsCase[];
} = JSON.parse(await Deno.readTextFile(new URL("../../fixtures/train/train.json", import.meta.url)));

/** Mean loss of a batch by a named loss, of targets that may be probabilities: fixtures/train/make_losses.py. */
export interface NamedLossCase extends Omit<LossCase, "labelSmoothing" | "classWeight" | "weight"> {
  readonly rule: LossRule;
  readonly labelSmoothing?: number;
  readonly classWeight?: readonly number[];
  /** τ of the logit adjustment, where there is one, and the classes' shares [K]. */
  readonly tau?: number;
  readonly shares?: readonly number[];
}

/** Six pictures [6, 2, 5, 5] that timm has mixed. */
export interface MixtureCase {
  readonly name: string;
  readonly mode: "batch" | "pair" | "elem";
  /** λ of each draw: of the batch, of each pair, of each picture. */
  readonly lams: readonly number[];
  /** Is it CutMix? */
  readonly cuts: readonly boolean[];
  /** Row and column of the middle of CutMix's box. */
  readonly pixels: readonly (readonly [row: number, column: number])[];
  readonly pictures: readonly number[];
  /** [6, 3]. */
  readonly targets: readonly number[];
  readonly mixedPictures: readonly number[];
  readonly mixedTargets: readonly number[];
}

/** Losses by name, and mixtures. */
export const named: { readonly losses: readonly NamedLossCase[]; readonly mixtures: readonly MixtureCase[] } = JSON
  .parse(await Deno.readTextFile(new URL("../../fixtures/train/losses.json", import.meta.url)));

/** A step of six pictures, with nothing but the gradient in its update. */
export const plainStep: StepOptions = {
  task: "multiclass",
  batch: 6,
  optimizer: sgd({ momentum: 0 }),
  weightDecay: 0,
  labelSmoothing: 0,
  skipNonFinite: false,
};
