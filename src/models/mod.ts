/**
 * The models by name. To add one, write its family's file and list it here.
 *
 * A family's file has its layers, its key names (`family`), its published preprocessing (`published`), and at its end
 * the table of published weights. `takes` lists which of the options that not every model takes it takes. Number its
 * blocks (`layer1.0`, `encoder_layer_3`), and layer-wise decay follows.
 *
 * `tests/models/models_test.ts` traces a model at all its sizes; add its parameter count and multiply-adds to `sizes`
 * there. With torchvision's keys, add its name to `fixtures/models/make.py`, and names, shapes and order are compared.
 * A script in `fixtures/parity/` and `testModel` or `testBlock` (`tests/models/reference.ts`) compare its numbers.
 *
 * @module
 */

import { nearest, option, orList, UserError } from "../errors.ts";
import { alexnet, alexnet2012, alexnetWeights } from "./alexnet.ts";
import { convnexts, convnextWeights } from "./convnext.ts";
import { densenets, densenetWeights } from "./densenet.ts";
import { efficientnets, efficientnetWeights } from "./efficientnet.ts";
import { googlenet, googlenetWeights } from "./googlenet.ts";
import { lenet } from "./lenet.ts";
import type { Family } from "../interop/keys/family.ts";
import {
  Model,
  MODEL_OPTIONS,
  type ModelDefinition,
  type ModelOption,
  type ModelOptions,
  type PaperSize,
  type PublishedPreprocessing,
  torchvisionV1,
} from "./model.ts";
import { mobileNetV2, mobileNetV2Weights } from "./mobilenet_v2.ts";
import { mobileNetV3s, mobileNetV3Weights } from "./mobilenet_v3.ts";
import { localResnets } from "./local_resnet.ts";
import { naiveCnn } from "./naive_cnn.ts";
import type { PublishedWeights } from "./published.ts";
import { regnets, regnetWeights } from "./regnet.ts";
import { resnets, resnetWeights } from "./resnet.ts";
import { resnetDs, resnetDWeights } from "./resnet_d.ts";
import { resnexts, resnextWeights } from "./resnext.ts";
import { seresnet50, seresnetWeights } from "./se_resnet.ts";
import { squeezenets, squeezenetWeights } from "./squeezenet.ts";
import { checkPlaces } from "./stage_attention.ts";
import { swins, swinWeights } from "./swin.ts";
import { vggs, vggWeights } from "./vgg.ts";
import { deit3s, deits, vits, vitWeights } from "./vit.ts";
import { wideResnets, wideResnetWeights } from "./wide_resnet.ts";

export {
  Model,
  type ModelDefinition,
  type ModelOption,
  type ModelOptions,
  type PaperSize,
  type PublishedPreprocessing,
  torchvisionV1,
};
export type { PublishedWeights };

/** Every model's definition, in the order of the command `models`. */
export const models: readonly ModelDefinition[] = [
  lenet,
  naiveCnn,
  alexnet,
  alexnet2012,
  ...vggs,
  ...resnets,
  ...resnexts,
  ...wideResnets,
  seresnet50,
  ...resnetDs,
  ...densenets,
  ...squeezenets,
  googlenet,
  mobileNetV2,
  ...mobileNetV3s,
  ...efficientnets,
  ...convnexts,
  ...regnets,
  ...localResnets,
  ...vits,
  ...deits,
  ...deit3s,
  ...swins,
];

/**
 * How the models' tensors are called; models of a family are called alike. Of two that fit a file's names alike, the
 * first is taken: one that libraries have.
 */
export const families: readonly Family[] = [...new Set(models.map(({ family }) => family))]
  .sort((a, b) => Number(a.own ?? false) - Number(b.own ?? false));

/** Weights that others published for the models, the usual ones of a model first. */
export const publishedWeights: readonly PublishedWeights[] = [
  ...alexnetWeights,
  ...vggWeights,
  ...resnetWeights,
  ...resnextWeights,
  ...wideResnetWeights,
  ...mobileNetV2Weights,
  ...densenetWeights,
  ...squeezenetWeights,
  ...googlenetWeights,
  ...mobileNetV3Weights,
  ...efficientnetWeights,
  ...convnextWeights,
  ...regnetWeights,
  ...seresnetWeights,
  ...resnetDWeights,
  ...vitWeights,
  ...swinWeights,
];

/** The family of a model by its name; undefined for one that is not among {@link models}. */
export function familyOf(model: string): Family | undefined {
  return models.find(({ name }) => name === model)?.family;
}

/** The definition called `name`. Throws UserError with the nearest name when there is none. */
export function modelNamed(name: string): ModelDefinition {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name);
  const near = nearest(name, names);
  throw new UserError(
    `There is no model ${name}; ${near ? `did you mean ${near}?` : `give one of ${names.join(", ")}`}`,
    2,
  );
}

/**
 * A model by name.
 *
 * @param name Such as `resnet18`; the command `models` lists them.
 * @param options Its sizes.
 * @throws UserError when there is no such model, or it cannot take the picture size or has no use for an option.
 * @example
 * ```ts
 * import { createModel } from "@fovea/fovea";
 *
 * const model = createModel("naive-cnn", { classes: 5, imageSize: 64 });
 * console.log(model.size, model.parameters.map(({ name }) => name));
 * ```
 */
export function createModel(name: string, options: ModelOptions): Model {
  const definition = modelNamed(name);
  checkOptions(definition, options);
  const { classes, channels = 3, imageSize = definition.imageSize, stem = "auto" } = options;
  const { dropout, attentionDropout, stochasticDepth, layerScale, window, normEps } = options;
  const { attentionAfter, head = "auto", width = 1 } = options;
  if (!(Number.isFinite(width) && width > 0)) {
    throw new UserError(`Cannot make ${name} of width ${width}: give ${option("width")} above 0`, 2);
  }
  if (imageSize < definition.minImageSize) {
    throw new UserError(
      `${name} cannot take pictures of ${imageSize}×${imageSize}: give ${
        option("imageSize")
      } ${definition.minImageSize} or more`,
      2,
    );
  }
  if (head !== "auto" && !definition.heads?.includes(head)) {
    throw new UserError(
      `${name} has no ${option("head")} ${head}: give ${orList(["auto", ...definition.heads ?? []])}`,
      2,
    );
  }
  checkPlaces(name, definition.stages ?? [], attentionAfter ?? []);
  const optional = { dropout, attentionDropout, stochasticDepth, layerScale, window, normEps, attentionAfter };
  const ending = head === "auto" ? {} : { head };
  const resolved = { classes, channels, imageSize, stem, ...optional, ...ending, width };
  return new Model(name, definition.build(resolved), resolved);
}

/**
 * Refuses options that would change nothing. `auto` leaves a choice to the model, which may have none.
 *
 * @throws UserError with the option, and a model that takes it.
 */
export function checkOptions(definition: ModelDefinition, options: Pick<ModelOptions, ModelOption>): void {
  const { name, takes = [] } = definition;
  for (const given of MODEL_OPTIONS) {
    const value = options[given];
    if (value === undefined || value === "auto" || takes.includes(given)) continue;
    const other = models.find((model) => model.takes?.includes(given))?.name;
    const asked = `${option(given)} ${value}`;
    throw new UserError(
      `${name} has no use for ${asked}: leave it out, or use a model that takes it, as ${other} does`,
      2,
    );
  }
}
