import { assert, assertEquals, assertThrows } from "@std/assert";
import { decodePicture } from "../../../src/data/pictures/decode.ts";
import { PictureError, readHeader } from "../../../src/data/pictures/header.ts";
import { pngValues as valuesOf } from "../../../src/data/pictures/png.ts";
import { deepPng, noisePng } from "../sets.ts";

const fixtures = new URL("../../../fixtures/data/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, fixtures));

interface Expected {
  decoded: Record<string, { height: number; width: number; data: string }>;
}
const expected: Expected = JSON.parse(Deno.readTextFileSync(new URL("expected.json", fixtures)));

/** Largest difference from Pillow. Decoders round the colour conversion and the chroma interpolation differently. */
const tolerances: Record<string, number> = { "cmyk.jpg": 4, "subsampled.jpg": 3, "progressive.jpg": 3, "alpha.png": 1 };

for (const [name, { width, height, data: hex }] of Object.entries(expected.decoded)) {
  Deno.test(`decodePicture() reads ${name} as Pillow does`, () => {
    const picture = decodePicture(read(name));
    assertEquals([picture.width, picture.height, picture.channels], [width, height, 3]);
    const data = Uint8Array.fromHex(hex);
    assertEquals(picture.data.length, data.length);
    const worst = picture.data.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i])), 0);
    const tolerance = tolerances[name] ?? (name.endsWith(".jpg") && name !== "png_named.jpg" ? 1 : 0);
    assert(worst <= tolerance, `differs by ${worst}, allowed are ${tolerance}`);
  });
}

const text = (content: string) => new TextEncoder().encode(content);
const broken: [name: string, bytes: Uint8Array, reason: RegExp][] = [
  ["an empty file", new Uint8Array(), /^is empty/],
  ["an HTML page", text("\n<!DOCTYPE html><title>404</title>"), /no picture but an HTML page/],
  ["a GIF without blocks", text("GIF89a......"), /^is cut short/],
  ["a WebP that is cut", text("RIFF....WEBPVP8 "), /^is cut short/],
  ["a file of zeros", new Uint8Array(500), /but zeros only/],
  ["a cut JPEG", read("cut.jpg"), /cut short/],
  ["a cut PNG", read("cut.png"), /cut short/],
  ["a JPEG of two bytes and a marker", Uint8Array.of(0xff, 0xd8, 0xff), /cut short/],
  ["a PNG with flipped bits", read("flipped.png"), /damaged: the checksum of chunk IDAT at byte 33 is wrong/],
  ["a PNG that inflates to more than its header promises", read("inflates.png"), /does not inflate to 52 bytes/],
  ["a bomb", read("bomb.png"), /20000×20000 = 400\.0 megapixels by its header; the limit is 100/],
];
for (const [name, bytes, reason] of broken) {
  Deno.test(`decodePicture() refuses ${name} and says why`, () => {
    const error = assertThrows(() => decodePicture(bytes), PictureError);
    assert(reason.test(error.message), error.message);
  });
}

for (const name of ["rgb.jpg", "progressive.jpg", "cmyk.jpg", "interlaced.png", "palette.png"]) {
  Deno.test(`decodePicture() refuses ${name} cut at any byte`, () => {
    const whole = read(name);
    for (let length = 0; length < whole.length; length++) {
      assertThrows(() => decodePicture(whole.subarray(0, length)), PictureError, undefined, `cut to ${length} bytes`);
    }
  });
}

Deno.test("decodePicture() ends in a picture or a PictureError, whichever bit is flipped", () => {
  for (const name of ["rgb.jpg", "cmyk.jpg", "palette.png"]) {
    const whole = read(name);
    for (let byte = 0; byte < whole.length; byte++) {
      const flipped = whole.slice();
      flipped[byte] ^= 1 << (byte % 8);
      try {
        decodePicture(flipped);
      } catch (error) {
        assert(error instanceof PictureError, `${name}, byte ${byte}: ${error}`);
      }
    }
  }
});

