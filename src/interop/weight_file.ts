/**
 * Weight files of every kind behind one interface. The kind is told by the content, since names lie: PyTorch's files
 * are called `.pth`, `.pt` or `.bin`, and safetensors files have been called so too.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import type { Dtype } from "./dtypes.ts";
import { openByteSource } from "./file_source.ts";
import { type LoadedTensor, SafetensorsReader } from "./safetensors.ts";
import { startSha256 } from "./safetensors_file.ts";
import { TorchFile } from "./torch_file.ts";

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
  /** Reads a tensor as float32. Throws RangeError when there is none of that name, UserError when it cannot be read. */
  read(name: string): Promise<LoadedTensor>;
  /**
   * Reads the file through and compares its hash, if it has one: false means that nothing is known. Throws UserError.
   */
  verify(): Promise<boolean>;
}

/**
 * Opens a file with weights: safetensors, or PyTorch's own in either of its forms.
 *
 * @param path Where it is.
 * @returns The reader; dispose of it.
 * @throws {UserError} That names the path and what is wrong when the file is missing, cut, hostile or of another kind.
 *
 * @example
 * ```ts
 * import { openWeights } from "./weight_file.ts";
 *
 * using file = await openWeights("resnet18.pth");
 * for (const [name, { dtype, shape }] of file.entries) console.log(name, dtype, shape);
 * const { values } = await file.read("fc.weight");
 * ```
 */
export async function openWeights(path: string): Promise<WeightFile> {
  const source = await openByteSource(path);
  try {
    const head = await source.read(0, Math.min(source.size, 9));
    const startsWith = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
    // Behind the 8 bytes of the header's length; no file of the other kinds has it there.
    if (head[8] === "{".charCodeAt(0)) return await SafetensorsReader.of(source, startSha256);
    if (startsWith(0x50, 0x4b, 3, 4)) return await TorchFile.of(source, "zip");
    // The opcode of the protocol, with which every pickle since protocol 2 begins.
    if (startsWith(0x80)) return await TorchFile.of(source, "sequence");
    throw new UserError(`Cannot read ${path}: it is neither a safetensors file nor one of PyTorch's torch.save`);
  } catch (error) {
    source.close();
    throw error;
  }
}
