/**
 * Settings of how a model is trained.
 *
 * @module
 */

import { choice, integer, names, number, toggle } from "../kinds.ts";
import { batch, scales, skips, weights } from "../values.ts";
import { isSmall, ofTasks, only, setting } from "./setting.ts";

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
