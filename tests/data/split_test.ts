import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Dataset, Sample, SplitOptions } from "../../src/data/dataset.ts";
import { randomBelow, randomStream } from "../../src/random.ts";
import { largestRemainder } from "../../src/data/share_out.ts";
import { ownSplit } from "../../src/data/split.ts";
import { formatSplit, readSplit, writeSplit } from "../../src/data/forms/split_file.ts";
import { UserError } from "../../src/errors.ts";
import { files, labelled, ofCounts } from "./labelled.ts";
import { inFolder } from "./sets.ts";

Deno.test("split() keeps class ratios by largest remainder", () => {
  const { train, val, test } = ofCounts([873, 437, 436, 436, 218]).split({ seed: 3 });
  assertEquals(train.counts(), [699, 349, 349, 349, 174]);
  assertEquals(val.counts(), [87, 44, 44, 44, 22]);
  assertEquals(test.counts(), [87, 44, 43, 43, 22]);
});

Deno.test("split() gives each picture to one part, in any way of splitting", () => {
  const data = ofCounts([40, 7, 13]);
  for (const options of [{}, { stratify: false }, { ratios: [1, 1, 1] }, { ratios: [5, 0, 5] }] as SplitOptions[]) {
    const { train, val, test } = data.split(options);
    const all = [...files(train), ...files(val), ...files(test)];
    assertEquals(all.toSorted(), files(data).toSorted());
  }
});

Deno.test("split() is a function of the seed", () => {
  const data = ofCounts([50, 50]);
  assertEquals(files(data.split({ seed: 1 }).test), files(data.split({ seed: 1 }).test));
  assert(files(data.split({ seed: 1 }).test).join() !== files(data.split({ seed: 2 }).test).join());
});

Deno.test("split() gives the smallest class a picture in each part", () => {
  const { train, val, test } = ofCounts([100, 3]).split();
  assertEquals([train, val, test].map((part) => part.counts()[1]), [1, 1, 1]);
});

Deno.test("split() keeps the ratio of every label by iterative stratification", () => {
  const next = randomStream(11);
  const labels = Array.from(
    { length: 500 },
    () => [50, 20, 6, 3].map((percent) => randomBelow(next, 100) < percent ? 1 : 0),
  );
  const data = labelled("multilabel", ["a", "b", "c", "d"], labels);
  const { train, val, test } = data.split({ seed: 1 });
  assertEquals([train.size, val.size, test.size].map((size) => Math.round(size / 10)), [40, 5, 5]);
  data.counts().forEach((count, k) => {
    for (const [part, share] of [[train, 0.8], [val, 0.1], [test, 0.1]] as const) {
      const off = Math.abs(part.counts()[k] - share * count);
      assert(off <= 1.5, `label ${k}: ${part.counts()[k]} of ${count}, wanted ${share * count}`);
    }
  });
});

Deno.test("split() refuses a class with fewer than 3 pictures, by name", () => {
  const error = assertThrows(() => ofCounts([10, 2]).split(), UserError);
  assertEquals(
    error.message,
    "Cannot split: class class1 has 2 of the 3 pictures it needs, one for each part; add pictures, or leave the class out with skipSmallClasses",
  );
  assertThrows(
    () => labelled("binary", ["hat"], new Array(9).fill([0])).split(),
    UserError,
    "class hat has 0 of the 3",
  );
});

Deno.test("split() refuses ratios that are none", () => {
  for (const ratios of [[0, 1, 1], [-1, 1, 1], [NaN, 1, 1]] as [number, number, number][]) {
    assertThrows(() => ofCounts([9, 9]).split({ ratios }), RangeError, "three numbers such as 8:1:1");
  }
});

