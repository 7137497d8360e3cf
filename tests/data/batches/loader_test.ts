import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type Batch, squareFor } from "../../../src/data/batches/batch.ts";
import { epochOrder } from "../../../src/data/batches/order.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { decodePicture } from "../../../src/data/pictures/decode.ts";
import { Loader, type LoaderOptions } from "../../../src/data/batches/loader.ts";
import { openDataset } from "../../../src/data/open.ts";
import { squareOf } from "../../../src/data/pictures/resize.ts";
import { channelStatistics } from "../../../src/data/store/statistics.ts";
import { UserError } from "../../../src/errors.ts";
import { classFolders, deepPng, inFolder, noisePng, write } from "../sets.ts";

const plain = { mean: [0, 0, 0], std: [1, 1, 1], augment: "none", shuffle: false, seed: 1, last: "pad" } as const;

const eight = { imageSize: 8, square: 8, interpolation: "bilinear" } as const;

/** Opens a data set of 7 + 4 noise pictures (12×10), with a cache folder beside it. */
const withSet = (use: (data: Dataset, cache: LoaderOptions["cache"], folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    await write(`${folder}/data`, classFolders({ cat: 7, dog: 4 }));
    await use(await openDataset(`${folder}/data`), { mode: "auto", directory: `${folder}/cache` }, folder);
  });

async function batches(data: Dataset, options: LoaderOptions, epoch = 0, from = 0): Promise<Batch[]> {
  using loader = await Loader.open(data, options);
  return await Array.fromAsync(loader.epoch(epoch, from));
}

Deno.test("Loader gives normalised pictures in [N, C, S, S] with their targets, and pads the last batch", () =>
  withSet(async (data, cache, folder) => {
    const [mean, std] = [[0.1, 0.2, 0.3], [0.5, 0.25, 2]];
    const all = await batches(data, { ...plain, mean, std, batch: 4, imageSize: 8, cache });
    assertEquals(all.map(({ count }) => count), [4, 4, 3]);
    assertEquals([...all[2].weight], [1, 1, 1, 0]);
    assertEquals([...all[2].indices], [8, 9, 10, -1]);
    assertEquals([...all[1].targets], [1, 0, 1, 0, 1, 0, 0, 1]);
    assertEquals([...all[2].targets.subarray(6)], [0, 0]);
    const square = squareOf(decodePicture(await Deno.readFile(`${folder}/data/${data.samples[5].file}`)), eight);
    const expected = Float32Array.from({ length: 192 }, (_, i) => {
      const c = Math.floor(i / 64);
      return (square.data[(i % 64) * 3 + c] / 255 - mean[c]) / std[c];
    });
    assertEquals(all[1].images.subarray(192, 384), expected);
  }));

Deno.test("Loader gives the same bytes with a cache, with a full one, without, and with more Workers", () =>
  withSet(async (data, cache) => {
    const options = { ...plain, batch: 4, imageSize: 8, augment: "crop-flip", shuffle: true } as const;
    const expected = await batches(data, { ...options, cache });
    const others: LoaderOptions[] = [
      { ...options, cache },
      { ...options, cache: { mode: "off" } },
      { ...options, cache: { ...cache, budgetBytes: 3 * 10 * 10 * 3 } },
      { ...options, cache, workers: 3 },
    ];
    for (const other of others) assertEquals(await batches(data, other), expected);
  }));

Deno.test("Loader gives the same bytes with a cache and without, however pictures lie in the square", () =>
  inFolder(async (folder) => {
    const sizes = [[16, 9], [9, 16], [16, 16], [30, 4], [4, 30], [5, 5], [16, 1]];
    const pictures = sizes.map(([width, height], i) => [`data/${"ab"[i % 2]}/${i}.png`, noisePng(i, width, height)]);
    await write(folder, Object.fromEntries(pictures));
    await write(folder, { "data/a/deep.png": deepPng([0, 4095, 2000, 65535], 2) });
    const data = await openDataset(`${folder}/data`);
    const cache = { mode: "auto", directory: `${folder}/cache` } as const;
    const seen = new Set<string>();
    for (const fit of ["crop", "pad", "squash"] as const) {
      for (const range of [undefined, [0, 4095] as const]) {
        const options = { ...plain, batch: 8, imageSize: 16, fit, range };
        const [expected] = await batches(data, { ...options, cache: { mode: "off" } });
        // Made, and read again.
        for (const _ of [1, 2]) assertEquals(await batches(data, { ...options, cache }), [expected]);
        seen.add(expected.images.join());
      }
    }
    assertEquals([seen.size, (await Array.fromAsync(Deno.readDir(cache.directory))).length], [6, 6]);
  }));

