/**
 * Weight files of every kind behind one interface. The kind is told by the content, since names lie: PyTorch's files
 * are called `.pth`, `.pt` or `.bin`, and safetensors files have been called so too.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import type { ByteSource } from "./byte_source.ts";
import { openByteSource } from "./file_source.ts";
import { SafetensorsReader } from "./safetensors.ts";
import { startSha256 } from "./safetensors_file.ts";
import { ShardedFile } from "./sharded_file.ts";
import { TorchFile } from "./torch_file.ts";
import type { WeightEntry, WeightFile } from "./weight_interface.ts";

export type { WeightEntry, WeightFile };

/**
 * Opens a file with weights: safetensors, PyTorch's own in either of its forms, or the index of several.
 *
 * @param path Where it is; of a folder, the one of its files that has weights, or the index of them.
 * @param key Of the dictionary of weights that is wanted, in a file of PyTorch's that has several.
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
export async function openWeights(path: string, key?: string): Promise<WeightFile> {
  const folder = await filesIn(path);
  if (folder) return await openWeights(join(path, inFolder(path, folder)), key);
  const source = await openByteSource(path);
  if (/\.index\.json$/i.test(path)) {
    return await ShardedFile.of(source, (name) => openOne(join(dirname(path), name)));
  }
  return await openFrom(source, key);
}

/** One file, and no index. */
async function openOne(path: string): Promise<WeightFile> {
  return await openFrom(await openByteSource(path));
}

async function openFrom(source: ByteSource, key?: string): Promise<WeightFile> {
  try {
    const head = await source.read(0, Math.min(source.size, 9));
    const startsWith = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
    // Behind the 8 bytes of the header's length; no file of the other kinds has it there.
    if (head[8] === "{".charCodeAt(0)) return await SafetensorsReader.of(source, startSha256);
    if (startsWith(0x50, 0x4b, 3, 4)) return await TorchFile.of(source, "zip", key);
    // The opcode of the protocol, with which every pickle since protocol 2 begins.
    if (startsWith(0x80)) return await TorchFile.of(source, "sequence", key);
    throw new UserError(`Cannot read ${source.name}: it is neither a safetensors file nor one of PyTorch's torch.save`);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Names of the files of a folder; undefined of what is none. */
async function filesIn(path: string): Promise<string[] | undefined> {
  try {
    const names: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(path)) if (!isDirectory) names.push(name);
    return names.sort();
  } catch {
    // What is wrong with a file is said where it is opened.
    return undefined;
  }
}

/** Kinds of names in a folder, the likelier first. */
const KINDS = [/\.safetensors\.index\.json$/, /\.safetensors$/, /\.bin\.index\.json$/, /\.(bin|pth|pt)$/];

/** The file of a folder that has weights. */
function inFolder(path: string, names: readonly string[]): string {
  for (const kind of KINDS) {
    const found = names.filter((name) => kind.test(name));
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      const usual = found.find((name) => /^(model|pytorch_model)\./.test(name));
      if (usual !== undefined) return usual;
      throw new UserError(`Cannot choose among ${found.slice(0, 3).join(", ")} … in ${path}: give one of them`);
    }
  }
  throw new UserError(`There are no weights in ${path}: it has no .safetensors, .bin, .pth or .pt`);
}
