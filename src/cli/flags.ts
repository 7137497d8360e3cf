/**
 * The tables of all commands. They are light on purpose: `--help` reads them without loading anything that trains.
 *
 * A command has its table here (`explain` in a file of its own), `src/cli/<command>.ts` with `run`, an entry in
 * `cli.ts`, a task in `deno.json` with the permissions that it needs, and a row in the README. `tests/cli_test.ts`
 * fails for a table without an entry, checks the help and parses the example.
 *
 * @module
 */

import { choice, integer, number, path, text } from "../run/kinds.ts";
import { courseSettings } from "../run/settings/course.ts";
import { dataSettings, splitSettings } from "../run/settings/data.ts";
import { deviceSettings, recordSettings } from "../run/settings/device.ts";
import { modelSettings, teacherSettings } from "../run/settings/model.ts";
import { pictureSettings } from "../run/settings/pictures.ts";
import { trainingSettings } from "../run/settings/training.ts";
import { type Command, flag, type Flags, flagsOf, toggle } from "./command.ts";

/** Flags that every command has. */
const common = {
  verbose: toggle({ heading: "Output", help: "say more, and show where in the code an error arose" }),
};

const dataset = flagsOf(dataSettings);
const splits = flagsOf(splitSettings);
const { seed, precision } = flagsOf(trainingSettings);
const { imageSize, augment, resize, interpolation, fit } = flagsOf(pictureSettings);
const { backend } = flagsOf(deviceSettings);

const allowChangedData = toggle({
  help: "go on though pictures, labels or split.csv were changed since the run began",
});

const configured = {
  config: flag(path, {
    help: "settings in JSON or YAML, such as a run's config.json or a recipe; flags go over them",
    byDefault: "none",
    placeholder: "FILE",
  }),
};

const openedRun = {
  checkpoint: flag(text, { help: "best, last or the number of an epoch", default: "best", placeholder: "WHICH" }),
  models: flag(path, { help: "module that exports models of your own, for a run of one", placeholder: "FILE" }),
};

const live = {
  dash: toggle({ help: "serve a page that shows it as it goes, on 127.0.0.1, until the command ends" }),
};

const evaluation = {
  ...openedRun,
  batch: flag(integer({ min: 1 }), { help: "pictures at a time", byDefault: "the run's" }),
};

/** `train`: makes data if there are none, trains, tests and writes the run directory. */
export const train = {
  name: "train",
  summary: "trains a model, tests its best checkpoint and writes the run; without flags, on the demo faces",
  example: "--task binary --data celeba --target Eyeglasses --model resnet18 --epochs 5",
  flags: {
    ...dataset,
    ...splits,
    ...flagsOf(pictureSettings),
    ...flagsOf(modelSettings),
    ...flagsOf(teacherSettings),
    ...flagsOf(trainingSettings),
    resume: flag(path, { help: "go on with a stopped run, to the same weights", placeholder: "RUN" }),
    allowChangedData,
    ...configured,
    printConfig: toggle({ help: "print all settings that the run would have, as --config takes them, and end" }),
    ...flagsOf(deviceSettings),
    ...common,
    ...flagsOf(recordSettings),
    out: flag(path, {
      help: "run directory",
      placeholder: "DIR",
      byDefault: "runs/ and a name from task, model and time",
    }),
    ...live,
    quiet: toggle({ help: "hide how far training is; data, device, notes, warnings and results are said" }),
    json: toggle({ help: "one JSON object a line on standard output, everything else on standard error" }),
  },
} satisfies Command;

