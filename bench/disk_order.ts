/**
 * What an epoch asks of the disk where the cached pictures are not in memory: as a whole, and in runs. Of the set that
 * `celeba_set.ts` makes, whose cache must be there; Linux.
 *
 * `deno run -A bench/disk_order.ts DIR [SIZE]`
 *
 * The requests are those of all disks of the machine: nothing else should read meanwhile.
 *
 * @module
 */

import { Loader } from "../src/data/batches/loader.ts";
import { runsOf } from "../src/data/batches/order.ts";
import { openDataset } from "../src/data/open.ts";
import { cacheFolder } from "../src/data/store/cache_folder.ts";

const [directory, size = "64"] = Deno.args;
if (directory === undefined || !(Number(size) >= 8)) {
  console.error("Cannot measure: give the folder of the set, and the side of the pictures in pixels");
  Deno.exit(2);
}

/** Requests for reading that disks have answered, and bytes of them. */
function disks(): { requests: number; bytes: number } {
  const lines = Deno.readTextFileSync("/proc/diskstats").trim().split("\n").map((line) => line.trim().split(/\s+/));
  const whole = lines.filter(([, , name]) => /^([sv]d[a-z]+|nvme\d+n\d+)$/.test(name));
  const sum = (column: number) => whole.reduce((total, line) => total + Number(line[column]), 0);
  return { requests: sum(3), bytes: 512 * sum(5) };
}

/** Has the system forget what it holds of the packs. */
async function forget(): Promise<void> {
  for await (const { name } of Deno.readDir(cacheFolder())) {
    if (!name.endsWith(".pack")) continue;
    const args = [`of=${cacheFolder()}/${name}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"];
    await new Deno.Command("dd", { args }).output();
  }
}

const imageSize = Number(size);
const { train } = (await openDataset(directory, { task: "binary", target: ["Eyeglasses"] })).split();
for (const [what, shuffle] of [["whole", true], ["in runs", runsOf(3 * imageSize ** 2)]] as const) {
  using loader = await Loader.open(train, {
    ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], augment: "none", last: "drop", seed: 1, batch: 64 },
    ...{ imageSize, shuffle, cache: { mode: "auto" } },
  });
  await forget();
  const [before, began] = [disks(), performance.now()];
  for await (const _ of loader.epoch(0));
  const after = disks();
  const [requests, bytes] = [after.requests - before.requests, after.bytes - before.bytes];
  console.log(
    `${what}: ${requests} requests of ${(bytes / requests / 1024).toFixed(0)} KiB, ${
      (bytes / 1e6).toFixed(0)
    } MB in all; ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
}
