/**
 * What a row of a family's table of published weights says. The tables stand at the end of the families' files. Files,
 * preprocessing and licences are those of torchvision 0.29 and timm 1.0.31; accuracies are torchvision's own, those of
 * timm's `results-imagenet.csv`, and those of the cards of other repositories.
 *
 * @module
 */

import type { KeyStyle } from "../interop/keys/family.ts";
import { prepared, type PublishedPreprocessing } from "./model.ts";

/** Weights that somebody published for a model. */
export interface PublishedWeights {
  /** By which they are asked for: `torchvision:ResNet50_Weights.IMAGENET1K_V2`, `timm:resnet50.a1_in1k`. */
  readonly name: string;
  /** Name of the model. */
  readonly model: string;
  /** Whose names its tensors have. */
  readonly style: KeyStyle;
  /** A file of torchvision's, with the first digits of its SHA-256 in the name; else a repository of the hub's. */
  readonly file: string;
  /** How pictures are prepared for them; `crop` is the side of the pictures that the model sees. */
  readonly preprocessing: PublishedPreprocessing;
  /** Top-1 accuracy on ImageNet-1K's validation pictures so prepared, in percent, where one is published. */
  readonly top1?: number;
  /** Classes of the head: 1,000, unless said; 0 where there is no head. */
  readonly classes: number;
  /** Licence of the weights, where it is stated. */
  readonly licence?: string;
}

/** torchvision's second weights of many models. */
export const torchvisionV2: PublishedPreprocessing = prepared(232, 224, "bilinear");

/** timm's weights for pictures of 224, of whose side 87.5% is kept. */
export const crop875: PublishedPreprocessing = prepared(256, 224, "bicubic");

/** The same, of whose side 90% is kept. */
export const crop90: PublishedPreprocessing = prepared(248, 224, "bicubic");

/** The same, of whose side 95% is kept. */
export const crop95: PublishedPreprocessing = prepared(235, 224, "bicubic");

/** The same, of which all is kept. */
export const uncropped: PublishedPreprocessing = prepared(224, 224, "bicubic");

/** {@link crop90}, normalised by 0.5. */
export const crop90half: PublishedPreprocessing = prepared(248, 224, "bicubic", "half");

/** {@link crop95}, normalised by 0.5. */
export const crop95half: PublishedPreprocessing = prepared(235, 224, "bicubic", "half");

/** What a row says that most do not. */
type Rest = Partial<Pick<PublishedWeights, "classes" | "licence">>;

/**
 * A row of torchvision's.
 *
 * @param model The model here.
 * @param entry Class and member of torchvision's enumeration.
 * @param file Its file on download.pytorch.org.
 * @param preprocessing Of the pictures.
 * @param top1 Accuracy in percent.
 * @param rest The licence, where it is not that of the pictures alone.
 */
export function torchvision(
  model: string,
  entry: string,
  file: string,
  preprocessing: PublishedPreprocessing,
  top1: number,
  rest: Rest = {},
): PublishedWeights {
  return {
    name: `torchvision:${entry}`,
    model,
    style: "torchvision",
    file,
    preprocessing,
    top1,
    classes: 1000,
    ...rest,
  };
}

/**
 * A row of timm's, whose files are on the hub as `timm/…`.
 *
 * @param model The model here.
 * @param tagged timm's name with its tag.
 * @param licence Of the weights.
 * @param preprocessing Of the pictures.
 * @param top1 Accuracy in percent; undefined of weights of other classes.
 * @param rest The classes, where they are not ImageNet-1K's.
 */
export function timm(
  model: string,
  tagged: string,
  licence: string,
  preprocessing: PublishedPreprocessing,
  top1?: number,
  rest: Rest = {},
): PublishedWeights {
  const part = { name: `timm:${tagged}`, model, style: "timm", file: `timm/${tagged}` } as const;
  return { ...part, preprocessing, top1, classes: 1000, licence, ...rest };
}

/**
 * A row of another repository of the hub's, in Hugging Face's names.
 *
 * @param model The model here.
 * @param repository Owner and name.
 * @param preprocessing Of the pictures.
 * @param top1 Accuracy in percent, where the repository's card says it.
 * @param rest The classes, where they are not ImageNet-1K's.
 */
export function huggingFace(
  model: string,
  repository: string,
  preprocessing: PublishedPreprocessing,
  top1?: number,
  rest: Rest = {},
): PublishedWeights {
  const part = { name: `hf:${repository}`, model, style: "huggingface", file: repository } as const;
  return { ...part, preprocessing, top1, classes: 1000, licence: "apache-2.0", ...rest };
}
