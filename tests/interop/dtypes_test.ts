import { assertEquals } from "@std/assert";
import { type Dtype, dtypeSize, toFloat32 } from "../../src/interop/dtypes.ts";

/** Bit patterns, lowest byte first, and the values they stand for. */
const cases: Record<Dtype, [bytes: number[], value: number][]> = {
  F64: [[[0, 0, 0, 0, 0, 0, 0xf8, 0x3f], 1.5], [[0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f], Math.fround(0.1)]],
  F32: [[[0, 0, 0xc0, 0x3f], 1.5], [[1, 0, 0, 0], 2 ** -149], [[0, 0, 0xc0, 0x7f], NaN]],
  F16: [[[0, 0x3e], 1.5], [[1, 0], 2 ** -24], [[0xff, 0x7b], 65504], [[0, 0xfc], -Infinity]],
  BF16: [[[0xc0, 0x3f], 1.5], [[0x80, 0xff], -Infinity], [[0xc0, 0x7f], NaN], [[0, 0x80], -0]],
  I64: [[[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -2], [[0, 0, 0, 0, 0, 0, 0, 0x80], -(2 ** 63)]],
  U64: [[[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 2 ** 64]],
  I32: [[[0xfe, 0xff, 0xff, 0xff], -2]],
  U32: [[[0xff, 0xff, 0xff, 0xff], 2 ** 32]],
  I16: [[[0xfe, 0xff], -2]],
  U16: [[[0xfe, 0xff], 65534]],
  I8: [[[0xfe], -2]],
  U8: [[[0xfe], 254]],
  BOOL: [[[0], 0], [[1], 1]],
};

for (const [dtype, values] of Object.entries(cases) as [Dtype, [number[], number][]][]) {
  Deno.test(`toFloat32() reads ${dtype} at any offset`, () => {
    const bytes = values.flatMap(([pattern]) => pattern);
    assertEquals(bytes.length, values.length * (dtypeSize(dtype) ?? NaN));
    for (const offset of [0, 1, 8]) {
      const shifted = Uint8Array.from([...Array(offset).fill(0xaa), ...bytes, 0xaa]).subarray(
        offset,
        offset + bytes.length,
      );
      assertEquals([...toFloat32(shifted, dtype)], values.map(([, value]) => value), `offset ${offset}`);
    }
  });
}

Deno.test("dtypeSize() knows no others", () => {
  assertEquals([dtypeSize("F8_E4M3"), dtypeSize("toString"), dtypeSize("f32")], [undefined, undefined, undefined]);
});
