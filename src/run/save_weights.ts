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
  const tensors: ReadonlyMap<string, WritableTensor> = keys === "own"
    ? own
    : renameTensors({ ...called, window: model.options.window }, keys, own);
  await writeAtomic(path, encodeSafetensors(tensors, metadataFor(model, about)));
  return tensors.size;
}

/**
 * What a library computes otherwise with weights that are saved in its names: nothing, but for a Swin whose windows do
 * not divide its feature maps, and for layer norms of another epsilon.
 *
 * @param keys Whose names the tensors get.
 * @returns A sentence each, for people.
 */
export function exportNotes({ name, options, imageSize }: Model, keys: SaveWeightsOptions["keys"]): string[] {
  const family = familyOf(name);
  if (keys === "own" || keys === undefined || !family) return [];
  const notes: string[] = [];
  if (options.normEps !== undefined && options.normEps !== 1e-6) {
    notes.push(`${keys} adds 1e-6 to the variance in its layer norms, where this model has ${options.normEps}`);
  }
  if (options.attentionAfter?.length) {
    notes.push(`${keys} has no attention after ${options.attentionAfter.join(" and ")} of ${name}: add it there`);
  }
  const { width = 1 } = options;
  if (width !== 1) notes.push(`${keys} has ${name} at width 1: make it there with the channels of width ${width}`);
  if (!family.windows) return notes;
  const { windows: { side, patch, stages } } = family;
  const window = options.window ?? side;
  const maps = stages.map((_, stage) => Math.ceil(imageSize / patch / 2 ** stage));
  const isCut = options.window !== undefined && maps.some((map) => map < window);
  const isPadded = maps.some((map) => map % (options.window === undefined ? window : Math.min(map, window)) !== 0);
  const whole = patch * 2 ** (stages.length - 1) * window;
  if (keys === "timm" && isPadded) {
    notes.push(
      `timm computes ${name} otherwise at ${imageSize}×${imageSize}, where windows of ${window}×${window} do not divide ` +
        `the feature maps: probabilities were off by up to 0.68, and below ${whole}×${whole} timm asks for smaller tables; ` +
        `take the keys torchvision, or train at a multiple of ${whole}`,
    );
  }
  if (keys === "torchvision" && isCut) {
    notes.push(
      `torchvision does not cut windows of ${window}×${window} to smaller feature maps, as at ${imageSize}×${imageSize}: ` +
        "take the keys timm",
    );
  }
  return notes;
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
