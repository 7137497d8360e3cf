/**
 * The names of Python's that a file of `torch.save` may use, and what they build: tensors, which know where their
 * values are, and plain containers.
 *
 * @module
 */

import { quote } from "./byte_source.ts";
import { type Dtype, dtypeSize } from "./dtypes.ts";
import { Inert, type PickleContext, type Pickled, type PickleGlobal } from "./pickle.ts";

/** A run of values in the file. */
export class TorchStorage {
  /**
   * Keeps what a persistent id says.
   *
   * @param key Name of its record.
   * @param count Values in the whole record.
   * @param view First value of this view of the record, and how many it has; the whole record, but for views in old
   * files.
   * @param type torch's name of the type of its values.
   * @param itemSize Bytes of a value.
   * @param dtype Type of its values, where they can be read.
   */
  constructor(
    readonly key: string,
    readonly count: number,
    readonly view: readonly [start: number, count: number],
    readonly type: string,
    readonly itemSize: number,
    readonly dtype?: Dtype,
  ) {}
}

/** A tensor in the file: checked to lie within its storage. */
export class TorchTensor {
  /** Where its values are. */
  readonly storage: TorchStorage;
  /** Type of its values. */
  readonly dtype: Dtype;
  /** First value, counted from the start of the storage's record. */
  readonly start: number;
  /** Sizes of the axes; none of a scalar. */
  readonly shape: readonly number[];
  /** Steps along the axes, in values. */
  readonly strides: readonly number[];

  /** Checks and keeps the arguments of torch's `_rebuild_tensor`. Throws SyntaxError when the values are not there. */
  constructor(storage: TorchStorage, dtype: Dtype, offset: Pickled, shape: Pickled, strides: Pickled) {
    if (!isCount(offset) || !isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) {
      throw new SyntaxError(
        `a tensor of storage ${quote(storage.key)} has an offset, sizes or strides that are not whole numbers from 0`,
      );
    }
    const [viewStart, available] = storage.view;
    const claims = `a tensor of [${shape.join(", ")}] with strides [${strides.join(", ")}] at ${offset}`;
    const count = shape.reduce((product, size) => product * size, 1);
    const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset);
    if (count > 0 && !(last < available)) {
      throw new SyntaxError(`${claims} passes storage ${quote(storage.key)} of ${available} values`);
    }
    // Strides of 0 make many values of one: what a file holds is never less than what it asks memory for.
    if (count > available) {
      throw new SyntaxError(`${claims} repeats the ${available} values of storage ${quote(storage.key)}: save a copy`);
    }
    this.storage = storage;
    this.dtype = dtype;
    this.start = viewStart + offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** Most axes of a tensor, as in torch. */
const MAX_AXES = 64;

function isCount(value: Pickled): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: Pickled): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_AXES && value.every(isCount);
}

/** Types by the names of torch's classes of storages. */
const storageDtypes: Readonly<Record<string, Dtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Bytes of a value of torch's other classes, which are passed over where they stand beside the weights. */
const otherStorages: Readonly<Record<string, number>> = {
  ComplexFloatStorage: 8,
  ComplexDoubleStorage: 16,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QInt32Storage: 4,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
  UntypedStorage: 1,
};

/** A class of storages, as a persistent id names it. */
class StorageType {
  constructor(readonly name: string, readonly size: number, readonly dtype?: Dtype) {}
}

const storageTypes: readonly StorageType[] = [
  ...Object.entries(storageDtypes).map(([name, dtype]) => new StorageType(name, dtypeSize(dtype)!, dtype)),
  ...Object.entries(otherStorages).map(([name, size]) => new StorageType(name, size)),
];

/** A storage of a class that is not known here. */
export class UnknownStorage extends Inert {}

/** The storage that a persistent id stands for: ("storage", class, key, location, count, view). */
function storageOf(id: Pickled): TorchStorage | Inert {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  // Source texts of classes, in models that were saved whole, and types of which no tensor is read.
  if (kind === "module") return type instanceof Inert ? type : new Inert("module");
  if (kind === "storage" && type instanceof Inert) return new UnknownStorage(type.name);
  if (kind !== "storage" || !(type instanceof StorageType) || typeof key !== "string" || !isCount(count)) {
    throw new SyntaxError("a persistent id is none of a storage");
  }
  const { name, size, dtype } = type;
  return new TorchStorage(key, count, viewOf(view ?? null, key, count), `torch.${name}`, size, dtype);
}