Deno.test("Loader cuts the middle out of the square, or any part of it for crop-flip", () =>
  withSet(async (data, cache, folder) => {
    const [imageSize, square, interpolation] = [6, 9, "bicubic"] as const;
    const options = { ...plain, batch: 11, imageSize, square, interpolation, cache };
    const [{ images }] = await batches(data, options);
    const bytes = await Deno.readFile(`${folder}/data/${data.samples[3].file}`);
    const picture = squareOf(decodePicture(bytes), { imageSize, square, interpolation });
    const cutOut = (left: number, top: number) =>
      Float32Array.from({ length: 108 }, (_, i) => {
        const [c, y, x] = [Math.floor(i / 36), top + Math.floor(i / 6) % 6, left + i % 6];
        return picture.data[(y * square + x) * 3 + c] / 255;
      });
    assertEquals(images.subarray(3 * 108, 4 * 108), cutOut(2, 2)); // 1.5, rounded to even as torchvision does
    const places = [0, 1, 2, 3].flatMap((left) => [0, 1, 2, 3].map((top) => cutOut(left, top).join()));
    const seen = new Set<number>();
    using loader = await Loader.open(data, { ...options, augment: "crop-flip" });
    for (let epoch = 0; epoch < 12; epoch++) {
      const cropped = await loader.batchAt(epoch, 0);
      seen.add(places.indexOf(cropped.images.subarray(3 * 108, 4 * 108).join()));
    }
    assert(seen.size > 3, `a picture was seen in ${seen.size} places`); // a mirrored one is at none of them: −1
  }));

Deno.test("Loader keeps a pack for each way of resizing", () =>
  withSet(async (data, cache) => {
    const options = { ...plain, batch: 11, imageSize: 6, square: 9, cache };
    const bilinear = await batches(data, options);
    const bicubic = await batches(data, { ...options, interpolation: "bicubic" });
    assertNotEquals(bicubic[0].images, bilinear[0].images);
    assertEquals(await batches(data, { ...options, interpolation: "bicubic", cache: { mode: "off" } }), bicubic);
    assertEquals(await batches(data, options), bilinear);
    assertEquals((await Array.fromAsync(Deno.readDir(cache.directory!))).length, 2);
  }));

Deno.test("Loader resumes in mid-epoch, and makes any batch out of turn, to the same bytes", () =>
  withSet(async (data, cache) => {
    const options = {
      ...plain,
      batch: 2,
      imageSize: 8,
      augment: "crop-flip",
      shuffle: true,
      last: "drop",
      cache,
    } as const;
    const whole = await batches(data, options, 3);
    assertEquals(whole.length, 5);
    assertEquals(await batches(data, options, 3, 2), whole.slice(2));
    using loader = await Loader.open(data, options);
    assertEquals(await loader.batchAt(3, 4), whole[4]);
    for await (const batch of loader.epoch(3)) {
      assertEquals(batch, whole[0]);
      break; // leaving early must not disturb what follows
    }
    assertEquals(await Array.fromAsync(loader.epoch(3)), whole);
    assertNotEquals((await loader.batchAt(4, 0)).indices, whole[0].indices);
  }));

Deno.test("Loader makes the same bytes by any number of Workers, and in mid-epoch, whatever it does to pictures", () =>
  withSet(async (data, cache) => {
    const augment = "deit,jitter,perspective,blur-p1,trivial,auto,augmix";
    const options = { ...plain, batch: 2, imageSize: 16, augment, shuffle: true, last: "drop", cache } as const;
    const whole = await batches(data, { ...options, workers: 1 }, 3);
    assertEquals(await batches(data, { ...options, workers: 3 }, 3), whole);
    assertEquals(await batches(data, { ...options, workers: 2 }, 3, 2), whole.slice(2));
    assertNotEquals(await batches(data, { ...options, seed: options.seed + 1 }, 3), whole);
  }));

Deno.test("Loader makes three batches ahead while the page is busy", () =>
  inFolder(async (folder) => {
    const big = Array.from({ length: 8 }, (_, i) => [`${"ab"[i % 2]}/${i}.png`, noisePng(i, 300, 300)] as const);
    await write(folder, Object.fromEntries(big));
    const data = await openDataset(folder);
    using loader = await Loader.open(data, { ...plain, batch: 1, imageSize: 200, cache: { mode: "off" }, workers: 1 });
    for (let step = 0; step < 7; step++) await loader.batchAt(0, step); // until the decoder is compiled
    const timed = async (work: () => Promise<unknown>) => {
      const began = performance.now();
      await work();
      return performance.now() - began;
    };
    /** What three batches take that could be made ahead, as a share of what one costs that nobody made ahead. */
    const share = async (round: number) => {
      const cost = await timed(() => loader.batchAt(round, 7));
      const epoch = loader.epoch(round);
      await epoch.next();
      const until = performance.now() + 200 + 10 * cost;
      while (performance.now() < until); // what a device does to the page on OpenGL
      const took = await timed(async () => {
        for (let i = 0; i < 3; i++) await epoch.next();
      });
      await epoch.return?.(undefined);
      return took / cost;
    };
    // Other work may take the Worker's core: one round of five is enough. Without batches made ahead each would be 3.
    const shares: number[] = [];
    while (shares.length < 5 && !(shares.at(-1)! < 1)) shares.push(await share(shares.length));
    assert(shares.at(-1)! < 1, `three batches took ${shares.map((share) => share.toFixed(1))} times what one costs`);
  }));

