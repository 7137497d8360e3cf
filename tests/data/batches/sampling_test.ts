import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { epochOrder } from "../../../src/data/batches/order.ts";
import { Loader, type LoaderOptions } from "../../../src/data/batches/loader.ts";
import { classShares, drawsOf, epochLines } from "../../../src/data/batches/sampling.ts";
import { openDataset } from "../../../src/data/open.ts";
import { classFolders, inFolder, write } from "../sets.ts";

const COUNTS = [900, 90, 10];

Deno.test("classShares() gives every class the share that its name says", () => {
  const rounded = (shares: readonly number[]) => shares.map((share) => +share.toFixed(4));
  assertEquals(rounded(classShares(COUNTS, "uniform", 0.9)), [0.9, 0.09, 0.01]);
  assertEquals(rounded(classShares([90, 0, 10], "balanced", 0.9)), [0.5, 0, 0.5]);
  assertEquals(rounded(classShares([900, 100, 0], "sqrt", 0.9)), [0.75, 0.25, 0]);
  // n (1 − β) / (1 − βⁿ) of each class: 90, 9.00068…, 1.53534…
  assertEquals(rounded(classShares(COUNTS, "effective", 0.9)), [0.8952, 0.0895, 0.0153]);
  assertEquals(rounded(classShares(COUNTS, "effective", 0)), [0.9, 0.09, 0.01]);
});

Deno.test("epochOrder() draws as many samples as there are, by the shares, as seed and epoch say", () => {
  const members = COUNTS.map((count, c) => {
    const first = COUNTS.slice(0, c).reduce((sum, n) => sum + n, 0);
    return Uint32Array.from({ length: count }, (_, i) => first + i);
  });
  const plan = { samples: 1000, shuffle: true, seed: 1, draws: { shares: [0.5, 0.3, 0.2], members } };
  const order = epochOrder(plan, 0);
  assertEquals(epochOrder(plan, 0), order);
  assertNotEquals(epochOrder(plan, 1), order);
  assertNotEquals(epochOrder({ ...plan, seed: 2 }, 0), order);
  const shares = members.map((list) => order.filter((sample) => list.includes(sample)).length / 1000);
  shares.forEach((share, c) => assertAlmostEquals(share, plan.draws.shares[c], 0.05));
  // All pictures of the rare class, and each about as often.
  assertEquals(new Set(order.filter((sample) => sample >= 990)).size, 10);
});

Deno.test("epochOrder() repeats each sample side by side", () => {
  const order = [...epochOrder({ samples: 10, shuffle: true, seed: 1, repeats: 3 }, 0)];
  const once = [...epochOrder({ samples: 10, shuffle: true, seed: 1 }, 0)];
  assertEquals(order, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3].map((i) => once[i]));
});

Deno.test("Loader shows pictures that are repeated, drawn or in several views in another way each time, from any step on", () =>
  inFolder(async (folder) => {
    await write(`${folder}/data`, classFolders({ cat: 8, dog: 4 }));
    const data = await openDataset(`${folder}/data`);
    const plain = {
      mean: [0, 0, 0],
      std: [1, 1, 1],
      augment: "crop-flip",
      shuffle: true,
      seed: 1,
      last: "drop",
    } as const;
    const options: LoaderOptions = { ...plain, batch: 4, imageSize: 8, cache: { mode: "off" } };
    const all = async (more: Partial<LoaderOptions>, from = 0) => {
      using loader = await Loader.open(data, { ...options, ...more });
      return await Array.fromAsync(loader.epoch(0, from));
    };
    const once = await all({});
    const repeated = await all({ repeats: 2 });
    // The first view of a picture is the one it has without.
    const [first, second] = [0, 1].map((row) => [...repeated[0].images.subarray(row * 192, (row + 1) * 192)]);
    assertEquals(repeated[0].indices[0], repeated[0].indices[1]);
    assertEquals(first, [...once[0].images.subarray(0, 192)]);
    assertNotEquals(second, first);
    // Of three views in a batch the first is framed as it is without, and the others are changed within that frame.
    const changed = { splits: 3, augment: "crop,flip,invert-p1,erase-p1-rand" } as const;
    const framed = await all({ augment: "crop-flip" });
    const split = await all(changed);
    split.forEach(({ images, targets, weight, indices, count }, step) => {
      const views = [0, 1, 2].map((view) => images.subarray(view * 4 * 192, (view + 1) * 4 * 192));
      assertEquals({ images: views[0], targets, weight, indices, count }, framed[step]);
      assertNotEquals(views[1], views[2]);
      for (const view of views.slice(1)) {
        const kept = view.filter((value, k) => Math.abs(value - (1 - views[0][k])) < 1e-6).length;
        // Erasing takes between 2% and a third of a picture.
        assert(kept >= 0.6 * view.length && kept < view.length, `${kept}`);
      }
    });
    assertEquals(await all(changed, 1), split.slice(1));
    const drawn = await all({ sampling: "balanced", repeats: 2 });
    assertEquals(await all({ sampling: "balanced", repeats: 2 }, 1), drawn.slice(1));
    assertEquals(drawn.length, 3);
  }));

Deno.test("what an epoch is is said where it is not once through the pictures", () =>
  inFolder(async (folder) => {
    await write(`${folder}/data`, classFolders({ cat: 9, dog: 3 }));
    const data = await openDataset(`${folder}/data`);
    assertEquals(epochLines(data, { sampling: "uniform", effectiveBeta: 0.9, repeats: 1 }), []);
    assertEquals(epochLines(data, { sampling: "balanced", effectiveBeta: 0.9, repeats: 3 }), [
      "sampling balanced: an epoch is 12 draws with replacement, cat 50.0%, dog 50.0%",
      "repeats 3: an epoch is 12 views, 3 of each picture that is in it",
    ]);
    assert(drawsOf(data, "uniform", 0.9) === undefined);
    assertEquals(drawsOf(data, "balanced", 0.9)?.members.map(({ length }) => length), [9, 3]);
  }));
