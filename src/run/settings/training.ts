/**
 * Settings of how a model is trained.
 *
 * @module
 */

import type { Task } from "../../data/labels.ts";
import { type Monitor, monitored, monitors } from "../../metrics/monitored.ts";
import { choice, integer, names, number, several, toggle } from "../kinds.ts";
import { batch, betas, scales, skips, warmup, weights } from "../values.ts";
import { type Facts, isSmall, ofTasks, oneOf, only, setting } from "./setting.ts";

/** A default that depends on the rule of the update. */
const byOptimizer = <T>(usual: T, others: Readonly<Record<string, T>>) => ({ settings }: Facts): T =>
  others[settings.optimizer as string] ?? usual;

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
  optimizer: setting(
    choice(["sgd", "rmsprop", "adam", "adamw", "nadam", "radam", "lamb", "lion", "adafactor", "muon"]),
    { help: "rule of the update", default: "adam" },
  ),
  learningRate: setting(number({ min: 0 }), {
    flag: "lr",
    help: "learning rate",
    byDefault: "0.05 for sgd, 0.01 for adafactor, 0.005 for lamb, 0.001 for rmsprop, 0.0003 for lion, else 0.002",
    derive: byOptimizer(0.002, { sgd: 0.05, adafactor: 0.01, lamb: 0.005, rmsprop: 0.001, lion: 0.0003 }),
  }),
  momentum: setting(number({ min: 0, max: 1 }), {
    help: "of sgd, rmsprop and muon",
    byDefault: "0.9 for sgd, 0 for rmsprop, 0.95 for muon",
    derive: byOptimizer(0.9, { rmsprop: 0, muon: 0.95 }),
    idle: only("optimizer", "sgd", "rmsprop", "muon"),
  }),
  nesterov: setting(toggle, {
    help: "Nesterov's momentum in sgd and muon",
    byDefault: "of muon",
    derive: byOptimizer(false, { muon: true }),
    idle: only("optimizer", "sgd", "muon"),
  }),
  betas: setting(betas, {
    help: "decay rates of the moments",
    byDefault: "0.9,0.99 for lion, else 0.9,0.999",
    derive: byOptimizer<readonly [number, number]>([0.9, 0.999], { lion: [0.9, 0.99] }),
    idle: only("optimizer", "adam", "adamw", "nadam", "radam", "lamb", "lion"),
  }),
  eps: setting(number({ min: 0 }), {
    help: "what keeps the update's divisor from zero",
    byDefault: "1e-6 for lamb, 2^-23 for adafactor, else 1e-8",
    derive: byOptimizer(1e-8, { lamb: 1e-6, adafactor: 2 ** -23 }),
    idle: only("optimizer", "rmsprop", "adam", "adamw", "nadam", "radam", "lamb", "adafactor"),
  }),
  lookahead: setting(integer({ min: 0 }), {
    help: "steps between two updates of Lookahead's slow weights, around any rule; 0 has none",
    default: 0,
  }),
  weightDecay: setting(number({ min: 0 }), {
    help: "on weights, not on biases and norms",
    byDefault: "0.01 for adamw, lamb and muon, 0.1 for lion, else 0",
    derive: byOptimizer(0, { adamw: 0.01, lamb: 0.01, muon: 0.01, lion: 0.1 }),
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
  freezeEpochs: setting(integer({ min: 0 }), {
    help:
      "first epochs in which the head alone is learnt, all else being frozen as with freeze (a linear probe); then " +
      "all is, with moments that begin anew",
    default: 0,
  }),
  schedule: setting(
    choice([
      ...[
        "constant",
        "step",
        "multistep",
        "exponential",
        "polynomial",
        "cosine",
        "cosine-restarts",
        "onecycle",
      ] as const,
      "plateau",
    ]),
    { help: "of the learning rate", default: "cosine" },
  ),
  warmupEpochs: setting(warmup, {
    flag: "warmup",
    help: "epochs in which the rate rises from zero, or steps such as 500steps; of onecycle those up to its peak",
    byDefault: "0.3 of the epochs for onecycle, else 0.5",
    derive: ({ settings }) => settings.schedule === "onecycle" ? 0.3 * (settings.epochs as number) : 0.5,
  }),
  minLearningRate: setting(number({ min: 0 }), {
    flag: "minLr",
    help: "where the rate stops falling",
    default: 0,
    idle: only("schedule", "step", "multistep", "exponential", "polynomial", "cosine", "cosine-restarts", "plateau"),
    conflict: ({ settings }, nameOf) =>
      settings.minLearningRate as number < (settings.learningRate as number)
        ? undefined
        : `${nameOf("learningRate")} is ${settings.learningRate}; give less`,
  }),
  fallEvery: setting(integer({ min: 1 }), {
    flag: "stepSize",
    help: "epochs between two falls of the schedule step",
    default: 30,
    idle: only("schedule", "step"),
  }),
  milestones: setting(several(integer({ min: 1 }), "numbers of epochs", "N…"), {
    help: "epochs after which the schedule multistep falls",
    byDefault: "half and three quarters of the epochs",
    derive: ({ settings }) => [0.5, 0.75].map((share) => Math.max(1, Math.floor(share * (settings.epochs as number)))),
    idle: only("schedule", "multistep"),
    conflict: ({ settings }) => {
      const milestones = settings.milestones as readonly number[];
      const late = milestones.find((epoch) => epoch >= (settings.epochs as number));
      if (late === undefined) return undefined;
      return `a run of ${settings.epochs} epochs has no epoch after ${late}; give less`;
    },
  }),
  gamma: setting(number({ min: 0, max: 1 }), {
    help: "factor of a fall of the schedules step, multistep and plateau; of exponential from epoch to epoch",
    byDefault: "0.95 for exponential, else 0.1",
    derive: ({ settings }) => settings.schedule === "exponential" ? 0.95 : 0.1,
    idle: only("schedule", "step", "multistep", "plateau", "exponential"),
  }),
  power: setting(number({ min: 0.01 }), {
    help: "of the schedule polynomial: 1 falls in a line",
    default: 1,
    idle: only("schedule", "polynomial"),
  }),
  cycleEpochs: setting(number({ min: 0.01 }), {
    help: "epochs of the first cycle of the schedule cosine-restarts",
    default: 10,
    idle: only("schedule", "cosine-restarts"),
  }),
  cycleMul: setting(number({ min: 1 }), {
    help: "factor on the epochs of a cycle from each to the next",
    default: 1,
    idle: only("schedule", "cosine-restarts"),
  }),
  cycleDecay: setting(number({ min: 0.01, max: 1 }), {
    help: "factor on the rate that a cycle begins with from each to the next",
    default: 1,
    idle: only("schedule", "cosine-restarts"),
  }),
  plateauPatience: setting(integer({ min: 0 }), {
    help: "epochs that the monitored metric may be no better before the schedule plateau falls",
    default: 10,
    idle: only("schedule", "plateau"),
  }),
  clipNorm: setting(number({ min: 0 }), { help: "greatest norm of the whole gradient", byDefault: "no limit" }),
  clipValue: setting(number({ min: 0 }), {
    help: "greatest size of a gradient's element",
    byDefault: "no limit",
    conflict: oneOf("clipNorm"),
  }),
  clipAgc: setting(number({ min: 0 }), {
    help: "greatest norm of each unit's gradient, as a share of its weights' norm (AGC); 0.01 is usual, and the head " +
      "is left out",
    byDefault: "no limit",
    conflict: oneOf("clipNorm", "clipValue"),
  }),
  ema: setting(number({ min: 0, below: 1 }), {
    help:
      "decay of an exponential moving average of the weights, such as 0.9998, which is validated, kept and tested " +
      "in their place",
    byDefault: "no average",
    placeholder: "DECAY",
  }),
  emaWarmup: setting(toggle, {
    help: "let the average's decay rise with the updates, so that it forgets the first ones",
    default: true,
    idle: ({ settings }, nameOf) => settings.ema === undefined ? `there is no ${nameOf("ema")}` : undefined,
  }),
  emaAfter: setting(integer({ min: 0 }), {
    help: "updates after which the average begins",
    default: 0,
    idle: ({ settings }, nameOf) => settings.ema === undefined ? `there is no ${nameOf("ema")}` : undefined,
  }),
  swa: setting(integer({ min: 0 }), {
    help: "last epochs whose weights are averaged (SWA), with batch norms' statistics counted anew; the average is " +
      "validated, kept and tested in their place",
    default: 0,
    conflict: ({ settings }, nameOf) => {
      const { swa, epochs, ema, patience } = settings as { [name: string]: number };
      if (swa === 0) return undefined;
      if (swa > epochs) return `the run has ${epochs} epochs; give fewer`;
      if (ema !== undefined) return `${nameOf("ema")} averages the weights already; give one`;
      return patience === undefined
        ? undefined
        : `${nameOf("patience")} may end the run before its last epochs; give ${nameOf("ema")} in its place`;
    },
  }),
  swaLearningRate: setting(number({ min: 0 }), {
    flag: "swaLr",
    help: "learning rate of the epochs that swa averages",
    byDefault: "the schedule's",
    idle: ({ settings }, nameOf) => settings.swa === 0 ? `there is no ${nameOf("swa")}` : undefined,
  }),
  monitor: setting(choice(monitors), {
    help: "metric of the validation by which the best epoch is chosen",
    default: "accuracy",
    idle: ({ data, settings }) => {
      const task = data?.task ?? settings.task as Task | undefined;
      const isKnown = task === undefined || monitored[settings.monitor as Monitor].tasks.includes(task);
      return isKnown ? undefined : `the task is ${task}, whose reports have no such metric`;
    },
  }),
  patience: setting(integer({ min: 1 }), {
    help: "epochs without a better one after which the run ends",
    byDefault: "all epochs are run",
    conflict: ({ settings }) =>
      settings.patience === undefined || settings.patience as number < (settings.epochs as number)
        ? undefined
        : `the run has ${settings.epochs} epochs, so that it would never end early; give fewer`,
  }),
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
