import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Change } from "../../src/augment/host/change.ts";
import { readTerm } from "../../src/augment/grammar.ts";
import type { Pixels } from "../../src/augment/host/picture_view.ts";
import {
  autoAugment,
  autoPolicies,
  autoSpace,
  trivialAugment,
  trivialSpace,
} from "../../src/augment/host/policies/auto.ts";
import {
  augMix,
  augmixOperations,
  levels,
  randAugment,
  randOperations,
  type RandSettings,
} from "../../src/augment/host/policies/rand.ts";
import { terms } from "../../src/augment/terms.ts";
import { randomStream } from "../../src/random.ts";
import expected from "../../fixtures/augment/expected.json" with { type: "json" };

Deno.test("levels are timm's, as drawn and as negated", () => {
  const table = expected.timm.arguments as Record<string, (number | null)[][]>;
  for (const [name, { at, signed }] of Object.entries(levels)) {
    // What timm does not negate is the same both times.
    assertEquals(signed ?? false, String(table[name][0]) !== String(table[name][1]), name);
    [1, -1].forEach((sign, i) =>
      expected.timm.levels.forEach((level, k) => {
        const got = at?.(level, sign, 1) ?? null;
        const want = table[name][i][k];
        if (want === null) assertEquals(got, want, name);
        else assertAlmostEquals(got!, want, 1e-12, `${name} at ${level}`);
      })
    );
  }
});

for (const side of ["32", "224"] as const) {
  Deno.test(`magnitudes of AutoAugment and TrivialAugment are torchvision's, for pictures of ${side} pixels`, () => {
    const spaces = { auto: [autoSpace, 9], trivial: [trivialSpace, 30] } as const;
    for (const [which, [space, most]] of Object.entries(spaces)) {
      const table = expected.spaces[side][which as "auto"] as unknown as Record<string, [number[] | null, boolean]>;
      assertEquals(Object.keys(space).toSorted(), Object.keys(table).toSorted());
      for (const [name, { at, signed }] of Object.entries(space)) {
        const [magnitudes, isSigned] = table[name];
        assertEquals([at !== undefined, signed ?? false], [magnitudes !== null, isSigned], name);
        magnitudes?.forEach((magnitude, k) =>
          [1, -1].forEach((sign) => {
            const got = at!(k / most, Number(side), sign);
            const isFactor = ["Brightness", "Color", "Contrast", "Sharpness"].includes(name);
            const moves = name.startsWith("Translate");
            const value = moves ? -Math.trunc(magnitude) : magnitude;
            const want = isFactor ? 1 + sign * value : signed ? sign * value : value;
            // Cut off by torch from a float that may be a hair below a whole number.
            const nearWhole = moves && Math.abs(magnitude - Math.round(magnitude)) < 1e-5;
            assertAlmostEquals(got, want, nearWhole ? 1 : 2e-5, `${which} ${name} at ${k}`);
          })
        );
      }
    }
  });
}

Deno.test("AutoAugment's policies are torchvision's", () => {
  assertEquals(autoPolicies, expected.auto as unknown as typeof autoPolicies);
});

Deno.test("strings of RandAugment and AugMix mean what they mean to timm", () => {
  for (const [text, { layers, ops, weights }] of Object.entries(expected.rand)) {
    const { numbers, word } = readTerm(text, terms);
    const { names, weights: own } = randOperations({ inc: numbers.inc, weighted: word === "tweights" });
    assertEquals([...names], ops.map(([name]) => name), text);
    const sum = own?.reduce((total, weight) => total + weight, 0) ?? 1;
    assertEquals(
      own?.map((weight) => Number((weight / sum).toFixed(9))),
      weights?.map((w) => Number(w.toFixed(9))),
      text,
    );
    const [, p, m, mstd, mmax] = ops[0];
    const { n, ...rest } = numbers;
    assertEquals(
      [n, rest.p, rest.m, rest.mstd > 100 ? "inf" : rest.mstd, rest.mmax],
      [layers, p, m, mstd, mmax ?? 10],
      text,
    );
  }
  for (const [text, { width, depth, ops }] of Object.entries(expected.augmix)) {
    const { numbers } = readTerm(text, terms);
    assertEquals([...augmixOperations], ops.map(([name]) => name), text);
    const [, , m, mstd] = ops[0];
    assertEquals(
      [numbers.w, numbers.d || -1, numbers.m, numbers.mstd > 100 ? "inf" : numbers.mstd],
      [width, depth, m, mstd],
      text,
    );
  }
});

