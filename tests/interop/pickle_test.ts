import { assert, assertEquals, assertThrows } from "@std/assert";
import { Inert, unpickle } from "../../src/interop/pickle.ts";
import { torchContext } from "../../src/interop/torch_tensor.ts";
import { little, op, tensorOps } from "./torch_bytes.ts";

const load = (...ops: (readonly number[])[]) =>
  unpickle(Uint8Array.from([...op.proto, ...ops.flat()]), 0, torchContext);

/** What Python's `pickle.dumps` gives for plain values, by protocol. */
const plain: [name: string, hex: string, value: unknown][] = [
  ["None, booleans and numbers, protocol 2", "80025d7100284e888947bff00000000000004b074dff014a00000100652e", [
    ...[null, true, false, -1, 7, 511, 65536],
  ]],
  ["long numbers", "80025d7100288a0600000000000" + "18a0900000000000000800065" + "2e", [2 ** 40, 2n ** 63n]],
  ["a negative long", "80028a06ffffffffff" + "fe2e", -(2 ** 40) - 1],
  ["texts, protocol 2", "80025807000000" + "4772c3b6c39f652e", "Größe"],
  ["a memo, protocol 4", "80049508000000000000008c01619468" + "0086942e", Object.freeze(["a", "a"])],
  ["a dictionary of a list", "80027d71005801000000" + "6171015d71024b01617" + "32e", new Map([["a", [1]]])],
  ["bytes, protocol 3", "80034302010" + "22e", Uint8Array.of(1, 2)],
];
for (const [name, hex, value] of plain) {
  Deno.test(`unpickle() reads ${name}`, () => {
    assertEquals(unpickle(Uint8Array.fromHex(hex), 0, { globals: new Map() }), { value, end: hex.length / 2 });
  });
}

Deno.test("unpickle() begins where it is told and says where it ended", () => {
  assertEquals(unpickle(Uint8Array.of(9, 9, 0x80, 2, 0x4b, 7, 0x2e, 9), 2, { globals: new Map() }), {
    value: 7,
    end: 7,
  });
});

const dangerous: [module: string, name: string][] = [
  ["os", "system"],
  ["posix", "system"],
  ["builtins", "eval"],
  ["builtins", "getattr"],
  ["torch", "load"],
  ["torch.serialization", "load"],
  ["torch.nn.modules.linear", "Linear"],
  ["argparse", "Namespace"],
  ["numpy.core.multiarray", "_reconstruct"],
  ["collections", "OrderedDict.fromkeys"],
  ["constructor", "constructor"],
  ["__proto__", "toString"],
];
for (const [module, name] of dangerous) {
  Deno.test(`unpickle() makes an inert record of ${module}.${name}, and runs nothing`, () => {
    const full = `${module}.${name}`;
    const record = new Inert(full, [["id"]]);
    assertEquals(load(op.global(module, name), op.text("id"), op.tuple1, op.reduce, op.stop).value, record);
    const short = (text: string) => [0x8c, text.length, ...new TextEncoder().encode(text)];
    assertEquals(load(short(module), short(name), [0x93], op.text("id"), op.tuple1, [0x81], op.stop).value, record);
    // A state of what it would have been, and a call of that.
    const call = [...op.global(module, name), ...op.tuple0, ...op.reduce];
    assertEquals(load(call, op.text("id"), op.build, op.stop).value, new Inert(full, [[], "id"]));
    assertEquals(load(call, op.text("id"), op.tuple1, op.reduce, op.stop).value, record);
  });
}

/** Opcodes of protocols 0 and 1, of registries, and of buffers beside the pickle. */
const refusedCodes = [
  ["INST", 0x69],
  ["EXT1", 0x82],
  ["EXT2", 0x83],
  ["EXT4", 0x84],
  ["PERSID", 0x50],
  ["INT", 0x49],
  ["STRING", 0x53],
  ["NEXT_BUFFER", 0x97],
  ["nothing", 0xff],
] as const;
for (const [name, code] of refusedCodes) {
  Deno.test(`unpickle() refuses the opcode ${name}`, () => {
    const hex = code.toString(16);
    assertThrows(() => load([code, 0, 0, 0, 0], op.stop), SyntaxError, `the opcode 0x${hex} is none that weights need`);
  });
}

/** A dictionary, and a tuple that has a tuple twice, which has one twice, and so on. */
const nested = (depth: number) => [op.dict, op.tuple0, ...Array.from({ length: depth }, () => [0x32, ...op.tuple2])];

