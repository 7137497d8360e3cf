import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Batch } from "../../../src/data/batches/batch.ts";
import { Loader, type LoaderOptions } from "../../../src/data/batches/loader.ts";
import { epochOrder, exceedsMemory, firstsOf, runsAhead, runsOf } from "../../../src/data/batches/order.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { openDataset } from "../../../src/data/open.ts";
import { randomBelow, randomStream } from "../../../src/random.ts";
import { classFolders, inFolder, write } from "../sets.ts";

Deno.test("epochOrder() in runs holds each sample once, and each window is whole runs of consecutive ones", () => {
  for (let trial = 0; trial < 60; trial++) {
    const next = randomStream(17, trial);
    const samples = 1 + randomBelow(next, 700);
    const runs = { length: 1 + randomBelow(next, 40), window: 1 + randomBelow(next, 9) };
    const ordering = { samples, shuffle: true, seed: randomBelow(next, 99), runs };
    const epoch = randomBelow(next, 5);
    const what = JSON.stringify({ trial, ...ordering, epoch });
    const order = [...epochOrder(ordering, epoch)];
    assertEquals([...epochOrder(ordering, epoch)], order, what);
    assertEquals(order.toSorted((a, b) => a - b), [...Array(samples).keys()], what);
    // Every window touches the disk in as many places as it has runs, and nothing of it is read in another.
    const firsts = [...firstsOf(ordering, epoch)!];
    assertEquals(firsts.length, Math.ceil(samples / runs.length), what);
    let at = 0;
    for (let run = 0; run < firsts.length; run += runs.window) {
      const places = firsts.slice(run, run + runs.window).flatMap((first) =>
        Array.from({ length: Math.min(runs.length, samples - first) }, (_, i) => first + i)
      );
      const window = order.slice(at, at += places.length);
      assertEquals(window.toSorted((a, b) => a - b), places.toSorted((a, b) => a - b), what);
    }
    assertEquals(at, samples, what);
  }
});

Deno.test("epochOrder() in runs mixes runs and their pictures, anew in each epoch", () => {
  const ordering = { samples: 1000, shuffle: true, seed: 3, runs: { length: 10, window: 8 } };
  const order = epochOrder(ordering, 0);
  for (const other of [epochOrder(ordering, 1), epochOrder({ ...ordering, seed: 4 }, 0)]) assertNotEquals(other, order);
  const next = [...order].filter((place, i) => order[i + 1] === place + 1).length;
  assert(next < 50, `${next} of 1000 are followed by the next one`);
  const window = new Set([...order.subarray(0, 80)].map((place) => Math.floor(place / 10)));
  assertEquals(window.size, 8);
  assert(Math.max(...window) - Math.min(...window) > 20, `runs ${[...window]} lie side by side`);
});

Deno.test("runsAhead() reads each run once, before its pictures, and not more than two windows ahead", () => {
  for (const [length, window, count] of [[10, 4, 7], [3, 5, 64], [85, 64, 64], [1, 2, 1], [7, 3, 32 / 3]]) {
    const steps = 40;
    const reads: number[] = [];
    for (let step = 0; step < steps; step++) {
      const [begin, end] = runsAhead({ length, window }, count, step, step === 0);
      for (let run = begin; run < end; run++) reads.push(run);
      // The window of the last picture of the step.
      const last = Math.floor(Math.max(0, Math.ceil((step + 1) * count) - 1) / (length * window));
      assert(end >= (last + 1) * window, `step ${step}: window ${last} is read up to run ${end}`);
      assert(end <= (last + 2) * window + 1, `step ${step}: run ${end} is read in window ${last}`);
    }
    assertEquals(reads, [...reads.keys()]);
    // Who begins in the middle reads what is needed from there on.
    const [begin, end] = runsAhead({ length, window }, count, 9, true);
    assert(begin <= 9 * count / length && end === runsAhead({ length, window }, count, 9, false)[1]);
  }
});

Deno.test("exceedsMemory() says so of more than half of the free memory, and runsOf() makes runs of a mebibyte", () => {
  assertEquals([exceedsMemory(50, 100), exceedsMemory(51, 100), exceedsMemory(51, undefined)], [false, true, false]);
  assertEquals([runsOf(64 * 64 * 3).length, runsOf(2 ** 30).length], [85, 1]);
});

Deno.test("Loader in runs gives the same bytes by any number of Workers, in mid-epoch, and without a cache", () =>
  inFolder(async (folder) => {
    await write(`${folder}/data`, classFolders({ cat: 30, dog: 23 }));
    const { train: data } = (await openDataset(`${folder}/data`)).split();
    const options: LoaderOptions = {
      ...{ mean: [0, 0, 0], std: [1, 1, 1], augment: "flip", seed: 1, last: "drop", batch: 4, imageSize: 8 },
      shuffle: { length: 5, window: 3 },
      cache: { mode: "auto", directory: `${folder}/cache` },
      workers: 1,
    };
    const batches = async (data: Dataset, options: LoaderOptions, from = 0): Promise<Batch[]> => {
      using loader = await Loader.open(data, options);
      return await Array.fromAsync(loader.epoch(2, from));
    };
    const whole = await batches(data, options);
    const order = epochOrder({ samples: data.size, shuffle: true, seed: 1, runs: { length: 5, window: 3 } }, 2);
    assertEquals(whole.flatMap(({ indices }) => [...indices]), [...order.subarray(0, 4 * whole.length)]);
    assertEquals(await batches(data, { ...options, workers: 3 }), whole);
    assertEquals(await batches(data, { ...options, cache: { mode: "off" } }, 5), whole.slice(5));
  }));
