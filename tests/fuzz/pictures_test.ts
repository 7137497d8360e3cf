/**
 * Damaged pictures of every format: what decodes them gives a picture of the size that the header says, or one
 * PictureError, soon; and the decoder is as good as before.
 */

import { assert, assertEquals } from "@std/assert";
import { decodeAny } from "../../src/data/pictures/decode.ts";
import { peekHeader, PictureError, readHeader, uprightSize } from "../../src/data/pictures/header.ts";
import { mutants } from "./mutate.ts";

const fixtures = new URL("../../fixtures/data/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, fixtures));

/** Pictures that are decoded here have at most a megapixel: what a mutant may take is a matter of the header. */
const decoding = { maxPixels: 1e6 };

const names = [
  ...["rgb.jpg", "progressive.jpg", "cmyk.jpg", "exif6.jpg", "rgb.png", "palette.png", "interlaced.png", "deep.png"],
  ...["lossy", "lossless", "alpha", "exif6", "moving"].map((name) => `formats/${name}.webp`),
  ...["palette", "interlaced", "transparent", "moving"].map((name) => `formats/${name}.gif`),
  ...["rgb", "alpha", "palette", "bits1"].map((name) => `formats/${name}.bmp`),
  ...["raw", "lzw", "predictor", "packbits", "palette", "cmyk", "deep"].map((name) => `formats/${name}.tif`),
  ...["plain", "alpha", "exif6"].map((name) => `formats/${name}.avif`),
];

for (const name of names) {
  Deno.test(`${name} damaged is a picture or a PictureError`, async () => {
    const good = read(name);
    const before = await decodeAny(good);
    for (const { seed, bytes } of mutants(good, 40)) {
      const at = `${name}, seed ${seed}`;
      const start = performance.now();
      try {
        peekHeader(bytes.subarray(0, 300), decoding);
        const { width, height } = uprightSize(readHeader(bytes, decoding));
        const picture = await decodeAny(bytes, decoding);
        assertEquals([picture.width, picture.height, picture.data.length], [width, height, 3 * width * height], at);
      } catch (error) {
        assert(error instanceof PictureError, `${at}: ${error instanceof Error ? error.stack : error}`);
        assert(!/[\n\p{Cc}]/u.test(error.message), `${at}: ${JSON.stringify(error.message)}`);
      }
      const seconds = (performance.now() - start) / 1000;
      assert(seconds < 10, `${at} took ${seconds} s`);
    }
    assertEquals(await decodeAny(good), before, `${name} is decoded otherwise after damaged ones`);
  });
}
