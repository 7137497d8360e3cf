/**
 * PyTorch's own files, as `torch.save` writes them: the zip form (since 1.6) and the one before it.
 *
 * The zip form has a pickle, `<name>/data.pkl`, and a record `<name>/data/<key>` for each storage. The older form is a
 * sequence. First come pickles of a magic number, a version, facts of the system, the object and the storages' keys.
 * Each storage follows, its count of values before it. Both are read by range, and what they claim is checked against
 * the file's size before memory is taken.
 *
 * @module
 */

import { type ByteSource, naming, quote } from "./byte_source.ts";
import { type Dtype, toFloat32 } from "./dtypes.ts";
import { type Pickled, shown, unpickle } from "./pickle.ts";
import type { LoadedTensor } from "./safetensors.ts";
import { findTensors, type FoundTensors } from "./torch_contents.ts";
import { torchContext, TorchStorage, type TorchTensor } from "./torch_tensor.ts";
import { readZipDirectory, type ZipEntry } from "./zip.ts";

/** Longest pickle that is read. */
const MAX_PICKLE = 64 * 2 ** 20;

/** What the first pickle of the older form holds. */
const MAGIC = 0x1950a86a20f9469cfc6cn;

/** What the second one holds. */
const PROTOCOL = 1001;

/** Where records of storages begin, by key. */
type Places = ReadonlyMap<string, number>;

/** An open file, as `openWeights` opens it. */
export class TorchFile implements Disposable {
  readonly #source: ByteSource;
  readonly #tensors: ReadonlyMap<string, TorchTensor>;
  readonly #places: Places;
  /** The tensors by name, in the order of the dictionary. */
  readonly entries: ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
  /** PyTorch's files have none. */
  readonly metadata: Readonly<Record<string, string>> = {};
  /** Where the tensors were. */
  readonly found: Omit<FoundTensors, "tensors">;

  private constructor(source: ByteSource, { found: { tensors, ...found }, places }: Contents) {
    this.#source = source;
    this.#tensors = tensors;
    this.#places = places;
    this.found = found;
    this.entries = new Map([...tensors].map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
  }

  /** Reads and checks all but the values; `key` names the dictionary of weights. @internal */
  static async of(source: ByteSource, form: "zip" | "sequence", key?: string): Promise<TorchFile> {
    return await naming(source, async () => {
      return new TorchFile(source, await (form === "zip" ? readZip(source, key) : readSequence(source, key)));
    });
  }

  /**
   * Reads a tensor as float32.
   *
   * @param name The tensor's name.
   * @returns Its shape and its values in row-major order.
   * @throws {RangeError} If the file has no tensor of that name.
   * @throws {UserError} If the file cannot be read.
   */
  async read(name: string): Promise<LoadedTensor> {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new RangeError(`${this.#source.name} has no tensor ${JSON.stringify(name)}`);
    const { storage: { key, itemSize: size }, dtype, shape, strides, start } = tensor;
    const count = shape.reduce((product, size) => product * size, 1);
    if (count === 0) return { shape, values: new Float32Array(0) };
    const span = 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 0);
    const at = this.#places.get(key)! + start * size;
    const bytes = await naming(this.#source, () => this.#source.read(at, span * size));
    const values = toFloat32(bytes, dtype);
    return { shape, values: isContiguous(shape, strides) ? values : gather(values, shape, strides, count) };
  }

  /** PyTorch's files have no hash: nothing is known. */
  verify(): Promise<boolean> {
    return Promise.resolve(false);
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#source.close();
  }
}

/** What both forms give. */
interface Contents {
  readonly found: FoundTensors;
  readonly places: Places;
}

async function readZip(source: ByteSource, wanted?: string): Promise<Contents> {
  const entries = await readZipDirectory(source);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw new SyntaxError(`it is a zip file with ${pickles.length || "no"} data.pkl, and torch.save writes one`);
  }
  const folder = pickles[0].slice(0, -"data.pkl".length);
  if (entries.has(`${folder}constants.pkl`)) {
    throw new SyntaxError("it is a TorchScript program: save its state_dict with torch.save");
  }
  const byteOrder = entries.get(`${folder}byteorder`);
  if (byteOrder) refuseBigEndian(new TextDecoder().decode(await readEntry(source, byteOrder, 16)) === "little");
  const bytes = await readEntry(source, entries.get(pickles[0])!, MAX_PICKLE);
  const { value, end } = unpickle(bytes, 0, torchContext);
  if (end !== bytes.length) throw new SyntaxError(`its pickle ends at byte ${end} of ${bytes.length}`);
  const found = findTensors(value, wanted);
  const places = new Map<string, number>();
  for (const storage of storagesOf(found.tensors)) {
    const { key, itemSize, count } = storage;
    const entry = entries.get(`${folder}data/${key}`);
    if (!entry) throw new SyntaxError(`its storage ${quote(key)} is missing`);
    if (entry.size !== count * itemSize) {
      throw new SyntaxError(
        `its storage ${quote(key)} has ${entry.size} bytes and claims ${count} values of ${typeOf(storage)}`,
      );
    }
    places.set(key, entry.offset);
  }
  return { found, places };
}

