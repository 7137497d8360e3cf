import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { bytesAsSource } from "../../src/interop/byte_source.ts";
import type { LoadedTensor } from "../../src/interop/safetensors.ts";
import { encodeSafetensors } from "../../src/interop/safetensors_file.ts";
import { TorchFile } from "../../src/interop/torch_file.ts";
import { openWeights, type WeightFile } from "../../src/interop/weight_file.ts";
import {
  dictPickle,
  little,
  op,
  type TensorClaims,
  tensorOps,
  torchSequence,
  torchZip,
  zipBytes,
  type ZipEnd,
  type ZipPart,
} from "./torch_bytes.ts";

const fixtures = new URL("../../fixtures/interop/", import.meta.url).pathname;

/** Opens bytes as a file. */
async function open<T>(bytes: Uint8Array | Uint8Array[], use: (file: WeightFile) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: ".pth" });
  try {
    await Deno.writeFile(
      path,
      new Uint8Array(await new Blob([bytes].flat() as Uint8Array<ArrayBuffer>[]).arrayBuffer()),
    );
    using file = await openWeights(path);
    return await use(file);
  } finally {
    await Deno.remove(path);
  }
}

/** All tensors of a file. */
async function readAll(file: WeightFile): Promise<Record<string, LoadedTensor>> {
  const names = [...file.entries.keys()];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await file.read(name)])));
}

const tensor = (shape: number[], ...values: number[]) => ({ shape, values: Float32Array.from(values) });

/** What `make_torch.py` saves. */
const saved: Record<string, LoadedTensor> = {
  matrix: tensor([3, 4], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
  transposed: tensor([4, 3], 12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23),
  every_second: tensor([2, 3, 2], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22),
  channels_last: tensor([1, 2, 2, 4], ...Array(16).keys()),
  parameter: tensor([2], 0.5, -1),
  scalar: tensor([], 7),
  empty: tensor([0, 3]),
  f64: tensor([1], 0.1),
  f16: tensor([2], 1.5, 65504),
  bf16: tensor([2], 1.5, Infinity),
  i64: tensor([2], -2, 2 ** 40),
  i32: tensor([1], -2),
  i16: tensor([1], -2),
  i8: tensor([1], -2),
  u8: tensor([1], 254),
  flags: tensor([2], 1, 0),
};

for (const form of ["zip", "sequence"] as const) {
  const name = `${form}.pth`;
  const decode = async (bytes: Uint8Array) => await readAll(await TorchFile.of(bytesAsSource(bytes), form));

  Deno.test(`openWeights() reads what torch.save wrote: ${name}`, async () => {
    using file = await openWeights(fixtures + name);
    assertEquals(await readAll(file), saved);
    assertEquals(file.entries.get("bf16"), { dtype: "BF16", shape: [2] });
    await assertRejects(() => file.read("epoch"), RangeError, 'no tensor "epoch"');
  });

  Deno.test(`openWeights() refuses ${name} cut anywhere`, async () => {
    const bytes = await Deno.readFile(fixtures + name);
    for (let length = 0; length < bytes.length; length++) {
      const error = await assertRejects(() => decode(bytes.subarray(0, length)), UserError, "Cannot read ");
      assert(!error.message.includes("\n"), `${length}: ${error.message}`);
    }
  });

  Deno.test(`openWeights() gives tensors or a UserError for ${name}, whatever bit is flipped`, async () => {
    const bytes = await Deno.readFile(fixtures + name);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << at % 8;
      try {
        await decode(flipped);
      } catch (error) {
        assert(error instanceof UserError && !/[\n\0]/.test(error.message), `byte ${at}: ${error}`);
      }
    }
  });
}

