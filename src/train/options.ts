/**
 * Options of training, with their defaults.
 *
 * @module
 */

import type { Augment } from "../augment/augmentations.ts";
import type { CacheOptions } from "../data/store/cache_folder.ts";
import type { Shuffle } from "../data/batches/order.ts";
import type { Sampling } from "../data/batches/sampling.ts";
import type { Task } from "../data/labels.ts";
import type { Fit, Interpolation, ValueRange } from "../data/pictures/resize.ts";
import type { ChannelStatistics } from "../data/store/statistics.ts";
import type { Device } from "../device/device.ts";
import type { Precision } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import type { TeacherOptions } from "./distillation.ts";
import type { DeviceTransformation } from "../augment/device/transformations.ts";
import type { Metrics } from "../run/evaluate.ts";
import type { Monitor } from "../metrics/monitored.ts";
import type { LossFunction, LossName } from "./losses.ts";
import type { Optimizer } from "./optimizers/mod.ts";
import type { RunDirectory } from "../run/run_directory.ts";
import type { ConsoleOutput } from "../track/console.ts";
import type { Tracker } from "../track/tracker.ts";
import type { ScheduleFunction, ScheduleName } from "./schedules.ts";

/**
 * `off` times nothing; `quick` times the variants nearest to what the heuristic chooses, `full` all of them. `auto` is
 * `quick` for at most 20 seconds on a GPU, for a step of 10¹¹ operations or more, and else `off`.
 */
export type Tune = "auto" | "off" | "quick" | "full";

/**
 * Options of a {@link Trainer}. What is a setting stands in `src/run/settings/` too, from which the command line and
 * `config.json` are made; the static checks compare the two.
 */
export interface TrainerOptions {
  /** Where it runs. */
  readonly device: Device;
  /** What is trained; weights that it has are kept, the others are initialised from the seed. */
  readonly model: Model;
  /** Which loss and which metrics: the data set's task. */
  readonly task: Task;
  /** Run directory, or its path; without one nothing is written. */
  readonly out?: string | RunDirectory;
  /** Goes on from the run directory's `last` checkpoint. */
  readonly resume?: boolean;
  /**
   * Goes on though pictures, labels or `split.csv` are not what the run began with: with a warning, and to other
   * weights.
   */
  readonly allowChangedData?: boolean;
  /** A model whose answers are learnt from besides the labels; it is left as it is. */
  readonly teacher?: TeacherOptions;
  /** Random changes of one's own to each training batch, on the device, after those of `augment`. */
  readonly transform?: DeviceTransformation;
  /** Metrics of one's own by name, of every validation and of the test. */
  readonly metrics?: Metrics;
  /** Are told what happens, besides what the run directory keeps. */
  readonly trackers?: readonly Tracker[];
  /** What is shown on a terminal, for trackers that keep it. */
  readonly console?: ConsoleOutput;
  /** Ends the run after the step in progress; what is done is saved. */
  readonly signal?: AbortSignal;

