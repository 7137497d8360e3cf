import { assertEquals } from "@std/assert";
import { TextureSlots } from "../../src/device/webgpu/texture_slots.ts";
import type { TextureOperand } from "../../src/device/webgpu/bound_step.ts";
import { placeKey } from "../../src/graph/place.ts";

const tensor = (offset: number): TextureOperand => ({
  place: { in: "arena", page: 0, offset, bytes: 256, precision: "f32" },
  format: "r32float",
  texels: 64,
});
const [a, b, c, d, e] = [0, 256, 512, 768, 1024].map(tensor);
const place = (operand: TextureOperand) => placeKey(operand.place);
const copies = (slots: TextureSlots, operands: TextureOperand[], written: TextureOperand[] = []) =>
  slots.assign(operands, new Set(written.map(place))).map((use) => use.copies);

Deno.test("TextureSlots copies a tensor once, and again after it was written", () => {
  const slots = new TextureSlots();
  assertEquals(copies(slots, [a]), [true]);
  assertEquals(copies(slots, [a], [a]), [false]);
  assertEquals(copies(slots, [a]), [true]);
});

Deno.test("TextureSlots gives the operands of one dispatch textures of their own", () => {
  const slots = new TextureSlots();
  for (const operands of [[a, b], [c, d], [e, a], [d, c]]) {
    const uses = slots.assign(operands, new Set());
    assertEquals(new Set(uses.map(({ slot }) => slot)).size, operands.length);
  }
});

Deno.test("TextureSlots counts the bytes of its textures", () => {
  const slots = new TextureSlots();
  for (const operand of [a, b, a]) slots.assign([operand], new Set());
  assertEquals(slots.bytes, 2 * 4 * 64);
  // Two rows of 4,096 texels, of which the second has one in use.
  slots.assign([{ ...c, format: "rgba32float", texels: 4097 }], new Set());
  assertEquals(slots.bytes, 2 * 4 * 64 + 16 * 2 * 4096);
});

Deno.test("TextureSlots gives up the texture that was used longest ago", () => {
  const slots = new TextureSlots();
  for (const operand of [a, b, a, c]) slots.assign([operand], new Set());
  assertEquals(copies(slots, [a]), [false]);
  assertEquals(copies(slots, [b]), [true]);
});

Deno.test("TextureSlots shares textures between tensors of like sizes", () => {
  const slots = new TextureSlots();
  for (const texels of [64, 33, 50, 40]) {
    slots.assign([{ ...a, texels, place: tensor(texels * 256).place }], new Set());
  }
  assertEquals(slots.bytes, 2 * 4 * 64);
});

Deno.test("TextureSlots reads a part from the whole's texture, and not the whole from a part's", () => {
  const slots = new TextureSlots();
  const part = { ...a, texels: 40 };
  assertEquals(copies(slots, [a]), [true]);
  assertEquals(copies(slots, [part]), [false]);
  const other = new TextureSlots();
  assertEquals(copies(other, [part]), [true]);
  assertEquals(copies(other, [a]), [true]);
});