Deno.test("openWeights() tells safetensors by its content, and HTML from weights", async () => {
  const bias = tensor([2], 0.5, -1);
  assertEquals(await open(encodeSafetensors(new Map([["bias", bias]])), readAll), { bias });
  await assertRejects(
    () => open(new TextEncoder().encode("<!doctype html><p>not found"), readAll),
    UserError,
    "it is neither a safetensors file nor one of PyTorch's torch.save",
  );
  await assertRejects(() => openWeights("/nonexistent/x.pth"), UserError, "There is no file /nonexistent/x.pth");
});

const one = tensor([2], 1, 2);
const nested: [name: string, pickle: number[]][] = [
  ["at the top", dictPickle({ w: tensorOps(), epoch: op.int(3) })],
  ["under model beside a text", dictPickle({ arch: op.text("x"), model: dictPickle({ w: tensorOps() }).slice(2, -1) })],
  [
    "in two boxes, with a tensor outside",
    dictPickle({
      mean: tensorOps(),
      module: dictPickle({ state_dict: dictPickle({ w: tensorOps(), 1: op.none }).slice(2, -1) }).slice(2, -1),
    }),
  ],
  [
    "as a Parameter of the first versions",
    dictPickle({
      w: [
        ...op.global("torch.nn.parameter", "Parameter"),
        ...[...tensorOps(), ...op.tuple1, ...op.reduce, ...op.mark, ...op.no, ...op.no, ...op.tuple, ...op.build],
      ],
    }),
  ],
  [
    "in an OrderedDict of pairs, as Python 2 has it",
    [
      ...[...op.proto, ...op.global("collections", "OrderedDict"), ...op.list, ...op.text("w"), ...tensorOps()],
      ...[...op.tuple2, ...op.append, ...op.tuple1, ...op.reduce, ...op.stop],
    ],
  ],
];
for (const [name, pickle] of nested) {
  Deno.test(`openWeights() finds tensors ${name}, in both forms`, async () => {
    for (const bytes of [torchZip(pickle), torchSequence(pickle)]) assertEquals(await open(bytes, readAll), { w: one });
  });
}

Deno.test("openWeights() reads a view of an old file's storage", async () => {
  const view = (
    start: number,
    size: number,
  ) => [...op.mark, ...op.text("1"), ...op.int(start), ...op.int(size), ...op.tuple];
  const pickle = (start: number, size: number) => dictPickle({ w: tensorOps({ shape: [1], view: view(start, size) }) });
  assertEquals(await open(torchSequence(pickle(1, 1)), readAll), { w: tensor([1], 2) });
  await assertRejects(() => open(torchSequence(pickle(1, 2)), readAll), UserError, 'a view passes storage "0" of 2');
});

Deno.test("openWeights() reads zip64 and a comment", async () => {
  const parts: ZipPart[] = [
    { name: "a/data.pkl", data: dictPickle({ w: tensorOps() }), zip64: true, extra: [9, 9, 0, 0] },
    { name: "a/data/0", data: [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], zip64: true },
  ];
  for (const end of [{}, { zip64: {} }, { comment: "PK\x05\x06 and more" }]) {
    assertEquals(await open(zipBytes(parts, end), readAll), { w: one });
  }
});

