/**
 * The tables of all commands. They are light on purpose: `--help` reads them without loading anything that trains.
 *
 * @module
 */

import { choice, type Command, integer, names, number, path, several, text, toggle, value } from "./command.ts";
import {
  readBatch,
  readBytes,
  readMemory,
  readNormalize,
  readScale,
  readSkips,
  readSplit,
  readWeights,
} from "./values.ts";

/** Flags that every command has. */
const common = {
  verbose: toggle({ heading: "Output", help: "say more, and show where in the code an error arose" }),
};

/** Where the pictures are and what is asked of them. */
const dataset = {
  task: choice(["binary", "multiclass", "multilabel"], {
    heading: "Data",
    help: "one yes or no, one class of several, or any number of labels",
    byDefault: "binary for one target, else multiclass",
  }),
  data: path({
    help: "folder per class, CSV file, folder of CelebA or of IDX files",
    byDefault: "the demo faces, made at first use",
  }),
  target: names({
    help: "columns to learn, or one column of class names",
    byDefault: "the folders' names; hair colours for the demo faces",
  }),
  others: text({ help: "class of the pictures for which no target holds", byDefault: "they are left out" }),
  skipBroken: toggle({ help: "leave broken pictures out, and count them" }),
  allowOutside: toggle({ help: "read pictures that a CSV file names outside its folder" }),
  labelColumn: text({ help: "column of class names of a CSV file", byDefault: "label, class, …" }),
  fileColumn: text({ help: "column with the file names of a CSV file", byDefault: "the first" }),
  splitColumn: text({ help: "column with train, val or test", byDefault: "split, where there is one" }),
};

/** How pictures become the three splits. */
const splits = {
  split: value(readSplit, "three ratios such as 8:1:1, or own", {
    help: "train:val:test, or own for the data set's own split",
    placeholder: "R:R:R",
    byDefault: "own where there is one, else 8:1:1",
  }),
  stratify: toggle({ help: "keep the ratios of the classes in every split", default: true }),
  allowDuplicates: toggle({ help: "go on when the same picture is in two splits" }),
};

const seed = integer({ help: "start of every random number", default: 1, min: 0, max: 2 ** 32 - 1 });

const device = {
  backend: choice(["auto", "webgpu", "gpujs"], {
    heading: "Device",
    help: "auto is webgpu where there is an adapter, else gpujs",
    default: "auto",
  }),
};

const precision = choice(["f32", "f16"], {
  help: "how activations and their gradients are held; f16 takes half the memory, and a GPU with shader-f16",
  default: "f32",
});

const evaluation = {
  checkpoint: text({ help: "best, last or the number of an epoch", default: "best", placeholder: "WHICH" }),
  batch: integer({ help: "pictures at a time", byDefault: "the run's", min: 1 }),
};

