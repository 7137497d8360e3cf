import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseHeader } from "../../src/interop/safetensors_header.ts";
import { dtypeSize } from "../../src/interop/dtypes.ts";

const parse = (text: string, dataLength: number) => parseHeader(new TextEncoder().encode(text), dataLength);

/** A tensor's description as JSON. */
const entry = (dtype: string, shape: string, begin: number | string, end: number | string) =>
  `{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${begin},${end}]}`;

Deno.test("parseHeader() reads tensors in the order of their data, and metadata", () => {
  const { entries, metadata } = parse(
    `{"b":${entry("F32", "2", 4, 12)} , "a" : ${entry("I8", "2,2", 0, 4)},"e":${entry("F64", "0", 4, 4)},` +
      `"__metadata__":{"constructor":"x","k\\u00e9y":"\\"v\\""}}  \n`,
    12,
  );
  assertEquals([...entries], [
    ["a", { dtype: "I8", shape: [2, 2], offsets: [0, 4] }],
    ["e", { dtype: "F64", shape: [0], offsets: [4, 4] }],
    ["b", { dtype: "F32", shape: [2], offsets: [4, 12] }],
  ]);
  assertEquals(Object.entries(metadata), [["constructor", "x"], ["kéy", '"v"']]);
});

Deno.test("parseHeader() of no tensors", () => {
  assertEquals(parse("{}", 0).entries.size, 0);
  assertThrows(() => parse("{}", 1), SyntaxError, "its tensors take 0 bytes and the file has 1");
});

const good = entry("F32", "1", 0, 4);
const hostile: [name: string, header: string, message: string][] = [
  ["empty", "", "does not start with {"],
  ["space first", " {}", "does not start with {"],
  ["byte-order mark", "\ufeff{}", "does not start with {"],
  ["a list", "[]", "does not start with {"],
  ["not closed", "{", "a string is missing"],
  ["something after", `{"a":${good}}x`, "something follows"],
  ["a NUL after", `{"a":${good}}\0`, "something follows"],
  ["duplicate tensor", `{"a":${good},"a":${good}}`, 'the key "a" is there twice'],
  ["duplicate tensor, escaped", `{"a":${good},"\\u0061":${good}}`, 'the key "a" is there twice'],
  ["duplicate metadata", `{"__metadata__":{},"__metadata__":{},"a":${good}}`, '"__metadata__" is there twice'],
  ["duplicate metadata key", `{"__metadata__":{"k":"1","k":"2"},"a":${good}}`, 'the key "k" is there twice'],
  ["duplicate field", `{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, '"dtype" is there twice'],
  ["__proto__ tensor", `{"__proto__":${good}}`, "__proto__ is not allowed"],
  ["__proto__ escaped", `{"\\u005f_proto__":${good}}`, "__proto__ is not allowed"],
  ["__proto__ metadata", `{"__metadata__":{"__proto__":"x"},"a":${good}}`, "__proto__ is not allowed"],
  ["metadata a number", `{"__metadata__":{"k":1},"a":${good}}`, 'metadata "k" is not a string'],
  ["metadata a list", `{"__metadata__":[],"a":${good}}`, "__metadata__ is not an object"],
  ["unknown dtype", `{"a":${entry("F128", "1", 0, 4)}}`, 'unknown dtype "F128"'],
  ["inherited dtype", `{"a":${entry("toString", "1", 0, 4)}}`, 'unknown dtype "toString"'],
  ["dtype a number", `{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}`, "unknown dtype"],
  ["field missing", `{"a":{"dtype":"F32","shape":[1]}}`, "must have dtype, shape and data_offsets"],
  ["field too many", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, "and nothing else"],
  ["tensor a number", `{"a":4}`, '"a" is not described by an object'],
  ["shape of strings", `{"a":${entry("F32", '"1"', 0, 4)}}`, "shape that is not a list of whole numbers"],
  ["shape negative", `{"a":${entry("F32", "-1", 0, 4)}}`, "whole number below 2^53"],
  ["shape fraction", `{"a":${entry("F32", "1.0", 0, 4)}}`, "] is missing"],
  ["shape exponent", `{"a":${entry("F32", "1e0", 0, 4)}}`, "] is missing"],
  ["shape leading zero", `{"a":${entry("F32", "01", 0, 4)}}`, "] is missing"],
  ["shape overflow", `{"a":${entry("F32", "4294967296,4294967296", 0, 4)}}`, "impossible shape"],
  ["shape overflow, then 0", `{"a":${entry("F32", "9007199254740991,9007199254740991,0", 0, 0)}}`, "impossible shape"],
  ["shape at 2^53", `{"a":${entry("U8", "9007199254740992", 0, 4)}}`, "below 2^53"],
  ["shape too long", `{"a":${entry("F32", Array(65).fill(1).join(), 0, 4)}}`, "more than 64 items"],
  ["shape too small", `{"a":${entry("F32", "2", 0, 4)}}`, "of [2] F32 needs 8 bytes and has 4"],
  ["offset past 2^53", `{"a":${entry("F32", "1", 0, "9007199254740993")}}`, "below 2^53"],
  ["offset of 400 digits", `{"a":${entry("F32", "1", 0, "9".repeat(400))}}`, "below 2^53"],
  ["offsets turned round", `{"a":${entry("F32", "1", 4, 0)}}`, "wrong data_offsets"],
  ["three offsets", `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, "wrong data_offsets"],
  ["overlap", `{"a":${good},"b":${entry("F32", "1", 0, 4)}}`, '"b" starts at byte 0 where 4 is next'],
  ["hole", `{"a":${entry("I8", "1", 0, 1)},"b":${entry("I8", "2", 2, 4)}}`, '"b" starts at byte 2 where 1 is next'],
  ["hole at the start", `{"a":${entry("I8", "3", 1, 4)}}`, "starts at byte 1 where 0 is next"],
  ["past the end", `{"a":${entry("F32", "2", 0, 8)}}`, "its tensors take 8 bytes and the file has 4"],
  ["trailing bytes", `{"a":${entry("I8", "3", 0, 3)}}`, "its tensors take 3 bytes and the file has 4"],
  ["nested too deeply", `{"a":{"shape":[[1]]}}`, "nested too deeply"],
  ["a million brackets", `{"a":${"[".repeat(1e6)}`, "nested too deeply"],
  ["lone surrogate", `{"\\ud800":${good}}`, "a string is malformed"],
  ["control character", `{"a\n":${good}}`, "a string is malformed"],
  ["bad escape", `{"\\x":${good}}`, "a string is malformed"],
  ["string not closed", `{"a`, "a string is malformed"],
  ["string not closed after a backslash", `{"a\\`, "a string is malformed"],
  ["a million escapes", `{"${"\\n".repeat(1e6)}`, "a string is malformed"],
  ["trailing comma", `{"a":${good},}`, "a string is missing"],
  ["no colon", `{"a"${good}}`, ": is missing"],
  ["literals", `{"a":null}`, "whole number below 2^53"],
];
for (const [name, header, message] of hostile) {
  Deno.test(`parseHeader() refuses: ${name}`, () => {
    const error = assertThrows(() => parse(header, 4), SyntaxError, message);
    assert(!error.message.includes("\n") && error.message.length < 300, error.message);
  });
}