/** `lr-find`: which learning rate is worth a try. */
export const lrFind = {
  name: "lr-find",
  summary: "lets the learning rate rise until the loss diverges, draws the curve and proposes a rate",
  example: "--data pets --model resnet18",
  flags: {
    from: flag(number({ min: 1e-12, max: 100 }), {
      heading: "Search",
      help: "learning rate of the first update",
      default: 1e-7,
    }),
    to: flag(number({ min: 1e-12, max: 1e6 }), { help: "learning rate of the last", default: 10 }),
    updates: flag(integer({ min: 20, max: 100_000 }), { help: "updates from one to the other", default: 100 }),
    ...dataset,
    ...splits,
    ...flagsOf(pictureSettings),
    ...flagsOf(modelSettings),
    ...flagsOf(teacherSettings),
    // The rate, its course and what needs epochs are none of a search.
    ...without(flagsOf(trainingSettings), [
      ...Object.keys(courseSettings) as (keyof typeof courseSettings)[],
      ...["epochs", "learningRate", "skipNonFinite", "tta", "batchNormMomentum"] as const,
    ]),
    ...flagsOf(deviceSettings),
    ...common,
    out: flag(path, {
      help: "folder of the curve and of the losses",
      placeholder: "DIR",
      byDefault: "runs/ and a name from the time",
    }),
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
    split: flag(choice(["train", "val", "test", "all"]), {
      heading: "Data",
      help: "pictures to test on; of another data set, its own parts",
      byDefault: "test, or val where the run was tested on it; all of a data set without parts",
    }),
    data: flag(path, { help: "another data set, whose classes are found by name", byDefault: "the run's" }),
    ignoreUnknown: toggle({ help: "leave out pictures of classes that the run does not know" }),
    allowChangedData,
    tta: flag(trainingSettings.tta.kind, {
      heading: "Answers",
      help: trainingSettings.tta.help,
      byDefault: "as the run was tested",
    }),
    calibrate: toggle({
      help:
        "fit a temperature on the validation split and keep it with the run, whose probabilities it makes honest; " +
        "--no-calibrate leaves a kept one out",
    }),
    threshold: flag(number({ min: 0.001, max: 0.999 }), {
      help: "probability from which on a yes or a label is predicted, binary and multilabel",
      default: 0.5,
    }),
    ...evaluation,
    backend,
    ...common,
    json: toggle({
      help: "one JSON object, as metrics.json is, on standard output, everything else on standard error",
    }),
    out: flag(path, {
      help: "folder for metrics and predictions",
      placeholder: "DIR",
      byDefault: "the split's, in the run",
    }),
  },
} satisfies Command;

const { allowOutside, maxMegapixels } = dataset;

/** `compare RUN RUN…`: runs side by side. */
export const compare = {
  name: "compare",
  summary: "sets runs side by side: metrics with intervals, curves, costs, and whether differences hold",
  example: "runs/lenet runs/resnet18 --out runs/both",
  words: { usage: "RUN RUN…", min: 2, max: Infinity, paths: true },
  flags: {
    resamples: flag(integer({ min: 1, max: 100_000 }), {
      heading: "Intervals",
      help: "resamples of the bootstrap",
      default: 1000,
    }),
    seed,
    ...common,
    out: flag(path, { help: "folder for the page and the tables", placeholder: "DIR", byDefault: "runs/comparison" }),
  },
} satisfies Command;

/** `study FILE`: every combination of its axes, and what it comes to. */
export const study = {
  name: "study",
  summary: "trains every combination of models, tasks, seeds and settings in a file, and reports on the whole",
  example: "fixtures/studies/small.json --out runs/small",
  words: { usage: "FILE", min: 1, max: 1, paths: true },
  flags: {
    dryRun: toggle({ heading: "Runs", help: "list the runs with the time that each is expected to take" }),
    ...common,
    out: flag(path, { help: "folder of the study", placeholder: "DIR", byDefault: "runs/ and the file's name" }),
    ...live,
    quiet: toggle({ help: "no progress bar" }),
  },
} satisfies Command;

/** `sweep FILE`: which settings do best. */
export const sweep = {
  name: "sweep",
  summary: "tries settings at random or on a grid, stops early what does badly, and compares the best",
  example: "fixtures/studies/sweep.json --out runs/sweep",
  words: { usage: "FILE", min: 1, max: 1, paths: true },
  flags: {
    ...study.flags,
    out: flag(path, { help: "folder of the sweep", placeholder: "DIR", byDefault: "runs/ and the file's name" }),
  },
} satisfies Command;

const { fold: _fold, testOn: _testOn, ...foldedSplits } = splits;

/** `cross-validate`: every picture is tested once. */
export const crossValidate = {
  name: "cross-validate",
  summary: "trains a run for each fold of the data, so that every picture is tested once, and reports means",
  example: "--folds 5 --data pets --model resnet18 --epochs 5",
  flags: {
    folds: flag(integer({ min: 2 }), {
      heading: "Folds",
      help: "parts of the data, each of which is the test part of one run; val is taken from the rest",
      default: 5,
      placeholder: "K",
    }),
    dryRun: study.flags.dryRun,
    ...configured,
    ...dataset,
    ...foldedSplits,
    ...flagsOf(pictureSettings),
    ...flagsOf(modelSettings),
    ...flagsOf(teacherSettings),
    ...flagsOf(trainingSettings),
    ...flagsOf(deviceSettings),
    ...common,
    ...flagsOf(recordSettings),
    out: flag(path, { help: "folder of the runs and the report", placeholder: "DIR", byDefault: "runs/folds" }),
    ...live,
    quiet: study.flags.quiet,
  },
} satisfies Command;

