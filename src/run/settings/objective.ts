/**
 * Settings of what is learnt from: which loss, which mixtures of pictures, and how often each picture is shown.
 *
 * @module
 */

import { mixingOf } from "../../augment/augmentations.ts";
import { choice, integer, number, toggle } from "../kinds.ts";
import { type Facts, type NameOf, ofTasks, only, type Setting, setting, taskOf } from "./setting.ts";

/** Applies where pictures are mixed in one of some ways, or in all of them. */
const mixing = (how: "some" | "every"): Setting["idle"] => ({ settings }, nameOf) => {
  const ways = ["mixup", "cutmix"];
  if (ways[how]((name) => settings[name] as number > 0)) return undefined;
  return how === "some"
    ? `there is neither ${nameOf("mixup")} nor ${nameOf("cutmix")}`
    : `only ${nameOf("mixup")} and ${nameOf("cutmix")} together have it`;
};

/** What the presets of the setting `augment` mix, where a batch has pictures to mix. */
const presetOf = ({ settings: { augment, batch } }: Facts) =>
  mixingOf(typeof augment === "string" && batch !== 1 ? augment : "none");

/** Pictures are mixed two at a time: a conflict of a way that is on. */
const needsTwo = (way: "mixup" | "cutmix") => ({ settings }: Facts, nameOf: NameOf): string | undefined =>
  settings[way] as number > 0 && settings.batch === 1
    ? `${nameOf("batch")} 1 has no two pictures to mix; give 2 or more`
    : undefined;

