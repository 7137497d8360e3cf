import { assert, assertEquals, assertRejects } from "@std/assert";
import { decodeAny } from "../../../src/data/pictures/decode.ts";
import { needsLoading } from "../../../src/data/pictures/decoders.ts";
import { formatOf, namedFormat } from "../../../src/data/pictures/formats.ts";
import { peekHeader, PictureError, readHeader } from "../../../src/data/pictures/header.ts";

const fixtures = new URL("../../../fixtures/data/formats/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, fixtures));
const expected: Record<string, { width: number; height: number; data: string }> = JSON.parse(
  Deno.readTextFileSync(new URL("expected.json", fixtures)),
);

for (const [name, { width, height, data }] of Object.entries(expected)) {
  Deno.test(`decodeAny() reads ${name} as Pillow does, and refuses it cut at any byte of the picture`, async () => {
    const bytes = read(name);
    const picture = await decodeAny(bytes);
    assertEquals([picture.width, picture.height, picture.channels], [width, height, 3]);
    const pixels = Uint8Array.fromBase64(data);
    const worst = picture.data.reduce((most, value, i) => Math.max(most, Math.abs(value - pixels[i])), 0);
    assert(worst <= (name.endsWith(".avif") ? 2 : 0), `differs by ${worst}`);
    assertEquals(namedFormat(name), formatOf(bytes));
    for (let length = 0; length < bytes.length; length++) {
      try {
        // What is cut off is no part of the picture: a trailer, later frames, values that are not needed.
        const cut = await decodeAny(bytes.subarray(0, length));
        assertEquals(cut, picture, `cut to ${length} bytes`);
      } catch (error) {
        assert(error instanceof PictureError, `cut to ${length} bytes: ${error}`);
      }
    }
  });
}

Deno.test("peekHeader() needs the beginning of a file alone, but for what stands at its end", () => {
  for (const name of Object.keys(expected)) {
    const [bytes, whole] = [read(name), readHeader(read(name))];
    const seen = peekHeader(bytes.subarray(0, 400));
    if (seen === undefined) assert(/tif|avif/.test(name), name);
    else assertEquals([seen.format, seen.width, seen.height], [whole.format, whole.width, whole.height]);
  }
});

/** A good file, changed at a place. */
function changed(name: string, change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = read(name);
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

const refused: [name: string, bytes: Uint8Array, says: RegExp][] = [
  ["a TIFF by CCITT Group 4", read("fax.tif"), /^is a TIFF by CCITT Group 4: convert it/],
  ["a BMP of gigapixels", changed("rgb.bmp", (view) => view.setInt32(18, 1e6, true)), /^is cut short|megapixels/],
  ["a WebP of gigapixels", changed("exif6.webp", (_, bytes) => bytes.fill(0xff, 24, 30)), /megapixels/],
  ["a GIF whose frame is larger than its screen", changed("palette.gif", (view) => view.setUint16(6, 9, true)), /fit/],
  ["a HEIC", new TextEncoder().encode("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), /^is no picture but HEIC.*convert it/],
];
for (const [name, bytes, says] of refused) {
  Deno.test(`decodeAny() refuses ${name} from the header`, async () => {
    const error = await assertRejects(() => decodeAny(bytes), PictureError);
    assert(says.test(error.message), error.message);
  });
}

Deno.test("decoders of the formats that are everywhere are always there", () => {
  assertEquals((["jpeg", "png", "tiff"] as const).map(needsLoading), [false, false, false]);
});