Deno.test("parseHeader() refuses what is not UTF-8", () => {
  assertThrows(() => parseHeader(Uint8Array.of(0x7b, 0xff, 0x7d), 0), SyntaxError, "not UTF-8");
});

/** A small generator with a seed (mulberry32): a whole number below `limit`. */
function generator(seed: number): (limit: number) => number {
  return (limit) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

Deno.test("parseHeader() gives a header that fits the data or a SyntaxError, whatever it is given", () => {
  const seeds = [
    `{"a":${good}}`,
    `{"__metadata__":{"k":"v"},"a":${entry("F16", "1,2", 0, 4)}}`,
    `{"a":${entry("I8", "1", 0, 1)},"b":${entry("I8", "3", 1, 4)},"c":${entry("F64", "0", 4, 4)}}`,
  ];
  const tokens = ["{", "}", "[", "]", ",", ":", '"', "\\", "0", "4", "9007199254740992", "-", "1e9", "null", "\\u0061"];
  tokens.push('"a"', "__proto__", "__metadata__", "F64", "I8", " ", "\0", "é", `"a":${good}`, '"shape":[', "dtype");
  let [accepted, refused] = [0, 0];
  const until = performance.now() + 1500; // Bounded in time; the cases run in the same order everywhere.
  for (let seed = 1; seed <= 20_000 && performance.now() < until; seed++) {
    const below = generator(seed);
    let text = seeds[below(seeds.length)];
    for (let edits = below(4); edits >= 0; edits--) {
      const at = below(text.length + 1);
      text = text.slice(0, at) + (below(3) ? tokens[below(tokens.length)] : "") + text.slice(at + below(5));
    }
    try {
      let next = 0;
      for (const [name, { dtype, shape, offsets: [begin, end] }] of parse(text, 4).entries) {
        const size = shape.reduce((product, axis) => product * axis, dtypeSize(dtype) ?? NaN);
        assertEquals([begin, end], [next, next + size], `seed ${seed}: ${name} of ${text}`);
        next = end;
      }
      assertEquals(next, 4, `seed ${seed}: ${text}`);
      JSON.parse(text); // Whatever is accepted is JSON.
      accepted++;
    } catch (error) {
      assert(
        error instanceof SyntaxError && /header|metadata|tensors|^"/.test(error.message),
        `seed ${seed}: ${error}\n${text}`,
      );
      refused++;
    }
  }
  assert(accepted > 50 && refused > 500, `${accepted} accepted, ${refused} refused`);
});
