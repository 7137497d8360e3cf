import { assert, assertEquals } from "@std/assert";
import { openDataset } from "../../../src/data/open.ts";
import { Journal } from "../../../src/data/store/journal.ts";
import { scanFiles } from "../../../src/data/store/scan.ts";
import { type Kept, ScanIndex, stampOf } from "../../../src/data/store/scan_index.ts";
import type { FileSource } from "../../../src/data/store/source.ts";
import { classFolders, inFolder, noisePng, write } from "../sets.ts";

Deno.test({
  name: "files that are as they were are not read again; what was changed, or just now, is",
  // Where the system does not say when a file was changed, nothing is kept.
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      await write(`${folder}/data`, { ...classFolders({ cat: 40, dog: 30 }), "cat/bad.png": "<html>" });
      const source = (await openDataset(`${folder}/data`)).source as FileSource;
      const at = (path: string) => `${folder}/data/${path}`;
      const path = `${folder}/files.journal`;
      const right = await scanFiles(source);
      const scanned = async () => {
        using index = await ScanIndex.open(path);
        return await scanFiles(source, { index });
      };
      const kept = async () => {
        using journal = await Journal.open<Kept>(path);
        return journal!.entries;
      };
      assertEquals([await scanned(), await kept()], [right, []], "what was just written may be written again");
      await new Promise((end) => setTimeout(end, 2100));
      assertEquals([await scanned(), (await kept()).length], [right, 70]);
      assertEquals([await scanned(), (await kept()).length], [right, 70]);
      // What stands in the index is believed, so that nothing was read.
      const [{ [2]: one }] = await kept();
      const fake = { ...one, hash: "fake", width: 77 };
      await Deno.remove(path);
      {
        using journal = await Journal.open<Kept>(path);
        journal!.append(source.paths.map((file): Kept => [file, stampOf(at(file))!, fake]));
      }
      await Deno.writeTextFile(path, "[torn", { append: true });
      // The same bytes again, with the old time, and others.
      const [first, second] = source.paths;
      const { mtime } = await Deno.stat(at(first));
      await Deno.writeFile(at(first), await Deno.readFile(at(first)));
      await Deno.utime(at(first), mtime!, mtime!);
      await Deno.writeFile(at(second), noisePng(999));
      const now = await scanned();
      const other = await scanFiles(source);
      assert(other.hashes[1] !== right.hashes[1]);
      assertEquals(now.hashes.slice(0, 2), other.hashes.slice(0, 2));
      assertEquals(new Set(now.hashes.slice(2)), new Set(["fake"]));
      assertEquals(now.widths[5], 77);
    }),
});

Deno.test("an index that is half stale is written anew", () =>
  inFolder(async (folder) => {
    const path = `${folder}/files.journal`;
    const entry = (i: number): Kept => [`${i % 10}.png`, `${i}`, { hash: "", width: i, height: 1 }];
    {
      using journal = await Journal.open<Kept>(path);
      for (let i = 0; i < 30; i += 5) journal!.append(Array.from({ length: 5 }, (_, k) => entry(i + k)));
    }
    const index = await ScanIndex.open(path);
    assertEquals(index!.of("3.png"), entry(23));
    assertEquals(await ScanIndex.open(path), undefined, "it is held");
    index!.keep([entry(3)]);
    index![Symbol.dispose]();
    using journal = await Journal.open<Kept>(path);
    assertEquals(journal!.entries, [...Array.from({ length: 10 }, (_, k) => entry(20 + k)), entry(3)]);
  }));