/** Sixty samples of a rare, and two frequent classes, and what splits of them were before pictures were compared. */
const sixty = Array.from({ length: 60 }, (_, i) => [i % 7 === 0 ? 2 : i % 2]);
const draw = randomStream(5);
const manyLabels = Array.from({ length: 60 }, () => [50, 20, 8].map((percent) => +(randomBelow(draw, 100) < percent)));
const threeNames = ["a", "b", "c"];
const asBefore: [name: string, data: Dataset, options: SplitOptions, val: string, test: string][] = [
  ["stratified", labelled("multiclass", threeNames, sixty), { seed: 1 }, "6 9 12 23 44 49 51", "5 22 28 54 55"],
  [
    "not stratified",
    labelled("multiclass", threeNames, sixty),
    { seed: 1, stratify: false, ratios: [5, 2, 3] },
    "6 10 11 14 17 21 36 37 40 49 52 57",
    "1 2 3 4 12 22 29 31 32 33 34 39 41 45 48 51 53 56",
  ],
  [
    "binary",
    labelled("binary", ["a"], sixty.map(([c]) => [+(c === 1)])),
    { seed: 2, ratios: [2, 1, 0] },
    "2 9 17 22 25 27 28 33 34 35 36 38 39 46 50 51 53 55 56 58",
    "",
  ],
  ["multilabel", labelled("multilabel", threeNames, manyLabels), { seed: 3 }, "13 20 35 45 46 55", "1 2 8 22 27 39"],
  [
    "with val carved from train",
    labelled("multiclass", threeNames, sixty, sixty.map((_, i) => ({ split: i % 5 === 4 ? "test" : "train" }))),
    { seed: 4 },
    "28 30 31 48 51",
    "4 9 14 19 24 29 34 39 44 49 54 59",
  ],
];
for (const [name, data, options, val, test] of asBefore) {
  Deno.test(`split() of a set without equal pictures stays as it was, row for row, ${name}`, () => {
    const numbers = (part: Dataset) => files(part).map((file) => parseInt(file)).join(" ");
    for (const together of [undefined, [], [[7]]]) {
      const split = data.split({ ...options, together });
      assertEquals([numbers(split.val), numbers(split.test)], [val, test]);
    }
  });
}

Deno.test("split() keeps samples together, and the sizes and classes of the parts", () => {
  for (let seed = 0; seed < 60; seed++) {
    const next = randomStream(77, seed);
    const pick = (n: number) => randomBelow(next, n);
    const task = (["multiclass", "binary", "multilabel"] as const)[seed % 3];
    const classes = { multiclass: threeNames, binary: ["a"], multilabel: ["a", "b"] }[task];
    const labelOf =
      { multiclass: () => [pick(3)], binary: () => [pick(2)], multilabel: () => [pick(2), pick(2)] }[task];
    const labels: number[][] = [];
    const together: number[][] = [];
    while (labels.length < 100) {
      const label = labelOf();
      // Every other seed has copies of nearly everything.
      const size = pick(seed % 2 ? 2 : 6) === 0 ? 2 + pick(4) : 1;
      const group = Array.from({ length: size }, () => labels.push(label) - 1);
      if (size > 1) together.push(group);
    }
    const stratify = seed % 4 !== 3;
    const data = labelled(task, classes, labels);
    const { train, val, test } = data.split({ seed, stratify, together });
    const partOf = new Map([train, val, test].flatMap((part, p) => files(part).map((file) => [file, p] as const)));
    assertEquals(partOf.size, labels.length);
    for (const group of together) {
      assertEquals(new Set(group.map((i) => partOf.get(`${i}.png`))).size, 1, `seed ${seed}: ${group}`);
    }
    const off = Math.abs(train.size - 0.8 * labels.length);
    assert(off <= (task === "multilabel" ? 8 : 6), `seed ${seed}: train ${train.size} of ${labels.length}`);
    if (!stratify || task === "multilabel") continue;
    for (const part of [train, val, test]) assert(part.counts().every((n) => n > 0), `seed ${seed}: ${part.counts()}`);
  }
});

Deno.test("split() gives each part a class of which most pictures are equal", () => {
  const data = ofCounts([30, 9]);
  const { train, val, test } = data.split({ together: [[30, 31, 32, 33, 34, 35, 36]] });
  assertEquals([train, val, test].map((part) => part.counts()[1]), [7, 1, 1]);
  // Two groups find the most room in train, which keeps one of them.
  const groups = [[30, 31, 32, 33, 34], [35, 36, 37, 38, 39]];
  const parts = ofCounts([30, 11]).split({ together: groups });
  assertEquals([parts.train, parts.val, parts.test].map((part) => part.counts()[1]), [5, 1, 5]);
  const error = assertThrows(() => data.split({ together: [[30, 31, 32, 33, 34, 35, 36, 37]] }), UserError);
  assert(error.message.includes("class1 has 2 different (9 in all) of the 3 pictures it needs"), error.message);
});

