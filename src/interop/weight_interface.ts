/**
 * What all kinds of weight files have in common.
 *
 * @module
 */

import type { Dtype } from "./dtypes.ts";
import type { LoadedTensor } from "./safetensors.ts";
import type { FoundTensors } from "./torch_contents.ts";

/** What a file says of a tensor. */
export interface WeightEntry {
  /** Type of the stored values. */
  readonly dtype: Dtype;
  /** Sizes of the axes; none of a scalar. */
  readonly shape: readonly number[];
}

/** An open file with tensors, of which only what is asked for is read. */
export interface WeightFile extends Disposable {
  /** What there is, by name. */
  readonly entries: ReadonlyMap<string, WeightEntry>;
  /** Texts of a safetensors file by key. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the tensors were in a file of `torch.save`: see {@link FoundTensors}. */
  readonly found?: Omit<FoundTensors, "tensors">;
  /** Reads a tensor as float32. Throws RangeError when there is none of that name, UserError when it cannot be read. */
  read(name: string): Promise<LoadedTensor>;
  /**
   * Reads the file through and compares its hash, if it has one: false means that nothing is known. Throws UserError.
   */
  verify(): Promise<boolean>;
}
