import { assert, assertEquals } from "@std/assert";
import * as colour from "../../src/augment/host/colour.ts";
import * as filter from "../../src/augment/host/filter.ts";
import { cutOut, packed, type Pixels, wholeOf } from "../../src/augment/host/picture_view.ts";
import { type Interpolation, resizePart } from "../../src/augment/host/resample.ts";
import * as warp from "../../src/augment/host/warp.ts";
import expected from "../../fixtures/augment/expected.json" with { type: "json" };

/** A stored picture. */
function stored(name: string): Pixels {
  const { data, channels, ...size } = expected.pictures[name as keyof typeof expected.pictures];
  return { ...size, channels: channels as 1 | 3, data: Uint8Array.fromBase64(data) };
}

type Operation = (picture: Pixels, ...rest: never[]) => Pixels;

function resizedCrop(
  picture: Pixels,
  top: number,
  left: number,
  height: number,
  width: number,
  size: number,
  mode: Interpolation,
): Pixels {
  const cut = packed({ ...cutOut(wholeOf(picture), left, top, 1), width, height });
  return resizePart(cut, { width: size, height: size }, { left: 0, top: 0, width: size, height: size }, mode);
}

const all: Readonly<Record<string, Operation>> = { ...colour, ...filter, ...warp, resizedCrop } as never;

for (const [op, cases] of Map.groupBy(expected.cases, ({ op }) => op)) {
  Deno.test(`${op}() agrees with Pillow's and torchvision's`, () => {
    for (const { arguments: given, of, data } of cases) {
      const picture = stored(of);
      const before = picture.data.slice();
      const got = all[op](picture, ...given as never[], ...[expected.fill] as never[]);
      const want = Uint8Array.fromBase64(data);
      const what = `${op}(${JSON.stringify(given)}) of ${of}`;
      assertEquals(got.data.length, want.length, what);
      const differences = Array.from(want, (value, i) => Math.abs(value - got.data[i]));
      const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
      const most = Math.max(...differences);
      assert(most <= 2 && mean <= 0.5, `${what}: ${most} at most, ${mean.toFixed(3)} on average`);
      assertEquals(picture.data, before, `${what} changed the picture itself`);
    }
  });
}
