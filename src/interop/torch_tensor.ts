/**
 * The names of Python's that a file of `torch.save` may use, and what they build: tensors, which know where their
 * values are, and plain containers.
 *
 * @module
 */

import { quote } from "./byte_source.ts";
import type { Dtype } from "./dtypes.ts";
import type { PickleContext, Pickled, PickleGlobal } from "./pickle.ts";

/** A run of values in the file. */
export interface TorchStorage {
  /** Name of its record. */
  readonly key: string;
  /** Type of its values. */
  readonly dtype: Dtype;
  /** Values in the whole record. */
  readonly count: number;
  /** First value of this view of the record, and how many it has; the whole record, but for views in old files. */
  readonly view: readonly [start: number, count: number];
}

/** A tensor in the file: checked to lie within its storage. */
export class TorchTensor {
  /** Where its values are. */
  readonly storage: TorchStorage;
  /** First value, counted from the start of the storage's record. */
  readonly start: number;
  /** Sizes of the axes; none of a scalar. */
  readonly shape: readonly number[];
  /** Steps along the axes, in values. */
  readonly strides: readonly number[];

  /** Checks and keeps the arguments of torch's `_rebuild_tensor`. Throws SyntaxError when the values are not there. */
  constructor(storage: TorchStorage, offset: Pickled, shape: Pickled, strides: Pickled) {
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

/** A class of storages, as a persistent id names it. */
class StorageType {
  constructor(readonly dtype: Dtype) {}
}

/** The storage that a persistent id stands for: ("storage", class, key, location, count, view). */
function storageOf(id: Pickled): TorchStorage {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(type instanceof StorageType) || typeof key !== "string" || !isCount(count)) {
    throw new SyntaxError("a persistent id is none of a storage");
  }
  return { key, dtype: type.dtype, count, view: viewOf(view ?? null, key, count) };
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

function rebuildTensor([storage, offset, shape, strides]: readonly Pickled[]): TorchTensor {
  const isStorage = typeof storage === "object" && storage !== null && "view" in storage;
  if (!isStorage) throw new SyntaxError("a tensor has no storage");
  return new TorchTensor(storage as TorchStorage, offset, shape, strides);
}

/** A parameter is its tensor. */
function rebuildParameter([tensor]: readonly Pickled[]): TorchTensor {
  if (!(tensor instanceof TorchTensor)) throw new SyntaxError("a parameter has no tensor");
  return tensor;
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
  { name: "torch.Size", call: ([sizes = []]) => sizes },
  { name: "torch.device", call: ([device]) => device },
  ...Object.entries(storageDtypes).map(([name, dtype]) => ({ name: `torch.${name}`, value: new StorageType(dtype) })),
];

/** All that a file of `torch.save` may use. */
export const torchContext: PickleContext = {
  globals: new Map(functions.map((global) => [global.name, global])),
  persistent: storageOf,
};

/** Names under which training scripts keep a model's weights, the likelier first. */
const HOMES = ["state_dict", "model_state_dict", "model", "net", "module", "weights"];

/** Most dictionaries around the weights. */
const MAX_HOMES = 4;

/**
 * Finds the mapping from names to tensors in what a file holds: the outermost dictionary, or, as long as one of the
 * usual names holds a dictionary, that one. What stands beside the tensors (epochs, versions) is passed over.
 *
 * @param root What the pickle holds.
 * @returns The tensors by name.
 * @throws {SyntaxError} That says what there is instead.
 */
export function findTensors(root: Pickled): Map<string, TorchTensor> {
  let at = root;
  for (let depth = 0; at instanceof Map; depth++) {
    if (depth > MAX_HOMES) throw new SyntaxError("its dictionaries are nested too deeply");
    const here: Map<Pickled, Pickled> = at;
    const home = HOMES.find((name) => here.get(name) instanceof Map);
    if (home !== undefined) {
      at = here.get(home);
      continue;
    }
    const tensors = [...here].filter((entry): entry is [string, TorchTensor] =>
      typeof entry[0] === "string" && entry[1] instanceof TorchTensor
    );
    if (tensors.length > 0) return new Map(tensors);
    const names = [...here.keys()].slice(0, 5).map((key) => quote(String(key))).join(", ");
    throw new SyntaxError(`it has no tensors at its top or under ${HOMES.join(", ")}; it has ${names || "nothing"}`);
  }
  throw new SyntaxError("it has no dictionary of tensors");
}