/** `train`: makes data if there are none, trains, tests and writes the run directory. */
export const train = {
  name: "train",
  summary: "trains a model, tests its best checkpoint and writes the run; without flags, on the demo faces",
  example: "--task binary --data celeba --target Eyeglasses --model resnet18 --epochs 5",
  flags: {
    ...dataset,
    ...splits,
    imageSize: integer({
      help: "height and width that the model sees, in pixels",
      byDefault: "the pictures' own up to 64, else 224",
      min: 8,
      max: 1024,
    }),
    augment: choice(["none", "flip", "crop-flip"], {
      help: "random mirror image; random part of the picture",
      byDefault: "none below 64 pixels and for IDX files, else flip",
    }),
    resize: integer({
      help:
        "pixels of a picture's shorter side before the image size is cut out: of the middle, or anywhere for crop-flip",
      byDefault: "the image size; for crop-flip 256 for 224 and in proportion",
      min: 8,
      max: 2048,
    }),
    interpolation: choice(["bilinear", "bicubic"], {
      help: "how pixels are mixed where pictures are resized, as Pillow does",
      byDefault: "bilinear",
    }),
    normalize: value(readNormalize, "train, imagenet, half or numbers such as 0.5,0.4,0.4:0.25,0.24,0.24", {
      help: "mean and standard deviation: the training split's, ImageNet's, 0.5 and 0.5, or numbers for each channel",
      placeholder: "train|imagenet|half|M,M,M:S,S,S",
      byDefault: "train",
    }),
    cache: choice(["auto", "off"], { help: "keep decoded pictures between runs", default: "auto" }),
    cacheBudget: value(readBytes, "a size such as 4GiB", {
      help: "most that the cache may take on disk",
      placeholder: "SIZE",
      default: 4 * 2 ** 30,
      byDefault: "4GiB",
    }),
    workers: integer({
      help: "threads that make batches",
      byDefault: "one less than there are cores, at most 4",
      min: 1,
      max: 64,
    }),

    model: text({
      heading: "Model",
      help: "see the command models",
      default: "naive-cnn",
    }),
    pretrained: path({
      help: "weights to start from: safetensors, .pth or .pt, in torchvision's, timm's or Hugging Face's names; they " +
        "bring model, image size and preprocessing along, unless given",
      placeholder: "FILE",
      byDefault: "none",
    }),
    stem: choice(["auto", "imagenet", "small"], {
      help: "first layers of a ResNet: 7×7 and pooling, one 3×3, or by the picture's size",
      default: "auto",
    }),
    dropout: number({ help: "share of the units dropped", byDefault: "the model's", min: 0, max: 0.95 }),
    attentionDropout: number({
      help: "share of the attention weights dropped, transformers",
      byDefault: "0",
      min: 0,
      max: 0.95,
    }),
    stochasticDepth: number({
      help: "share of the pictures for which the last block is left out, falling to 0 at the first; transformers",
      byDefault: "the model's",
      min: 0,
      max: 0.95,
    }),
    layerScale: number({
      help: "start of a learnt factor for each channel of a block, such as 1e-5; transformers",
      byDefault: "no such factor",
      min: 1e-6,
      max: 1,
    }),

    teacher: path({
      heading: "Teacher",
      help: "run, by its best checkpoint, or weights that the model learns from besides the labels",
      placeholder: "RUN|FILE",
      byDefault: "none",
    }),
    distill: choice(["soft", "hard", "token"], {
      help: "learn the teacher's probabilities, its answers, or its answers by a second head",
      default: "soft",
    }),
    temperature: number({ help: "of --distill soft: higher tells more of unlikely classes", default: 4, min: 0.01 }),
    alpha: number({ help: "the teacher's share of the loss", default: 0.5, min: 0, max: 1 }),

    epochs: integer({ heading: "Training", help: "times through the training split", default: 5, min: 1 }),
    batch: value(readBatch, "a whole number of at least 1, or auto", {
      help: "pictures in a step; auto takes as many as memory has room for, at most 256, and leaves --lr as it is",
      placeholder: "N|auto",
      byDefault: "64 for pictures below 64 pixels, else 32",
    }),
    accumulate: integer({
      help: "steps that make one update: a batch so many times as large, in the memory of one",
      default: 1,
      min: 1,
    }),
    checkpointActivations: toggle({
      help: "compute activations again in the backward pass instead of holding them: less memory, a step takes longer",
    }),
    precision,
    optimizer: choice(["sgd", "adam", "adamw"], { help: "rule of the update", default: "adam" }),
    lr: number({ help: "learning rate", byDefault: "0.002 for adam and adamw, 0.05 for sgd", min: 0 }),
    momentum: number({ help: "of sgd", default: 0.9, min: 0, max: 1 }),
    nesterov: toggle({ help: "Nesterov's momentum in sgd" }),
    weightDecay: number({ help: "on weights, not on biases and norms", byDefault: "0.01 for adamw, else 0", min: 0 }),
    freeze: names({
      help: "keys or modules that are not learnt, such as conv1 'layer[1-3].*'; batch norms among them keep to their " +
        "running statistics, unless only their weights and biases are named",
      placeholder: "PATTERN…",
    }),
    lrScale: several(readScale, "a pattern and a factor above 0 such as 'classifier.*=10'", {
      help: "factor on the learning rate of the keys or modules that fit, such as 'classifier.*=10'",
      placeholder: "PATTERN=X…",
    }),
    layerDecay: number({
      help: "factor on the learning rate from each layer to the one below it, the head having the full rate",
      default: 1,
      min: 0.01,
      max: 1,
    }),
    schedule: choice(["constant", "step", "cosine"], { help: "of the learning rate", default: "cosine" }),
    warmup: number({ help: "epochs in which the rate rises from zero", default: 0.5, min: 0 }),
    stepSize: integer({ help: "epochs between two falls of the schedule step", default: 30, min: 1 }),
    gamma: number({ help: "factor of a fall of the schedule step", default: 0.1, min: 0, max: 1 }),
    clipNorm: number({ help: "greatest norm of the whole gradient", byDefault: "no limit", min: 0 }),
    labelSmoothing: number({ help: "share of the target given to all classes alike", default: 0, min: 0, max: 0.9 }),
    classWeights: value(readWeights, "none, balanced or a weight per class such as 1,2,0.5", {
      help: "weight of each class in the loss: none, balanced or numbers in the order of the classes",
      placeholder: "W,W,…",
      default: "none",
    }),
    posWeight: value(readWeights, "none, balanced or a weight per label such as 1,2,0.5", {
      help: "weight of a label's positive pictures, binary and multilabel: none, balanced or numbers",
      placeholder: "W,W,…",
      default: "none",
    }),
    seed,
    onNan: value(readSkips, "stop or skip:N", {
      help: "on a loss or gradient that is not finite: stop, or skip up to N steps",
      placeholder: "stop|skip:N",
      default: 0,
      byDefault: "stop",
    }),
    resume: path({ help: "go on with a stopped run, to the same weights", placeholder: "RUN" }),

    ...device,
    memory: value(readMemory, "a size of at least 1 MiB, such as 6GiB", {
      help: "most that training may take on the device",
      placeholder: "SIZE",
      byDefault:
        "what is free; of a GPU, which does not tell, 4GiB, or half of the host's free memory where it shares that",
    }),
    tune: choice(["auto", "off", "quick", "full"], {
      help:
        "first time some or all of the ways to compute a step, and keep the fastest for later runs; auto: quick, for at " +
        "most 20 s, on a GPU and for large networks",
      default: "auto",
    }),
    ...common,
    logEvery: integer({ help: "steps between two records of the loss", default: 10, min: 1 }),
    valEvery: integer({ help: "steps between two validations", byDefault: "each epoch", min: 1 }),
    out: path({ help: "run directory", placeholder: "DIR", byDefault: "runs/ and a name from task, model and time" }),
    quiet: toggle({ help: "no progress bar" }),
  },
} satisfies Command;

