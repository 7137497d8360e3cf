/**
 * Builds PyTorch's files byte by byte, right or wrong.
 *
 * @module
 */

/** Little-endian bytes of a whole number. */
export function little(value: number | bigint, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Number(BigInt(value) >> BigInt(8 * i) & 0xffn));
}

const latin = (text: string) => [...new TextEncoder().encode(text)];

/** Opcodes of pickles. */
export const op = {
  proto: [0x80, 2],
  mark: [0x28],
  stop: [0x2e],
  none: [0x4e],
  no: [0x89],
  dict: [0x7d],
  list: [0x5d],
  tuple0: [0x29],
  tuple1: [0x85],
  tuple2: [0x86],
  tuple: [0x74],
  append: [0x61],
  setItem: [0x73],
  setItems: [0x75],
  reduce: [0x52],
  build: [0x62],
  persistent: [0x51],
  put: (index: number) => [0x71, index],
  get: (index: number) => [0x68, index],
  text: (text: string) => [0x58, ...little(latin(text).length, 4), ...latin(text)],
  int: (value: number) => [0x4a, ...little(value, 4)],
  long: (value: bigint, size = 8) => [0x8a, size, ...little(value, size)],
  global: (module: string, name: string) => [0x63, ...latin(`${module}\n${name}\n`)],
} as const;

/** A whole number as a pickle has it. */
const count = (value: number | bigint) =>
  typeof value === "bigint" || Math.abs(value) > 2 ** 31 ? op.long(BigInt(value)) : op.int(value);

/** What a tensor claims. */
export interface TensorClaims {
  readonly key?: string;
  readonly type?: string;
  readonly count?: number | bigint;
  readonly offset?: number | bigint;
  readonly shape?: readonly (number | bigint)[];
  readonly strides?: readonly (number | bigint)[];
  /** Opcodes of the view in the persistent id. */
  readonly view?: readonly number[];
}

/** Opcodes that leave a tensor on the stack; without claims, [2] of storage 0 with 2 values. */
export function tensorOps(claims: TensorClaims = {}): number[] {
  const { key = "0", type = "FloatStorage", shape = [2], strides = [1], offset = 0 } = claims;
  return [
    ...op.global("torch._utils", "_rebuild_tensor_v2"),
    ...op.mark,
    ...op.mark,
    ...op.text("storage"),
    ...op.global("torch", type),
    ...op.text(key),
    ...op.text("cpu"),
    ...count(claims.count ?? 2),
    ...claims.view ?? [],
    ...op.tuple,
    ...op.persistent,
    ...count(offset),
    ...op.mark,
    ...shape.flatMap(count),
    ...op.tuple,
    ...op.mark,
    ...strides.flatMap(count),
    ...op.tuple,
    ...op.no,
    ...op.global("collections", "OrderedDict"),
    ...op.tuple0,
    ...op.reduce,
    ...op.tuple,
    ...op.reduce,
  ];
}

/** A pickle of a dictionary of the opcodes' values. */
export function dictPickle(items: Readonly<Record<string, readonly number[]>>): number[] {
  return [
    ...op.proto,
    ...op.dict,
    ...Object.entries(items).flatMap(([name, ops]) => [...op.text(name), ...ops, ...op.setItem]),
    ...op.stop,
  ];
}

/** An entry of a zip file; what it claims is true unless given. */
export interface ZipPart {
  readonly name: string;
  readonly data: readonly number[] | Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** Sizes in the directory, without and with compression. */
  readonly size?: number;
  readonly compressed?: number;
  /** Where the directory has the local header. */
  readonly header?: number;
  /** The name in the local header. */
  readonly localName?: string;
  /** Length of the local header's extra field, which is not there. */
  readonly localExtra?: number;
  /** Sizes and place in the zip64 field instead. */
  readonly zip64?: boolean;
  /** More bytes in the extra field of the directory. */
  readonly extra?: readonly number[];
}

/** What a zip file's end claims; true unless given. */
export interface ZipEnd {
  readonly count?: number;
  readonly size?: number;
  readonly offset?: number;
  readonly disk?: number;
  readonly comment?: string;
  /** With the 64-bit records, and what they claim. */
  readonly zip64?: { readonly at?: bigint; readonly offset?: bigint; readonly size?: bigint };
}

