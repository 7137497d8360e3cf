/**
 * Options of training, with their defaults.
 *
 * @module
 */

import type { Augment } from "../data/batch.ts";
import type { CacheOptions } from "../data/cache_folder.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Task } from "../data/labels.ts";
import type { Interpolation } from "../data/resize.ts";
import type { ChannelStatistics } from "../data/statistics.ts";
import type { Device } from "../device/device.ts";
import type { Precision } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import { resolveTeacher, type Teacher, type TeacherOptions } from "./distillation.ts";
import type { TrainEvent } from "./events.ts";
import { adam, type Optimizer } from "./optimizers.ts";
import type { RunDirectory } from "../run/run_directory.ts";
import type { Schedule } from "./schedules.ts";

/**
 * `off` times nothing; `quick` times the ways to compute nearest to what plain rules choose, `full` all of them. `auto` is `quick` for
 * at most 20 seconds on a GPU, for a step of 10¹¹ operations or more, and else `off`.
 */
export type Tune = "auto" | "off" | "quick" | "full";

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
  /**
   * Pictures in a step; default 32. A training split that is smaller makes it smaller. `auto` takes the most that fit
   * {@link TrainerOptions.memory}, in eights and at most 256, and half as many as often as the device still runs out of
   * memory; a resumed run keeps what it began with. The learning rate is not changed.
   */
  readonly batch?: number | "auto";
  /**
   * Bytes that training may take on the device; default what the device says is free. Of a GPU's memory WebGPU tells
   * nothing: 4 GiB are assumed, or half of what is free on the host where the GPU shares its memory.
   */
  readonly memory?: number;
  /**
   * Steps that make one update: their gradients' mean is learnt from, as from a batch so many times as large, in the memory of
   * one. The last update of an epoch has what is left. Default 1.
   */
  readonly accumulate?: number;
  /**
   * Activations are computed again in the backward pass instead of being held: about a third more time for much less memory in
   * deep models, see `models --checkpoint-activations`. Default false.
   */
  readonly checkpointActivations?: boolean;
  /**
   * How activations and the gradients that flow back through them are held: `f16` takes half their memory and traffic, and a
   * device with `shader-f16`. Weights, moments and sums are `f32` in either. Default `f32`.
   */
  readonly precision?: Precision;
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
  /**
   * Patterns of keys that are not learnt, such as `layer1.*`; default none. A pattern names keys, or modules with all that is
   * in them; `*` stands for any letters, dots too, `?` for one, `[0-5]` for one of several. A batch norm whose running
   * statistics are frozen normalises by them in training too, as Keras and timm do; freeze its `weight` and `bias` alone to
   * have PyTorch's, which goes on with the batch's statistics.
   */
  readonly freeze?: readonly string[];
  /** Factors on the learning rate, and so on AdamW's decay, by pattern; those of all patterns that fit a key are multiplied. */
  readonly learningRateScale?: Readonly<Record<string, number>>;
  /** Factor on the learning rate from each layer to the one below it, the head having the full rate; default 1. */
  readonly layerDecay?: number;
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
  /** A model whose answers are learnt from besides the labels; it is left as it is. */
  readonly teacher?: TeacherOptions;
  /** Steps that may be left out because they are not finite; default 0: the first one stops the run. */
  readonly skipNonFinite?: number;

  /** Random changes to training pictures; default none below 64 pixels and for IDX files, else flip. */
  readonly augment?: Augment;
  /**
   * Length that the shorter side of a picture is resized to, in pixels, before the model's square is cut out: of the middle,
   * or anywhere for `crop-flip` in training. Default the model's size, for `crop-flip` 256 for 224 and in proportion.
   */
  readonly resize?: number;
  /** How pixels are mixed where pictures are resized; default bilinear. */
  readonly interpolation?: Interpolation;
  /** Mean and standard deviation: the training split's, ImageNet's, one half, or numbers; default the split's. */
  readonly normalize?: "train" | "imagenet" | "half" | ChannelStatistics;
  /** Default: decoded pictures are kept in the user's cache folder, up to 4 GiB. */
  readonly cache?: CacheOptions;
  /**
   * Times ways to compute the run's steps before it begins and keeps the fastest in the user's cache folder: a few of each, or
   * all; else the ways that come with Fovea, and plain rules. Default `auto`. The run directory keeps what the run computes with, and a
   * resumed run computes as it began.
   */
  readonly tune?: Tune;
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

/** Options that have no default, or whose default depends on the data or the model. */
type Open =
  | "memory"
  | "out"
  | "clipNorm"
  | "classWeights"
  | "valEvery"
  | "onEvent"
  | "signal"
  | "workers"
  | "augment"
  | "resize";

/** Options with their defaults. */
export type ResolvedOptions =
  & Required<Omit<TrainerOptions, Open | "teacher">>
  & Pick<TrainerOptions, Open>
  & { readonly teacher?: Teacher };

/** Options of a run whose batch is settled. */
export type SettledOptions = Omit<ResolvedOptions, "batch"> & { readonly batch: number };

/** Fills in the defaults, also for what is given as undefined. */
export function resolveOptions(options: TrainerOptions): ResolvedOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return {
    batch: 32,
    accumulate: 1,
    checkpointActivations: false,
    precision: "f32",
    resume: false,
    optimizer: adam(),
    learningRate: 0.002,
    weightDecay: 0,
    freeze: [],
    learningRateScale: {},
    layerDecay: 1,
    schedule: "cosine",
    warmupEpochs: 0.5,
    fallEvery: 30,
    gamma: 0.1,
    labelSmoothing: 0,
    skipNonFinite: 0,
    interpolation: "bilinear",
    normalize: "train",
    cache: { mode: "auto" },
    tune: "auto",
    seed: 1,
    logEvery: 10,
    ...Object.fromEntries(given) as TrainerOptions,
    teacher: options.teacher && resolveTeacher(options.teacher),
  };
}

/** Pictures that are too small to lose a border, or drawn upright by convention, are not changed unless asked for. */
export function augmentOf({ augment, model }: Pick<ResolvedOptions, "augment" | "model">, data: Dataset): Augment {
  return augment ?? (model.imageSize < 64 || data.kind === "idx" ? "none" : "flip");
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