/** A picture of slopes. */
const slopes: Pixels = {
  width: 16,
  height: 16,
  channels: 3,
  data: Uint8Array.from({ length: 768 }, (_, i) => 10 + (i % 48) * 3 + Math.floor(i / 48) * 2),
};

const facts = { fill: [9, 9, 9], interpolation: "bilinear", size: 16 } as const;

/** What a change makes of a picture, for many samples. */
const many = (change: Change, count = 600) =>
  Array.from({ length: count }, (_, sample) => change(slopes, randomStream(5, sample), facts).data.join());

const rand = (given: Partial<RandSettings>) =>
  randAugment({ n: 1, m: 9, mstd: 0, mmax: 10, p: 1, inc: 1, weighted: false, ...given });

Deno.test("randAugment() does an operation with its chance, and draws each as often as its weight says", () => {
  const same = slopes.data.join();
  const untouched = many(rand({ p: 0.3 })).filter((data) => data === same).length / 600;
  // Of what is done some changes nothing: magnitude 9 leaves no bits out where there are few.
  assert(untouched > 0.65 && untouched < 0.85, `${untouched} untouched`);
  assertEquals(new Set(many(rand({ p: 0, n: 3 }))), new Set([same]));
  const inverted = slopes.data.map((byte) => 255 - byte).join();
  const share = (weighted: boolean) => many(rand({ weighted }), 4000).filter((data) => data === inverted).length / 4000;
  assertAlmostEquals(share(false), 1 / 15, 0.015);
  assertAlmostEquals(share(true), 0.05 / 10.05, 0.006);
});

Deno.test("randAugment() spreads magnitudes as mstd says, and never beyond mmax", () => {
  const rotations = (given: Partial<RandSettings>) => new Set(many(rand({ m: 10, ...given }), 1500)).size;
  const fixed = rotations({});
  assert(fixed < 40, `${fixed} results of fixed magnitudes`);
  assert(rotations({ mstd: 0.5 }) > 4 * fixed && rotations({ mstd: 101 }) > 4 * fixed);
  assertEquals(many(rand({ m: 30 })), many(rand({ m: 10 })), "beyond 10 only where mmax allows it");
  assert(many(rand({ m: 30, mmax: 20 })).join() !== many(rand({ m: 10 })).join());
});

for (
  const [name, change] of [
    ["trivialAugment", trivialAugment],
    ["autoAugment of imagenet", autoAugment("imagenet")],
    ["autoAugment of cifar10", autoAugment("cifar10")],
    ["augMix", augMix({ m: 3, mstd: 1000, mmax: 10, w: 3, d: 0 })],
  ] as const
) {
  Deno.test(`${name} changes most pictures, each by its own draws, and the picture itself never`, () => {
    const before = slopes.data.slice();
    const seen = many(change);
    assertEquals(seen, many(change));
    const changed = seen.filter((data) => data !== before.join());
    assert(changed.length > 0.6 * seen.length, `${changed.length} of ${seen.length} changed`);
    assert(new Set(changed).size > 40, `${new Set(changed).size} different`);
    assertEquals(slopes.data, before);
  });
}

Deno.test("augMix() stays between the picture and its chains: a mild mix keeps the mean", () => {
  const mean = (data: ArrayLike<number>) => Array.from(data).reduce((sum, byte) => sum + byte, 0) / data.length;
  const means = Array.from(
    { length: 200 },
    (_, sample) => mean(augMix({ m: 1, mstd: 0, mmax: 10, w: 3, d: 1 })(slopes, randomStream(8, sample), facts).data),
  );
  const average = mean(means);
  assert(Math.abs(average - mean(slopes.data)) < 12, `${average} for ${mean(slopes.data)}`);
});
