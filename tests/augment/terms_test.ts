import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { hostTransformations } from "../../src/augment/augmentations.ts";
import { packed, type Pixels, wholeOf } from "../../src/augment/host/picture_view.ts";
import { terms } from "../../src/augment/terms.ts";

/** Noise of a side. */
const noise = (side: number, channels: 1 | 3): Pixels => ({
  ...{ width: side, height: side, channels },
  data: Uint8Array.from({ length: side * side * channels }, (_, i) => (i * 2654435761 >>> 7) % 251),
});

const facts = (channels: number) => ({ mean: Array(channels).fill(0.5), interpolation: "bilinear" }) as const;

/** What an augmentation makes of a picture of 24 pixels for a model that takes 20, as pixels and as numbers. */
function made(augment: string, sample: number, channels: 1 | 3 = 3, epoch = 0) {
  const picture = noise(24, channels);
  const all = hostTransformations(augment, facts(channels));
  const start = all.some(({ crops }) => crops) ? picture : noise(20, channels);
  const key = [3, epoch, sample] as const;
  const { width, height, data } = packed(all.reduce((seen, { apply }) => apply(seen, key, 20), wholeOf(start)));
  assertEquals([width, height, data.length], [20, 20, 400 * channels], augment);
  const values = Float32Array.from(data, (byte) => byte / 255);
  for (const { finish } of all) finish?.(values, key, 20);
  return values;
}

for (const name of Object.keys(terms)) {
  Deno.test(`${name} changes pictures of one and of three channels, as the sample's key says and nothing else`, () => {
    for (const channels of [1, 3] as const) {
      const samples = Array.from({ length: 60 }, (_, sample) => made(name, sample, channels));
      const again = Array.from({ length: 60 }, (_, k) => made(name, 59 - k, channels)).toReversed();
      assertEquals(samples, again, "in another order");
      const different = new Set(samples.map(String)).size;
      // Grey pictures have no colours to change.
      const least = terms[name].colours && channels === 1 ? 1 : 2;
      assert(different >= least, `${name}: ${different} different ones of ${channels} channels`);
    }
    const epochs = [0, 1, 2].map((epoch) =>
      Array.from({ length: 60 }, (_, k) => String(made(name, k, 3, epoch))).join()
    );
    assertEquals(new Set(epochs).size, 3, "epochs differ");
  });
}

Deno.test("a term's place in the list names its random numbers: twice the same term is two draws", () => {
  const twice = hostTransformations("rotate,rotate", facts(3));
  const [first, second] = twice.map(({ apply }) => packed(apply(wholeOf(noise(20, 3)), [1, 2, 3], 20)).data);
  assertNotEquals(first, second);
});

Deno.test("p is the share of the pictures", () => {
  const unchanged = noise(20, 3).data.join();
  const share = (augment: string) =>
    Array.from({ length: 500 }, (_, sample) => made(augment, sample)).filter((values) =>
      values.map((value) => Math.round(value * 255)).join() !== unchanged
    ).length / 500;
  assertEquals([share("invert-p0"), share("invert-p1")], [0, 1]);
  for (const term of ["invert", "vflip"]) {
    const quarter = share(`${term}-p0.25`);
    assert(Math.abs(quarter - 0.25) < 0.06, `${term}: ${quarter}`);
  }
});

Deno.test("rrc takes parts of the asked areas", () => {
  /** Columns and rows as values: what a crop spans is seen by its least and greatest. */
  const [across, down] = [0, 1].map((axis) => ({
    ...noise(200, 1),
    data: Uint8Array.from({ length: 40000 }, (_, i) => axis ? Math.floor(i / 200) : i % 200),
  }));
  const [rrc] = hostTransformations("rrc-s0.2:0.4-r0.5:2", facts(1));
  for (let sample = 0; sample < 100; sample++) {
    const [width, height] = [across, down].map((picture) => {
      const { data } = packed(rrc.apply(wholeOf(picture), [1, 1, sample], 50));
      return (Math.max(...data) - Math.min(...data)) * 50 / 49;
    });
    const area = width * height / 40000;
    const ratio = width / height;
    assert(area > 0.17 && area < 0.43 && ratio > 0.45 && ratio < 2.2, `area ${area}, ratio ${ratio}`);
  }
});

Deno.test("erase fills rectangles of the asked area with 0, one colour or noise", () => {
  const erased = (mode: string) =>
    Array.from({ length: 50 }, (_, sample) => {
      const before = made("flip", sample, 3);
      const after = made(`flip,erase-p1-a0.2:0.3-${mode}`, sample, 3);
      // Channel by channel: see the finished numbers.
      const places = [...after.keys()].filter((i) => after[i] !== before[i]);
      return { share: places.length / after.length, values: places.map((i) => after[i]) };
    });
  for (const mode of ["const", "rand", "pixel"]) {
    for (const { share, values } of erased(mode)) {
      assert(share > 0.15 && share < 0.32, `${mode}: ${share}`);
      const different = new Set(values).size;
      assertEquals(different, mode === "const" ? 1 : mode === "rand" ? 3 : values.length, mode);
      if (mode === "const") assertEquals(values[0], 0);
    }
  }
});
