/**
 * `train --pretrained FILE`: what the file decides unless it is given by hand, and what is said about its weights.
 *
 * @module
 */

import { counted, printable } from "../data/names.ts";
import { styleName } from "../interop/keys/mod.ts";
import type { Model } from "../models/mod.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import { preprocessingFor } from "../run/published_preprocessing.ts";
import { loadWeights, originOf, type WeightsOrigin } from "../run/weights.ts";
import type { Options } from "./command.ts";
import type * as tables from "./flags.ts";

type TrainFlags = Options<typeof tables.train.flags>;

/**
 * The flags with what the weights bring along: model, picture size and preprocessing. They are kept with the run, so that
 * it can be resumed without the file.
 *
 * @throws UserError when the file cannot be read or understood.
 */
export async function withPretrained(flags: TrainFlags, given: ReadonlySet<keyof TrainFlags>): Promise<TrainFlags> {
  if (flags.pretrained === undefined) return flags;
  const origin = await originOf(flags.pretrained);
  const model = given.has("model") ? flags.model : origin.models[0] ?? flags.model;
  // Of another model nothing is taken over: loading will refuse it.
  if (!origin.models.includes(model)) return flags;
  const { imageSize, stem = "auto", layerScale } = origin.options;
  const size = flags.imageSize ?? imageSize!;
  const { square, interpolation, mean, std } = preparedAs(origin, model, size);
  return {
    ...flags,
    model,
    imageSize: size,
    stem: given.has("stem") ? flags.stem : stem,
    layerScale: flags.layerScale ?? layerScale,
    // Where nothing is cut off, the augmentation may need a margin of its own.
    resize: flags.resize ?? (square > size ? square : undefined),
    interpolation: flags.interpolation ?? interpolation,
    normalize: flags.normalize ?? { mean: [...mean], std: [...std] },
  };
}

/** How pictures were prepared for the weights, brought to a size. */
function preparedAs({ style, preprocessing }: WeightsOrigin, model: string, imageSize: number): Preprocessing {
  if (!preprocessing) return preprocessingFor(style, model, imageSize);
  const square = Math.floor(preprocessing.square * imageSize / preprocessing.imageSize);
  return { ...preprocessing, imageSize, square };
}

/**
 * Loads the weights and says what became of them.
 *
 * @param model Gets the weights.
 * @param path The file.
 * @param verbose Whether the tensors are named.
 * @param say Shows a line.
 * @throws UserError when they do not fit.
 */
export async function loadPretrained(
  model: Model,
  path: string,
  verbose: boolean,
  say: (line: string) => void,
): Promise<void> {
  const { style, loaded, fresh, interpolated, leftOver } = await loadWeights(model, path);
  const groups = { loaded, "made fresh": fresh, interpolated, "left over": leftOver };
  const counts = Object.entries(groups).map(([what, names], i) =>
    i === 0 ? `${counted(names.length, "tensor")} ${what}` : `${names.length} ${what}`
  );
  say(`weights ${printable(path)}, ${styleName(style)}: ${counts.join(", ")}`);
  if (!verbose) return;
  for (const [what, names] of Object.entries(groups)) {
    if (names.length > 0) say(`  ${what}: ${names.map(printable).join(", ")}`);
  }
}