Deno.test("Loader streams grey pictures of IDX files without a cache", () =>
  inFolder(async (folder) => {
    const bytes = (dimensions: number[], data: number[]) => {
      const header = [0, 0, 8, dimensions.length, ...dimensions.flatMap((size) => [0, 0, 0, size])];
      return Uint8Array.from([...header, ...data]);
    };
    const pixels = Array.from({ length: 2 * 9 }, (_, i) => i);
    await write(folder, {
      "train-images-idx3-ubyte": bytes([2, 3, 3], pixels),
      "train-labels-idx1-ubyte": bytes([2], [0, 1]),
    });
    const data = await openDataset(folder, { task: "binary" });
    const directory = `${folder}/cache`;
    const options = {
      ...plain,
      mean: [0],
      std: [1],
      batch: 2,
      imageSize: 3,
      cache: { mode: "auto", directory },
    } as const;
    const [{ images, targets }] = await batches(data, options);
    assertEquals(images, Float32Array.from(pixels, (value) => value / 255));
    assertEquals([...targets], [0, 1]);
    const [mirrored] = await batches(data, { ...options, augment: "flip", seed: 3 });
    const rows = (picture: Float32Array) => [0, 3, 6].map((row) => [...picture.subarray(row, row + 3)]);
    const seen = [0, 1].map((i) => {
      const [now, before] = [mirrored, { images }].map((batch) => rows(batch.images.subarray(9 * i, 9 * i + 9)));
      const flipped = before.map((row) => row.toReversed());
      assert(
        [before, flipped].some((way) => String(way) === String(now)),
        `picture ${i} is neither as it was nor mirrored`,
      );
      return String(now) === String(flipped);
    });
    assertEquals(new Set(seen).size, 2, "seed 3 mirrors one of the two");
    assertEquals(
      await Array.fromAsync(Deno.readDir(folder), ({ name }) => name).then((names) => names.includes("cache")),
      false,
    );
  }));

Deno.test("Loader shrinks a batch that is larger than the data set, when it drops", () =>
  withSet(async (data, cache) => {
    using loader = await Loader.open(data, { ...plain, batch: 64, imageSize: 8, last: "drop", cache });
    assertEquals([loader.batch, loader.steps, (await loader.batchAt(0, 0)).count], [11, 1, 11]);
  }));

Deno.test("Loader refuses an empty data set, and numbers that do not fit", () =>
  withSet(async (data, cache) => {
    const options = { ...plain, batch: 2, imageSize: 8, cache };
    await assertRejects(() => Loader.open(data.subset([]), options), RangeError, "empty");
    await assertRejects(() => Loader.open(data, { ...options, batch: 0 }), RangeError, "batch 0");
    await assertRejects(
      () => Loader.open(data, { ...options, mean: [0] }),
      TypeError,
      "3 channels with 1 values of mean",
    );
    await assertRejects(() => Loader.open(data, { ...options, std: [1, 0, 1] }), RangeError, "standard deviation 0");
    await assertRejects(() => Loader.open(data, { ...options, square: 4 }), RangeError, "Cannot crop 8");
  }));

Deno.test("Loader refuses broken pictures before the first batch, all counted, the first ones named", () =>
  withSet(async (data, cache, folder) => {
    await write(`${folder}/data`, {
      "cat/001.png": "",
      "cat/002.png": "<html>",
      "dog/000.png": noisePng(1).slice(0, 90),
    });
    const flipped = noisePng(7);
    flipped[70] ^= 1;
    for (const mode of ["auto", "off"] as const) {
      await assertRejects(
        () => Loader.open(data, { ...plain, batch: 2, imageSize: 8, cache: { ...cache, mode } }),
        UserError,
        "Cannot read 3 pictures of 11: cat/001.png is empty (0 bytes); cat/002.png is no picture but an HTML page; " +
          "dog/000.png is cut short",
      );
    }
    await write(`${folder}/flipped`, { ...classFolders({ a: 2, b: 2 }), "a/000.png": flipped });
    const damaged = await openDataset(`${folder}/flipped`);
    for (let again = 0; again < 2; again++) { // the second time the cache remembers
      const opening = () => Loader.open(damaged, { ...plain, batch: 2, imageSize: 8, cache });
      await assertRejects(opening, UserError, "Cannot read 1 picture of 4: a/000.png is damaged: the checksum");
    }
    const loading = batches(damaged, { ...plain, batch: 2, imageSize: 8, cache: { mode: "off" } });
    await assertRejects(() => loading, UserError, "a/000.png is damaged: the checksum");
  }));

