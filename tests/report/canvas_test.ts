import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { Canvas, type Color } from "../../src/report/canvas.ts";
import { isSpellable, textStrokes, textWidth } from "../../src/report/font.ts";
import { encodePng } from "../../src/report/png.ts";
import { find, pictureOf, pixel } from "./pictures.ts";

const red: Color = [200, 10, 20];
const white: Color = [255, 255, 255];
const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));

Deno.test("encodePng() keeps every pixel and refuses another length", async () => {
  const rgb = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => i * 37);
  const { width, height, data } = await pictureOf(encodePng(7, 5, rgb));
  assertEquals([width, height], [7, 5]);
  assertEquals(data.filter((_, i) => i % 4 < 3), rgb);
  await assertRejects(() => encodePng(7, 5, rgb.subarray(1)), TypeError, "7 × 5 has 105 colour values, got 104");
});

Deno.test("Canvas.fill() fills whole pixels and leaves out what is outside", async () => {
  const canvas = new Canvas(10.2, 8);
  canvas.fill(2, 3, 4, 2, red);
  canvas.fill(9, -5, 100, 6, red);
  const picture = await pictureOf(canvas.encode());
  assertEquals([picture.width, picture.height], [11, 8]);
  assertEquals(find(picture, red).count, 4 * 2 + 2);
  assertEquals([pixel(picture, 2, 3), pixel(picture, 5, 4), pixel(picture, 6, 4), pixel(picture, 10, 0)], [
    red,
    red,
    white,
    red,
  ]);
});

Deno.test("Canvas.stroke() covers a line's breadth, and a crossing no darker", async () => {
  const canvas = new Canvas(30, 30);
  canvas.stroke([[[5, 15], [25, 15]], [[15, 5], [15, 25]]], 4, red);
  canvas.stroke([[]], 4, red);
  const picture = await pictureOf(canvas.encode());
  for (const [x, y] of [[10, 14], [15, 15], [14, 20]]) assertEquals(pixel(picture, x, y), red, `${x}, ${y}`);
  for (const [x, y] of [[10, 10], [1, 15], [15, 28]]) assertEquals(pixel(picture, x, y), white, `${x}, ${y}`);
  const half = new Canvas(30, 30);
  half.stroke([[[5, 15.5], [25, 15.5]], [[15.5, 5], [15.5, 25]]], 0.5, [0, 0, 0]);
  const pale = await pictureOf(half.encode());
  assertEquals(pixel(pale, 15, 15), [128, 128, 128]);
  assertEquals(pixel(pale, 10, 15), [128, 128, 128]);
});

Deno.test("Canvas.stroke() draws a single point as a dot", async () => {
  const canvas = new Canvas(20, 20);
  canvas.stroke([[[10, 10]]], 8, red);
  const { count, x, y } = find(await pictureOf(canvas.encode()), red);
  assertGreater(count, 30);
  assertLess(count, 64);
  assertEquals([x, y], [9.5, 9.5]);
});

Deno.test("Canvas.text() stands where its alignment and turn say", async () => {
  const ink = async (style: { align?: "start" | "middle" | "end"; turn?: 0 | 45 | 90 }) => {
    const canvas = new Canvas(300, 300);
    canvas.text("HHHHHHHH", [150, 150], { size: 20, color: red, ...style });
    return find(await pictureOf(canvas.encode()), red);
  };
  const half = textWidth("HHHHHHHH", 20) / 2;
  const near = ({ x, y }: { x: number; y: number }, expectedX: number, expectedY: number) =>
    assert(Math.hypot(x - expectedX, y - expectedY) < 3, `${x}, ${y} instead of ${expectedX}, ${expectedY}`);
  near(await ink({}), 150 + half, 143);
  near(await ink({ align: "middle" }), 150, 143);
  near(await ink({ align: "end" }), 150 - half, 143);
  near(await ink({ turn: 90 }), 143, 150 - half);
  near(await ink({ turn: 90, align: "end" }), 143, 150 + half);
  const slant = half * Math.SQRT1_2;
  near(await ink({ turn: 45, align: "end" }), 150 - slant - 5, 150 + slant - 5);
});

Deno.test("the font has a glyph of its own for every ASCII character, within its width", () => {
  const shapes = new Map<string, string>();
  for (const letter of [...ascii, "–", "…"]) {
    assert(isSpellable(letter), letter);
    const shape = JSON.stringify(textStrokes(letter, 20));
    assertEquals(shapes.get(shape), undefined, `${letter} looks like`);
    shapes.set(shape, letter);
    for (const [x, y] of textStrokes(letter, 20).flat()) {
      const inside = x >= 0 && x <= textWidth(letter, 20) + 1e-9 && y >= -16 && y <= 5;
      assert(inside, `${letter} at ${x}, ${y}`);
    }
  }
  assertEquals(isSpellable("é"), false);
  assertEquals(isSpellable("constructor"), true);
  assertEquals(textStrokes("髪", 20), [[[0, -14], [7, -14], [7, 0], [0, 0], [0, -14]]]);
  assertEquals(textWidth("", 20), 0);
});