async function readEntry(source: ByteSource, { offset, size }: ZipEntry, most: number): Promise<Uint8Array> {
  if (size > most) throw new SyntaxError(`a part of ${size} bytes is longer than ${most}`);
  return await source.read(offset, size);
}

async function readSequence(source: ByteSource, wanted?: string): Promise<Contents> {
  const bytes = await source.read(0, Math.min(source.size, MAX_PICKLE));
  let at = 0;
  const next = (context = torchContext): Pickled => {
    const { value, end } = unpickle(bytes, at, context);
    at = end;
    return value;
  };
  const plain = { globals: new Map() };
  if (next(plain) !== MAGIC) throw new SyntaxError("it does not begin as files of torch.save do");
  const version = next(plain);
  if (version !== PROTOCOL) throw new SyntaxError(`its version is ${shown(version)}, not ${PROTOCOL}`);
  const system = next(plain);
  refuseBigEndian(system instanceof Map && system.get("little_endian") === true);
  // A storage that no tensor of the model uses is there all the same, and those behind it are found by its size.
  const all = new Map<string, TorchStorage>();
  const noting = (id: Pickled) => {
    const storage = torchContext.persistent!(id);
    if (storage instanceof TorchStorage) keepStorage(all, storage);
    return storage;
  };
  const found = findTensors(next({ ...torchContext, persistent: noting }), wanted);
  const keys = next(plain);
  return { found, places: await findStorages(source, at, keys, all) };
}

/** Goes through the storages behind the pickles: for each a count of 64 bits, then its values. */
async function findStorages(
  source: ByteSource,
  start: number,
  keys: Pickled,
  storages: ReadonlyMap<string, TorchStorage>,
): Promise<Places> {
  if (!Array.isArray(keys)) throw new SyntaxError("its list of storages is none");
  const places = new Map<string, number>();
  let at = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || places.has(key)) {
      throw new SyntaxError(
        `its list of storages has ${shown(key)} ${storage ? "twice" : "that no tensor uses"}`,
      );
    }
    const size = storage.count * storage.itemSize;
    if (at + 8 + size > source.size) {
      throw new SyntaxError(
        `its storage ${quote(key)} of ${size} bytes at ${at + 8} passes the file's ${source.size} bytes`,
      );
    }
    const count = new DataView((await source.read(at, 8)).buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.count)) {
      throw new SyntaxError(`its storage ${quote(key)} has ${count} values and claims ${storage.count}`);
    }
    places.set(key, at + 8);
    at += 8 + size;
  }
  if (at !== source.size) throw new SyntaxError(`its storages end at byte ${at} of ${source.size}`);
  const missing = [...storages.keys()].find((key) => !places.has(key));
  if (missing !== undefined) throw new SyntaxError(`its storage ${quote(missing)} is missing`);
  return places;
}

function storagesOf(tensors: ReadonlyMap<string, TorchTensor>): Iterable<TorchStorage> {
  const storages = new Map<string, TorchStorage>();
  for (const { storage } of tensors.values()) keepStorage(storages, storage);
  return storages.values();
}

/** A storage's type, for messages. */
function typeOf({ dtype, type }: TorchStorage): string {
  return dtype ?? type;
}

/** Adds a storage; tensors that share one must say the same of it. */
function keepStorage(storages: Map<string, TorchStorage>, storage: TorchStorage): void {
  const { key, count, type } = storage;
  const known = storages.get(key) ?? storage;
  if (known.count !== count || known.type !== type) {
    throw new SyntaxError(
      `its storage ${quote(key)} has ${known.count} values of ${typeOf(known)} in one place and ${count} of ${
        typeOf(storage)
      } in another`,
    );
  }
  storages.set(key, known);
}

function refuseBigEndian(isLittle: boolean): void {
  if (!isLittle) throw new SyntaxError("its numbers are not little-endian");
}

/** Do the values stand in row-major order without gaps? */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** Strided values in row-major order. */
function gather(
  values: Float32Array,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): Float32Array {
  const out = new Float32Array(count);
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    out[i] = values[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