const wrong: [name: string, ops: (readonly number[])[], message: string][] = [
  ["a call of a text", [op.text("f"), op.tuple0, op.reduce, op.stop], "something is called that is no function"],
  ["a call of a storage's class", [op.global("torch", "FloatStorage"), op.tuple0, op.reduce, op.stop], "no function"],
  ["a call of a dictionary", [op.dict, op.tuple0, op.reduce, op.stop], "something is called that is no function"],
  [
    "a call of what looks like a function",
    [op.dict, op.text("call"), op.text("x"), op.setItem, op.tuple0, op.reduce, op.stop],
    "something is called that is no function",
  ],
  ["arguments that are none", [op.global("torch", "Size"), op.none, op.reduce, op.stop], "no function"],
  ["a state for a list", [op.list, op.dict, op.build, op.stop], "a state is given to what has none"],
  ["a state for a tensor", [tensorOps(), op.dict, op.build, op.stop], "a state is given to what has none"],
  ["an append to a tuple", [op.tuple0, op.none, op.append, op.stop], "appended to what is no list"],
  ["an append to nothing", [op.none, op.append, op.stop], "a value is missing"],
  ["an item in a list", [op.list, op.none, op.none, op.setItem, op.stop], "set in what is no dictionary"],
  ["a key without a value", [op.dict, op.mark, op.none, op.setItems, op.stop], "a key has no value"],
  [
    "a key twice",
    [op.dict, op.text("w"), op.none, op.setItem, op.text("w"), op.none, op.setItem, op.stop],
    'the key "w" is there twice',
  ],
  [
    "a key twice that would be a text of gigabytes",
    [...nested(40), op.put(0), op.none, op.setItem, op.get(0), op.none, op.setItem, op.stop],
    "the key that is no text is there twice",
  ],
  ["an empty stack", [op.stop], "a value is missing"],
  ["a mark for a value", [op.mark, op.stop], "a value is missing"],
  ["a missing mark", [op.none, op.tuple, op.stop], "a mark is missing"],
  ["values that are left over", [op.none, op.none, op.stop], "values are left over"],
  ["a value before it is there", [op.get(3), op.stop], "it uses its value 3 before it is there"],
  ["nothing after it", [op.none], "it is cut, or too long"],
  ["a text past the end", [[0x58, ...little(0xffffffff, 4)], op.stop], "it is cut, or too long"],
  ["a name without an end", [[0x63, 0x6f, 0x73]], "it is cut, or too long"],
  ["a text that is not UTF-8", [[0x58, 1, 0, 0, 0, 0xff], op.stop], "a text is not UTF-8"],
  ["protocol 1", [[0x80, 1], op.none, op.stop], "protocol 1 is none of 2 to 5"],
  ["a persistent id that is no tuple", [op.text("x"), op.persistent, op.stop], "is none of a storage"],
  ["containers in containers", [...Array(65).fill(op.mark), op.stop], "it is nested too deeply"],
  [
    "a tensor of a text",
    [op.global("torch._utils", "_rebuild_tensor_v2"), op.text("x"), op.tuple1, op.reduce, op.stop],
    "a tensor has no storage",
  ],
  [
    "a parameter of a text",
    [op.global("torch._utils", "_rebuild_parameter"), op.text("x"), op.tuple1, op.reduce, op.stop],
    "a parameter has no tensor",
  ],
  [
    "an OrderedDict of a text",
    [op.global("collections", "OrderedDict"), op.text("x"), op.tuple1, op.reduce, op.stop],
    "made of what are no pairs",
  ],
];
for (const [name, ops, message] of wrong) {
  Deno.test(`unpickle() refuses ${name}`, () => {
    const error = assertThrows(() => load(...ops), SyntaxError, message);
    assert(!error.message.includes("\n"));
  });
}

Deno.test("unpickle() counts opcodes, so that a small file cannot ask for much memory", () => {
  const many = new Uint8Array(1_000_100).fill(op.dict[0]);
  assertThrows(() => unpickle(many, 0, torchContext), SyntaxError, "it has more than 1000000 opcodes");
});

Deno.test("unpickle() shares what a memo names many times, however deep", () => {
  // A thousand lists, each twice in the next: 2^1000 if they were copied.
  const ops: (readonly number[])[] = [op.list, op.put(0)];
  for (let i = 0; i < 1000; i++) ops.push(op.list, op.get(0), op.append, op.get(0), op.append, op.put(0), [0x30]);
  const { value } = load(op.list, ops.flat(), op.append, op.stop);
  assert(Array.isArray(value));
});
