/**
 * Every setting of a run, once: what it may be, what it is unless given, what it does, when it applies, whether it
 * changes what is learnt, and whether a run that is resumed may change it. The command line's flags and their help, the
 * checks of the library's options, `config.json` and the check of a resumed run follow from this table.
 *
 * To add a setting, add a row here and use it where it acts. `TrainerOptions` is written out beside it, since JSR
 * publishes types as they are written; the static checks compare the two.
 *
 * @module
 */

import { type Augment, augmentNames } from "../augment/augmentations.ts";
import { squareFor } from "../data/batches/batch.ts";
import type { DatasetKind } from "../data/dataset.ts";
import type { Task } from "../data/labels.ts";
import { models } from "../models/mod.ts";
import type { ModelOption } from "../models/model.ts";
import { choice, integer, type Kind, names, number, path, text, toggle } from "./kinds.ts";
import { batch, bytes, memory, normalize, ratios, scales, skips, weights } from "./values.ts";

/** What is known of a data set once it is open. */
export interface DataFacts {
  readonly kind?: DatasetKind;
  readonly task: Task;
  /** Shorter side of the pictures in pixels, where it is known. */
  readonly pictureSize?: number;
  /** Does it say which picture is in which split? */
  readonly hasOwnSplit?: boolean;
}

/** What decides whether a setting applies, and what it is unless given. */
export interface Facts {
  /** Values of the settings before it in the table, and what was given of those after it. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of the data, once they are open. */
  readonly data?: DataFacts;
}

/** How people call a setting where they are: `learningRate` in code, `--lr` on a command line. */
export type NameOf = (setting: SettingName) => string;

/** One setting. */
export interface Setting<T = unknown, D extends T | undefined = T | undefined> {
  /** What it may be. */
  readonly kind: Kind<T>;
  /** What it does, in one sentence without a full stop. */
  readonly help: string;
  /** Its value unless given; undefined where that depends on others, which {@link byDefault} says. */
  readonly default: D;
  /** The default in words, where it is not the value itself. */
  readonly byDefault?: string;
  /** Title of the help over this setting and those after it. */
  readonly heading?: string;
  /** What the help shows in the place of the value. */
  readonly placeholder?: string;
  /** The flag's option where it has another name than the setting: `lr` of `learningRate`. */
  readonly flag?: string;
  /** Its value unless given, where that depends on others. */
  readonly derive?: (facts: Facts) => T | undefined;
  /** Why it would change nothing; undefined where it applies. Without this it always does. */
  readonly idle?: (facts: Facts, nameOf: NameOf) => string | undefined;
  /** Does it change what is learnt? */
  readonly learns: boolean;
  /** May a resumed run have another value? */
  readonly isFree: boolean;
}

/** What a row of the table says. */
type Row<T> = Partial<Omit<Setting<T>, "kind" | "default" | "help">> & Pick<Setting<T>, "help">;

/** A setting that changes what is learnt, and that a resumed run keeps, unless the row says otherwise. */
function setting<T>(kind: Kind<T>, row: Row<NoInfer<T>> & { readonly default: NoInfer<T> }): Setting<T, T>;
function setting<T>(kind: Kind<T>, row: Row<NoInfer<T>> & { readonly default?: undefined }): Setting<T, undefined>;
function setting<T>(kind: Kind<T>, row: Row<T> & { readonly default?: T }): Setting<T> {
  const { default: fallback, ...rest } = row;
  return { learns: true, isFree: false, ...rest, kind, default: fallback };
}

/** Where a run works and what it shows: nothing of it is learnt, and a resumed run may change it. */
const FREE = { learns: false, isFree: true } as const;

/** Applies to one choice of another setting. */
const only =
  (name: "optimizer" | "schedule" | "distill" | "cache", value: string): Setting["idle"] => ({ settings }, nameOf) =>
    settings[name] === value ? undefined : `only ${nameOf(name)} ${value} has it`;

/** Applies to models that take it. */
const ofModels = (option: ModelOption) => ({ settings }: Facts): string | undefined => {
  if (settings[option] === "auto") return undefined;
  const name = settings.model as string;
  const definition = models.find((model) => model.name === name);
  // Of a model of the user's own it is not known.
  if (!definition || definition.takes?.includes(option)) return undefined;
  const other = models.find(({ takes }) => takes?.includes(option))?.name;
  return `${name} has no use for it; a model that takes it is ${other}`;
};

