import { assert, assertEquals } from "@std/assert";
import { Loader, type LoaderOptions } from "../../../src/data/batches/loader.ts";
import type { Batch } from "../../../src/data/batches/batch.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { openDataset } from "../../../src/data/open.ts";
import { makeRoom } from "../../../src/data/store/cache_folder.ts";
import { channelStatistics } from "../../../src/data/store/statistics.ts";
import { classFolders, inFolder, write } from "../sets.ts";
import { mutant } from "../../fuzz/mutate.ts";

const plain = {
  ...{ mean: [0, 0, 0], std: [1, 1, 1], augment: "none", shuffle: false, seed: 1, last: "pad" } as const,
  ...{ batch: 4, imageSize: 8, workers: 1 },
};
const resizing = { imageSize: 8, square: 8, interpolation: "bilinear" } as const;

async function batches(data: Dataset, options: LoaderOptions): Promise<Batch[]> {
  using loader = await Loader.open(data, options);
  return await Array.fromAsync(loader.epoch(0));
}

const withSet = (use: (open: () => Promise<Dataset>, cache: string, folder: string) => Promise<void>) =>
  inFolder(async (folder) => {
    await write(`${folder}/data`, classFolders({ cat: 5, dog: 4 }));
    await use(() => openDataset(`${folder}/data`), `${folder}/cache`, folder);
  });

const packsIn = async (cache: string) =>
  (await Array.fromAsync(Deno.readDir(cache), ({ name }) => `${cache}/${name}`)).sort();

Deno.test("a pack that was damaged is noticed, said once, and its pictures are those of the files", () =>
  withSet(async (open, directory) => {
    const cache = { mode: "auto", directory } as const;
    const right = await batches(await open(), { ...plain, cache });
    const [path] = await packsIn(directory);
    const good = await Deno.readFile(path);
    for (const [what, at] of [["the first pixel", 0], ["a pixel", 700], ["the last pixel", 9 * 192 - 1]] as const) {
      const bad = good.slice();
      bad[at] ^= 4;
      const notes: string[] = [];
      const onNote = (note: string) => void notes.push(note);
      await Deno.writeFile(path, bad);
      assertEquals(await batches(await open(), { ...plain, cache, onNote }), right, what);
      assertEquals(notes.map((note) => note.replace(path, "PACK")), [
        "PACK is damaged (a picture's checksum is not what was written): its pictures are decoded anew",
      ]);
      assertEquals(await packsIn(directory), [], "a damaged pack is removed");
      await Deno.writeFile(path, bad);
      const statistics = await channelStatistics(await open(), { resizing, cache, onNote });
      assertEquals(statistics, await channelStatistics(await open(), { resizing, cache: { mode: "off" } }));
      assertEquals(notes.length, 2);
    }
  }));

Deno.test("a pack that is damaged anywhere gives the right pictures", () =>
  withSet(async (open, directory) => {
    const cache = { mode: "auto", directory } as const;
    const data = await open();
    const right = await batches(data, { ...plain, cache });
    const [path] = await packsIn(directory);
    const good = await Deno.readFile(path);
    for (let seed = 1; seed <= (Deno.env.get("FOVEA_FUZZ") === "1" ? 2000 : 40); seed++) {
      await Deno.writeFile(path, mutant(good, seed).bytes);
      assertEquals(await batches(data, { ...plain, cache }), right, `seed ${seed}`);
    }
  }));

Deno.test("a cache that cannot be written is gone without, and that is said once", () =>
  withSet(async (open, _cache, folder) => {
    const right = await batches(await open(), { ...plain, cache: { mode: "off" } });
    await Deno.writeTextFile(`${folder}/file`, "");
    const long = `${folder}/${"a".repeat(300)}`;
    for (const directory of [`${folder}/file/cache`, long]) {
      const data = await open();
      const notes: string[] = [];
      const options = {
        ...plain,
        cache: { mode: "auto", directory },
        onNote: (n: string) => void notes.push(n),
      } as const;
      for (let again = 0; again < 2; again++) assertEquals(await batches(data, options), right);
      assertEquals(notes.length, 1);
      assert(
        notes[0].startsWith("decoded pictures are not kept, and are decoded in every epoch: Cannot make"),
        notes[0],
      );
      assert(notes[0].includes(directory) && notes[0].includes("FOVEA_CACHE"), notes[0]);
    }
  }));

Deno.test({
  name: "what a killed run was making is removed; what another one makes counts in the budget",
  // Windows keeps others out of a locked file: age tells there.
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const size = 1000;
      const at = (name: string) => `${folder}/pictures-${name}`;
      const make = (name: string) => Deno.writeFile(at(name), new Uint8Array(size));
      for (const name of ["old.pack", "new.pack", "dead-1-a.tmp", "live-2-b.tmp"]) await make(name);
      await Deno.utime(at("old.pack"), 1, 1);
      const code = `using file = Deno.openSync(Deno.args[0], { read: true, write: true });
      if (!file.tryLockSync(true)) throw 1;
      console.log("locked"); await new Promise((end) => setTimeout(end, 60_000));`;
      const args = ["eval", code, at("live-2-b.tmp")];
      const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
      const output = child.stdout.getReader();
      await output.read();
      const names = async () => (await packsIn(folder)).map((path) => path.slice(at("").length));
      // The old pack goes only since the one in the making counts.
      await makeRoom(folder, size, 3 * size);
      assertEquals(await names(), ["live-2-b.tmp", "new.pack"]);
      child.kill("SIGKILL");
      await child.status;
      await output.cancel();
      for (const name of [".rates-a.json.12-3.tmp", ".rates-b.json.12-4.tmp"]) {
        await Deno.writeTextFile(`${folder}/${name}`, "");
      }
      await Deno.mkdir(`${folder}/.fovea-demo-1/img`, { recursive: true });
      await Deno.utime(`${folder}/.rates-a.json.12-3.tmp`, 1, 1);
      await Deno.utime(`${folder}/.fovea-demo-1`, 1, 1);
      await makeRoom(folder, size, 3 * size);
      const left = (await packsIn(folder)).map((path) => path.slice(folder.length + 1));
      assertEquals(left, [".rates-b.json.12-4.tmp", "pictures-new.pack"]);
    }),
});