Deno.test("smallClasses() names what withoutClasses() leaves out; an empty class is no fault", () => {
  const data = ofCounts([9, 2, 0, 9]);
  assertEquals(data.smallClasses().map(({ name, index, count }) => [name, index, count]), [["class1", 1, 2]]);
  const rest = data.withoutClasses(new Set([1]));
  assertEquals([rest.classes, rest.counts()], [["class0", "class2", "class3"], [9, 0, 9]]);
  assertEquals(rest.split().warnings, ["No picture at all is class2: that cannot be learnt"]);
  const labels = Array.from({ length: 12 }, (_, i) => [i % 2, +(i === 3), 0]);
  const many = labelled("multilabel", ["x", "y", "z"], labels);
  assertEquals(many.smallClasses().map(({ name }) => name), ["y"]);
  assertEquals(many.withoutClasses(new Set([1])).samples[3].label, [1, 0]);
});

const own = (parts: string) => [...parts].map((p) => ({ split: ({ t: "train", v: "val", e: "test" } as const)[p] }));

Deno.test("split() takes the data set's own parts by default, and warns of a class that is missing", () => {
  const data = ofCounts([3, 2], own("tvett") as Partial<Sample>[]);
  const split = data.split();
  assertEquals([split.train, split.val, split.test].map(files), [["0.png", "3.png", "4.png"], ["1.png"], ["2.png"]]);
  assertEquals(split.warnings, [
    "The val part (1 picture) has none of class1",
    "The test part (1 picture) has none of class1",
  ]);
});

Deno.test("split() leaves the own parts aside when ratios are given", () => {
  const data = ofCounts([10, 10], own("tttttttttetttttttttt") as Partial<Sample>[]);
  assertEquals(data.split().test.size, 1);
  assertEquals(data.split({ ratios: [8, 1, 1] }).test.size, 2);
  assertEquals(data.split({ ratios: [8, 1, 1], own: true }).test.size, 1);
});

Deno.test("split() carves val from train where the data set has none", () => {
  const data = ofCounts(
    [27, 9],
    own("t".repeat(27) + "t".repeat(9)).map((p, i) => i % 4 === 3 ? { split: "test" } : p) as Partial<Sample>[],
  );
  const { train, val, test } = data.split({ seed: 4 });
  assertEquals([train.size, val.size, test.size], [24, 3, 9]);
  assertEquals(val.counts(), [2, 1]);
});

Deno.test("split() carves test from train, as large as val, where the data set has none", () => {
  const parts = own("t".repeat(14) + "v".repeat(6) + "t".repeat(30) + "v".repeat(3)) as Partial<Sample>[];
  const data = ofCounts([20, 33], parts);
  const split = data.split({ seed: 1 });
  assertEquals([split.train, split.val, split.test].map((part) => part.counts()), [[11, 24], [6, 3], [3, 6]]);
  assertEquals(split.warnings, [
    "The data have no test part: 9 pictures of train taken at random, as many as val has, seed 1",
  ]);
  assertEquals([split.taken, split.train.partOf?.test], [["test"], split.test]);
  assertEquals(files(data.split({ seed: 1 }).test), files(split.test));
  assert(files(data.split({ seed: 2 }).test).join() !== files(split.test).join());
  const { train, val, test } = data.split({ testOn: "val" });
  assertEquals([train.size, val.size, test.size], [44, 9, 0]);
  // Equal pictures are taken or left together.
  const together = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [20, 21], [22, 23]];
  const kept = files(data.split({ seed: 1, together }).test).map((file) => parseInt(file));
  for (const group of together) assert([0, group.length].includes(group.filter((i) => kept.includes(i)).length));
});

Deno.test("split() carves at most half of train, of labels too, and both parts where there is but train", () => {
  const half = ofCounts([4, 4], own("ttvvttvv") as Partial<Sample>[]).split();
  assertEquals([half.train.size, half.val.size, half.test.size], [2, 4, 2]);
  const labels = Array.from({ length: 60 }, (_, i) => [i % 2, +(i % 3 === 0)]);
  const parts = labels.map((_, i) => ({ split: i % 4 === 0 ? "val" : "train" } as const));
  const { train, val, test } = labelled("multilabel", ["a", "b"], labels, parts).split();
  assertEquals([train.size + test.size, val.size], [45, 15]);
  assert(Math.abs(test.size - 15) <= 1, `${test.size}`);
  const only = ofCounts([20, 20], own("t".repeat(40)) as Partial<Sample>[]).split();
  assertEquals([only.train.size, only.val.size, only.test.size], [32, 4, 4]);
  assertEquals(only.taken, ["val", "test"]);
});