/** Applies to data with a manifest. */
const ofManifests = ({ data }: Facts): string | undefined =>
  data?.kind === undefined || data.kind === "csv" ? undefined : "the data are no CSV file";

/** Applies to some tasks. */
const ofTasks = (...tasks: readonly Task[]) => ({ data, settings }: Facts): string | undefined => {
  const task = data?.task ?? settings.task as Task | undefined;
  return task === undefined || tasks.includes(task) ? undefined : `the task is ${task}`;
};

const withTeacher = ({ settings }: Facts, nameOf: NameOf): string | undefined =>
  settings.teacher === undefined ? `there is no ${nameOf("teacher")}` : undefined;

/** Larger pictures are trained at this side unless another is asked for. */
const USUAL_SIZE = 224;

/** Pictures below this side are too small to lose a border, and take a larger batch. */
const SMALL_SIZE = 64;

const isSmall = ({ settings }: Facts): boolean => settings.imageSize as number < SMALL_SIZE;

/** The data and their labels. */
export const dataSettings = {
  task: setting(choice(["binary", "multiclass", "multilabel"]), {
    heading: "Data",
    help: "one yes or no, one class of several, or any number of labels",
    byDefault: "binary for one target, else multiclass",
    derive: ({ data }) => data?.task,
  }),
  data: setting(path, {
    help: "folder per class, CSV file, folder of CelebA or of IDX files",
    byDefault: "the demo faces, made at first use",
  }),
  target: setting(names, {
    help: "columns to learn, or one column of class names",
    default: [],
    byDefault: "the folders' names; hair colours for the demo faces",
  }),
  others: setting(text, {
    help: "class of the pictures for which no target holds",
    byDefault: "they are left out",
    idle: ofTasks("multiclass"),
  }),
  skipBroken: setting(toggle, { help: "leave broken pictures out, and count them", default: false }),
  allowOutside: setting(toggle, {
    help: "read pictures that a CSV file names outside its folder",
    default: false,
    idle: ofManifests,
  }),
  labelColumn: setting(text, {
    help: "column of class names of a CSV file",
    byDefault: "label, class, …",
    idle: ofManifests,
  }),
  fileColumn: setting(text, {
    help: "column with the file names of a CSV file",
    byDefault: "the first",
    idle: ofManifests,
  }),
  splitColumn: setting(text, {
    help: "column with train, val or test",
    byDefault: "split, where there is one",
    idle: ofManifests,
  }),
} as const;

/** How pictures become the three splits. */
export const splitSettings = {
  split: setting(ratios, {
    help: "train:val:test, or own for the data set's own split",
    byDefault: "own where there is one, else 8:1:1",
    derive: ({ data }) => data && (data.hasOwnSplit ? "own" : [8, 1, 1] as const),
  }),
  stratify: setting(toggle, { help: "keep the ratios of the classes in every split", default: true }),
  allowDuplicates: setting(toggle, { help: "go on when the same picture is in two splits", default: false }),
} as const;

/** How pictures become the model's input. */
export const pictureSettings = {
  imageSize: setting(integer({ min: 8, max: 1024 }), {
    help: "height and width that the model sees, in pixels",
    byDefault: "the pictures' own up to 64, else 224",
    derive: ({ data: { pictureSize = USUAL_SIZE } = { pictureSize: USUAL_SIZE } }) =>
      pictureSize <= SMALL_SIZE ? pictureSize : USUAL_SIZE,
  }),
  augment: setting(choice(augmentNames), {
    help: "random mirror image; random part of the picture",
    byDefault: "none below 64 pixels and for IDX files, else flip",
    // Or drawn upright by convention.
    derive: (facts) => isSmall(facts) || facts.data?.kind === "idx" ? "none" : "flip",
  }),
  resize: setting(integer({ min: 8, max: 2048 }), {
    help:
      "pixels of a picture's shorter side before the image size is cut out: of the middle, or anywhere for crop-flip",
    byDefault: "the image size; for crop-flip 256 for 224 and in proportion",
    derive: ({ settings }) => squareFor(settings.imageSize as number, settings.augment as Augment),
  }),
  interpolation: setting(choice(["bilinear", "bicubic"]), {
    help: "how pixels are mixed where pictures are resized, as Pillow does",
    default: "bilinear",
  }),
  normalize: setting(normalize, {
    help: "mean and standard deviation: the training split's, ImageNet's, 0.5 and 0.5, or numbers for each channel",
    default: "train",
  }),
  cache: setting(choice(["auto", "off"]), { ...FREE, help: "keep decoded pictures between runs", default: "auto" }),
  cacheBudget: setting(bytes, {
    ...FREE,
    help: "most that the cache may take on disk",
    default: 4 * 2 ** 30,
    byDefault: "4GiB",
    idle: only("cache", "auto"),
  }),
  workers: setting(integer({ min: 1, max: 64 }), {
    ...FREE,
    help: "threads that make batches",
    byDefault: "one less than there are cores, at most 4",
  }),
} as const;

