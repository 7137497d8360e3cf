/**
 * Safetensors files: u64 length, JSON header, data. The reader trusts nothing: everything the header claims is checked
 * against the file's size before memory is taken.
 *
 * The writer puts a SHA-256 of the whole file into the header's metadata (computed with zeros in the place of its own
 * digits), so that one file says whether it is whole: a bit flipped in a tensor, in a name or in the metadata is noticed.
 * Files without the hash, as others write them, are read without it.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { UserError } from "../errors.ts";
import { bytesAsSource, type ByteSource, naming, openByteSource } from "./byte_source.ts";
import { toFloat32 } from "./dtypes.ts";
import { type Header, parseHeader, type TensorEntry } from "./safetensors_header.ts";

/** A tensor's values, converted to float32. */
export interface LoadedTensor {
  /** Sizes of the axes; none of a scalar. */
  readonly shape: readonly number[];
  /** The values in row-major order. */
  readonly values: Float32Array;
}

/** What a file holds. */
export interface SafetensorsFile {
  /** The tensors by name, in the order of the data. */
  readonly tensors: Map<string, LoadedTensor>;
  /** Texts by key; an object without a prototype. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Metadata key of the hash. */
const HASH_KEY = "fovea.sha256";

/** What the writer's header has before the hash's digits. */
const BEFORE_HASH = `{"__metadata__":{"${HASH_KEY}":"`;

/** Stands for the hash's hexadecimal digits while they are computed. */
const NO_HASH = "0".repeat(64);

/** Longest header that is read, as in the reference implementation: 100 MB. */
const MAX_HEADER = 100_000_000;

/** A tensor to write, of float32 or of 64-bit whole numbers. */
export interface WritableTensor {
  /** Sizes of the axes; none of a scalar. */
  readonly shape: readonly number[];
  /** The values in row-major order. */
  readonly values: Float32Array | BigInt64Array;
}

/**
 * The bytes of a file with tensors, in the order of the map. The same input gives the same bytes.
 *
 * @param tensors The tensors by name.
 * @param metadata Texts for the header; the hash is added to them.
 * @returns The file in pieces, to be written one after the other; those with values are views, not copies.
 * @throws {TypeError} If a tensor has more or fewer values than its shape.
 * @throws {SyntaxError} If a name is one that the reader refuses.
 *
 * @example
 * ```ts
 * import { encodeSafetensors } from "./safetensors.ts";
 * import { writeAtomic } from "../files.ts";
 *
 * const bias = { shape: [2], values: Float32Array.of(0.5, -1) };
 * await writeAtomic("weights.safetensors", encodeSafetensors(new Map([["bias", bias]]), { epoch: "3" }));
 * ```
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  // Field by field: of an object, keys that look like numbers come first, and the hash would have no fixed place.
  const field = (key: string, value: unknown) => `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  const texts = Object.entries(metadata).filter(([key]) => key !== HASH_KEY).map(([key, text]) => field(key, text));
  const fields = [`${BEFORE_HASH}${NO_HASH}"${texts.map((text) => `,${text}`).join("")}}`];
  const data: Uint8Array[] = [];
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    if (shape.reduce((product, axis) => product * axis, 1) !== values.length) {
      throw new TypeError(
        `Cannot write ${name}: its shape [${shape.join(", ")}] does not hold ${values.length} values`,
      );
    }
    const data_offsets = [end, end += values.byteLength];
    fields.push(field(name, { dtype: values instanceof Float32Array ? "F32" : "I64", shape, data_offsets }));
    data.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  const text = new TextEncoder().encode(`${fields.join()}}`);
  // Padded with spaces to 8 bytes, so that the data can be mapped.
  const head = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(text, 8);
  parseHeader(head.subarray(8), end); // What is written can be read.

  const hash = createHash("sha256").update(head);
  for (const piece of data) hash.update(piece);
  hashDigits(head).set(new TextEncoder().encode(hash.digest("hex")));
  return [head, ...data];
}

/**
 * Reads a file whole.
 *
 * @param path Where it is.
 * @returns The tensors and the metadata.
 * @throws {UserError} That names the path and what is wrong when the file is missing, cut, flipped or hostile.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  using reader = await openSafetensors(path);
  return await reader.readAll();
}

/**
 * Reads the bytes of a file.
 *
 * @param bytes The whole file.
 * @returns The tensors and the metadata.
 * @throws {UserError} That says what is wrong.
 */
export async function decodeSafetensors(bytes: Uint8Array): Promise<SafetensorsFile> {
  return await (await SafetensorsReader.of(bytesAsSource(bytes))).readAll();
}

/**
 * Opens a file to read tensors one by one: only its header is read now.
 *
 * @param path Where it is.
 * @returns The reader; dispose of it.
 * @throws {UserError} That names the path and what is wrong when the file is missing, cut or hostile. A flipped bit is
 * noticed by {@link SafetensorsReader.verify} and {@link SafetensorsReader.readAll}.
 *
 * @example
 * ```ts
 * import { openSafetensors } from "./safetensors.ts";
 *
 * using file = await openSafetensors("resnet50.safetensors");
 * const { shape } = file.entries.get("fc.weight")!;
 * const { values } = await file.read("fc.weight");
 * ```
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const source = await openByteSource(path);
  try {
    return await SafetensorsReader.of(source);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** An open file, from {@link openSafetensors}. */
export class SafetensorsReader implements Disposable {
  readonly #source: ByteSource;
  /** Length and header, as they are in the file. */
  readonly #head: Uint8Array;
  readonly #header: Header;

