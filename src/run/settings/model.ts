/**
 * Settings of the model, of the weights that it starts from, and of its teacher.
 *
 * @module
 */

import { models } from "../../models/mod.ts";
import type { ModelOption } from "../../models/model.ts";
import { choice, integer, names, number, path, text } from "../kinds.ts";
import { isPublishedName } from "../published/names.ts";
import { type Facts, type NameOf, only, setting } from "./setting.ts";

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

/** Applies to models that are made here. */
const ofFovea = ({ settings }: Facts): string | undefined =>
  models.some(({ name }) => name === settings.model)
    ? undefined
    : `${settings.model} is no model of Fovea's, which could make it narrower`;

const withTeacher = ({ settings }: Facts, nameOf: NameOf): string | undefined =>
  settings.teacher === undefined ? `there is no ${nameOf("teacher")}` : undefined;

/** A run, a file, or a name of published weights. */
const weights = { ...path, wants: "a path or a name", isPath: (word: string) => !isPublishedName(word) };

/** What is trained, and from what it starts. */
export const modelSettings = {
  model: setting(text, { heading: "Model", help: "see the command models", default: "naive-cnn" }),
  pretrained: setting(weights, {
    help:
      "weights to start from: a run, or safetensors, .pth or .pt, in torchvision's, timm's or Hugging Face's names, or " +
      "published ones by name, see the command weights; they bring model, image size and preprocessing along, unless " +
      "given",
    placeholder: "RUN|FILE|NAME",
    byDefault: "none",
  }),
  weightsKey: setting(text, {
    help: "which weights of a file that has several: a dictionary's key, or how names begin, such as model_ema",
    byDefault: "the model's own before averages",
    placeholder: "KEY",
    idle: ({ settings }, nameOf) =>
      settings.pretrained === undefined ? `there is no ${nameOf("pretrained")}` : undefined,
  }),
  width: setting(number({ min: 0.01, max: 8 }), {
    help: "factor on the channels of all layers, such as 0.25; published weights are of width 1",
    default: 1,
    byDefault: "the weights', else 1",
    idle: ofFovea,
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
    help: "share of the pictures for which the last block is left out, falling to 0 at the first",
    byDefault: "the model's",
    idle: ofModels("stochasticDepth"),
  }),
  window: setting(integer({ min: 1, max: 256 }), {
    help: "side of Swin's windows, cut to the feature map where that is smaller",
    byDefault: "the weights', else the model's",
    idle: ofModels("window"),
  }),
  normEps: setting(number({ min: 1e-30, max: 1 }), {
    help: "added to the variance of a ViT's layer norms, or of a MobileNetV3's batch norms",
    byDefault: "the weights', else 1e-6, or 1e-3",
    idle: ofModels("normEps"),
  }),
  attentionAfter: setting(names, {
    help:
      "stages of a ResNet or VGG that attention follows, SAGAN's self-attention, or another kind after a colon: layer3, " +
      "layer3:se, layer3:cbam",
    placeholder: "STAGE[:KIND]…",
    byDefault: "the weights', else none",
    idle: ofModels("attentionAfter"),
  }),
  head: setting(choice(["auto", "fcn", "attention-pool"]), {
    help:
      "how a CNN ends: its own way; dense layers as convolutions, for class maps of larger pictures; or attention over " +
      "positions in the place of their mean",
    default: "auto",
    idle: ofModels("head"),
  }),
  layerScale: setting(number({ min: 1e-6, max: 1 }), {
    help: "start of a learnt factor for each channel of a block, such as 1e-5; transformers",
    byDefault: "no such factor",
    idle: ofModels("layerScale"),
  }),
} as const;

/** A model that is learnt from. */
export const teacherSettings = {
  teacher: setting(weights, {
    heading: "Teacher",
    help: "run, by its best checkpoint, or weights that the model learns from besides the labels",
    placeholder: "RUN|FILE|NAME",
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