/** What is trained, and from what it starts. */
export const modelSettings = {
  model: setting(text, { heading: "Model", help: "see the command models", default: "naive-cnn" }),
  pretrained: setting(path, {
    help:
      "weights to start from: a run, or safetensors, .pth or .pt, in torchvision's, timm's or Hugging Face's names; they " +
      "bring model, image size and preprocessing along, unless given",
    placeholder: "RUN|FILE",
    byDefault: "none",
  }),
  stem: setting(choice(["auto", "imagenet", "small"]), {
    help: "first layers of a ResNet: 7×7 and pooling, one 3×3, or by the picture's size",
    default: "auto",
    idle: ofModels("stem"),
  }),
  dropout: setting(number({ min: 0, max: 0.95 }), {
    help: "share of the units dropped",
    byDefault: "the model's",
    idle: ofModels("dropout"),
  }),
  attentionDropout: setting(number({ min: 0, max: 0.95 }), {
    help: "share of the attention weights dropped, transformers",
    byDefault: "0",
    idle: ofModels("attentionDropout"),
  }),
  stochasticDepth: setting(number({ min: 0, max: 0.95 }), {
    help: "share of the pictures for which the last block is left out, falling to 0 at the first; transformers",
    byDefault: "the model's",
    idle: ofModels("stochasticDepth"),
  }),
  layerScale: setting(number({ min: 1e-6, max: 1 }), {
    help: "start of a learnt factor for each channel of a block, such as 1e-5; transformers",
    byDefault: "no such factor",
    idle: ofModels("layerScale"),
  }),
} as const;

/** A model that is learnt from. */
export const teacherSettings = {
  teacher: setting(path, {
    heading: "Teacher",
    help: "run, by its best checkpoint, or weights that the model learns from besides the labels",
    placeholder: "RUN|FILE",
    byDefault: "none",
  }),
  distill: setting(choice(["soft", "hard", "token"]), {
    help: "learn the teacher's probabilities, its answers, or its answers by a second head",
    default: "soft",
    idle: withTeacher,
  }),
  temperature: setting(number({ min: 0.01 }), {
    help: "of soft distillation: higher tells more of unlikely classes",
    default: 4,
    idle: (facts, nameOf) => withTeacher(facts, nameOf) ?? only("distill", "soft")!(facts, nameOf),
  }),
  alpha: setting(number({ min: 0, max: 1 }), {
    help: "the teacher's share of the loss",
    default: 0.5,
    idle: withTeacher,
  }),
} as const;