/** A zip file. */
export function zipBytes(parts: readonly ZipPart[], end: ZipEnd = {}): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  const directory: number[] = [];
  const push = (list: number[], ...pieces: (readonly number[])[]) => pieces.forEach((piece) => list.push(...piece));
  for (const part of parts) {
    const { name, data, method = 0, flags = 0, zip64 = false } = part;
    const { size = data.length, compressed = data.length, header = bytes.length } = part;
    const local = latin(part.localName ?? name);
    const head = [...little(20, 2), ...little(flags, 2), ...little(method, 2), ...little(0, 8)];
    push(bytes, little(0x04034b50, 4), head, little(data.length, 4), little(data.length, 4));
    push(bytes, little(local.length, 2), little(part.localExtra ?? 0, 2), local, [...data]);
    const extra = [
      ...zip64 ? [...little(1, 2), ...little(24, 2), ...[size, compressed, header].flatMap((n) => little(n, 8))] : [],
      ...part.extra ?? [],
    ];
    const [listedSize, listedCompressed, place] = zip64 ? Array(3).fill(0xffffffff) : [size, compressed, header];
    push(directory, little(0x02014b50, 4), little(20, 2), head, little(listedCompressed, 4), little(listedSize, 4));
    push(directory, little(latin(name).length, 2), little(extra.length, 2), little(0, 10), little(place, 4));
    push(directory, latin(name), extra);
  }
  const offset = bytes.length;
  push(bytes, directory);
  if (end.zip64) {
    const at = bytes.length;
    const { zip64 } = end;
    push(bytes, little(0x06064b50, 4), little(44, 8), little(45, 2), little(45, 2), little(0, 8));
    push(bytes, little(parts.length, 8), little(parts.length, 8));
    push(bytes, little(zip64.size ?? directory.length, 8), little(zip64.offset ?? offset, 8));
    push(bytes, little(0x07064b50, 4), little(0, 4), little(zip64.at ?? at, 8), little(1, 4));
  }
  const filled = (value: number, size: number) => end.zip64 ? little(2 ** (8 * size) - 1, size) : little(value, size);
  const total = end.count ?? parts.length;
  push(bytes, little(0x06054b50, 4), little(end.disk ?? 0, 2), little(0, 2), filled(total, 2), filled(total, 2));
  push(bytes, filled(end.size ?? directory.length, 4), filled(end.offset ?? offset, 4));
  push(bytes, little(latin(end.comment ?? "").length, 2), latin(end.comment ?? ""));
  return Uint8Array.from(bytes);
}

/** The zip form of a pickle; without storages, 0 with the float32 values 1 and 2. */
export function torchZip(
  pickle: readonly number[],
  storages: Readonly<Record<string, readonly number[]>> = { 0: [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40] },
): Uint8Array<ArrayBuffer> {
  const data = Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data }));
  return zipBytes([{ name: "archive/data.pkl", data: pickle }, ...data]);
}

/** What the older form has beside its pickle; true unless given. */
export interface SequenceParts {
  readonly magic?: bigint;
  readonly version?: number;
  readonly littleEndian?: boolean;
  readonly keys?: readonly string[];
  readonly count?: bigint;
  readonly data?: readonly number[];
}

/** The older form of a pickle, with storage 0 of the float32 values 1 and 2. */
export function torchSequence(pickle: readonly number[], parts: SequenceParts = {}): Uint8Array<ArrayBuffer> {
  const { magic = 0x1950a86a20f9469cfc6cn, version = 1001, littleEndian = true, keys = ["0"] } = parts;
  return Uint8Array.from([
    ...[...op.proto, ...op.long(magic, 10), ...op.stop],
    ...[...op.proto, ...op.int(version), ...op.stop],
    ...dictPickle({ little_endian: littleEndian ? [0x88] : [0x89] }),
    ...pickle,
    ...[...op.proto, ...op.list, ...keys.flatMap((key) => [...op.text(key), ...op.append]), ...op.stop],
    ...little(parts.count ?? 2n, 8),
    ...parts.data ?? [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40],
  ]);
}