/** `eval RUN`: all metrics on a split or on another data set. */
export const evaluate = {
  name: "eval",
  summary: "tests a run on one of its splits or on another data set",
  example: "runs/hair --split val",
  words: { usage: "RUN", min: 1, max: 1, paths: true },
  flags: {
    split: choice(["train", "val", "test", "all"], { heading: "Data", help: "pictures to test on", default: "test" }),
    data: path({ help: "another data set with the same classes", byDefault: "the run's" }),
    ...evaluation,
    ...device,
    ...common,
    out: path({ help: "folder for metrics and predictions", placeholder: "DIR", byDefault: "the split's, in the run" }),
  },
} satisfies Command;

/** `predict RUN IMAGE…`: what a run says about pictures. */
export const predict = {
  name: "predict",
  summary: "says what a run sees in pictures, folders of pictures or globs",
  example: "runs/hair photo.jpg --top-k 3",
  words: { usage: "RUN IMAGE…", min: 2, max: Infinity, paths: true },
  flags: {
    topK: integer({ heading: "Predictions", help: "classes to show, multiclass", default: 1, min: 1 }),
    ...evaluation,
    ...device,
    ...common,
    json: toggle({ help: "one JSON object a line" }),
    csv: toggle({ help: "CSV with a header" }),
  },
} satisfies Command;