/** How it is trained. */
export const trainingSettings = {
  epochs: setting(integer({ min: 1 }), { heading: "Training", help: "times through the training split", default: 5 }),
  batch: setting(batch, {
    help:
      "pictures in a step; auto takes as many as memory has room for, at most 256, and leaves the learning rate as it is",
    byDefault: "64 for pictures below 64 pixels, else 32",
    derive: (facts) => isSmall(facts) ? 64 : 32,
  }),
  accumulate: setting(integer({ min: 1 }), {
    help: "steps that make one update: a batch so many times as large, in the memory of one",
    default: 1,
  }),
  checkpointActivations: setting(toggle, {
    help: "compute activations again in the backward pass instead of holding them: less memory, a step takes longer",
    default: false,
  }),
  precision: setting(choice(["f32", "f16"]), {
    help: "how activations and their gradients are held; f16 takes half the memory, and a GPU with shader-f16",
    default: "f32",
  }),
  optimizer: setting(choice(["sgd", "adam", "adamw"]), { help: "rule of the update", default: "adam" }),
  learningRate: setting(number({ min: 0 }), {
    flag: "lr",
    help: "learning rate",
    byDefault: "0.002 for adam and adamw, 0.05 for sgd",
    derive: ({ settings }) => settings.optimizer === "sgd" ? 0.05 : 0.002,
  }),
  momentum: setting(number({ min: 0, max: 1 }), { help: "of sgd", default: 0.9, idle: only("optimizer", "sgd") }),
  nesterov: setting(toggle, { help: "Nesterov's momentum in sgd", default: false, idle: only("optimizer", "sgd") }),
  weightDecay: setting(number({ min: 0 }), {
    help: "on weights, not on biases and norms",
    byDefault: "0.01 for adamw, else 0",
    derive: ({ settings }) => settings.optimizer === "adamw" ? 0.01 : 0,
  }),
  freeze: setting(names, {
    help: "keys or modules that are not learnt, such as conv1 'layer[1-3].*'; batch norms among them keep to their " +
      "running statistics, unless only their weights and biases are named",
    default: [],
    placeholder: "PATTERN…",
  }),
  learningRateScale: setting(scales, {
    flag: "lrScale",
    help: "factor on the learning rate of the keys or modules that fit, such as 'classifier.*=10'",
    default: {},
  }),
  layerDecay: setting(number({ min: 0.01, max: 1 }), {
    help: "factor on the learning rate from each layer to the one below it, the head having the full rate",
    default: 1,
  }),
  schedule: setting(choice(["constant", "step", "cosine"]), { help: "of the learning rate", default: "cosine" }),
  warmupEpochs: setting(number({ min: 0 }), {
    flag: "warmup",
    help: "epochs in which the rate rises from zero",
    default: 0.5,
  }),
  fallEvery: setting(integer({ min: 1 }), {
    flag: "stepSize",
    help: "epochs between two falls of the schedule step",
    default: 30,
    idle: only("schedule", "step"),
  }),
  gamma: setting(number({ min: 0, max: 1 }), {
    help: "factor of a fall of the schedule step",
    default: 0.1,
    idle: only("schedule", "step"),
  }),
  clipNorm: setting(number({ min: 0 }), { help: "greatest norm of the whole gradient", byDefault: "no limit" }),
  labelSmoothing: setting(number({ min: 0, max: 0.9 }), {
    help: "share of the target given to all classes alike",
    default: 0,
    idle: ofTasks("multiclass"),
  }),
  classWeights: setting(weights, {
    help: "weight of each class in the loss: none, balanced or numbers in the order of the classes",
    default: "none",
    idle: ofTasks("multiclass"),
  }),
  posWeight: setting(weights, {
    help: "weight of a label's positive pictures, binary and multilabel: none, balanced or numbers",
    default: "none",
    idle: ofTasks("binary", "multilabel"),
  }),
  seed: setting(integer({ min: 0, max: 2 ** 32 - 1 }), { help: "start of every random number", default: 1 }),
  skipNonFinite: setting(skips, {
    flag: "onNan",
    help: "on a loss or gradient that is not finite: stop, or skip up to N steps",
    default: 0,
    byDefault: "stop",
  }),
} as const;

/** Where it runs. */
export const deviceSettings = {
  backend: setting(choice(["auto", "webgpu", "gpujs"]), {
    ...FREE,
    heading: "Device",
    help: "auto is webgpu where there is an adapter, else gpujs",
    default: "auto",
  }),
  memory: setting(memory, {
    ...FREE,
    help: "most that training may take on the device",
    byDefault:
      "what is free; of a GPU, which does not tell, 4GiB, or half of the host's free memory where it shares that",
  }),
  tune: setting(choice(["auto", "off", "quick", "full"]), {
    help:
      "first time some or all variants of a step's kernels, and keep the fastest for later runs; auto: quick, for at " +
      "most 20 s, on a GPU and for large networks",
    default: "auto",
  }),
} as const;

/** What is recorded on the way. */
export const recordSettings = {
  logEvery: setting(integer({ min: 1 }), { ...FREE, help: "steps between two records of the loss", default: 10 }),
  valEvery: setting(integer({ min: 1 }), {
    ...FREE,
    help: "steps between two validations",
    byDefault: "each epoch",
  }),
} as const;

/** All settings, in the order of the help. */
export const settings = {
  ...dataSettings,
  ...splitSettings,
  ...pictureSettings,
  ...modelSettings,
  ...teacherSettings,
  ...trainingSettings,
  ...deviceSettings,
  ...recordSettings,
} as const;

/** Name of a setting. */
export type SettingName = keyof typeof settings;

/** Type of a setting's value. */
export type ValueOf<S> = S extends Setting<infer T, infer D> ? T | D : never;

/** Values of some settings, by name. */
export type ValuesOf<T> = { readonly [K in keyof T]: ValueOf<T[K]> };

/** Values of all settings. */
export type Settings = ValuesOf<typeof settings>;