Deno.test("split() refuses own parts where there are none or one is missing", () => {
  assertThrows(() => ofCounts([5, 5]).split({ own: true }), UserError, "it has none");
  assertThrows(() => ofCounts([3, 1], own("eeve") as Partial<Sample>[]).split(), UserError, "it has no train part");
});

Deno.test("largestRemainder() shares a whole number out", () => {
  assertEquals(largestRemainder(10, [8, 1, 1]), [8, 1, 1]);
  assertEquals(largestRemainder(3, [8, 1, 1], 1), [1, 1, 1]);
  assertEquals(largestRemainder(7, [1, 1, 0], 1), [4, 3, 0]);
});

const hostile = [
  "=cmd()",
  "'=x",
  "a,b.png",
  'q"uote.png',
  "new\nline.png",
  "-1.png",
  "  spaces ",
  "\u202egnp.exe",
  "../up.png",
];

for (
  const [task, classes, label] of [
    ["multiclass", ["=evil", "b,c"], (i: number) => [i % 2]],
    ["binary", ["@hat"], (i: number) => [i % 2]],
    ["multilabel", ["a", 'b"', "-c"], (i: number) => [i % 2, 1 - i % 2, +(i < 5)]],
  ] as const
) {
  Deno.test(`writeSplit() and readSplit() keep hostile names, ${task}`, () =>
    inFolder(async (folder) => {
      const parts = hostile.map((file) => ({ file }));
      const data = labelled(task, [...classes], hostile.map((_, i) => label(i)), parts);
      const split = data.split({ ratios: [3, 1, 1], stratify: task !== "multilabel" });
      await writeSplit(`${folder}/split.csv`, split);
      const again = await readSplit(`${folder}/split.csv`, data);
      for (const part of ["train", "val", "test"] as const) assertEquals(again[part].samples, split[part].samples);
      assertEquals((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["split.csv"]);
    }));
}

Deno.test("readSplit() refuses a file that disagrees with the data set", () =>
  inFolder(async (folder) => {
    const data = ofCounts([5, 5]);
    const text = formatSplit(data.split());
    const refuse = async (changed: string, message: string) => {
      await Deno.writeTextFile(`${folder}/split.csv`, changed);
      await assertRejects(() => readSplit(`${folder}/split.csv`, data), UserError, message);
    };
    await refuse(text.replace("3.png", "x.png"), "1 picture of it not there (x.png), 1 picture there not in it");
    await refuse(text.trimEnd().replace(/\n[^\n]*$/, ""), "1 picture there not in it");
    await refuse(text.replace("0.png,class0", "0.png,class1"), '0.png is "class1", but "class0" in the data set');
    await refuse(text.replace("label", "Hat"), "has columns file, Hat, split, but this task's are file, label, split");
  }));

Deno.test("a test part that is taken from train is as large as val, whatever the classes and the equal pictures are", () => {
  for (let seed = 0; seed < 60; seed++) {
    const next = randomStream(seed);
    const task = (["binary", "multiclass", "multilabel"] as const)[seed % 3];
    const classes = ["a", "b", "c", "d", "e"].slice(0, task === "binary" ? 1 : 5);
    const [train, val] = [24 + randomBelow(next, 30), 5 + randomBelow(next, 7)];
    const labels = Array.from(
      { length: train + val },
      () =>
        task === "multilabel"
          ? classes.map(() => Number(randomBelow(next, 3) === 0))
          : [randomBelow(next, task === "binary" ? 2 : 5)],
    );
    const parts = labels.map((_, i) => i < train ? "train" : "val");
    const together = seed % 2 === 0 ? [] : [[0, 1, 2], [10, 11, 12], [20, 21]];
    const stratify = seed % 5 !== 0;
    const split = ownSplit({ task, classes, labels, ratios: [8, 1, 1], stratify, seed, together, parts });
    assertEquals([split.test.length, split.val.length], [val, val], `seed ${seed}`);
    for (const [first, ...rest] of together) {
      for (const i of rest) assertEquals(split.test.includes(i), split.test.includes(first), `seed ${seed}`);
    }
    if (!stratify || task === "multilabel") continue;
    const inTrain = (part: readonly number[]) => new Set(part.map((i) => labels[i][0]));
    assertEquals(inTrain(split.train), inTrain([...split.train, ...split.test]), `seed ${seed}`);
  }
});