/** `export RUN`: weights for other programs. */
export const exportRun = {
  name: "export",
  summary: "writes a run's weights for PyTorch, by the names of torchvision or timm",
  example: "runs/hair --keys timm",
  words: { usage: "RUN", min: 1, max: 1, paths: true },
  flags: {
    format: choice(["safetensors"], { heading: "Weights", help: "kind of file", default: "safetensors" }),
    keys: choice(["torchvision", "timm"], { help: "whose names the tensors get", default: "torchvision" }),
    checkpoint: evaluation.checkpoint,
    ...common,
    out: path({ help: "file to write", placeholder: "FILE", byDefault: "model and keys, in the run" }),
  },
} satisfies Command;

/** `data check DIR`: what is wrong with a data set. */
export const dataCheck = {
  name: "data check",
  summary: "counts classes, lists broken files and pictures that are in two splits",
  example: "celeba --target Eyeglasses",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: withoutData({ ...dataset, ...splits, seed, ...common }),
} satisfies Command;

/** `data split DIR`: which picture goes where, as a file. */
export const dataSplit = {
  name: "data split",
  summary: "writes which picture is for training, validation and test",
  example: "celeba --target Eyeglasses --split 8:1:1 --out split.csv",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: {
    ...withoutData({ ...dataset, ...splits, seed }),
    ...common,
    out: path({ help: "CSV file to write", placeholder: "FILE", byDefault: "split.csv in DIR" }),
  },
} satisfies Command;

/** `data demo DIR`: the demo faces. */
export const dataDemo = {
  name: "data demo",
  summary: "draws the demo faces, laid out as CelebA is",
  example: "faces --count 2400",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: {
    count: integer({ heading: "Data", help: "pictures", default: 2400, min: 33, max: 1_000_000 }),
    imageSize: integer({ help: "height and width in pixels", default: 64, min: 16, max: 512 }),
    seed,
    ...common,
  },
} satisfies Command;

/** `models [NAME]`: sizes and costs. */
export const models = {
  name: "models",
  summary: "lists the models, or one in detail: parameters, operations, memory",
  example: "resnet18 --image-size 64 --batch 32",
  words: { usage: "[NAME]", min: 0, max: 1, paths: false },
  flags: {
    imageSize: integer({
      heading: "At",
      help: "height and width in pixels",
      byDefault: "the model's",
      min: 8,
      max: 1024,
    }),
    classes: integer({ help: "outputs of the head", default: 5, min: 1 }),
    batch: integer({ help: "pictures in a step", default: 32, min: 1 }),
    checkpointActivations: toggle({ help: "memory of a step that computes activations again" }),
    precision,
    ...common,
  },
} satisfies Command;

/** `parity MODEL WEIGHTS REFERENCE`: how near a model's numbers are to PyTorch's. */
export const parity = {
  name: "parity",
  summary: "compares a model's logits, loss and gradients with a reference in float64",
  example: "resnet50 weights.safetensors reference.safetensors",
  words: { usage: "MODEL WEIGHTS REFERENCE", min: 3, max: 3, paths: false },
  flags: { ...device, ...common, verbose: toggle({ heading: "Output", help: "show every tensor, not the worst ten" }) },
} satisfies Command;

/** `doctor`: what this machine offers. */
export const doctor = {
  name: "doctor",
  summary: "shows adapter, limits and measured speed, and what to install where there is no GPU",
  example: "",
  flags: { ...device, ...common },
} satisfies Command;

/** The flags without `--data`, for commands that take the folder as a word. */
function withoutData<F extends { data: unknown }>({ data: _, ...rest }: F): Omit<F, "data"> {
  return rest;
}