/** `dash [RUNS]`: the live page. */
export const dash = {
  name: "dash",
  summary: "serves a page on this machine that shows runs as they train: curves, confusion matrix, worst pictures",
  example: "runs --port 6071",
  words: { usage: "[RUNS]", min: 0, max: 1, paths: true },
  flags: {
    port: flag(integer({ min: 1, max: 65_535 }), { heading: "Page", help: "port on 127.0.0.1", default: 6070 }),
    ...common,
  },
} satisfies Command;

/** `predict RUN IMAGE…`: what a run says about pictures. */
export const predict = {
  name: "predict",
  summary: "says what a run sees in pictures, folders of pictures or globs; - reads a list from standard input",
  example: "runs/hair photo.jpg --top-k 3",
  words: { usage: "RUN IMAGE…", min: 2, max: Infinity, paths: true },
  flags: {
    topK: flag(integer({ min: 1 }), { heading: "Predictions", help: "classes to show, multiclass", default: 1 }),
    ...evaluation,
    allowOutside: { ...allowOutside, help: "read pictures to which links lead out of a folder" },
    maxMegapixels,
    backend,
    ...common,
    json: toggle({ help: "one JSON object a line" }),
    csv: toggle({ help: "CSV with a header" }),
    html: flag(path, {
      help: "contact sheet to write: small pictures with what is said of them, grouped by it, the least sure marked",
      placeholder: "FILE",
      byDefault: "none",
    }),
    dense: flag(path, {
      help: "folder for class maps, a PNG a picture: what a CNN says of each place of the picture at its own size",
      placeholder: "DIR",
      byDefault: "none",
    }),
    npy: toggle({ help: "write the raw class map of each picture, too, as NAME.npy: logits [classes, H, W]" }),
    out: flag(path, {
      help: "file to write; .csv and .jsonl mean --csv and --json",
      placeholder: "FILE",
      byDefault: "standard output",
    }),
  },
} satisfies Command;

/** `export RUN`: weights for other programs. */
export const exportRun = {
  name: "export",
  summary: "writes a run's weights as safetensors, by the names of torchvision, timm or its own",
  example: "runs/hair --keys timm",
  words: { usage: "RUN", min: 1, max: 1, paths: true },
  flags: {
    format: flag(choice(["safetensors"]), { heading: "Weights", help: "kind of file", default: "safetensors" }),
    keys: flag(choice(["torchvision", "timm", "own"]), {
      help: "whose names the tensors get; own is the model's",
      default: "torchvision",
    }),
    ...openedRun,
    ...common,
    out: flag(path, { help: "file to write", placeholder: "FILE", byDefault: "model and keys, in the run" }),
  },
} satisfies Command;

/** `data check DIR`: what is wrong with a data set. */
export const dataCheck = {
  name: "data check",
  summary: "counts classes, lists broken files and pictures that are in two splits",
  example: "celeba --target Eyeglasses",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: without({ ...dataset, ...splits, seed, ...common }, ["data"]),
} satisfies Command;

/** `data split DIR`: which picture goes where, as a file. */
export const dataSplit = {
  name: "data split",
  summary: "writes which picture is for training, validation and test",
  example: "celeba --target Eyeglasses --split 8:1:1 --out split.csv",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: {
    ...without({ ...dataset, ...splits, seed }, ["data"]),
    ...common,
    out: flag(path, { help: "CSV file to write", placeholder: "FILE", byDefault: "split.csv in DIR" }),
  },
} satisfies Command;

/** `data demo DIR`: the demo faces. */
export const dataDemo = {
  name: "data demo",
  summary: "draws the demo faces, laid out as CelebA is",
  example: "faces --count 2400",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: {
    count: flag(integer({ min: 33, max: 1_000_000 }), { heading: "Data", help: "pictures", default: 2400 }),
    imageSize: flag(integer({ min: 16, max: 512 }), { help: "height and width in pixels", default: 64 }),
    seed,
    ...common,
  },
} satisfies Command;