/** The part of a record that old files name: (key, first value, values). */
function viewOf(view: Pickled, key: string, count: number): readonly [number, number] {
  if (view === null) return [0, count];
  const [, start, size] = Array.isArray(view) ? view : [];
  if (!isCount(start) || !isCount(size) || start + size > count) {
    throw new SyntaxError(`a view passes storage ${quote(key)} of ${count} values`);
  }
  return [start, size];
}

/** A tensor; of values that cannot be read here, a record. */
function rebuildTensor(args: readonly Pickled[]): TorchTensor | Inert {
  const [storage, offset, shape, strides] = args;
  if (storage instanceof Inert) return new Inert(storage.name, [args]);
  if (!(storage instanceof TorchStorage)) throw new SyntaxError("a tensor has no storage");
  if (storage.dtype === undefined) return new Inert(storage.type, [storage]);
  return new TorchTensor(storage, storage.dtype, offset, shape, strides);
}

/** A parameter is its tensor. */
function rebuildParameter([tensor]: readonly Pickled[]): TorchTensor | Inert {
  if (tensor instanceof Inert) return tensor;
  if (!(tensor instanceof TorchTensor)) throw new SyntaxError("a parameter has no tensor");
  return tensor;
}

/** A class of torch's own whose values are tensors like any other. */
class TensorType {}

/** A tensor with attributes of Python's: (function, class, its arguments, attributes). */
function rebuildFromType(args: readonly Pickled[]): Pickled {
  const [make, type, its] = args;
  const isTensor = type instanceof TensorType || type === functionsByName.get("torch.nn.parameter.Parameter");
  const known = isTensor ? [...functionsByName.values()].find((global) => global === make)?.call : undefined;
  return known && Array.isArray(its) ? known(its) : new Inert("torch._tensor._rebuild_from_type_v2", [args]);
}

/** A dictionary, from pairs where Python 2 wrote them. */
function orderedDict([pairs = []]: readonly Pickled[]): Map<Pickled, Pickled> {
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    throw new SyntaxError("an OrderedDict is made of what are no pairs");
  }
  return new Map(pairs as [Pickled, Pickled][]);
}

const functions: readonly PickleGlobal[] = [
  // Its state is the _metadata of a state_dict: versions of modules.
  { name: "collections.OrderedDict", call: orderedDict, takesState: true },
  { name: "torch._utils._rebuild_tensor_v2", call: rebuildTensor },
  { name: "torch._utils._rebuild_parameter", call: rebuildParameter },
  { name: "torch._utils._rebuild_parameter_with_state", call: rebuildParameter },
  // Of the first PyTorch versions, as in torchvision's vgg16-397923af.pth; the state says whether it was trained.
  { name: "torch._utils._rebuild_tensor", call: rebuildTensor },
  { name: "torch.nn.parameter.Parameter", call: rebuildParameter, takesState: true },
  { name: "torch._tensor._rebuild_from_type_v2", call: rebuildFromType },
  { name: "torch._tensor.Tensor", value: new TensorType() },
  { name: "torch.Tensor", value: new TensorType() },
  { name: "torch.Size", call: ([sizes = []]) => sizes },
  { name: "torch.device", call: ([device]) => device },
  // What it makes of missing keys is no matter.
  { name: "collections.defaultdict", call: () => new Map() },
  ...["torch", "torch.cuda"].flatMap((module) =>
    storageTypes.map((type) => ({ name: `${module}.${type.name}`, value: type }))
  ),
  { name: "torch.storage.UntypedStorage", value: storageTypes.find(({ name }) => name === "UntypedStorage") },
];

const functionsByName: ReadonlyMap<string, PickleGlobal> = new Map(functions.map((global) => [global.name, global]));

/** All that a file of `torch.save` may use. */
export const torchContext: PickleContext = {
  globals: functionsByName,
  persistent: storageOf,
};
