import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Augment, augmentNames, cropsAtRandom, hostTransformations } from "../../src/augment/augmentations.ts";
import { crop } from "../../src/augment/host/crop.ts";
import { mirror, mirrored, upsideDown } from "../../src/augment/host/mirror.ts";
import { cutOut, type PictureView, wholeOf } from "../../src/augment/host/picture_view.ts";
import type { HostTransformation } from "../../src/augment/host/transformation.ts";
import { placePicture } from "../../src/data/batches/batch.ts";
import { randomBelow, randomStream } from "../../src/random.ts";

/** Four columns and rows, whose values say where they are: 10 · row + column, and 100 more a channel. */
const square = (channels: 1 | 3 = 1): PictureView =>
  wholeOf({
    width: 4,
    height: 4,
    channels,
    data: Uint8Array.from({ length: 16 * channels }, (_, i) => {
      const pixel = Math.floor(i / channels);
      return 10 * Math.floor(pixel / 4) + pixel % 4 + 100 * (i % channels);
    }),
  });

/** What is read through a view, channel by channel. */
function valuesOf(view: PictureView): number[] {
  const out = new Float32Array(view.channels * view.width * view.height);
  placePicture(view, Array<Float32Array>(view.channels).fill(Float32Array.from({ length: 256 }, (_, v) => v)), out);
  return [...out];
}

const cases: readonly [name: string, view: PictureView, values: number[]][] = [
  ["a square", cutOut(square(), 1, 2, 2), [21, 22, 31, 32]],
  ["its mirror image", mirrored(cutOut(square(), 1, 2, 2)), [22, 21, 32, 31]],
  ["the mirror image's left square", cutOut(mirrored(square()), 0, 0, 2), [3, 2, 13, 12]],
  ["an image mirrored twice", mirrored(mirrored(cutOut(square(), 0, 1, 2))), [10, 11, 20, 21]],
  ["an image upside down", upsideDown(cutOut(square(), 1, 2, 2)), [31, 32, 21, 22]],
  ["an image turned half round", upsideDown(mirrored(cutOut(square(), 1, 2, 2))), [32, 31, 22, 21]],
  ["channels", mirrored(cutOut(square(3), 2, 0, 1)), [2, 102, 202]],
];
for (const [name, view, values] of cases) {
  Deno.test(`placePicture() reads ${name}`, () => assertEquals(valuesOf(view), values));
}

/** A transformation's pictures for many samples. */
const many = ({ apply }: HostTransformation, size: number): number[][] =>
  Array.from({ length: 400 }, (_, sample) => valuesOf(apply(square(), [7, 1, sample], size)));

Deno.test("mirror changes left and right of half of the pictures", () => {
  const seen = many(mirror, 4).map(([first]) => first);
  assertEquals(new Set(seen), new Set([0, 3]));
  const share = seen.filter((first) => first === 3).length / seen.length;
  assertEquals(Math.round(share * 10), 5, `${share}`);
});

Deno.test("crop takes every place, as often as the others", () => {
  const counts = Map.groupBy(many(crop, 3), (values) => values.join());
  const places = [0, 1].flatMap((top) => [0, 1].map((left) => valuesOf(cutOut(square(), left, top, 3)).join()));
  assertEquals([...counts.keys()].toSorted(), places.toSorted());
  for (const { length } of counts.values()) {
    assert(length > 70 && length < 130, `${length} of 400 at one of four places`);
  }
});

Deno.test("crop-flip draws mirror, left and top from one stream, as runs of before did", () => {
  for (let sample = 0; sample < 20; sample++) {
    const next = randomStream(0xa26, 3, 2, sample);
    const isMirrored = randomBelow(next, 2) === 1;
    const cut = cutOut(square(), randomBelow(next, 3), randomBelow(next, 3), 2);
    const got = hostTransformations("crop-flip").reduce((seen, { apply }) => apply(seen, [3, 2, sample], 2), square());
    assertEquals(valuesOf(got), valuesOf(isMirrored ? mirrored(cut) : cut));
  }
});

Deno.test("hostTransformations() refuses what is no augmentation", () => {
  assertEquals(augmentNames.filter((name) => !cropsAtRandom(name)), ["none", "flip"]);
  for (const name of ["toString", "", "views,flip"]) {
    assertThrows(
      () => hostTransformations(name as Augment),
      RangeError,
      `no augmentation ${name}: give one of none, flip`,
    );
  }
});
