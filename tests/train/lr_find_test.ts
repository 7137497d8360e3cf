import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { Model } from "../../src/models/mod.ts";
import { batchNorm2d, conv2d, flatten, lazyLinear, relu, sequential } from "../../src/nn/mod.ts";
import { ratesChart, rateText } from "../../src/report/rates_chart.ts";
import { findLearningRate, propose, type RatePoint, smoothed } from "../../src/train/lr_find.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

/** Losses over the logarithm of the rate: flat, down around 1e-4, up from 1e-2 on. */
const curve = smoothed(Array.from({ length: 101 }, (_, i) => {
  const decade = -7 + 8 * i / 100;
  const loss = 2 - 1 / (1 + Math.exp(-4 * (decade + 4))) + Math.exp(4 * (decade + 1));
  return { learningRate: 10 ** decade, loss };
}));

Deno.test("propose() finds where the loss falls most steeply, and a tenth of where it is least", () => {
  const { steepest, minimum } = propose(curve)!;
  assertAlmostEquals(Math.log10(steepest), -4, 0.1);
  const least = curve.reduce((best, point) => point.loss < best.loss ? point : best);
  assertAlmostEquals(Math.log10(minimum), Math.log10(least.learningRate) - 1, 0.25);
  // What falls after it has diverged does not count.
  const fallen = curve.concat([4, 3, 2].map((loss) => ({ learningRate: 20, loss, smoothed: loss })));
  assertAlmostEquals(Math.log10(propose(fallen)!.steepest), -4, 0.1);
});

Deno.test("propose() proposes nothing where the loss does not fall", () => {
  const rising = curve.map(({ learningRate }, i): RatePoint => ({ learningRate, loss: i, smoothed: i }));
  for (const points of [rising, rising.slice(0, 3), []]) assertEquals(propose(points), undefined);
});

Deno.test("smoothed() takes as many losses before a point as after it", () => {
  const line = Array.from({ length: 50 }, (_, i) => ({ learningRate: 1 + i, loss: 3 * i }));
  smoothed(line).forEach(({ smoothed }, i) => assertAlmostEquals(smoothed, 3 * i, 1e-12));
  assertEquals(smoothed(line.map((point, i) => ({ ...point, loss: i === 20 ? 5 : 0 })))[21].smoothed, 1);
});

Deno.test("rateText() writes rates as people do; the chart shows both proposals", () => {
  assertEquals([0.003141, 1.54e-7, 10, 0.00012].map(rateText), ["0.0031", "1.5e-7", "10", "0.00012"]);
  const { option } = ratesChart("Learning rate", { points: curve, proposal: propose(curve) });
  const names = (option.series as { name?: string }[]).map(({ name }) => name);
  assertEquals(names.length, 4);
  assert(names[2]!.startsWith("steepest fall: ") && names[3]!.startsWith("minimum / 10: "));
});

Deno.test("findLearningRate() lets the rate rise from update to update until the loss diverges, and keeps the model", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 10, b: 6 }));
    const data = await openDataset(folder);
    await using device = await openDevice("wasm");
    const layer = sequential({
      ...{ conv: conv2d(3, 4, 3), bn: batchNorm2d(4), relu: relu(), flatten: flatten(), head: lazyLinear(2) },
    });
    const find = async (to: number, updates: number, accumulate = 1) => {
      const model = new Model("my-net", layer, { classes: 2, channels: 3, imageSize: 8, stem: "auto" });
      model.initialize(1);
      const before = new Map([...model.weights].map(([name, values]) => [name, values.slice()]));
      const told: number[] = [];
      const options = {
        device,
        model,
        task: "multiclass",
        batch: 4,
        cache: "off",
        augment: "none",
        accumulate,
      } as const;
      const found = await findLearningRate(
        // Of a course that is to come, nothing counts.
        { ...options, optimizer: "sgd", warmupEpochs: 2, warmupLearningRate: 1e-5, minLearningRate: 1e-6 },
        { from: 1e-4, to, updates, onPoint: (points) => void told.push(points.length) },
        data,
        data,
      );
      assertEquals(model.weights, before);
      assertEquals(told, found.points.map((_, i) => i + 1));
      return found;
    };
    const low = await find(1e-2, 24);
    assertEquals([low.points.length, low.diverged], [24, false]);
    low.points.forEach(({ learningRate }, i) => assertAlmostEquals(learningRate, 1e-4 * 100 ** (i / 23), 1e-9));
    // The rates are taken: the loss falls.
    assert(low.points.at(-1)!.smoothed < low.points[0].smoothed);
    assertEquals(await find(1e-2, 24), low);
    // An update of two steps is a point; there are two in an epoch of four steps.
    const gathered = await find(1e-2, 24, 2);
    assertEquals(gathered.points.length, 24);
    assert(gathered.points[0].loss !== low.points[0].loss);
    const high = await find(1e6, 60);
    assert(high.diverged && high.points.length < 60, `${high.points.length} points`);
    await assertRejects(() => find(1e-5, 24), RangeError, "Cannot search from 0.0001 to 0.00001 in 24 updates");
  }));
