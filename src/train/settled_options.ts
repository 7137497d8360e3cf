/**
 * Options of training once their defaults are filled in, and then once a run on some data has settled the rest.
 *
 * @module
 */

import type { Augment } from "../augment/augmentations.ts";
import type { CacheOptions } from "../data/store/cache_folder.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Model } from "../models/model.ts";
import type { Given } from "../run/resolve.ts";
import type { DataFacts } from "../run/settings/setting.ts";
import type { Teacher } from "./distillation.ts";
import type { Optimizer } from "./optimizers/mod.ts";
import type { RunDirectory } from "../run/run_directory.ts";
import type { Channel } from "../track/channel.ts";
import type { TrainerOptions } from "./options.ts";

/** Options that have no default, or whose default depends on the data. */
type Open =
  | "transform"
  | "memory"
  | "out"
  | "clipNorm"
  | "clipValue"
  | "clipAgc"
  | "ema"
  | "lora"
  | "headInitBias"
  | "swaLearningRate"
  | "patience"
  | "valEvery"
  | "saveEvery"
  | "warmupLearningRate"
  | "batchNormMomentum"
  | "console"
  | "keep"
  | "signal"
  | "workers"
  | "augment"
  | "range"
  | "resize"
  | "shuffle"
  | "bceTargetThreshold";

/** Options with their defaults. */
export type ResolvedOptions =
  & Required<
    Omit<
      TrainerOptions,
      Open | "teacher" | "optimizer" | "cache" | "momentum" | "nesterov" | "betas" | "eps" | "lookahead"
    >
  >
  & Pick<TrainerOptions, Exclude<Open, "out">>
  & {
    readonly out?: RunDirectory;
    readonly optimizer: Optimizer;
    readonly cache: CacheOptions;
    readonly teacher?: Teacher;
    /** The settings that were given, for what depends on the data and for `config.json`. */
    readonly given: Given;
  };

/** Options of one call of `fit`. Its model is what is traced, to which LoRA may have added. */
export type RunOptions = ResolvedOptions & {
  /** Where LoRA has: the model as it was given, which gets the weights of the best epoch. */
  readonly plainModel?: Model;
  /** As given, or as the training split has it by default. */
  readonly augment: Augment;
  /** Tells what happens. */
  readonly channel: Channel;
};

/** Options of a run whose batch is settled. */
export type SettledOptions = Omit<RunOptions, "batch" | "channel"> & { readonly batch: number };

/** What a model was made from, as settings. */
export function settingsOfModel({ name, imageSize, options }: Model): Given {
  const { classes: _classes, channels: _channels, ...others } = options;
  return { model: name, ...others, imageSize };
}

/** What the settings need to know of a data set. */
export function factsOf({ kind, task, pictureSize, hasOwnSplit }: Dataset): DataFacts {
  return { kind, task, pictureSize, hasOwnSplit };
}
