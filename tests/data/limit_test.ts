import { assert, assertEquals, assertThrows } from "@std/assert";
import { limitDataset } from "../../src/data/limit.ts";
import { openDataset } from "../../src/data/open.ts";
import { scanPictures } from "../../src/data/store/scan.ts";
import { UserError } from "../../src/errors.ts";
import { classFolders, inFolder, write } from "./sets.ts";

Deno.test("limitDataset() keeps each class's share, the order and the pictures' labels, and reads no other", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 40, b: 20, c: 4 }));
    const data = await openDataset(folder);
    const few = limitDataset(data, 20, 1);
    // c would have one, and gets the three that a split needs.
    assertEquals([few.size, few.counts(), few.origin?.limit], [20, [12, 5, 3], 20]);
    const files = few.samples.map(({ file }) => file);
    assertEquals(files, [...files].sort());
    assert(few.samples.every(({ file, label }) => file.startsWith("abc"[label[0]])));
    assertEquals((await scanPictures(few.source)).hashes.length, 20);
    const whole = new Map((await scanPictures(data.source)).hashes.map((hash, i) => [data.samples[i].file, hash]));
    const scan = await scanPictures(few.source);
    few.samples.forEach(({ file }, i) => assertEquals(scan.hashes[few.positions[i]], whole.get(file)));
    assertEquals(limitDataset(data, 20, 1).samples, few.samples);
    assert(`${limitDataset(data, 20, 2).samples.map(({ file }) => file)}` !== `${files}`);
    assertEquals([limitDataset(data, 64, 1) === data, limitDataset(data, 99, 1) === data], [true, true]);
    few.split();
    const message = "Cannot take 8 pictures so that each class has some in each part: give limit 9 or more";
    assertThrows(() => limitDataset(data, 8, 1), UserError, message);
  }));

Deno.test("limitDataset() keeps the parts of a data set, and each label of several", () =>
  inFolder(async (folder) => {
    const parts = ["train", "train", "train", "val", "test"];
    const rows = Array.from({ length: 100 }, (_, i) => [`${i}.png`, i % 2, i % 25 === 0 ? 1 : 0, parts[i % 5]].join());
    await write(folder, Object.fromEntries(rows.map((_, i) => [`${i}.png`, i])));
    await write(folder, { "l.csv": `file,often,rare,split\n${rows.join("\n")}\n` });
    const binary = limitDataset(await openDataset(folder, { target: ["often"] }), 20, 3);
    const { train, val, test } = binary.split();
    assertEquals([train, val, test].map((part) => part.counts()), [[6, 6], [2, 2], [2, 2]]);
    const several = limitDataset(await openDataset(folder, { task: "multilabel" }), 10, 3);
    assertEquals(several.size, 10);
    assert(several.counts()[1] >= 1, `${several.counts()}`);
  }));
