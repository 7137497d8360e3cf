/**
 * Writes a model's weights for other programs, and for `loadWeights` and `openModel`.
 *
 * @module
 */

import { writeAtomic } from "../files.ts";
import { renameTensors } from "../interop/keys/rename.ts";
import type { WritableTensor } from "../interop/safetensors.ts";
import { encodeSafetensors } from "../interop/safetensors_file.ts";
import { familyOf, type Model } from "../models/mod.ts";
import { ownFamily } from "../models/own.ts";
import { type CheckpointInfo, metadataOf } from "./checkpoint.ts";

/** How weights are saved. */
export interface SaveWeightsOptions {
  /** Whose names the tensors get: torchvision's, timm's, or the model's own, which is the default. */
  readonly keys?: "torchvision" | "timm" | "own";
  /**
   * What the logits mean and how pictures are prepared; with it, `openModel` and `openPredictor` need nothing but the
   * file.
   */
  readonly about?: Pick<CheckpointInfo, "task" | "classes" | "preprocessing">;
}

/**
 * Saves the weights that a model has as safetensors.
 *
 * @param model With its weights.
 * @param path The file; one that is there is replaced.
 * @param options Names, and what is said of the model.
 * @returns Tensors written: in torchvision's and timm's names some more than the model has.
 * @throws UserError when the library has not this model, or the file cannot be written.
 * @throws TypeError when a parameter has no value.
 *
 * @example
 * ```ts
 * import { openModel, saveWeights } from "@fovea/fovea";
 *
 * const { model } = await openModel("runs/hair");
 * await saveWeights(model, "hair.safetensors", { keys: "timm" });
 * ```
 */
export async function saveWeights(model: Model, path: string, options: SaveWeightsOptions = {}): Promise<number> {
  const { keys = "own", about } = options;
  const called = { name: model.name, family: familyOf(model.name) ?? ownFamily(model) };
  const own = new Map(model.parameters.map(({ name, shape }) => {
    const values = model.weights.get(name);
    if (!values) throw new TypeError(`Cannot save ${model.name}: its ${name} has no value; train it or load weights`);
    return [name, { shape, values }] as const;
  }));
  const tensors: ReadonlyMap<string, WritableTensor> = keys === "own" ? own : renameTensors(called, keys, own);
  await writeAtomic(path, encodeSafetensors(tensors, metadataFor(model, about)));
  return tensors.size;
}

/** PyTorch's readers ask for the format; the fields beside `fovea` are for people and other programs. */
function metadataFor({ name, options }: Model, about: SaveWeightsOptions["about"]): Record<string, string> {
  if (!about) return { format: "pt", model: name };
  const { task, classes, preprocessing } = about;
  return {
    ...metadataOf({ format: 1, model: { name, ...options }, task, classes, preprocessing }),
    model: name,
    task,
    classes: JSON.stringify(classes),
    preprocessing: JSON.stringify(preprocessing),
  };
}