Deno.test("decodePicture() scales a range of 16 bits, and cuts off what is outside", () => {
  const bytes = deepPng([0, 1000, 2000, 3000, 4095, 65535], 3);
  const grey = (range?: [number, number]) => {
    const { data } = decodePicture(bytes, { range });
    return Array.from({ length: 6 }, (_, i) => data[3 * i]);
  };
  assertEquals(grey(), [0, 3, 7, 11, 15, 255]);
  assertEquals(grey([0, 4095]), [0, 62, 125, 187, 255, 255]);
  assertEquals(grey([1000, 3000]), [0, 0, 128, 255, 255, 255]);
  assertEquals(valuesOf(bytes), { least: 0, most: 65535 });
  assertEquals(valuesOf(read("rgb.png")), undefined);
  // Of fewer bits the range says nothing.
  assertEquals(decodePicture(read("rgb.png"), { range: [1, 2] }), decodePicture(read("rgb.png")));
});

Deno.test("decodePicture() and readHeader() obey the limit that is given", () => {
  const message = "is 12×10 = 0.0 megapixels by its header; the limit is 0.000119 (max-megapixels)";
  for (const look of [decodePicture, readHeader]) {
    assertThrows(() => look(noisePng(1), { maxPixels: 119 }), PictureError, message);
    look(noisePng(1), { maxPixels: 120 });
  }
  assertEquals(readHeader(read("bomb.png"), { maxPixels: 400e6 }).width, 20000);
});

Deno.test("readHeader() gives sizes, depth and orientation without decoding", () => {
  const jpeg = { format: "jpeg", width: 18, height: 22, bits: 8, orientation: 1 } as const;
  assertEquals(readHeader(read("subsampled.jpg")), { ...jpeg, components: 3, sampling: "2x2,1x1,1x1" });
  assertEquals(readHeader(read("cmyk.jpg")).components, 4);
  assertEquals(readHeader(read("exif6.jpg")).orientation, 6);
  const png = { format: "png", width: 18, height: 22, orientation: 1, sampling: "" } as const;
  assertEquals(readHeader(read("deep.png")), { ...png, bits: 16, components: 3 });
  assertEquals(readHeader(read("palette.png")).bits, 4);
});

Deno.test("decodePicture() reads a good picture after many that made the decoder fail", () => {
  const whole = read("progressive.jpg");
  const expected = decodePicture(whole);
  // libjpeg-turbo leaves its work in the midst of it: after 355 of these, it read nothing more.
  const damaged = whole.slice();
  damaged.fill(0xff, 300, 310);
  for (let i = 0; i < 400; i++) assertThrows(() => decodePicture(damaged), PictureError);
  assertEquals(decodePicture(whole), expected);
});

Deno.test("the decoder that is run again is the version that is imported", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)));
  const text = await Deno.readTextFile(new URL("../../../src/data/pictures/decode.ts", import.meta.url));
  assert(text.includes(`"${imports["@cwasm/jpeg-turbo"]}"`));
});

Deno.test("readHeader() refuses a JPEG of more scans than encoders write, and one whose coefficients take too much", () => {
  const whole = read("progressive.jpg");
  const scan = whole.findLastIndex((byte, i) => byte === 0xff && whole[i + 1] === 0xda);
  const copies = (count: number) =>
    Uint8Array.from([
      ...whole.subarray(0, scan),
      ...Array(count).fill([...whole.subarray(scan, -2)]).flat(),
      0xff,
      0xd9,
    ]);
  assertEquals(readHeader(copies(10)).format, "jpeg");
  assertThrows(() => readHeader(copies(200)), PictureError, "scans; of its size 100 are the most that are decoded");
  const frame = whole.findIndex((byte, i) => byte === 0xff && whole[i + 1] === 0xc2);
  const large = whole.slice();
  // 10,900 × 9,100 pixels are 99 megapixels, and their coefficients 600 MB.
  new DataView(large.buffer).setUint16(frame + 5, 9100);
  new DataView(large.buffer).setUint16(frame + 7, 10900);
  large[frame + 11] = 0x11; // no chroma is left out
  assertThrows(() => readHeader(large), PictureError, "takes 893 MB to decode; the limit is 800");
});
