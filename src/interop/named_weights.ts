/**
 * Weight files by Fovea's names, whoever named the tensors in them.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { quote } from "./byte_source.ts";
import { BOOKKEEPING } from "./keys/family.ts";
import { type Family, type KeyStyle, namesIn, recognise, type Recognised } from "./keys/mod.ts";
import type { LoadedTensor } from "./safetensors.ts";
import { openWeights, type WeightFile } from "./weight_file.ts";

/** How a file is read. */
export interface NamedWeightsOptions {
  /** The family that a file's metadata name, where they do. */
  readonly familyFrom?: (metadata: WeightFile["metadata"]) => Family | undefined;
  /** Of the weights that are wanted, where the file has several: a dictionary's key, or how names begin. */
  readonly key?: string;
}

/** An open file with the tensors of one family's model. */
export class NamedWeights implements Disposable {
  readonly #file: WeightFile;
  readonly #names: Recognised;
  /** Sizes of the tensors by Fovea's names, as {@link NamedWeights.read} gives them. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;

  private constructor(path: string, file: WeightFile, names: Recognised) {
    this.#file = file;
    this.#names = names;
    this.shapes = new Map([...names.sources.keys()].map((name) => [name, this.#shapeOf(path, name)]));
  }

  /**
   * Opens a file and understands its names.
   *
   * @param path Where it is.
   * @param families Those whose names it may have.
   * @param options What is known of it.
   * @throws {UserError} If it cannot be read, or its names are those of no family.
   */
  static async open(
    path: string,
    families: readonly Family[],
    { familyFrom = () => undefined, key }: NamedWeightsOptions = {},
  ): Promise<NamedWeights> {
    const file = await openWeights(path, key);
    try {
      const all = [...file.entries.keys()];
      const beginning = key === undefined || file.found?.hasKey ? undefined : beginningIn(file, all, key, path);
      const names = recognise(all, families, { named: familyFrom(file.metadata), key: beginning });
      if (!names) {
        throw new UserError(
          `Cannot use ${path}: its names (${
            all.filter((name) => !BOOKKEEPING.test(name)).slice(0, 3).map(quote).join(", ") || "none"
          }, …) are those of no model that is known here, as torchvision, timm or Hugging Face have them`,
        );
      }
      return new NamedWeights(path, file, names);
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  }

  /** Models to which the tensors may belong. */
  get family(): Family {
    return this.#names.family;
  }

  /** Who named the tensors. */
  get style(): KeyStyle {
    return this.#names.style;
  }

  /** Texts of a safetensors file by key. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#file.metadata;
  }

  /** Where in the file the weights were: keys of dictionaries and the beginning of names; empty where at the top. */
  get taken(): string {
    return [this.#file.found?.taken ?? "", this.#names.prefix.replace(/\.$/, "")].filter(Boolean).join(".");
  }

  /** Keys of other weights in the file. */
  get others(): readonly string[] {
    return [...this.#file.found?.others ?? [], ...this.#names.others];
  }

  /** Names in the file that mean nothing to the family. */
  get unknown(): readonly string[] {
    return [...this.#names.unknown.map((name) => this.#inFile(name)), ...this.#names.outside];
  }

  /**
   * Names in the file of tensors that belong to a layer of the model's, and that the model has no place for: with them
   * it would compute something else. A tower or head beside the layers is none.
   *
   * @param fresh Beginnings of Fovea's names of layers that are made afresh.
   */
  foreign(fresh: readonly string[]): string[] {
    const modules = new Set<string>();
    for (const [ours, { parts }] of this.#names.sources) {
      if (fresh.some((layer) => ours.startsWith(`${layer}.`))) continue;
      for (const part of parts) {
        for (let dot = part?.indexOf(".") ?? -1; dot > 0; dot = part!.indexOf(".", dot + 1)) {
          modules.add(part!.slice(0, dot));
        }
      }
    }
    const isInside = (name: string) => {
      for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
        if (modules.has(name.slice(0, dot))) return true;
      }
      const [top] = name.split(".");
      return COMPUTES.test(top) && !BESIDE.test(top);
    };
    return this.#names.unknown.filter((name) => !/(^|\.)mask_token$/.test(name) && isInside(name))
      .map((name) => this.#inFile(name));
  }

  /** Sizes of all the model's tensors by the names that the file has for them, without what wrappers put before. */
  bareShapes(): ReadonlyMap<string, readonly number[]> {
    return new Map([...this.#names.inFile].map(([bare, name]) => [bare, this.#file.entries.get(name)!.shape]));
  }

  /** What the file calls a tensor of Fovea's, or would call it. */
  nameOf(ours: string): string {
    const source = this.#names.sources.get(ours);
    if (source) return source.parts.flatMap((part) => part === null ? [] : [this.#inFile(part)]).join(", ");
    const { family, style, prefix, base } = this.#names;
    const isHead = family.heads.some((head) => ours.startsWith(`${head}.`));
    const names = namesIn(family, style, ours).map((name) => `${prefix}${isHead ? "" : base}${name}`);
    return names.join(", ") || ours;
  }

  /** Why a tensor's values are no parameters, as far as its type says: they are whole numbers. */
  refusedType(ours: string): string | undefined {
    const types = this.#names.sources.get(ours)!.parts.flatMap((part) =>
      part === null ? [] : [this.#file.entries.get(this.#inFile(part))!.dtype]
    );
    return types.find((type) => !/F\d/.test(type));
  }

  /** Compares the file's hash, if it has one. Throws UserError when it was damaged. */
  async verify(): Promise<void> {
    await this.#file.verify();
  }

  /** Reads a tensor by Fovea's name for it. */
  async read(name: string): Promise<LoadedTensor> {
    const shape = this.shapes.get(name)!;
    const { parts } = this.#names.sources.get(name)!;
    const read = await Promise.all(
      parts.map((part) => part === null ? undefined : this.#file.read(this.#inFile(part))),
    );
    if (read.length === 1) return { shape, values: read[0]!.values };
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const step = values.length / parts.length;
    read.forEach((tensor, i) => tensor && values.set(tensor.values, i * step));
    return { shape, values };
  }

  /**
   * Sizes, and values if asked for, of tensors that only count or follow from the sizes.
   *
   * @param ending Of their names.
   */
  bookkeeping(ending: string): { name: string; shape: readonly number[]; read: () => Promise<LoadedTensor> }[] {
    return [...this.#names.inFile].filter(([bare]) => bare.endsWith(ending)).map(([bare, name]) => ({
      name: bare,
      shape: this.#file.entries.get(name)!.shape,
      read: () => this.#file.read(name),
    }));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #inFile(name: string): string {
    return this.#names.inFile.get(name)!;
  }

  /** The shape of a tensor of Fovea's, from those of its parts, which must be alike. */
  #shapeOf(path: string, name: string): readonly number[] {
    const { parts, flatten, ofChannels } = this.#names.sources.get(name)!;
    const present = parts.filter((part) => part !== null);
    const shapes = present.map((part) => this.#file.entries.get(this.#inFile(part))!.shape);
    const [[first = 1, ...rest]] = shapes;
    if (shapes.some((shape) => `${shape}` !== `${shapes[0]}`)) {
      throw new UserError(
        `Cannot use ${path}: its ${present.join(", ")} belong together and have the shapes ${
          shapes.map((shape) => `[${shape.join(", ")}]`).join(", ")
        }`,
      );
    }
    if (flatten && rest.length > 0) return [first, rest.reduce((product, size) => product * size, 1)];
    if (ofChannels) return [...shapes[0], 1, 1];
    return parts.length > 1 ? [first * parts.length, ...rest] : shapes[0];
  }
}

/** What at a network's top is neither a head nor a tower beside it: norms, tokens, positions, first layers. */
const COMPUTES =
  /(^|_)(norm|ln|bn|tokens?|embed|embeddings?|pos|rel|bias|stem|patch|pre|gamma|reg|register|layer\d)(_|\d|$)/i;

/** Towers and heads beside a network, whatever follows: MAE's decoder has norms and positions of its own. */
const BESIDE =
  /^(decoder|aux|head|fc\d*$|classifier|proj|pred|text|teacher|student|momentum|target|queue|loss|criterion)/i;

/** How the names begin that a key asks for. */
function beginningIn({ found }: WeightFile, names: readonly string[], key: string, path: string): string {
  const taken = found?.taken ?? "";
  const beginning = taken !== "" && key.startsWith(`${taken}.`) ? key.slice(taken.length + 1) : key;
  if (names.some((name) => name.startsWith(`${beginning}.`))) return beginning;
  const first = [...new Set(names.map((name) => name.split(".")[0]))];
  const keys = [taken, ...found?.others ?? []].filter(Boolean);
  const there = (keys.length > 0 ? keys : first).slice(0, 8).map(quote).join(", ");
  throw new UserError(`There are no weights under the key ${quote(key)} in ${path}; it has ${there || "none"}`);
}
