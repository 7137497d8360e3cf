/**
 * `train --pretrained`: what the file decides unless it is given by hand, and what is said about its weights.
 *
 * @module
 */

import { counted, printable } from "../data/names.ts";
import { styleName } from "../interop/keys/mod.ts";
import { type Model, modelNamed } from "../models/mod.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import type { Given } from "../run/resolve.ts";
import { settings } from "../run/settings.ts";
import { preprocessingFor } from "../run/published_preprocessing.ts";
import { loadWeights, originOf, type WeightsOrigin } from "../run/weights.ts";

/**
 * The settings with what the weights bring along: model, picture size and preprocessing. They are kept with the run, so
 * that it can be resumed without the file.
 *
 * @throws UserError when the file cannot be read or understood.
 */
export async function withPretrained(given: Given): Promise<Given> {
  if (given.pretrained === undefined) return given;
  const origin = await originOf(given.pretrained);
  const model = given.model ?? origin.models[0] ?? settings.model.default;
  // Of another model nothing is taken over: loading will refuse it.
  if (!origin.models.includes(model)) return given;
  const { imageSize, stem = "auto", layerScale } = origin.options;
  const size = given.imageSize ?? imageSize!;
  const { square, interpolation, fit, range, mean, std } = preparedAs(origin, model, size);
  const brought: Given = {
    model,
    imageSize: size,
    stem,
    layerScale,
    // Where nothing is cut off, the augmentation may need a margin of its own.
    resize: square > size ? square : undefined,
    interpolation,
    fit,
    range,
    normalize: { mean: [...mean], std: [...std] },
  };
  return { ...brought, ...given };
}

/** How pictures were prepared for the weights, brought to a size. */
function preparedAs({ style, preprocessing, stated }: WeightsOrigin, model: string, imageSize: number): Preprocessing {
  if (!preprocessing) return preprocessingFor(style, modelNamed(model), imageSize, stated);
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