  /** Times through the training split. Default: 5. */
  readonly epochs?: number;
  /**
   * Pictures in a step; auto takes as many as memory has room for, at most 256, and leaves the learning rate as it
   * is. A training split that is smaller makes it smaller. `auto` halves the batch as often as the device still runs
   * out of memory; a resumed run keeps what it began with. Default: 64 for pictures below 64 pixels, else 32.
   */
  readonly batch?: number | "auto";
  /**
   * Most that training may take on the device. In bytes. Default: what is free; of a GPU, which does not tell, 4GiB,
   * or half of the host's free memory where it shares that.
   */
  readonly memory?: number;
  /**
   * Steps that make one update: a batch so many times as large, in the memory of one. The last update of an epoch
   * has what is left. Default: 1.
   */
  readonly accumulate?: number;
  /**
   * Compute activations again in the backward pass instead of holding them: less memory, a step takes longer. See
   * the command `models`. Default: false.
   */
  readonly checkpointActivations?: boolean;
  /**
   * How activations and their gradients are held; f16 takes half the memory, and a GPU with shader-f16. Weights,
   * moments and sums are `f32` in either. Default: `f32`.
   */
  readonly precision?: Precision;
  /** Rule of the update. Or a rule of one's own, which brings its settings along. Default: `adam`. */
  readonly optimizer?:
    | "sgd"
    | "rmsprop"
    | "adam"
    | "adamw"
    | "nadam"
    | "radam"
    | "lamb"
    | "lion"
    | "adafactor"
    | "muon"
    | Optimizer;
  /**
   * Learning rate. Default: 0.05 for sgd, 0.01 for adafactor, 0.005 for lamb, 0.001 for rmsprop, 0.0003 for lion, else
   * 0.002.
   */
  readonly learningRate?: number;
  /** Of sgd, rmsprop and muon. Default: 0.9 for sgd, 0 for rmsprop, 0.95 for muon. */
  readonly momentum?: number;
  /** Nesterov's momentum in sgd and muon. Default: of muon. */
  readonly nesterov?: boolean;
  /** Decay rates of the moments. Default: 0.9,0.99 for lion, else 0.9,0.999. */
  readonly betas?: readonly [number, number];
  /**
   * What keeps the update's divisor from zero. Default: 1e-6 for lamb, 2^-23 for adafactor, else 1e-8.
   */
  readonly eps?: number;
  /** Steps between two updates of Lookahead's slow weights, around any rule; 0 has none. Default: 0. */
  readonly lookahead?: number;
  /** On weights, not on biases and norms. Default: 0.01 for adamw, lamb and muon, 0.1 for lion, else 0. */
  readonly weightDecay?: number;
  /**
   * Keys or modules that are not learnt, such as conv1 'layer[1-3].*'; batch norms among them keep to their running
   * statistics, unless only their weights and biases are named. A pattern names keys, or modules with all that is in
   * them; `*` stands for any letters, dots too, `?` for one, `[0-5]` for one of several. Keras and timm normalise
   * frozen batch norms so, too; PyTorch goes on with the batch's statistics. Default: [].
   */
  readonly freeze?: readonly string[];
  /**
   * Factor on the learning rate of the keys or modules that fit, such as 'classifier.*=10'. The factors of all
   * patterns that fit a key are multiplied; AdamW's decay goes with them. Default: {}.
   */
  readonly learningRateScale?: Readonly<Record<string, number>>;
  /** Factor on the learning rate from each layer to the one below it, the head having the full rate. Default: 1. */
  readonly layerDecay?: number;
  /**
   * Factor on the initial weights of a head that starts afresh, such as 0.001 for fine-tuning. Default: 1.
   */
  readonly headInitScale?: number;
  /**
   * Initial bias of a head that starts afresh, such as -7 for the loss bce of 1,000 classes. Default: the layer's own.
   */
  readonly headInitBias?: number;
  /**
   * Rank of what is learnt beside attention's and other dense layers (LoRA), all else but the head being frozen. The
   * model gets merged weights. Default: the weights themselves are learnt.
   */
  readonly lora?: number;
  /** What lora adds is multiplied by this over the rank. Default: 8. */
  readonly loraAlpha?: number;
  /** Share of a layer's inputs that what lora adds does not see. Default: 0. */
  readonly loraDropout?: number;
  /**
   * Dense layers beside which lora stands, by keys or modules, such as '*.self_attention'. Default: all but the head
   * and those narrower than the rank.
   */
  readonly loraTargets?: readonly string[];
  /**
   * First epochs in which the head alone is learnt, all else being frozen as with freeze (a linear probe); then all
   * is, with moments that begin anew. Default: 0.
   */
  readonly freezeEpochs?: number;
  /** Of the learning rate. Or a function of the step, after the warm-up. Default: `cosine`. */
  readonly schedule?: ScheduleName | ScheduleFunction;
  /**
   * Epochs in which the rate rises to its height, or steps such as 500steps; of onecycle those up to its peak. Default:
   * 0.3 of the epochs for onecycle, else 0.5.
   */
  readonly warmupEpochs?: number | `${number}steps`;
  /** Rate of the first step, from which the warm-up rises. Default: what the warm-up rises by in a step. */
  readonly warmupLearningRate?: number;
  /** Where the rate stops falling. Default: 0. */
  readonly minLearningRate?: number;
  /** Last epochs at the least rate, before which the schedules cosine and polynomial end. Default: 0. */
  readonly cooldownEpochs?: number;
  /**
   * Power to which the schedules cosine and polynomial take the share of the steps that is done (k-decay): above 1 the
   * rate stays high for longer. Default: 1.
   */
  readonly kDecay?: number;
  /** Epochs between two falls of the schedule step. Default: 30. */
  readonly fallEvery?: number;
  /** Epochs after which the schedule multistep falls. Default: half and three quarters of the epochs. */
  readonly milestones?: readonly number[];
  /**
   * Factor of a fall of the schedules step, multistep and plateau; of exponential from epoch to epoch. Default: 0.95
   * for exponential, else 0.1.
   */
  readonly gamma?: number;
  /** Of the schedule polynomial: 1 falls in a line. Default: 1. */
  readonly power?: number;
  /** Epochs of the first cycle of the schedule cosine-restarts. Default: 10. */
  readonly cycleEpochs?: number;
  /** Factor on the epochs of a cycle from each to the next. Default: 1. */
  readonly cycleMul?: number;
  /** Factor on the rate that a cycle begins with from each to the next. Default: 1. */
  readonly cycleDecay?: number;
  /**
   * In onecycle, let momentum, or Adam's first decay rate, fall from 0.95 to 0.85 while the rate rises, and rise again.
   * Default: false.
   */
  readonly cycleMomentum?: boolean;
  /** Epochs that the monitored metric may be no better before the schedule plateau falls. Default: 10. */
  readonly plateauPatience?: number;
  /** Greatest norm of the whole gradient. Default: no limit. */
  readonly clipNorm?: number;
  /** Greatest size of a gradient's element. Default: no limit. */
  readonly clipValue?: number;
  /**
   * Greatest norm of each unit's gradient, as a share of its weights' norm (AGC); 0.01 is usual, and the head is left
   * out. Default: no limit.
   */
  readonly clipAgc?: number;
  /**
   * Decay of an exponential moving average of the weights, such as 0.9998, which is validated, kept and tested in their
   * place. Default: no average.
   */
  readonly ema?: number;
  /** Let the average's decay rise with the updates, so that it forgets the first ones. Default: true. */
  readonly emaWarmup?: boolean;
  /** Updates after which the average begins. Default: 0. */
  readonly emaAfter?: number;
  /**
   * Last epochs whose weights are averaged (SWA), with batch norms' statistics counted anew; the average is validated,
   * kept and tested in their place. Default: 0.
   */
  readonly swa?: number;
  /** Learning rate of the epochs that swa averages. Default: the schedule's. */
  readonly swaLearningRate?: number;
  /**
   * Metric of the validation by which the best epoch is chosen: accuracy, loss, balanced-accuracy, f1, auroc, …. Of
   * which less is better, as of the loss, is known. Default: `accuracy`.
   */
  readonly monitor?: Monitor;
  /** Epochs without a better one after which the run ends. Default: all epochs are run. */
  readonly patience?: number;
  /**
   * What is made small: cross-entropy is a softmax's, bce a sigmoid's for each class or label. Or a loss of one's own,
   * which is told the class weights and the label smoothing, too. Default: cross-entropy for classes, bce for labels.
   */
  readonly loss?: LossName | LossFunction;
  /** How much less the loss focal counts what is answered well: 0 is the plain loss. Default: 2. */
  readonly focalGamma?: number;
  /** Weight of a label's positive pictures in the loss focal, the others having the rest to 1. Default: 0.25. */
  readonly focalAlpha?: number;
  /** How much less the loss asymmetric counts absent labels that are answered well. Default: 4. */
  readonly asymmetricGammaNeg?: number;
  /** How much less the loss asymmetric counts present labels that are answered well. Default: 1. */
  readonly asymmetricGammaPos?: number;
  /** Probability up to which the loss asymmetric counts an absent label nothing. Default: 0.05. */
  readonly asymmetricClip?: number;
  /** Factor of the term that the loss poly1 has besides the cross-entropy. Default: 1. */
  readonly polyEpsilon?: number;
  /** Mixed or smoothed targets above it become 1 in the loss bce, the others 0. Default: targets as they are. */
  readonly bceTargetThreshold?: number;
  /** Sum the loss bce over the classes instead of taking their mean. Default: false. */
  readonly bceSum?: boolean;
  /**
   * Times the logarithm of a class's share of the training split is added to its logit in the loss, for classes of
   * unequal size; 1 is usual. Default: 0.
   */
  readonly logitAdjustment?: number;
  /**
   * Mix each picture and its target with another of the batch, by a share from Beta(X, X); 0 does not. Default: what
   * presets of augment mix, else 0.
   */
  readonly mixup?: number;
  /**
   * Put a part of another picture of the batch into each, its area being a share from Beta(X, X); 0 does not. Default:
   * what presets of augment mix, else 0.
   */
  readonly cutmix?: number;
  /** Share of the batches, pairs or pictures that are mixed at all. Default: 1. */
  readonly mixupProb?: number;
  /** Share of them that cutmix has, where mixup is given, too. Default: 0.5. */
  readonly mixupSwitchProb?: number;
  /**
   * Whether one share is drawn for a batch, for each pair of pictures that are mixed, or for each picture. Default:
   * `batch`.
   */
  readonly mixupMode?: "batch" | "pair" | "elem";
  /** Epochs after which pictures are mixed no more; 0 mixes to the end. Default: 0. */
  readonly mixupOffEpoch?: number;
  /**
   * How often the classes are shown: uniform shows each picture once an epoch; the others draw as many, each class as
   * often as the others, by the root of its size, or by its effective number. Default: `uniform`.
   */
  readonly sampling?: Sampling;
  /**
   * Of effective numbers (1 - BETA^n) / (1 - BETA): near 0 classes count by their sizes, near 1 alike. Default: 0.999.
   */
  readonly effectiveBeta?: number;
  /**
   * Views of a picture in an epoch, side by side (repeated augmentation); an epoch has as many pictures as before, of
   * which so many times fewer differ. Default: 1.
   */
  readonly repeats?: number;
  /**
   * Share of a batch's moments in a batch norm's running ones after a step, for short runs or small batches. Default:
   * the model's.
   */
  readonly batchNormMomentum?: number;
  /** Share of the target given to all classes alike; of a label, to yes and no. Default: 0. */
  readonly labelSmoothing?: number;
  /**
   * Pass each picture through the model twice, with other units dropped, and add ALPHA times how far the two answers
   * are apart to the loss (R-Drop); a step takes twice as long. Default: 0.
   */
  readonly rDrop?: number;
  /**
   * Views of each picture in a step, whose answers are drawn together (AugMix's Jensen-Shannon divergence): the first,
   * cropped and mirrored alone, is learnt from, the others are changed by all of augment; a step takes N times as
   * long. Default: 1.
   */
  readonly augSplits?: number;
  /** Weight of that divergence in the loss. Default: 12. */
  readonly jsdAlpha?: number;
  /**
   * Weight of each class in the loss: none, balanced, effective (by their effective numbers) or numbers in the order of
   * the classes. `balanced` is by their counts. Default: `none`.
   */
  readonly classWeights?: "none" | "balanced" | "effective" | readonly number[];
  /** Weight of a label's positive pictures, binary and multilabel: none, balanced or numbers. Default: `none`. */
  readonly posWeight?: "none" | "balanced" | readonly number[];
  /**
   * Views of each picture whose probabilities a test averages: the middle, its mirror image, the corners and theirs.
   * Default: 1.
   */
  readonly tta?: number;
  /** On a loss or gradient that is not finite: stop, or skip up to N steps. Default: stop. */
  readonly skipNonFinite?: number;
  /**
   * Random changes to training pictures: a preset or terms of the README's table. Default: none below 64 pixels and
   * for IDX files, else flip.
   */
  readonly augment?: Augment;
  /**
   * Pixels of a picture's shorter side before the image size is cut out: of the middle, or anywhere for crop-flip.
   * Default: the image size; for crop-flip 256 for 224 and in proportion.
   */
  readonly resize?: number;
  /** How pixels are mixed where pictures are resized, as Pillow does. Default: `bilinear`. */
  readonly interpolation?: Interpolation;
  /** How long pictures become square: the middle is kept; black beside it; squashed. Default: `crop`. */
  readonly fit?: Fit;
  /**
   * Values of 16-bit pictures that become black and white. Those between are scaled. Default: 0:65535, of which the
   * high byte is kept.
   */
  readonly range?: ValueRange;
  /**
   * Mean and standard deviation: the training split's, ImageNet's, 0.5 and 0.5, or numbers for each channel.
   * Default: `train`.
   */
  readonly normalize?: "train" | "imagenet" | "half" | ChannelStatistics;
  /** Keep decoded pictures between runs. The user's cache folder holds them, or another. Default: `auto`. */
  readonly cache?: "auto" | "off" | CacheOptions;
  /** Most that the cache may take on disk. In bytes. Default: 4GiB. */
  readonly cacheBudget?: number;
  /**
   * How an epoch is mixed: all pictures, or windows of runs of consecutive ones, which a disk gives faster than one by
   * one. Default: full; runs where pictures as stored take more than half of the free memory.
   */
  readonly shuffle?: Shuffle;
  /** Threads that make batches. Default: one less than there are cores, at most 4. */
  readonly workers?: number;
  /**
   * First time some or all variants of a step's kernels, and keep the fastest for later runs; auto: quick, for at
   * most 20 s, on a GPU and for large networks. The run directory keeps what the run computes with, and a resumed
   * run computes as it began. Default: `auto`.
   */
  readonly tune?: Tune;
  /** Start of every random number. Default: 1. */
  readonly seed?: number;
  /**
   * Where the run is recorded: tensorboard and wandb in folders of the run; csv and jsonl are always on. All of them
   * need a run directory. W&B is also told as the run goes where the environment has `WANDB_API_KEY` and the network
   * may be used. Default: [].
   */
  readonly log?: readonly ("csv" | "jsonl" | "tensorboard" | "wandb")[];
  /** Steps between two records of the loss. Default: 10. */
  readonly logEvery?: number;
  /** Steps between two validations. Default: each epoch. */
  readonly valEvery?: number;
  /**
   * Steps between two saves of what a resumed run goes on from, for epochs that take hours. Default: each epoch.
   */
  readonly saveEvery?: number;
  /** Checkpoints of epochs that are kept: the best epoch's, and the latest. Default: all. */
  readonly keep?: number;
}

/** Options that are no settings, by name. */
export const OTHERS = [
  "device",
  "model",
  "task",
  "out",
  "resume",
  "allowChangedData",
  "teacher",
  "transform",
  "metrics",
  "trackers",
  "console",
  "signal",
] as const;