const claims: [name: string, claims: TensorClaims, message: string][] = [
  ["sizes past the storage", { shape: [3] }, 'a tensor of [3] with strides [1] at 0 passes storage "0" of 2 values'],
  ["an offset past the storage", { offset: 1 }, "at 1 passes storage"],
  ["a stride past the storage", { strides: [2] }, "with strides [2] at 0 passes storage"],
  ["a huge stride", { strides: [2n ** 62n] }, "that are not whole numbers from 0"],
  ["a negative stride", { strides: [-1] }, "that are not whole numbers from 0"],
  ["a negative size", { shape: [-2] }, "that are not whole numbers from 0"],
  ["a negative offset", { offset: -1 }, "that are not whole numbers from 0"],
  ["sizes that overflow", { shape: [2 ** 40, 2 ** 40], strides: [0, 0] }, "repeats the 2 values"],
  ["a stride of 0 that makes much of little", { shape: [2 ** 40], strides: [0] }, "repeats the 2 values of storage"],
  ["more sizes than strides", { shape: [1, 1] }, "that are not whole numbers from 0"],
  ["65 axes", { shape: Array(65).fill(1), strides: Array(65).fill(1) }, "that are not whole numbers from 0"],
  ["a storage larger than its record", { count: 1000, shape: [1000] }, "claims 1000"],
  ["a storage of 2^60 values", { count: 2n ** 60n }, "a persistent id is none of a storage"],
  ["a storage of 2^50 values", { count: 2n ** 50n, shape: [2 ** 50] }, 'its storage "0"'],
  ["a storage that is not there", { key: "../0" }, 'its storage "../0" is missing'],
  [
    "complex numbers",
    { type: "ComplexFloatStorage" },
    'its "w" is made by torch.ComplexFloatStorage, which is none of',
  ],
  ["a key like a path out of the folder", { key: "0\n\x1b[2J" }, 'its storage "0\\n\\u001b[2J" is missing'],
];
for (const [name, claim, message] of claims) {
  Deno.test(`openWeights() refuses ${name}`, async () => {
    const bytes = torchZip(dictPickle({ w: tensorOps(claim) }));
    const error = await assertRejects(() => open(bytes, readAll), UserError, message);
    assert(!error.message.includes("\n"));
    if (claim.key === undefined) {
      await assertRejects(() => open(torchSequence(dictPickle({ w: tensorOps(claim) })), readAll), UserError);
    }
  });
}

const good = dictPickle({ w: tensorOps() });
const sequences: [name: string, bytes: Uint8Array, message: string][] = [
  ["another magic number", torchSequence(good, { magic: 7n }), "it does not begin as files of torch.save do"],
  ["another version", torchSequence(good, { version: 1002 }), "its version is 1002, not 1001"],
  ["big-endian numbers", torchSequence(good, { littleEndian: false }), "its numbers are not little-endian"],
  ["a storage twice", torchSequence(good, { keys: ["0", "0"] }), 'has "0" twice'],
  ["a storage that nobody uses", torchSequence(good, { keys: ["1"] }), 'has "1" that no tensor uses'],
  ["a storage left out", torchSequence(good, { keys: [], data: [] }), "its storages end at byte"],
  ["another count", torchSequence(good, { count: 3n }), 'its storage "0" has 3 values and claims 2'],
  ["a count of −1", torchSequence(good, { count: -1n }), 'its storage "0" has -1 values and claims 2'],
  ["bytes behind the last storage", torchSequence(good, { data: Array(9).fill(0) }), "its storages end at byte"],
  [
    "one storage of two types",
    torchSequence(dictPickle({ v: tensorOps(), w: tensorOps({ type: "IntStorage" }) })),
    "has 2 values of F32 in one place and 2 of I32 in another",
  ],
];
for (const [name, bytes, message] of sequences) {
  Deno.test(`openWeights() refuses the older form with ${name}`, async () => {
    await assertRejects(() => open(bytes, readAll), UserError, message);
  });
}

