/**
 * How Fovea bears a data set of CelebA's size, that `celeba_set.ts` makes: rates of `data check` and of making the
 * cache beside that of the decoder alone, in as many Workers and in turn; the time to the first batch; an epoch mixed
 * as a whole and in runs; and memory.
 *
 * `deno run -A bench/celeba_scale.ts DIR [SIZE] [CHECKED]`. The cache is made where `FOVEA_CACHE` says; an empty folder
 * is wanted.
 *
 * @module
 */

import { checkDataset } from "../src/data/check/check.ts";
import { findDuplicates, findLeaks } from "../src/data/check/duplicates.ts";
import { Loader, type LoaderOptions } from "../src/data/batches/loader.ts";
import { runsOf } from "../src/data/batches/order.ts";
import { openDataset } from "../src/data/open.ts";
import { channelStatistics } from "../src/data/store/statistics.ts";
import { scanPictures } from "../src/data/store/scan.ts";
import { type FileSource, pathOf } from "../src/data/store/source.ts";
import { ask, workerCount } from "../src/data/workers.ts";
import type { DecodeJob } from "./decode_worker.ts";

const [directory, size = "64", checked = "202599"] = Deno.args;
if (directory === undefined || !(Number(size) >= 8) || !(Number(checked) >= 1)) {
  console.error("Cannot measure: give the folder of the set, the side of pictures, and how many data check looks at");
  Deno.exit(2);
}

/** Seconds of the processor of this process, all its threads together; Linux. */
function processorSeconds(): number {
  const [, , , , , , , , , , , user, system] = Deno.readTextFileSync("/proc/self/stat").replace(/^.*\) /, "").split(
    " ",
  );
  return (Number(user) + Number(system)) / 100;
}

/** Largest memory of this process so far, in MiB; Linux. */
function peakMemory(): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]) / 1024);
}

async function timed<T>(what: string, count: number, work: () => T | Promise<T>): Promise<T> {
  const [began, processor] = [performance.now(), processorSeconds()];
  const result = await work();
  const [wall, used] = [(performance.now() - began) / 1000, processorSeconds() - processor];
  const rate = (seconds: number) => count > 0 ? ` ${(count / seconds).toFixed(0)}/s` : "";
  console.log(
    `${what}: ${wall.toFixed(1)} s${rate(wall)}; ${used.toFixed(1)} s of processors${rate(used)}; ${peakMemory()} MiB`,
  );
  return result;
}

const data = await timed("open", 0, () => openDataset(directory, { task: "binary", target: ["Eyeglasses"] }));
const source = data.source as FileSource;
const workers = workerCount(data.size, 64);
const pool = Array.from(
  { length: workers },
  () => new Worker(new URL("./decode_worker.ts", import.meta.url), { type: "module" }),
);
/** Pictures that each Worker decodes: enough for a rate. */
const share = 6000;
const each = <Job extends DecodeJob>(jobOf: (k: number) => Job) =>
  Promise.all(pool.map((worker, k) => ask<DecodeJob, number>(worker, jobOf(k))));
await each((k) => ({ read: Array.from({ length: 256 }, (_, i) => pathOf(source, (2 * i + k) % data.size)) }));
await each(() => ({ decode: 256 }));
const decoder = () => timed("decoder alone", workers * share, () => each(() => ({ decode: share })));

await timed("reading (sizes, hashes)", data.size, () => scanPictures(data.source));
const split = await timed("equal pictures, split, leaks", 0, async () => {
  const parts = data.split({ together: await findDuplicates(data) });
  await findLeaks(parts);
  return parts;
});
const imageSize = Number(size);
const cache = { mode: "auto" } as const;
const resizing = { imageSize, square: imageSize, interpolation: "bilinear" } as const;
try {
  const open = (shuffle: LoaderOptions["shuffle"]) =>
    Loader.open(split.train, {
      ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], augment: "none", last: "drop", seed: 1, batch: 64 },
      ...{ imageSize, shuffle, cache },
    });
  await decoder();
  await timed("cache", data.size, async () => (await open(true)).close());
  await decoder();
  await timed("statistics", 10_000, () => channelStatistics(split.train, { resizing, cache }));
  await timed("fingerprint", 0, () => split.train.fingerprint());
  for (const [what, shuffle] of [["whole", true], ["in runs", runsOf(3 * imageSize ** 2)]] as const) {
    using loader = await timed("loader, cache warm", 0, () => open(shuffle));
    await timed("first batch", 0, () => loader.batchAt(1, 0));
    await timed(`epoch of batches, ${what}`, split.train.size, async () => {
      for await (const _ of loader.epoch(0));
    });
  }
  const few = data.only([...data.samples.keys()].slice(0, Number(checked)));
  await timed("data check", few.size, () => checkDataset(few));
  await decoder();
} finally {
  for (const worker of pool) worker.terminate();
}
