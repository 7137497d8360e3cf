/**
 * A model's tensors by the names of another library, so that its `load_state_dict` takes them.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import type { WritableTensor } from "../safetensors.ts";
import { type Family, type KeyStyle, styleName, toStyle } from "./mod.ts";

/** Libraries that a model can be exported to. */
export type ExportStyle = Extract<KeyStyle, "torchvision" | "timm">;

/**
 * Renames a model's tensors, in the forms that the library has them in, and adds those that it keeps beside. These are
 * counts of batch norms, which are 0: their momentum is a number and does not ask for them. In torchvision's Swin they
 * are also the indices that follow from the window.
 *
 * @param model Name of the model, how its tensors are called, and the side of its windows where that was asked for.
 * @param style Which library.
 * @param tensors The tensors by Fovea's names.
 * @returns The tensors by the library's names: all that `load_state_dict(strict=True)` asks for.
 * @throws {UserError} If the library has not this model, or no name for a tensor.
 */
export function renameTensors(
  { name: model, family, window }: { readonly name: string; readonly family: Family; readonly window?: number },
  style: ExportStyle,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>,
): Map<string, WritableTensor> {
  if (family.own) {
    throw new UserError(
      `Cannot export ${model} in ${styleName(style)}: no library has this model; give the keys own`,
    );
  }
  const renamed = new Map<string, WritableTensor>();
  for (const [name, tensor] of tensors) {
    const found = toStyle(family, style, name, tensor);
    if (!found) {
      throw new UserError(`Cannot export ${model} in ${styleName(style)}: there is none for ${name}`);
    }
    for (const [theirs, stored] of found) renamed.set(theirs, stored);
    const counted = /^(.*\.)running_var$/.exec([...found.keys()][0]);
    if (counted) renamed.set(`${counted[1]}num_batches_tracked`, { shape: [], values: BigInt64Array.of(0n) });
  }
  for (const [name, buffer] of family.buffers?.(renamed, style, window) ?? []) renamed.set(name, buffer);
  return renamed;
}