/** Loss, mixtures and sampling. */
export const objectiveSettings = {
  loss: setting(choice(["cross-entropy", "bce", "focal", "asymmetric", "poly1"]), {
    help: "what is made small: cross-entropy is a softmax's, bce a sigmoid's for each class or label",
    byDefault: "cross-entropy for classes, bce for labels",
    derive: (facts) => {
      const task = taskOf(facts);
      return task && (task === "multiclass" ? "cross-entropy" : "bce");
    },
    conflict: (facts) => {
      const task = taskOf(facts);
      const isOfOthers = task === "multiclass" ? "asymmetric" : "cross-entropy";
      if (task === undefined || facts.settings.loss !== isOfOthers) return undefined;
      const fitting = task === "multiclass" ? "cross-entropy, bce, focal or poly1" : "bce, focal, asymmetric or poly1";
      return `the task is ${task}; give ${fitting}`;
    },
  }),
  focalGamma: setting(number({ min: 0 }), {
    help: "how much less the loss focal counts what is answered well: 0 is the plain loss",
    default: 2,
    idle: only("loss", "focal"),
  }),
  focalAlpha: setting(number({ min: 0, max: 1 }), {
    help: "weight of a label's positive pictures in the loss focal, the others having the rest to 1",
    default: 0.25,
    idle: (facts, nameOf) => only("loss", "focal")!(facts, nameOf) ?? ofTasks("binary", "multilabel")(facts),
  }),
  asymmetricGammaNeg: setting(number({ min: 0 }), {
    help: "how much less the loss asymmetric counts absent labels that are answered well",
    default: 4,
    idle: only("loss", "asymmetric"),
  }),
  asymmetricGammaPos: setting(number({ min: 0 }), {
    help: "how much less the loss asymmetric counts present labels that are answered well",
    default: 1,
    idle: only("loss", "asymmetric"),
  }),
  asymmetricClip: setting(number({ min: 0, max: 0.99 }), {
    help: "probability up to which the loss asymmetric counts an absent label nothing",
    default: 0.05,
    idle: only("loss", "asymmetric"),
  }),
  polyEpsilon: setting(number({ min: -1 }), {
    help: "factor of the term that the loss poly1 has besides the cross-entropy",
    default: 1,
    idle: only("loss", "poly1"),
  }),
  bceTargetThreshold: setting(number({ min: 0, max: 1 }), {
    flag: "bceTargetThresh",
    help: "mixed or smoothed targets above it become 1 in the loss bce, the others 0",
    byDefault: "targets as they are",
    idle: only("loss", "bce"),
  }),
  bceSum: setting(toggle, {
    help: "sum the loss bce over the classes instead of taking their mean",
    default: false,
    idle: only("loss", "bce"),
  }),
  logitAdjustment: setting(number({ min: 0 }), {
    help: "times the logarithm of a class's share of the training split is added to its logit in the loss, for " +
      "classes of unequal size; 1 is usual",
    default: 0,
    placeholder: "TAU",
    idle: (facts, nameOf) =>
      ofTasks("multiclass")(facts) ?? only("loss", "cross-entropy", "focal", "poly1")!(facts, nameOf),
    conflict: ({ settings }, nameOf) =>
      settings.logitAdjustment === 0 || settings.sampling === "uniform"
        ? undefined
        : `${nameOf("sampling")} ${settings.sampling} changes the shares of the classes already; give one`,
  }),
  mixup: setting(number({ min: 0 }), {
    help: "mix each picture and its target with another of the batch, by a share from Beta(X, X); 0 does not",
    byDefault: "what presets of augment mix, else 0",
    derive: (facts) => presetOf(facts).mixup,
    conflict: needsTwo("mixup"),
  }),
  cutmix: setting(number({ min: 0 }), {
    help: "put a part of another picture of the batch into each, its area being a share from Beta(X, X); 0 does not",
    byDefault: "what presets of augment mix, else 0",
    derive: (facts) => presetOf(facts).cutmix,
    conflict: (facts, nameOf) =>
      facts.settings.cutmix !== 0 && facts.settings.imageSize === 1
        ? `a picture of 1 pixel has no parts; give ${nameOf("mixup")}`
        : needsTwo("cutmix")(facts, nameOf),
  }),
  mixupProb: setting(number({ min: 0, max: 1 }), {
    help: "share of the batches, pairs or pictures that are mixed at all",
    default: 1,
    idle: mixing("some"),
  }),
  mixupSwitchProb: setting(number({ min: 0, max: 1 }), {
    help: "share of them that cutmix has, where mixup is given, too",
    default: 0.5,
    idle: mixing("every"),
  }),
  mixupMode: setting(choice(["batch", "pair", "elem"]), {
    help: "whether one share is drawn for a batch, for each pair of pictures that are mixed, or for each picture",
    default: "batch",
    idle: mixing("some"),
  }),
  mixupOffEpoch: setting(integer({ min: 0 }), {
    help: "epochs after which pictures are mixed no more; 0 mixes to the end",
    default: 0,
    idle: mixing("some"),
    conflict: ({ settings }) =>
      settings.mixupOffEpoch as number < (settings.epochs as number)
        ? undefined
        : `the run has ${settings.epochs} epochs, and none after it; give fewer`,
  }),
  sampling: setting(choice(["uniform", "balanced", "sqrt", "effective"]), {
    help: "how often the classes are shown: uniform shows each picture once an epoch; the others draw as many, each " +
      "class as often as the others, by the root of its size, or by its effective number",
    default: "uniform",
    idle: ofTasks("multiclass", "binary"),
  }),
  effectiveBeta: setting(number({ min: 0, max: 0.999999 }), {
    help: "of effective numbers (1 - BETA^n) / (1 - BETA): near 0 classes count by their sizes, near 1 alike",
    default: 0.999,
    placeholder: "BETA",
    idle: ({ settings }, nameOf) =>
      [settings.sampling, settings.classWeights].includes("effective")
        ? undefined
        : `only ${nameOf("sampling")} effective and ${nameOf("classWeights")} effective have it`,
  }),
  repeats: setting(integer({ min: 1 }), {
    help: "views of a picture in an epoch, side by side (repeated augmentation); an epoch has as many pictures as " +
      "before, of which so many times fewer differ",
    default: 1,
  }),
} as const;
