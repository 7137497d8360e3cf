import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { decodeSafetensors, type LoadedTensor } from "../../src/interop/safetensors.ts";
import { encodeSafetensors, openSafetensors, readSafetensors } from "../../src/interop/safetensors_file.ts";
import { joined } from "../../src/bytes.ts";
import { UserError } from "../../src/errors.ts";

const reference = new URL("../../fixtures/interop/reference.safetensors", import.meta.url).pathname;

function tensor(shape: number[], ...values: number[]): LoadedTensor {
  return { shape, values: Float32Array.from(values) };
}

const weights = new Map([
  ["conv.weight", tensor([2, 1, 1, 2], 0.5, -1, 3, 1e-38)],
  ["10", tensor([], 7)],
  ["9", tensor([1, 3], NaN, Infinity, -0)],
  ["none", tensor([0, 4])],
]);

/** Runs `test` with the path of a temporary file that holds `bytes`. */
async function withFile(bytes: Uint8Array, test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    await Deno.writeFile(path, bytes);
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("readSafetensors() reads every type that the format's own library writes", async () => {
  const { tensors, metadata } = await readSafetensors(reference);
  assertEquals({ ...metadata }, { format: "pt" });
  const last: Record<string, number> = {
    i64: 2 ** 63,
    u64: 2 ** 64,
    i32: 2 ** 31,
    u32: 2 ** 32,
    i16: 2 ** 15 - 1,
    u16: 2 ** 16 - 1,
    i8: 127,
    u8: 255,
  };
  for (const name of ["f64", "f32", "f16", "bf16"]) {
    assertEquals(tensors.get(name), tensor([5], 0, 1, 2, 3.5, Infinity), name);
  }
  for (const [name, value] of Object.entries(last)) {
    assertEquals(tensors.get(name), tensor([5], 0, 1, 2, 3, value), name);
  }
  assertEquals(tensors.get("bool"), tensor([5], 0, 1, 1, 0, 1));
  assertEquals(tensors.get("empty"), tensor([2, 0, 3]));
  assertEquals(tensors.get("scalar"), tensor([], -0.5));
  assertEquals(tensors.get('blocks.0.Größe "q"'), tensor([2, 1], 1, 2));
  assertEquals(tensors.size, 16);
});

Deno.test("encodeSafetensors() and readSafetensors() are inverse", async () => {
  const metadata = { fovea: '{"epoch":3}', "1": "Größe", 'fovea.sha256":"': 'fovea.sha256":"' };
  await withFile(joined(encodeSafetensors(weights, metadata)), async (path) => {
    const file = await readSafetensors(path);
    assertEquals(file.tensors, weights);
    assertEquals([...file.tensors.keys()], [...weights.keys()]);
    const { "fovea.sha256": hash, ...rest } = file.metadata;
    assertEquals(rest, metadata);
    assert(/^[0-9a-f]{64}$/.test(hash));
    // The hash of the old file is not taken for the new one's.
    assertEquals(encodeSafetensors(file.tensors, file.metadata), encodeSafetensors(weights, metadata));
  });
});

Deno.test("encodeSafetensors() aligns the data to 8 bytes and copies no values", () => {
  for (const name of ["a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"]) {
    const values = Float32Array.of(1, 2);
    const [head, data] = encodeSafetensors(new Map([[name, { shape: [2], values }]]));
    assertEquals(head.length % 8, 0);
    assertEquals(new DataView(head.buffer).getBigUint64(0, true), BigInt(head.length - 8));
    assert(data.buffer === values.buffer);
  }
});

Deno.test("encodeSafetensors() refuses what could not be read back", () => {
  assertThrows(
    () => encodeSafetensors(new Map([["a", tensor([3], 1, 2)]])),
    TypeError,
    "a: its shape [3] does not hold 2",
  );
  for (const name of ["__proto__", "__metadata__", "\ud800"]) {
    assertThrows(() => encodeSafetensors(new Map([[name, tensor([1], 1)]])), SyntaxError);
  }
});

Deno.test("openSafetensors() reads tensors one by one, also at once", async () => {
  using file = await openSafetensors(reference);
  assertEquals(file.entries.get("scalar")?.shape, []);
  assertEquals(file.metadata.format, "pt");
  assertEquals([...await file.readBytes("i16")], [0, 0, 1, 0, 2, 0, 3, 0, 255, 127]);
  const names = ["bool", "bf16", "f64", "u8", "i64"];
  const read = await Promise.all(names.map((name) => file.read(name)));
  assertEquals(read.map(({ values }) => values[1]), [1, 1, 1, 1, 1]);
  assertEquals(await file.verify(), false);
  await assertRejects(() => file.read("toString"), RangeError, 'no tensor "toString"');
});

Deno.test("verify() tells a file with a hash from one without", async () => {
  await withFile(joined(encodeSafetensors(weights)), async (path) => {
    using file = await openSafetensors(path);
    assertEquals(await file.verify(), true);
  });
});

Deno.test("a flipped bit anywhere is noticed, and so is a cut anywhere", async () => {
  const bytes = joined(encodeSafetensors(weights, { fovea: "{}" }));
  // Without its key, the hash is one text among others: then the rest is as it was written.
  const key = new TextDecoder("latin1").decode(bytes).indexOf("fovea.sha256");
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << bit;
      try {
        const { tensors } = await decodeSafetensors(flipped);
        assert(at >= key && at < key + "fovea.sha256".length, `byte ${at}, bit ${bit} went unnoticed`);
        assertEquals(tensors, weights);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
      }
    }
    await assertRejects(() => decodeSafetensors(bytes.slice(0, at)), UserError, "Cannot read bytes: ");
  }
});

