/**
 * Weight files by Fovea's names, whoever named the tensors in them.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { type Family, type KeyStyle, recognise, type Recognised } from "./keys/mod.ts";
import type { LoadedTensor } from "./safetensors.ts";
import { openWeights, type WeightFile } from "./weight_file.ts";

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
   * @param familyFrom The family that a file's metadata name, where they do.
   * @throws {UserError} If it cannot be read, or its names are those of no family.
   */
  static async open(
    path: string,
    families: readonly Family[],
    familyFrom: (metadata: WeightFile["metadata"]) => Family | undefined = () => undefined,
  ): Promise<NamedWeights> {
    const file = await openWeights(path);
    try {
      const names = recognise(file.entries.keys(), families, familyFrom(file.metadata));
      if (!names) {
        const some = [...file.entries.keys()].slice(0, 3).map((name) => JSON.stringify(name)).join(", ");
        throw new UserError(
          `Cannot use ${path}: its names (${
            some || "none"
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

  /** Names in the file that mean nothing to the family. */
  get unknown(): readonly string[] {
    return this.#names.unknown.map((name) => this.#names.inFile.get(name)!);
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

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #inFile(name: string): string {
    return this.#names.inFile.get(name)!;
  }

  /** The shape of a tensor of Fovea's, from those of its parts, which must be alike. */
  #shapeOf(path: string, name: string): readonly number[] {
    const { parts, flatten } = this.#names.sources.get(name)!;
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
    return parts.length > 1 ? [first * parts.length, ...rest] : shapes[0];
  }
}
