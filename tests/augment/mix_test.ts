import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { cutBox, mix, type Mixing, mixInputs } from "../../src/augment/device/mix.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { named } from "../train/fixture.ts";

const SIZE = 5;
const [COUNT, CHANNELS, CLASSES] = [6, 2, 3];
const when = { seed: 1, step: 3, epoch: 0 };
const mixing: Mixing = {
  ...{ mixup: 0.8, cutmix: 1, mixupProb: 1, mixupSwitchProb: 0.5, mixupMode: "batch", mixupOffEpoch: 0 },
};

/** Runs {@link mix} on pictures and targets. */
function mixed(inputs: Record<string, ArrayLike<number>>, count = COUNT) {
  const b = new GraphBuilder();
  const pictures = b.input("pictures", [count, CHANNELS, SIZE, SIZE]);
  const out = mix(b, { pictures, targets: b.input("targets", [count, CLASSES]) });
  b.output("pictures", out.pictures);
  b.output("targets", out.targets);
  return runReference(b.graph, inputs).outputs;
}

Deno.test("mix() gives timm's pictures and targets: a batch, pairs and pictures, mixup and CutMix", async (t) => {
  for (const { name, mode, lams, cuts, pixels, pictures, targets, ...want } of named.mixtures) {
    await t.step(name, () => {
      const rows = new Float64Array(COUNT * SIZE);
      const columns = new Float64Array(COUNT * SIZE);
      for (let i = 0; i < COUNT; i++) {
        const k = mode === "batch" ? 0 : mode === "pair" ? i % (COUNT / 2) : i;
        if (lams[k] === 1) continue;
        const box = cuts[k]
          ? cutBox(SIZE, lams[k], pixels[k][0], pixels[k][1])
          : { share: 1 - lams[k], top: 0, bottom: SIZE, left: 0, right: SIZE };
        rows.fill(box.share, i * SIZE + box.top, i * SIZE + box.bottom);
        columns.fill(1, i * SIZE + box.left, i * SIZE + box.right);
      }
      const got = mixed({ pictures, targets, mixRows: rows, mixColumns: columns });
      want.mixedPictures.forEach((value, k) => assertAlmostEquals(got.pictures[k], value, 1e-12));
      want.mixedTargets.forEach((value, k) => assertAlmostEquals(got.targets[k], value, 1e-12));
    });
  }
});

Deno.test("mix() leaves what is not mixed as it is, bit by bit; of an odd number the last picture, too", () => {
  const count = 3;
  const pictures = Array.from({ length: count * CHANNELS * SIZE ** 2 }, (_, i) => Math.sin(i) * 1e3);
  const targets = [1, 0, 0, 0, 1, 0, 0, 0, 1];
  const never = mixInputs({ ...mixing, mixupProb: 0 }, count, SIZE, when);
  const same = mixed({ pictures, targets, ...never }, count);
  assertEquals([[...same.pictures], [...same.targets]], [pictures, targets]);
  const pairs = mixed({ pictures, targets, ...mixInputs({ ...mixing, mixupMode: "pair" }, count, SIZE, when) }, count);
  assertEquals([...pairs.pictures.slice(2 * CHANNELS * SIZE ** 2)], pictures.slice(2 * CHANNELS * SIZE ** 2));
  assertNotEquals([...pairs.pictures], pictures);
});

Deno.test("mixInputs() is a function of seed and step, is off after an epoch, and draws as often as its mode says", () => {
  const drawn = mixInputs(mixing, 8, SIZE, when);
  assertEquals(mixInputs(mixing, 8, SIZE, when), drawn);
  for (const other of [{ ...when, seed: 2 }, { ...when, step: 4 }]) {
    assertNotEquals(mixInputs(mixing, 8, SIZE, other), drawn);
  }
  const until = { ...mixing, mixupOffEpoch: 2 };
  assertEquals(mixInputs(until, 8, SIZE, { ...when, epoch: 1 }), drawn);
  assert(mixInputs(until, 8, SIZE, { ...when, epoch: 2 }).mixRows.every((share) => share === 0));
  const differing = (mixupMode: Mixing["mixupMode"]) => {
    const { mixRows } = mixInputs({ ...mixing, cutmix: 0, mixupMode }, 8, SIZE, when);
    return new Set(mixRows).size;
  };
  assertEquals([differing("batch"), differing("pair"), differing("elem")], [1, 4, 8]);
});

Deno.test("mixInputs() draws shares of Beta(α, α), CutMix as often as asked, and nothing as often as asked", () => {
  const count = 20_000;
  for (const alpha of [0.1, 0.5, 1, 4]) {
    const only = { ...mixing, mixup: alpha, cutmix: 0, mixupMode: "elem" } as const;
    const { mixRows } = mixInputs(only, count, 1, when);
    const mean = mixRows.reduce((sum, x) => sum + x) / count;
    const variance = mixRows.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
    // The variance of Beta(α, α) is 1 / (4 (2α + 1)).
    assertAlmostEquals(mean, 0.5, 0.02);
    assertAlmostEquals(variance * 4 * (2 * alpha + 1), 1, 0.05, `alpha ${alpha}`);
  }
  const some = { ...mixing, mixupMode: "elem", mixupProb: 0.7, mixupSwitchProb: 0.2, cutmix: 0.01 } as const;
  const { mixRows } = mixInputs(some, count, 1, when);
  // A cut of one pixel's picture is whole or not there, by a share of Beta(0.01, 0.01).
  const shareOf = (holds: (x: number) => boolean) => mixRows.filter(holds).length / count;
  assertAlmostEquals(shareOf((x) => x > 0 && x < 1), 0.7 * 0.8, 0.02);
});
