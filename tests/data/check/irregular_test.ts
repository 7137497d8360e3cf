/**
 * Pipes, devices, sockets, folders, links and files of gigabytes where pictures are expected. Nothing waits for them.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { checkDataset } from "../../../src/data/check/check.ts";
import { skipBroken } from "../../../src/data/check/broken.ts";
import { findPictures } from "../../../src/data/find_pictures.ts";
import { readText as readCsv } from "../../../src/data/forms/csv.ts";
import { openDataset } from "../../../src/data/open.ts";
import { readRecords, readText } from "../../../src/files.ts";
import { UserError } from "../../../src/errors.ts";
import { openByteSource } from "../../../src/interop/file_source.ts";
import { readPicture } from "../../../src/run/picture_input.ts";
import { classFolders, inFolder, noisePng, write } from "../sets.ts";

const isUnix = Deno.build.os !== "windows";

async function pipe(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] }).output();
  assert(success, `mkfifo ${path}`);
}

/** A file with some content and then nothing, which takes no room on the disk. */
async function sparse(path: string, content: Uint8Array, size: number): Promise<void> {
  await Deno.writeFile(path, content);
  await Deno.truncate(path, size);
}

Deno.test(
  { name: "data check and skipBroken list everything that cannot be read", ignore: !isUnix },
  () =>
    inFolder(async (folder) => {
      const data = `${folder}/data`;
      await write(folder, { ...prefixed(classFolders({ cat: 4, dog: 4 })), "outside/1.png": 1 });
      await pipe(`${data}/cat/pipe.jpg`);
      await pipe(`${data}/cat/pipe`);
      await Deno.mkdir(`${data}/cat/folder.jpg`);
      await sparse(`${data}/cat/long.png`, noisePng(77), 2 ** 33);
      await sparse(`${data}/cat/zeros.png`, new Uint8Array(), 2 ** 33);
      const links = {
        "gone.jpg": "nothing",
        "self.png": "self.png",
        up: "..",
        zero: "/dev/zero",
        "out.png": "../../outside/1.png",
      };
      for (const [name, to] of Object.entries(links)) await Deno.symlink(to, `${data}/dog/${name}`);
      const before = Deno.memoryUsage().rss;
      const report = await checkDataset(await openDataset(data), { ratios: [1, 0, 0] });
      assertEquals(report.broken.map(({ file, reason }) => `${file} ${reason}`.replace(/\d{6,}/g, "N")), [
        "cat/folder.jpg is a folder, not a file",
        "cat/long.png has N bytes, which are more than 12×10 pixels can have (N)",
        "cat/pipe.jpg is a named pipe, not a file",
        "cat/zeros.png is no picture but zeros only",
        "dog/gone.jpg is a link to nothing",
        "dog/out.png leads out of the data folder",
        "dog/self.png is a link that cannot be read: its links go round in a circle (ELOOP)",
        "dog/up is a link to a folder that holds it",
        "dog/zero leads out of the data folder",
      ]);
      assert(Deno.memoryUsage().rss - before < 2 ** 30);
      const { data: rest, skipped } = await skipBroken(await openDataset(data));
      assertEquals([rest.size, skipped.length], [8, 9]);
      // The same of a program that asks about pictures.
      const found = await findPictures([`${data}/cat`, `${data}/dog`], false);
      assertEquals([found.files.length, found.faults.size], [17, 7]);
      await assertRejects(() => readPicture(`${data}/cat/pipe.jpg`, ""), UserError, "is a named pipe, not a file");
      await assertRejects(() => readPicture(`${data}/cat/zeros.png`, ""), UserError, "is no picture but zeros only");
    }),
);

const prefixed = (files: Record<string, number>) =>
  Object.fromEntries(Object.entries(files).map(([path, seed]) => [`data/${path}`, seed]));

Deno.test(
  { name: "a pipe or a folder is refused before it is opened, wherever a file is expected", ignore: !isUnix },
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/x.csv`;
      await pipe(path);
      const opened = [readText, readRecords, readCsv, openByteSource, (it: string) => openDataset(it)];
      for (const open of opened) {
        await assertRejects(() => open(path), UserError, "is a named pipe, not a file; give a file");
      }
      for (const open of opened.slice(0, 4)) {
        await assertRejects(
          () => open(folder),
          UserError,
          "is a folder, not a file; give a file",
        );
      }
      await sparse(`${folder}/long.csv`, new TextEncoder().encode("file,label\n"), 2 ** 32);
      for (const open of [readText, readRecords, readCsv]) {
        await assertRejects(
          () => open(`${folder}/long.csv`),
          UserError,
          "has 4294967296 bytes, and a text has at most",
        );
      }
    }),
);

Deno.test("IDX data stop at what the header promises, and a promise that the file cannot hold is refused", () =>
  inFolder(async (folder) => {
    const gzip = (bytes: Uint8Array<ArrayBuffer>) =>
      new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
    const head = (...sizes: number[]) => {
      const view = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
      view.setUint32(0, 0x0800 + sizes.length);
      sizes.forEach((size, i) => view.setUint32(4 + 4 * i, size));
      return new Uint8Array(view.buffer);
    };
    const labels = new Uint8Array([...head(2), 0, 1]);
    const endless = new Uint8Array(2 ** 26);
    endless.set(head(2, 2, 2));
    const cases: [images: Uint8Array<ArrayBuffer>, says: string][] = [
      [endless, "has more than 8 bytes of data, but its header says 2×2×2 = 8"],
      [head(2, 60000, 60000), "can have at most"],
      [head(2, 2, 2), "has 0 bytes of data, but its header says 2×2×2 = 8"],
    ];
    for (const [images, says] of cases) {
      await Deno.writeFile(`${folder}/train-images-idx3-ubyte.gz`, await gzip(images));
      await Deno.writeFile(`${folder}/train-labels-idx1-ubyte.gz`, await gzip(labels));
      await assertRejects(() => openDataset(folder), UserError, says);
    }
  }));

Deno.test("findPictures() passes over what is no picture where several are named, and takes a single file as it is", () =>
  inFolder(async (folder) => {
    const files = {
      "a/1.png": 1,
      "a/noending": 2,
      "a/notes.txt": "x",
      "a/@eaDir/1.png": 3,
      "a/b.heic": "x",
      "a/.x.png": 4,
    };
    await write(folder, files);
    const inDir = await findPictures([`${folder}/a`], false);
    const entries = Object.keys(files).map((path) => `${folder}/${path.split("/").slice(0, 2).join("/")}`);
    const named = await findPictures(entries.filter((path) => !path.endsWith(".x.png")).sort(), false);
    assertEquals(named.files.toSorted(), inDir.files);
    assertEquals(inDir.files, [`${folder}/a/1.png`, `${folder}/a/noending`]);
    for (const { notes } of [inDir, named]) {
      assert(notes.some((line) => /^1 HEIC file passed over/.test(line)), notes.join());
      assert(notes.some((line) => /passed over: .*@eaDir\/, .*notes\.txt/.test(line)), notes.join());
    }
    assertEquals((await findPictures([`${folder}/a/notes.txt`], false)).files, [`${folder}/a/notes.txt`]);
    await assertRejects(() => findPictures([`${folder}/none*`], false), UserError, "There is no picture");
  }));