/** `data augment DIR`: what random changes make of pictures. */
export const dataAugment = {
  name: "data augment",
  summary: "draws a sheet of some pictures and of what an augmentation makes of them",
  example: "celeba --target Eyeglasses --augment crop-flip,rand-m9-n2-mstd0.5",
  words: { usage: "DIR", min: 1, max: 1, paths: true },
  flags: {
    ...without(dataset, ["data"]),
    ...{ imageSize, augment, resize, interpolation, fit },
    count: flag(integer({ min: 1, max: 100 }), { heading: "Sheet", help: "pictures, a row each", default: 8 }),
    epochs: flag(integer({ min: 1, max: 100 }), { help: "columns, what each of so many epochs sees", default: 8 }),
    seed,
    ...common,
    out: flag(path, { help: "PNG file to write", placeholder: "FILE", default: "augment.png" }),
  },
} satisfies Command;

/** What a model is made for where there are no data. */
const modelAt = {
  imageSize: flag(integer({ min: 8, max: 1024 }), {
    heading: "At",
    help: "height and width in pixels",
    byDefault: "the model's",
  }),
  classes: flag(integer({ min: 1 }), { help: "outputs of the head", default: 5 }),
};

/** `models [NAME]`: sizes and costs. */
export const models = {
  name: "models",
  summary: "lists the models, or one in detail: parameters, operations, memory",
  example: "resnet18 --image-size 64 --batch 32",
  words: { usage: "[NAME]", min: 0, max: 1, paths: false },
  flags: {
    ...modelAt,
    width: flag(modelSettings.width.kind, { help: modelSettings.width.help, default: modelSettings.width.default }),
    batch: flag(integer({ min: 1 }), {
      help: "pictures in a step whose memory is shown, for the whole list too, which takes longer",
      byDefault: "32 for one model",
    }),
    checkpointActivations: toggle({ help: "memory of a step that computes activations again" }),
    precision,
    ...common,
  },
} satisfies Command;

/** `show MODEL`: what a model is compiled to. */
export const show = {
  name: "show",
  summary: "prints what a model is compiled to: its graph, the steps of a run, memory over time, the text of a step",
  example: "resnet18 --image-size 64 --op convolve",
  words: { usage: "MODEL", min: 1, max: 1, paths: false },
  flags: {
    as: flag(choice(["graph", "steps", "memory", "code"]), {
      heading: "What",
      help: "what is printed",
      byDefault: "steps; code where a step or an op is given",
    }),
    step: flag(integer({ min: 0 }), { help: "that step alone, by its number among the steps", byDefault: "all" }),
    op: flag(text, { help: "steps of that op alone, such as matmul or map", byDefault: "all" }),
    evaluation: toggle({ help: "the graph of an evaluation; else it is a training step with AdamW" }),
    target: flag(choice(["gpu", "processor"]), { help: "what WGSL is written for", default: "gpu" }),
    svg: flag(path, { help: "file that memory over time is drawn in", byDefault: "none", placeholder: "FILE" }),
    ...modelAt,
    batch: flag(integer({ min: 1 }), { help: "pictures in a step", default: 32 }),
    precision,
    ...common,
  },
} satisfies Command;

/** `weights [NAME…]`: published weights, by name. */
export const weights = {
  name: "weights",
  summary: "lists published weights, or fetches some into the cache folder for train --pretrained NAME",
  example: "imagenet:resnet50",
  words: { usage: "[NAME…]", min: 0, max: Infinity, paths: false },
  flags: {
    model: flag(text, { heading: "Weights", help: "list those of one model", byDefault: "all" }),
    remove: toggle({ help: "remove the named ones from the cache folder" }),
    ...common,
    quiet: toggle({ help: "no progress bar" }),
  },
} satisfies Command;

/** `parity MODEL WEIGHTS REFERENCE`: how near a model's numbers are to PyTorch's. */
export const parity = {
  name: "parity",
  summary: "compares a model's logits, loss and gradients with a reference in float64",
  example: "resnet50 weights.safetensors reference.safetensors",
  words: { usage: "MODEL WEIGHTS REFERENCE", min: 3, max: 3, paths: false },
  flags: { backend, ...common, verbose: toggle({ heading: "Output", help: "show every tensor, not the worst ten" }) },
} satisfies Command;

/** `doctor`: what this machine offers. */
export const doctor = {
  name: "doctor",
  summary: "shows adapter, limits and measured speed, and what to install where there is no GPU",
  example: "",
  flags: { backend, ...common },
} satisfies Command;

/** Flags but for some. */
function without<F extends Flags, K extends keyof F>(flags: F, names: readonly K[]): Omit<F, K> {
  // What is left has the types that it had.
  return Object.fromEntries(Object.entries(flags).filter(([name]) => !names.includes(name as K))) as Omit<F, K>;
}