const pickle: ZipPart = { name: "a/data.pkl", data: good };
const data: ZipPart = { name: "a/data/0", data: little(0n, 8) };
const zips: [name: string, parts: ZipPart[], message: string, end?: ZipEnd][] = [
  ["a compressed entry", [pickle, { ...data, method: 8 }], 'its entry "a/data/0" is compressed (method 8)'],
  ["a zip bomb", [pickle, { ...data, method: 8, size: 2 ** 31 }], 'its entry "a/data/0" is compressed (method 8)'],
  ["a stored entry that grows", [pickle, { ...data, size: 2 ** 31 }], "is stored in 8 bytes and claims 2147483648"],
  ["an encrypted entry", [pickle, { ...data, flags: 1 }], 'its entry "a/data/0" is encrypted'],
  ["an entry twice", [pickle, data, data], 'its entry "a/data/0" is there twice'],
  ["two names for one place", [pickle, data, { ...data, name: "a/data/1", header: 0 }], "overlap"],
  ["overlapping entries", [{ ...pickle, size: 500, compressed: 500 }, { ...data, data: Array(600) }], "overlap"],
  ["an entry past the end", [pickle, { ...data, size: 4000, compressed: 4000 }], 'its entry "a/data/0" of 4000 bytes'],
  ["a place past the end", [pickle, { ...data, header: 99_999 }], 'its entry "a/data/0" of 8 bytes at 99999 passes'],
  ["a place that is none", [pickle, { ...data, header: 5 }], "overlap"],
  ["another name in the entry", [pickle, { ...data, localName: "a/data/9" }], "is not at byte"],
  ["a field that moves an entry past the end", [pickle, { ...data, localExtra: 9999 }], "of 8 bytes at"],
  ["no pickle", [data], "with no data.pkl"],
  ["two pickles", [pickle, data, { name: "b/data.pkl", data: good }], "with 2 data.pkl"],
  ["a TorchScript program", [pickle, data, { name: "a/constants.pkl", data: [] }], "it is a TorchScript program"],
  ["big-endian numbers", [pickle, data, { name: "a/byteorder", data: [98, 105, 103] }], "not little-endian"],
  ["bytes behind the pickle", [{ ...pickle, data: [...good, 0] }, data], "its pickle ends at byte"],
  [
    "a storage that is too long",
    [pickle, { ...data, data: Array(12).fill(0) }],
    "has 12 bytes and claims 2 values of F32",
  ],
  ["a wrong number of entries", [pickle, data], "its directory has 2 entries and claims 3", { count: 3 }],
  ["a directory past the end", [pickle, data], "passes its own end", { offset: 2 ** 30 }],
  ["a directory that is none", [pickle, data], "its directory is wrong at byte", { offset: 3 }],
  ["a part of several", [pickle, data], "it is a part of a zip file of several", { disk: 1 }],
  ["a zip64 end past the file", [pickle, data], "past the file's", { zip64: { at: 2n ** 40n } }],
  ["a zip64 end beyond 2^53", [pickle, data], "its directory claims a place at byte", { zip64: { at: 2n ** 63n } }],
  ["a zip64 end elsewhere", [pickle, data], "its directory does not end at byte 3", { zip64: { at: 3n } }],
  ["a zip64 directory beyond 2^53", [pickle, data], "claims a place at byte", { zip64: { offset: 2n ** 64n - 1n } }],
  ["a zip64 directory past its end", [pickle, data], "passes its own end", { zip64: { size: 2n ** 40n } }],
  ["a zip64 size that is missing", [pickle, { ...data, size: 0xffffffff }], "has no zip64 field for its sizes"],
];
for (const [name, parts, message, end] of zips) {
  Deno.test(`openWeights() refuses a zip file with ${name}`, async () => {
    const error = await assertRejects(() => open(zipBytes(parts, end), readAll), UserError, message);
    assert(!error.message.includes("\n") && error.message.length < 400, error.message);
  });
}

Deno.test("openWeights() says what there is where it finds no tensors", async () => {
  const box = (depth: number): number[] =>
    depth === 0 ? tensorOps() : dictPickle({ model: box(depth - 1) }).slice(2, -1);
  const self = [...op.proto, ...op.dict, ...op.put(0), ...op.text("model"), ...op.get(0), ...op.setItem, ...op.stop];
  const cases: [pickle: number[], message: string][] = [
    [dictPickle({ epoch: op.int(1), model: op.text("x") }), 'it has "epoch", "model"'],
    [dictPickle({}), "it has nothing"],
    [[...op.proto, ...op.list, ...op.stop], "it has no dictionary of tensors"],
    [[...op.proto, ...tensorOps(), ...op.stop], "it has no dictionary of tensors"],
    [dictPickle({ model: box(9) }), "nested too deeply"],
    [self, 'it has "model"'],
  ];
  for (const [pickle, message] of cases) await assertRejects(() => open(torchZip(pickle), readAll), UserError, message);
});
