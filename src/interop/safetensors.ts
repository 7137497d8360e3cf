/**
 * Safetensors files: u64 length, JSON header, data. The reader trusts nothing: everything the header claims is checked
 * against the file's size before memory is taken.
 *
 * The writer puts a SHA-256 of the whole file into the header's metadata, computed with zeros in the place of its own
 * digits. So one file says whether it is whole. A bit flipped in a tensor, in a name or in the metadata is noticed.
 * Files without the hash, as others write them, are read without it.
 *
 * Here is the reader, over bytes from anywhere: a page has it too. Files on a disk, and the writer, are in
 * `safetensors_file.ts`.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import { bytesAsSource, type ByteSource, naming } from "./byte_source.ts";
import { toFloat32 } from "./dtypes.ts";
import { type Header, parseHeader, type TensorEntry } from "./safetensors_header.ts";
import { type Sha256, webSha256 } from "./sha256.ts";

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
export const HASH_KEY = "fovea.sha256";

/** What the writer's header has before the hash's digits. */
export const BEFORE_HASH = `{"__metadata__":{"${HASH_KEY}":"`;

/** Stands for the hash's hexadecimal digits while they are computed. */
export const NO_HASH = "0".repeat(64);

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
 * Reads the bytes of a file.
 *
 * @param bytes The whole file.
 * @returns The tensors and the metadata.
 * @throws {UserError} That says what is wrong.
 */
export async function decodeSafetensors(bytes: Uint8Array): Promise<SafetensorsFile> {
  return await (await SafetensorsReader.of(bytesAsSource(bytes), webSha256)).readAll();
}

/** An open file, as `openSafetensors` gives it. */
export class SafetensorsReader implements Disposable {
  readonly #source: ByteSource;
  /** Length and header, as they are in the file. */
  readonly #head: Uint8Array;
  readonly #header: Header;
  readonly #sha256: () => Sha256;

  private constructor(source: ByteSource, sha256: () => Sha256, head: Uint8Array, header: Header) {
    this.#source = source;
    this.#sha256 = sha256;
    this.#head = head;
    this.#header = header;
  }

  /** Reads and checks the header; `sha256` begins a hash. @internal */
  static async of(source: ByteSource, sha256: () => Sha256): Promise<SafetensorsReader> {
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
      return new SafetensorsReader(source, sha256, head, parseHeader(head.subarray(8), source.size - start));
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
    if (hash !== undefined && await hash.digest("hex") !== this.metadata[HASH_KEY]) {
      throw new UserError(
        `Cannot read ${this.#source.name}: its hash does not match: the file was damaged or changed after it was written`,
      );
    }
  }

  /** The hash of the header, or undefined if the file has none to compare it with. */
  #startHash(): Sha256 | undefined {
    if (!(HASH_KEY in this.metadata)) return undefined;
    // If another program spelt the header anew, other bytes are there, and the hash fails as it should.
    const head = this.#head.slice();
    hashDigits(head).fill("0".charCodeAt(0));
    const hash = this.#sha256();
    hash.update(head);
    return hash;
  }

  #entry(name: string): TensorEntry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new RangeError(`${this.#source.name} has no tensor ${JSON.stringify(name)}`);
    return entry;
  }
}

/** The bytes of length and header where the writer puts the hash's digits. */
export function hashDigits(head: Uint8Array): Uint8Array {
  const at = 8 + BEFORE_HASH.length;
  return head.subarray(at, at + NO_HASH.length);
}
