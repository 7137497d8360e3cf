/**
 * `train --pretrained`: what the file decides unless it is given by hand, and what is said about its weights.
 *
 * @module
 */

import { counted, firstNames, printable } from "../data/names.ts";
import { styleName } from "../interop/keys/mod.ts";
import { UserError } from "../errors.ts";
import { createModel, type Model, modelNamed } from "../models/mod.ts";
import type { Preprocessing } from "../run/checkpoint.ts";
import type { Given } from "../run/resolve.ts";
import { preprocessingFor } from "../run/published_preprocessing.ts";
import { checkWeights, loadWeights, type LoadWeightsOptions, originOf, type WeightsOrigin } from "../run/weights.ts";
import { noteLine } from "./notes.ts";

/**
 * The settings with what the weights bring along: model, picture size and preprocessing. They are kept with the run, so
 * that it can be resumed without the file.
 *
 * @throws UserError when the file cannot be read or understood.
 */
export async function withPretrained(given: Given): Promise<Given> {
  const { pretrained: path, weightsKey } = given;
  if (path === undefined) return given;
  const origin = await originOf(path, [], weightsKey);
  const model = given.model ?? origin.models[0];
  if (model === undefined) throw new UserError(origin.misfit!);
  if (!origin.models.includes(model)) {
    await refuseOther(path, given, origin);
    return given;
  }
  const { imageSize, stem = "auto", layerScale, window, normEps, attentionAfter, head, width } = origin.options;
  const size = given.imageSize ?? imageSize!;
  const { square, interpolation, fit, range, mean, std } = preparedAs(origin, model, size);
  const brought: Given = {
    model,
    imageSize: size,
    stem,
    layerScale,
    window,
    normEps,
    attentionAfter,
    head,
    width,
    // Where nothing is cut off, the augmentation may need a margin of its own.
    resize: square > size ? square : undefined,
    interpolation,
    fit,
    range,
    normalize: { mean: [...mean], std: [...std] },
  };
  const settled = { ...brought, ...given };
  if (given.width !== undefined && given.width !== (width ?? 1)) await refuseOther(path, settled, origin);
  return settled;
}

/** Refuses weights that the model that is asked for cannot take; of another number of classes it can. */
async function refuseOther(path: string, given: Given, { options: { channels } }: WeightsOrigin): Promise<void> {
  const model = createModel(given.model!, { ...given, classes: 1, channels });
  await checkWeights(path, model, given.weightsKey);
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
 * @param options Which of the file's weights, and what the model's logits will mean.
 * @throws UserError when they do not fit.
 */
export async function loadPretrained(
  model: Model,
  path: string,
  verbose: boolean,
  say: (line: string) => void,
  options: LoadWeightsOptions = {},
): Promise<void> {
  const report = await loadWeights(model, path, options);
  const { style, loaded, fresh, interpolated, adapted, mapped, leftOver, taken, others } = report;
  const groups = Object.entries({
    loaded,
    "made fresh": fresh,
    interpolated,
    adapted,
    "mapped by class names": mapped,
    "left over": leftOver,
  });
  const counts = groups.filter(([what, names]) => ALWAYS_SAID.includes(what) || names.length > 0).map(
    ([what, names], i) => i === 0 ? `${counted(names.length, "tensor")} ${what}` : `${names.length} ${what}`,
  );
  const where = taken === "" ? "" : `, its ${printable(taken)}`;
  say(`weights ${printable(path)}${where}, ${styleName(style)}: ${counts.join(", ")}`);
  if (others.length > 0) {
    say(noteLine(`option weightsKey takes another of the file's weights: ${firstNames(others, 8)}`, verbose));
  }
  for (const note of report.notes) say(noteLine(note, verbose));
  if (!verbose) return;
  for (const [what, names] of groups) {
    if (names.length > 0) say(`  ${what}: ${names.map(printable).join(", ")}`);
  }
}

/** Counts that are said though they be 0. */
const ALWAYS_SAID = ["loaded", "made fresh", "interpolated", "left over"];
