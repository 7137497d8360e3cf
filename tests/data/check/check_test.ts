import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { findBroken, skipBroken } from "../../../src/data/check/broken.ts";
import { checkDataset, formatCheck, hasFaults } from "../../../src/data/check/check.ts";
import { findDuplicates, findLeaks, refuseContradictions, refuseLeaks } from "../../../src/data/check/duplicates.ts";
import { openDataset } from "../../../src/data/open.ts";
import { UserError } from "../../../src/errors.ts";
import { classFolders, inFolder, noisePng, write } from "../sets.ts";

/** Pictures in own parts: one of train's is in test again, and twice in train with another label. */
const leaky = {
  "train/cat/a.png": 1,
  "train/cat/b.png": 2,
  "train/dog/a.png": 3,
  "train/dog/same.png": 1,
  "val/cat/a.png": 4,
  "val/dog/a.png": 5,
  "test/cat/a.png": 6,
  "test/dog/leak.png": 1,
};

Deno.test("findBroken() lists every broken picture at once, with reasons", () =>
  inFolder(async (folder) => {
    const flipped = noisePng(3);
    flipped[60] ^= 8;
    await write(folder, {
      ...classFolders({ a: 3, b: 3 }),
      "a/001.png": "",
      "b/000.png": flipped,
      "b/zip.jpg": "PK\x03\x04",
    });
    const data = await openDataset(folder);
    const broken = await findBroken(data);
    assertEquals(broken.map(({ index, file }) => [index, file]), [[1, "a/001.png"], [3, "b/000.png"], [
      6,
      "b/zip.jpg",
    ]]);
    assertEquals(broken[2].reason, "is no picture but a ZIP archive");
    const { data: whole, skipped } = await skipBroken(data);
    assertEquals([whole.size, skipped.length], [4, 3]);
    assertEquals(await findBroken(whole), []);
  }));

Deno.test("refuseLeaks() counts pictures in two parts and lists the pairs, unless they are allowed", () =>
  inFolder(async (folder) => {
    await write(folder, leaky);
    const split = (await openDataset(folder)).split();
    const leak = { file: "train/cat/a.png", part: "train", otherFile: "test/dog/leak.png", otherPart: "test" } as const;
    assertEquals(await findLeaks(split), [leak]);
    const line = "1 picture in more than one part of the split: train/cat/a.png (train) = test/dog/leak.png (test)";
    await assertRejects(() => refuseLeaks(split, false), UserError, `${line}. Remove them`);
    assertEquals(await refuseLeaks(split, true), [line]);
  }));

Deno.test("checkDataset() reports counts, sizes, broken files, duplicates and leaks as plain data", () =>
  inFolder(async (folder) => {
    await write(folder, { ...leaky, "train/cat/bad.png": "<html>", "train/dog/wide.png": noisePng(9, 40, 20) });
    const cmyk = await Deno.readFile(new URL("../../../fixtures/data/cmyk.jpg", import.meta.url));
    await write(folder, { "train/dog/named.png": cmyk });
    const data = await openDataset(folder);
    const report = await checkDataset(data);
    assertEquals(JSON.parse(JSON.stringify(report)), report);
    assertEquals(report.classes, [
      { name: "cat", count: 5, parts: [3, 1, 1] },
      { name: "dog", count: 6, parts: [4, 1, 1] },
    ]);
    assertEquals(report.sizes, { least: 10, median: 10, most: 20 });
    assertEquals(report.broken.map(({ file }) => file), ["train/cat/bad.png"]);
    assertEquals(report.misnamed, [{ file: "train/dog/named.png", format: "jpeg" }]);
    assertEquals(report.duplicates, [["test/dog/leak.png", "train/cat/a.png", "train/dog/same.png"]]);
    assertEquals(report.contradictions, report.duplicates);
    assertEquals([report.leaks.length, hasFaults(report)], [1, true]);
    const text = formatCheck(report);
    for (
      const line of [
        "11 pictures, folder, multiclass",
        "cat",
        "train/cat/bad.png is no picture",
        "Pictures in more than one part of the split: 1",
      ]
    ) {
      assert(text.includes(line), text);
    }
  }));

Deno.test("checkDataset() finds nothing where nothing is wrong", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 5, b: 5 }));
    const data = await openDataset(folder);
    const report = await checkDataset(data);
    assertEquals([hasFaults(report), report.warnings, report.duplicates, report.misnamed], [false, [], [], []]);
  }));

/** Two pictures that are there again, one of them under another label, and two broken files that are alike. */
const copies = {
  ...classFolders({ a: 8, b: 8 }),
  "a/again.png": 1,
  "b/wrong.png": 2,
  "a/x.png": "<html>",
  "b/x.png": "<html>",
};