  private constructor(source: ByteSource, head: Uint8Array, header: Header) {
    this.#source = source;
    this.#head = head;
    this.#header = header;
  }

  /** Reads and checks the header. @internal */
  static async of(source: ByteSource): Promise<SafetensorsReader> {
    return await naming(source, async () => {
      if (source.size < 8) throw new SyntaxError(`${source.size} bytes are too few for a safetensors file`);
      const length = new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true);
      if (length > MAX_HEADER) {
        throw new SyntaxError(`its header claims ${length} bytes; at most ${MAX_HEADER} are read`);
      }
      const start = 8 + Number(length);
      if (start > source.size) {
        throw new SyntaxError(`its header claims ${length} bytes and the file has ${source.size}`);
      }
      const head = await source.read(0, start);
      return new SafetensorsReader(source, head, parseHeader(head.subarray(8), source.size - start));
    });
  }

  /** What the file says of its tensors, by name, in the order of the data. */
  get entries(): ReadonlyMap<string, TensorEntry> {
    return this.#header.entries;
  }

  /** Texts by key; an object without a prototype. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#header.metadata;
  }

  /**
   * Reads a tensor as it is stored.
   *
   * @param name The tensor's name.
   * @returns Its bytes, little-endian, in an array of their own.
   * @throws {RangeError} If the file has no tensor of that name.
   * @throws {UserError} If the file cannot be read.
   */
  async readBytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { offsets: [begin, end] } = this.#entry(name);
    return await naming(this.#source, () => this.#source.read(this.#head.length + begin, end - begin));
  }

  /**
   * Reads a tensor as float32.
   *
   * @param name The tensor's name.
   * @returns Its shape and values.
   * @throws {RangeError} If the file has no tensor of that name.
   * @throws {UserError} If the file cannot be read.
   */
  async read(name: string): Promise<LoadedTensor> {
    const { shape, dtype } = this.#entry(name);
    return { shape, values: toFloat32(await this.readBytes(name), dtype) };
  }

  /**
   * Reads all tensors as float32 and checks the hash, in one pass.
   *
   * @returns The tensors and the metadata.
   * @throws {UserError} If the file cannot be read, or was changed since it was written.
   */
  async readAll(): Promise<SafetensorsFile> {
    const tensors = new Map<string, LoadedTensor>();
    await this.#pass((name, { shape, dtype }, bytes) => tensors.set(name, { shape, values: toFloat32(bytes, dtype) }));
    return { tensors, metadata: this.metadata };
  }

  /**
   * Reads the file through and checks the hash, if there is one.
   *
   * @returns Whether there is one: false means that nothing is known.
   * @throws {UserError} If the file cannot be read, or was changed since it was written.
   */
  async verify(): Promise<boolean> {
    if (!(HASH_KEY in this.metadata)) return false;
    await this.#pass(() => {});
    return true;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#source.close();
  }

  /** Goes through the tensors in the order of the data, which they fill, and checks the hash at the end. */
  async #pass(visit: (name: string, entry: TensorEntry, bytes: Uint8Array<ArrayBuffer>) => void): Promise<void> {
    const hash = this.#startHash();
    for (const [name, entry] of this.entries) {
      const bytes = await this.readBytes(name);
      hash?.update(bytes);
      visit(name, entry, bytes);
    }
    if (hash !== undefined && hash.digest("hex") !== this.metadata[HASH_KEY]) {
      throw new UserError(
        `Cannot read ${this.#source.name}: its hash does not match: the file was damaged or changed after it was written`,
      );
    }
  }

  /** The hash of the header, or undefined if the file has none to compare it with. */
  #startHash(): Hash | undefined {
    if (!(HASH_KEY in this.metadata)) return undefined;
    // If another program spelt the header anew, other bytes are there, and the hash fails as it should.
    const head = this.#head.slice();
    hashDigits(head).fill("0".charCodeAt(0));
    return createHash("sha256").update(head);
  }

  #entry(name: string): TensorEntry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new RangeError(`${this.#source.name} has no tensor ${JSON.stringify(name)}`);
    return entry;
  }
}

/** The bytes of length and header where the writer puts the hash's digits. */
function hashDigits(head: Uint8Array): Uint8Array {
  const at = 8 + BEFORE_HASH.length;
  return head.subarray(at, at + NO_HASH.length);
}