Deno.test("Loader shares one pack between the parts of a split and notices a changed picture", () =>
  withSet(async (data, cache, folder) => {
    const packs = async () => (await Array.fromAsync(Deno.readDir(cache.directory!))).map(({ name }) => name);
    const { train, val } = data.split();
    const options = { ...plain, batch: 2, imageSize: 8, cache };
    const before = await batches(train, options);
    let decoded = 0;
    const onProgress = (_done: number, _total: number, what: string) => decoded += what === "decoding" ? 1 : 0;
    await batches(val, { ...options, onProgress });
    assertEquals([(await packs()).length, decoded], [1, 0]);
    const changed = train.samples[0].file;
    await Deno.writeFile(`${folder}/data/${changed}`, noisePng(99));
    const after = await batches((await openDataset(`${folder}/data`)).split().train, options);
    assertNotEquals(after[0].images, before[0].images);
    assertEquals((await packs()).length, 2);
    assert((await packs()).every((name) => name.endsWith(".pack")));
  }));

Deno.test("Loader keeps all packs within the budget", () =>
  withSet(async (data, cache) => {
    const sizes = async () => {
      const found = await Array.fromAsync(Deno.readDir(cache.directory!));
      return found.reduce((sum, { name }) => sum + Deno.statSync(`${cache.directory}/${name}`).size, 0);
    };
    const budgetBytes = 11 * 8 * 8 * 3 + 100;
    for (const imageSize of [8, 7, 6]) {
      await batches(data, { ...plain, batch: 2, imageSize, cache: { ...cache, budgetBytes } });
      assert(await sizes() <= budgetBytes, `${await sizes()} bytes after size ${imageSize}`);
    }
  }));

Deno.test("Loader refuses an augmentation that there is not", () =>
  withSet(async (data, cache) => {
    const options = { ...plain, batch: 2, imageSize: 8, square: 8, cache, augment: "spinning" };
    await assertRejects(() => Loader.open(data, options), RangeError, "no augmentation spinning");
  }));

Deno.test("epochOrder() holds each sample once and changes with seed and epoch", () => {
  const order = (seed: number, epoch: number) => [...epochOrder({ samples: 50, shuffle: true, seed }, epoch)];
  assertEquals(order(1, 0).toSorted((a, b) => a - b), [...Array(50).keys()]);
  assertEquals(new Set([order(1, 0), order(1, 1), order(2, 0)].map(String)).size, 3);
});

Deno.test("squareFor() gives 256 for crops of 224 and is in proportion elsewhere", () => {
  assertEquals([224, 64, 32, 8].map((size) => squareFor(size, "crop-flip")), [256, 74, 36, 10]);
  assertEquals(squareFor(224, "flip"), 224);
});

Deno.test("channelStatistics() agrees with the pixels, whatever the cache", () =>
  withSet(async (data, cache, folder) => {
    const { mean, std } = await channelStatistics(data, { resizing: eight, cache });
    const values: number[][] = [[], [], []];
    for (const { file } of data.samples) {
      const { data: pixels } = squareOf(decodePicture(await Deno.readFile(`${folder}/data/${file}`)), eight);
      pixels.forEach((value, i) => values[i % 3].push(value / 255));
    }
    values.forEach((channel, c) => {
      const average = channel.reduce((a, b) => a + b) / channel.length;
      const variance = channel.reduce((sum, v) => sum + (v - average) ** 2, 0) / channel.length;
      assert(Math.abs(mean[c] - average) < 1e-12 && Math.abs(std[c] - Math.sqrt(variance)) < 1e-12);
    });
    assertEquals(await channelStatistics(data, { resizing: eight, cache: { mode: "off" } }), { mean, std });
  }));

Deno.test("Loader gives no batch once it is closed, begun or not", () =>
  withSet(async (data, cache) => {
    for (const isBegun of [true, false]) {
      const loader = await Loader.open(data, { ...plain, batch: 2, imageSize: 8, cache });
      if (isBegun) loader.start();
      loader.close();
      await assertRejects(() => loader.epoch(0).next(), Error, "The loader is closed");
      await assertRejects(() => loader.batchAt(0, 0), Error, "The loader is closed");
    }
  }));