Deno.test("findDuplicates() keeps equal pictures in one part of a random split; broken files are like no other", () =>
  inFolder(async (folder) => {
    await write(folder, copies);
    const data = await openDataset(folder);
    const groups = await findDuplicates(data);
    const named = groups.map((group) => group.map((i) => data.samples[i].file));
    assertEquals(named, [["a/000.png", "a/again.png"], ["a/001.png", "b/wrong.png"]]);
    for (let seed = 0; seed < 20; seed++) assertEquals(await findLeaks(data.split({ seed, together: groups })), []);
    const apart = Array.from({ length: 20 }, (_, seed) => findLeaks(data.split({ seed })));
    assert((await Promise.all(apart)).some((leaks) => leaks.length > 0));
  }));

Deno.test("refuseContradictions() refuses one picture under two labels, unless it is allowed", () =>
  inFolder(async (folder) => {
    await write(folder, copies);
    const data = await openDataset(folder);
    const groups = await findDuplicates(data);
    const line = "1 picture under more than one label: a/001.png = b/wrong.png";
    const error = assertThrows(() => refuseContradictions(data, groups, false), UserError, `${line}. Remove`);
    assert(error.message.includes("leave all of them out with skipBroken"), error.message);
    assertEquals(refuseContradictions(data, groups, true), [line]);
    const report = await checkDataset(data);
    assertEquals(report.contradictions, [["a/001.png", "b/wrong.png"]]);
    const whole = { ...report, broken: [] };
    const faulty = [{}, { skipBroken: true }, { allowDuplicates: true }].map((allowed) => hasFaults(whole, allowed));
    assertEquals(faulty, [true, false, false]);
    const { classes } = await checkDataset(data, { skipBroken: true, ratios: [1, 1, 1] });
    assertEquals(classes.map(({ count, parts }) => [count, parts.reduce((a, b) => a + b)]), [[10, 8], [10, 8]]);
  }));

Deno.test("checkDataset() names parts that would be empty, and classes that are left out", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ a: 6, b: 6, c: 2 }));
    const data = await openDataset(folder);
    const skipSmallClasses = true;
    const none = { ratios: [8, 2, 0], skipSmallClasses, nameOption: (name: string) => `--${name}` } as const;
    const [fault] = (await checkDataset(data, none)).faults;
    assert(fault.includes("The test part has no pictures: give it a share with --split 8:1:1"), fault);
    assertEquals((await checkDataset(data, { ...none, testOn: "val" })).faults, []);
    const { faults, classes } = await checkDataset(data, { skipSmallClasses });
    assertEquals([faults, classes[2]], [[], { name: "c", count: 2, parts: [0, 0, 0] }]);
  }));

Deno.test("checkDataset() goes on where a class is too small to be split", () =>
  inFolder(async (folder) => {
    await write(folder, { ...classFolders({ a: 5, b: 2 }), "a/000.png": "" });
    const report = await checkDataset(await openDataset(folder));
    assertEquals([report.faults.length, report.broken.length, hasFaults(report)], [1, 1, true]);
    assert(formatCheck(report).includes("class b has 2 of the 3 pictures it needs"));
  }));

Deno.test("formatCheck() keeps a hostile file name from writing over the terminal", () =>
  inFolder(async (folder) => {
    await write(folder, { ...classFolders({ a: 4, b: 4 }), "a/\x1b[2Jx.png": "" });
    const data = await openDataset(folder);
    const text = formatCheck(await checkDataset(data));
    assert(text.includes("a/\\u{1b}[2Jx.png is empty") && !text.includes("\x1b"), text);
  }));

Deno.test("fingerprint() changes with a label and with a picture, and with nothing else", () =>
  inFolder(async (folder) => {
    await write(folder, { "a.png": 1, "b.png": 2, "l.csv": "file,label\na.png,x\nb.png,y\n" });
    const fingerprint = async () => await (await openDataset(folder)).fingerprint();
    const before = await fingerprint();
    assertEquals(await fingerprint(), before);
    await write(folder, { "l.csv": "file,label\na.png,y\nb.png,x\n" });
    const relabelled = await fingerprint();
    await write(folder, { "a.png": 3 });
    assertEquals(new Set([before, relabelled, await fingerprint()]).size, 3);
  }));

Deno.test("checkDataset() reads each file once", () =>
  inFolder(async (folder) => {
    const flipped = noisePng(3);
    flipped[60] ^= 8;
    await write(folder, { ...classFolders({ a: 50, b: 30 }), "a/007.png": flipped });
    const data = await openDataset(folder);
    const told: number[] = [];
    const report = await checkDataset(data, {}, (done, total) => {
      assertEquals(total, data.size);
      // What is gone once it was read cannot be read again.
      for (const { file } of data.samples.slice(told.at(-1) ?? 0, done)) Deno.removeSync(`${folder}/${file}`);
      told.push(done);
    });
    assertEquals(told, [64, 80]);
    assertEquals(report.broken.map(({ file }) => file), ["a/007.png"]);
  }));
