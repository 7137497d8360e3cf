/**
 * Options of training, with their defaults.
 *
 * @module
 */

import type { Augment } from "../data/batch.ts";
import type { CacheOptions } from "../data/cache_folder.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Task } from "../data/labels.ts";
import type { Device } from "../device/device.ts";
import type { Model } from "../models/model.ts";
import type { TrainEvent } from "./events.ts";
import { adam, type Optimizer } from "./optimizers.ts";
import type { RunDirectory } from "./run_directory.ts";
import type { Schedule } from "./schedules.ts";

/** Options of a {@link Trainer}. */
export interface TrainerOptions {
  /** Where it runs. */
  readonly device: Device;
  /** What is trained; weights that it has are kept, the others are initialised from the seed. */
  readonly model: Model;
  /** Which loss and which metrics: the data set's task. */
  readonly task: Task;
  /** Times through the training split. */
  readonly epochs: number;
  /** Pictures in a step; default 32. A training split that is smaller makes it smaller. */
  readonly batch?: number;
  /** Run directory, or its path; without one nothing is written. */
  readonly out?: string | RunDirectory;
  /** Goes on from the run directory's `last` checkpoint. */
  readonly resume?: boolean;

  /** Default Adam. */
  readonly optimizer?: Optimizer;
  /** Default 0.002, for Adam. */
  readonly learningRate?: number;
  /** On weights, not on biases and norms; default 0. */
  readonly weightDecay?: number;
  /** Default cosine. */
  readonly schedule?: Schedule["name"];
  /** Epochs in which the rate rises; default 0.5. */
  readonly warmupEpochs?: number;
  /** `step` schedule: epochs between falls; default 30. */
  readonly fallEvery?: number;
  /** `step` schedule: factor of a fall; default 0.1. */
  readonly gamma?: number;
  /** Greatest norm of the whole gradient; default no limit. */
  readonly clipNorm?: number;
  /** Share of the target that all classes get alike, multi-class; default 0. */
  readonly labelSmoothing?: number;
  /** Weights of the classes (multi-class) or of the labels' positives; `balanced` by their counts; default all 1. */
  readonly classWeights?: "balanced" | readonly number[];
  /** Steps that may be left out because they are not finite; default 0: the first one stops the run. */
  readonly skipNonFinite?: number;

  /** Random changes to training pictures; default none below 64 pixels and for IDX files, else flip. */
  readonly augment?: Augment;
  /** Mean and standard deviation of the training split, or ImageNet's; default the split's. */
  readonly normalize?: "train" | "imagenet";
  /** Default: decoded pictures are kept in the user's cache folder, up to 4 GiB. */
  readonly cache?: CacheOptions;
  /** Workers that make batches; default one less than there are cores, at most 4. */
  readonly workers?: number;
  /** Start of every random number; default 1. */
  readonly seed?: number;
  /** Steps between two records of the loss; default 10. */
  readonly logEvery?: number;
  /** Steps between two validations; default each epoch. */
  readonly valEvery?: number;
  /** Is told what happens. */
  readonly onEvent?: (event: TrainEvent) => void;
  /** Ends the run after the step in progress; what is done is saved. */
  readonly signal?: AbortSignal;
}

/** Options with their defaults. */
export type ResolvedOptions =
  & Required<
    Omit<
      TrainerOptions,
      "out" | "clipNorm" | "classWeights" | "valEvery" | "onEvent" | "signal" | "workers" | "augment"
    >
  >
  & Pick<
    TrainerOptions,
    "out" | "clipNorm" | "classWeights" | "valEvery" | "onEvent" | "signal" | "workers" | "augment"
  >;

/** Fills in the defaults. */
export function resolveOptions(options: TrainerOptions): ResolvedOptions {
  return {
    batch: 32,
    resume: false,
    optimizer: adam(),
    learningRate: 0.002,
    weightDecay: 0,
    schedule: "cosine",
    warmupEpochs: 0.5,
    fallEvery: 30,
    gamma: 0.1,
    labelSmoothing: 0,
    skipNonFinite: 0,
    normalize: "train",
    cache: { mode: "auto" },
    seed: 1,
    logEvery: 10,
    ...options,
  };
}

/** Pictures that are too small to lose a border, or drawn upright by convention, are not changed unless asked for. */
export function defaultAugment(data: Dataset, imageSize: number): Augment {
  return imageSize < 64 || data.kind === "idx" ? "none" : "flip";
}

/** Weights [K] of the loss: of the classes, or of the positives of each label. */
export function classWeightsOf(data: Dataset, weights: ResolvedOptions["classWeights"]): number[] {
  const outputs = data.task === "binary" ? 1 : data.classes.length;
  if (weights === undefined) return new Array<number>(outputs).fill(1);
  if (weights !== "balanced") {
    if (weights.length !== outputs) {
      throw new TypeError(`Cannot weigh ${outputs} classes with ${weights.length} weights: give one for each`);
    }
    return [...weights];
  }
  const counts = data.counts();
  // As scikit-learn's "balanced": N / (K · n_c); for labels, negatives over positives.
  if (data.task === "multiclass") return counts.map((count) => data.size / (outputs * Math.max(1, count)));
  const positives = data.task === "binary" ? [counts[1]] : counts;
  return positives.map((count) => (data.size - count) / Math.max(1, count));
}
