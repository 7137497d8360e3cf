/**
 * How pictures are prepared for published weights, as the definition of their model says.
 *
 * @module
 */

import { type ChannelStatistics, halfStatistics, imagenetStatistics } from "../data/store/statistics.ts";
import type { KeyStyle } from "../interop/keys/family.ts";
import { type ModelDefinition, type PublishedPreprocessing, torchvisionV1 } from "../models/mod.ts";
import type { Preprocessing } from "./checkpoint.ts";

const STATISTICS = { imagenet: imagenetStatistics, half: halfStatistics } as const;

/** How pictures are prepared, as somebody said it of certain weights. */
export type StatedPreprocessing =
  & Pick<PublishedPreprocessing, "crop" | "resize" | "interpolation">
  & ChannelStatistics;

/** What a table says, in numbers. */
export function statedIn({ normalize, ...rest }: PublishedPreprocessing): StatedPreprocessing {
  return { ...rest, ...STATISTICS[normalize] };
}

/**
 * How pictures are prepared for weights. The names of a file's tensors do not say which of several trainings they are
 * from. So unless it is known which they are, this is what most of a style's weights of a model were made with.
 *
 * @param style Whose names the weights' file has.
 * @param model The model; weights that no library publishes are taken for prepared as torchvision's first ones.
 * @param imageSize Side of the model's pictures.
 * @param stated What is known of just these weights.
 * @returns What to do with a picture; of another size than the weights' own, in proportion.
 */
export function preprocessingFor(
  style: KeyStyle,
  { published }: Pick<ModelDefinition, "published">,
  imageSize: number,
  stated: StatedPreprocessing = statedIn(published?.[style] ?? torchvisionV1),
): Preprocessing {
  const { crop, resize, interpolation, mean, std } = stated;
  // timm rounds down; the others' numbers come out whole.
  return { imageSize, square: Math.floor(imageSize * resize / crop), interpolation, mean, std };
}
