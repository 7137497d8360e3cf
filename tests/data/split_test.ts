import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Dataset, type Sample, type SplitOptions } from "../../src/data/dataset.ts";
import type { Task } from "../../src/data/labels.ts";
import { randomBelow, randomStream } from "../../src/random.ts";
import { largestRemainder } from "../../src/data/split.ts";
import { formatSplit, readSplit, writeSplit } from "../../src/data/forms/split_file.ts";
import { UserError } from "../../src/errors.ts";
import { inFolder } from "./sets.ts";

/** A data set of labels alone: splitting never looks at pictures. */
function labelled(task: Task, classes: string[], labels: number[][], parts: Partial<Sample>[] = []): Dataset {
  return new Dataset({
    kind: "csv",
    task,
    classes,
    samples: labels.map((label, i) => ({ file: `${i}.png`, label, ...parts[i] })),
    source: { form: "files", root: "nowhere", paths: labels.map((_, i) => `${i}.png`), channels: 3 },
    positions: labels.map((_, i) => i),
    warnings: [],
  });
}
const ofCounts = (counts: number[], parts?: Partial<Sample>[]) =>
  labelled("multiclass", counts.map((_, c) => `class${c}`), counts.flatMap((n, c) => new Array(n).fill([c])), parts);
const files = (data: Dataset) => data.samples.map(({ file }) => file);

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
    "Cannot split: class class1 has 2 of the 3 pictures it needs, one for each part; add pictures or leave the class out",
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

Deno.test("split() refuses own parts where there are none or one is missing", () => {
  assertThrows(() => ofCounts([5, 5]).split({ own: true }), UserError, "it has none");
  assertThrows(() => ofCounts([3, 1], own("tvtv") as Partial<Sample>[]).split(), UserError, "it has no test part");
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
