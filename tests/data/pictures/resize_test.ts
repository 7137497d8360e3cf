import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Picture } from "../../../src/data/pictures/decode.ts";
import { type Interpolation, middleOf, type Resizing, squareOf } from "../../../src/data/pictures/resize.ts";

/** A picture, resized so that its shorter side is `size`, and the middle `crop` of it, as Pillow has them. */
interface ResizeCase {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly interpolation: Interpolation;
  readonly size: number;
  readonly crop: number;
  readonly source: string;
  readonly part: string;
}
const path = new URL("../../../fixtures/data/expected.json", import.meta.url);
const cases: ResizeCase[] = JSON.parse(Deno.readTextFileSync(path)).resized;

/** The middle of a square. */
function cutOut({ width, channels, data }: Picture, size: number): Uint8Array {
  const begin = middleOf(width, size);
  const row = (y: number) => data.subarray((y * width + begin) * channels, (y * width + begin + size) * channels);
  return Uint8Array.from(Array.from({ length: size }, (_, y) => [...row(begin + y)]).flat());
}

Deno.test("squareOf() and its middle are to the bit what Pillow and torchvision's center_crop make", async (t) => {
  for (const { width, height, channels, interpolation, size, crop, source, part } of cases) {
    const kind = channels === 1 ? "grey" : "RGB";
    await t.step(`${interpolation} ${kind} ${width}×${height} to ${size}, cut to ${crop}`, () => {
      const picture: Picture = { width, height, channels, data: Uint8Array.fromHex(source) };
      const square = squareOf(picture, { imageSize: crop, square: size, interpolation });
      assertEquals([square.width, square.height, square.channels], [size, size, channels]);
      assertEquals(cutOut(square, crop).toHex(), part);
    });
  }
});

Deno.test("squareOf() clips where a bicubic filter overshoots", () => {
  const data = Uint8Array.of(
    0,
    0,
    0,
    255,
    255,
    255,
    0,
    0,
    0,
    255,
    255,
    255,
    0,
    0,
    0,
    255,
    255,
    255,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  );
  const picture: Picture = { width: 5, height: 5, channels: 1, data };
  const resizing = { imageSize: 20, square: 20 };
  const soft = squareOf(picture, { ...resizing, interpolation: "bilinear" }).data;
  const sharp = squareOf(picture, { ...resizing, interpolation: "bicubic" }).data;
  const count = (pixels: Uint8Array, value: number) => pixels.filter((pixel) => pixel === value).length;
  assertNotEquals(sharp, soft);
  assertEquals([count(sharp, 0) > count(soft, 0), count(sharp, 255) > count(soft, 255)], [true, true]);
});

Deno.test("squareOf() pads with black or squashes where the whole picture is to be kept", () => {
  const wide: Picture = { width: 4, height: 2, channels: 1, data: Uint8Array.of(10, 20, 30, 40, 50, 60, 70, 80) };
  const resizing = { imageSize: 4, square: 4, interpolation: "bilinear" } as const;
  const padded = [0, 0, 0, 0, 10, 20, 30, 40, 50, 60, 70, 80, 0, 0, 0, 0];
  assertEquals([...squareOf(wide, { ...resizing, fit: "pad" }).data], padded);
  // Columns as they are, rows mixed from the two: 3 to 1 at a quarter and three quarters.
  const squashed = [10, 20, 30, 40, 20, 30, 40, 50, 40, 50, 60, 70, 50, 60, 70, 80];
  assertEquals([...squareOf(wide, { ...resizing, fit: "squash" }).data], squashed);
  assertEquals(squareOf(wide, { ...resizing, fit: "crop" }), squareOf(wide, resizing));
  const tall: Picture = { width: 1, height: 9, channels: 3, data: new Uint8Array(27).fill(200) };
  const thin = squareOf(tall, { ...resizing, fit: "pad" });
  assertEquals(Array.from({ length: 4 }, (_, x) => thin.data[3 * x]), [0, 200, 0, 0]);
});

Deno.test("squareOf() gives a square of the right size back as it is", () => {
  const picture: Picture = { width: 3, height: 3, channels: 1, data: new Uint8Array(9) };
  assertEquals(squareOf(picture, { imageSize: 2, square: 3, interpolation: "bicubic" }) === picture, true);
});

Deno.test("squareOf() refuses sizes that are none", () => {
  const picture: Picture = { width: 3, height: 3, channels: 1, data: new Uint8Array(9) };
  const refused: [Resizing, string][] = [
    [{ imageSize: 0, square: 4, interpolation: "bilinear" }, "Cannot resize to 0 pixels"],
    [{ imageSize: 4, square: 4.5, interpolation: "bilinear" }, "Cannot resize to 4.5 pixels"],
    [{ imageSize: 8, square: 4, interpolation: "bilinear" }, "Cannot crop 8 pixels from a square of 4"],
  ];
  for (const [resizing, message] of refused) assertThrows(() => squareOf(picture, resizing), RangeError, message);
});