Deno.test("a file that another program changed and that kept the hash is refused", async () => {
  const [head, ...data] = encodeSafetensors(weights);
  const respelt = new TextDecoder().decode(head.slice(8)).replace('"fovea.sha256":', '"fovea.sha256": ').trimEnd();
  const text = new TextEncoder().encode(respelt);
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  await assertRejects(() => decodeSafetensors(joined([length, text, ...data])), UserError, "its hash does not match");

  const short = new TextEncoder().encode('{"__metadata__":{"fovea.sha256":"ab"}}');
  const bytes = joined([Uint8Array.of(short.length, 0, 0, 0, 0, 0, 0, 0), short]);
  await assertRejects(() => decodeSafetensors(bytes), UserError, "its hash does not match");
});

Deno.test("readSafetensors() names the file, in one line, when it is none", async () => {
  await assertRejects(
    () => readSafetensors("/nonexistent/x.safetensors"),
    UserError,
    "There is no file /nonexistent/x",
  );
  await assertRejects(() => readSafetensors("/"), UserError, "Cannot read /: ");
  await withFile(new TextEncoder().encode("<!doctype html><p>not found"), async (path) => {
    const error = await assertRejects(() => readSafetensors(path), UserError);
    assertStringIncludes(error.message, `Cannot read ${path}: its header claims `);
    assert(!error.message.includes("\n"));
  });
});

Deno.test("lengths past the file, over 100 MB and up to 2^64 are refused before anything is read", async () => {
  const cases: [bigint, string][] = [
    [25n, "its header claims 25 bytes and the file has 32"],
    [100_000_000n, "its header claims 100000000 bytes and the file has 32"],
    [100_000_001n, "its header claims 100000001 bytes; at most 100000000"],
    [2n ** 63n, "its header claims 9223372036854775808 bytes; at most"],
    [2n ** 64n - 1n, "its header claims 18446744073709551615 bytes; at most"],
  ];
  for (const [length, message] of cases) {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    await assertRejects(() => decodeSafetensors(bytes), UserError, message);
    await withFile(bytes, async (path) => {
      await assertRejects(() => openSafetensors(path), UserError, message);
    });
  }
  await assertRejects(() => decodeSafetensors(new Uint8Array(7)), UserError, "7 bytes are too few");
});
