/**
 * Settings of how a model is trained.
 *
 * @module
 */

import { onlyFrames } from "../../augment/augmentations.ts";
import { VIEWS } from "../../augment/host/views.ts";
import { choice, integer, names, number, toggle } from "../kinds.ts";
import { batch, betas, classWeights, scales, skips, weights } from "../values.ts";
import { courseSettings } from "./course.ts";
import { objectiveSettings } from "./objective.ts";
import { type Facts, isSmall, type NameOf, ofTasks, oneOf, only, setting } from "./setting.ts";

/** A default that depends on the rule of the update. */
const byOptimizer = <T>(usual: T, others: Readonly<Record<string, T>>) => ({ settings }: Facts): T =>
  others[settings.optimizer as string] ?? usual;

/** Applies to low-rank adaptation. */
const withLora = ({ settings }: Facts, nameOf: NameOf): string | undefined =>
  settings.lora === undefined ? `there is no ${nameOf("lora")}` : undefined;

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
    idle: (facts, nameOf) =>
      only("optimizer", "sgd", "rmsprop", "muon")!(facts, nameOf) ??
        (facts.settings.cycleMomentum === true ? `${nameOf("cycleMomentum")} moves it` : undefined),
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
  headInitScale: setting(number({ min: 0 }), {
    help: "factor on the initial weights of a head that starts afresh, such as 0.001 for fine-tuning",
    default: 1,
  }),
  headInitBias: setting(number({}), {
    help: "initial bias of a head that starts afresh, such as -7 for the loss bce of 1,000 classes",
    byDefault: "the layer's own",
  }),
  lora: setting(integer({ min: 1 }), {
    help: "rank of what is learnt beside attention's and other dense layers (LoRA), all else but the head being frozen",
    byDefault: "the weights themselves are learnt",
    placeholder: "RANK",
  }),
  loraAlpha: setting(number({ min: 1e-3 }), {
    help: "what lora adds is multiplied by this over the rank",
    default: 8,
    idle: withLora,
  }),
  loraDropout: setting(number({ min: 0, max: 0.95 }), {
    help: "share of a layer's inputs that what lora adds does not see",
    default: 0,
    idle: withLora,
  }),
  loraTargets: setting(names, {
    help: "dense layers beside which lora stands, by keys or modules, such as '*.self_attention'",
    default: [],
    byDefault: "all but the head and those narrower than the rank",
    placeholder: "PATTERN…",
    idle: withLora,
  }),
  ...courseSettings,
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
  ...objectiveSettings,
  labelSmoothing: setting(number({ min: 0, max: 0.9 }), {
    help: "share of the target given to all classes alike; of a label, to yes and no",
    default: 0,
  }),
  batchNormMomentum: setting(number({ min: 0, max: 1 }), {
    flag: "bnMomentum",
    help: "share of a batch's moments in a batch norm's running ones after a step, for short runs or small batches",
    byDefault: "the model's",
  }),
  rDrop: setting(number({ min: 0 }), {
    help: "pass each picture through the model twice, with other units dropped, and add ALPHA times how far the two " +
      "answers are apart to the loss (R-Drop); a step takes twice as long",
    default: 0,
    placeholder: "ALPHA",
  }),
  augSplits: setting(integer({ min: 1, max: 16 }), {
    help:
      "views of each picture in a step, whose answers are drawn together (AugMix's Jensen-Shannon divergence): the " +
      "first, cropped and mirrored alone, is learnt from, the others are changed by all of augment; a step takes N " +
      "times as long",
    default: 1,
    conflict: ({ settings }, nameOf) => {
      if (settings.augSplits === 1) return undefined;
      const mixing = (["mixup", "cutmix"] as const).filter((name) => settings[name] as number > 0);
      if (mixing.length > 0) {
        return `views are not mixed with other pictures; give ${
          mixing.map((name) => `${nameOf(name)} 0`).join(" and ")
        }`;
      }
      const other = (["rDrop", "teacher"] as const).find((name) =>
        settings[name] !== undefined && settings[name] !== 0
      );
      if (other) return `${nameOf(other)} is given, which goes by one view; give one`;
      return onlyFrames(settings.augment as string | undefined ?? "none")
        ? `all views would be the same; give ${nameOf("augment")} with terms besides crops and flip, such as augmix`
        : undefined;
    },
  }),
  jsdAlpha: setting(number({ min: 0.001 }), {
    help: "weight of that divergence in the loss",
    default: 12,
    idle: ({ settings }, nameOf) => settings.augSplits === 1 ? `${nameOf("augSplits")} is 1` : undefined,
  }),
  classWeights: setting(classWeights, {
    help:
      "weight of each class in the loss: none, balanced, effective (by their effective numbers) or numbers in the " +
      "order of the classes",
    default: "none",
    idle: ofTasks("multiclass"),
  }),
  posWeight: setting(weights, {
    help: "weight of a label's positive pictures, binary and multilabel: none, balanced or numbers",
    default: "none",
    idle: ofTasks("binary", "multilabel"),
  }),
  tta: setting(integer({ min: 1, max: VIEWS }), {
    help:
      "views of each picture whose probabilities a test averages: the middle, its mirror image, the corners and theirs",
    default: 1,
  }),
  seed: setting(integer({ min: 0, max: 2 ** 32 - 1 }), { help: "start of every random number", default: 1 }),
  skipNonFinite: setting(skips, {
    flag: "onNan",
    help: "on a loss or gradient that is not finite: stop, or skip up to N steps",
    default: 0,
    byDefault: "stop",
  }),
} as const;
