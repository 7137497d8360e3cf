/**
 * Weights in several files beside an index, as Hugging Face's `save_pretrained` writes large models:
 * `model.safetensors.index.json` says which tensor is in which file.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { type ByteSource, naming, quote } from "./byte_source.ts";
import type { LoadedTensor } from "./safetensors.ts";
import type { WeightEntry, WeightFile } from "./weight_interface.ts";

/** Longest index that is read: some hundred thousand tensors. */
const MAX_INDEX = 16 * 2 ** 20;

/** Most files of one model. */
const MAX_FILES = 1000;

/** Several open files as one. */
export class ShardedFile implements WeightFile {
  readonly #files: ReadonlyMap<string, WeightFile>;
  readonly #places: ReadonlyMap<string, WeightFile>;
  /** What there is, by name. */
  readonly entries: ReadonlyMap<string, WeightEntry>;
  /** The index has no texts that are of use here. */
  readonly metadata: Readonly<Record<string, string>> = {};

  private constructor(files: ReadonlyMap<string, WeightFile>, places: ReadonlyMap<string, WeightFile>) {
    this.#files = files;
    this.#places = places;
    this.entries = new Map([...places].map(([name, file]) => [name, file.entries.get(name)!]));
  }

  /**
   * Reads an index and opens the files that it names, which must be beside it.
   *
   * @param index Its bytes; they are closed.
   * @param open Opens a file by its name.
   * @throws {UserError} When the index is damaged, or a file is missing or lacks a tensor.
   */
  static async of(index: ByteSource, open: (name: string) => Promise<WeightFile>): Promise<ShardedFile> {
    const files = new Map<string, WeightFile>();
    try {
      const places = new Map<string, WeightFile>();
      for (const [name, fileName] of await naming(index, () => readIndex(index))) {
        const file = files.get(fileName) ?? await open(fileName);
        files.set(fileName, file);
        if (!file.entries.has(name)) {
          throw new UserError(`Cannot read ${index.name}: it has ${quote(name)} in ${fileName}, which lacks it`);
        }
        places.set(name, file);
      }
      return new ShardedFile(files, places);
    } catch (error) {
      for (const file of files.values()) file[Symbol.dispose]();
      throw error;
    } finally {
      index.close();
    }
  }

  /** Reads a tensor as float32. */
  async read(name: string): Promise<LoadedTensor> {
    const file = this.#places.get(name);
    if (!file) throw new RangeError(`There is no tensor ${JSON.stringify(name)}`);
    return await file.read(name);
  }

  /** Reads the files that have a hash through, and compares it. */
  async verify(): Promise<boolean> {
    const known: boolean[] = [];
    for (const file of this.#files.values()) known.push(await file.verify());
    return known.every(Boolean);
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
  }
}

/** Tensors' names and their files'. */
async function readIndex(index: ByteSource): Promise<[name: string, file: string][]> {
  if (index.size > MAX_INDEX) throw new SyntaxError(`it has ${index.size} bytes; at most ${MAX_INDEX} are read`);
  const text = new TextDecoder().decode(await index.read(0, index.size));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new SyntaxError("it is no JSON");
  }
  const map = (parsed as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new SyntaxError("it has no weight_map: an index of weights in several files has one");
  }
  const places = Object.entries(map);
  for (const [name, file] of places) {
    // Beside the index: a name that leads elsewhere is none.
    if (typeof file !== "string" || !/^[^/\\\p{C}]+$/u.test(file) || /^\.+$/.test(file)) {
      throw new SyntaxError(`it has ${quote(name)} in ${quote(String(file))}, which is no name of a file beside it`);
    }
  }
  const count = new Set(places.map(([, file]) => file)).size;
  if (count > MAX_FILES) throw new SyntaxError(`it names ${count} files; at most ${MAX_FILES} are opened`);
  return places as [string, string][];
}
