import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { labelsOfNames } from "../../src/data/labels.ts";
import { openDataset } from "../../src/data/open.ts";
import { UserError } from "../../src/errors.ts";
import { classFolders, inFolder, write } from "./sets.ts";

const classes = ["pear", "apple", "plum"];

Deno.test("labelsOfNames() numbers by known classes, whichever there are", () => {
  const of = (...names: string[]) => labelsOfNames(names, { task: "multiclass", classes });
  assertEquals(of("plum", "apple", "plum").labels, [[2], [1], [2]]);
  assertEquals(of("plum", "apple").classes, classes);
  assertEquals([of("apple").labels, of("apple").warnings], [[[1]], []]);
});

Deno.test("labelsOfNames() refuses classes that are not known, or leaves them out", () => {
  const names = ["plum", "cherry", "plums", "apple", "cherry"];
  const error = assertThrows(() => labelsOfNames(names, { task: "multiclass", classes }), UserError);
  assert(error.message.startsWith("The data have cherry (2), plums (1), and the classes that are known are pear,"));
  assert(error.message.includes("leave such pictures out with ignoreUnknown"), error.message);
  assertThrows(
    () => labelsOfNames(["plums", "plum"], { task: "multiclass", classes }),
    UserError,
    "is plums meant to be plum?",
  );
  const { kept, labels, warnings } = labelsOfNames(names, { task: "multiclass", classes, ignoreUnknown: true });
  assertEquals([kept, labels], [[0, 3], [[2], [1]]]);
  assertEquals(warnings, ["3 pictures of unknown classes left out: cherry (2), plums (1)"]);
  assertThrows(
    () => labelsOfNames(["cherry"], { task: "multiclass", classes, ignoreUnknown: true }),
    UserError,
    "No picture is of a class that is known (pear, apple, plum)",
  );
});

Deno.test("labelsOfNames() takes what is none of a run's targets as training took it", () => {
  const options = { task: "multiclass", target: ["pear", "apple"] } as const;
  const others = labelsOfNames(["fig", "apple"], { ...options, others: "rest", classes: ["pear", "apple", "rest"] });
  assertEquals(others.labels, [[2], [1]]);
  assertEquals(others.warnings, ["pictures of classes that are no targets count as rest: fig (1)"]);
  const without = labelsOfNames(["fig", "apple"], { ...options, classes: ["pear", "apple"] });
  assertEquals([without.kept, without.labels], [[1], [[1]]]);
});

Deno.test("labelsOfNames() knows the yes of a binary run, in whatever place it stands", () => {
  const of = (...names: string[]) => labelsOfNames(names, { task: "binary", classes: ["dog"] });
  assertEquals(of("dog", "zebra").labels, [[1], [0]]);
  assertEquals(of("dog").labels, [[1]]);
  assertEquals(of("Dog", "cat").warnings, ["no picture is dog: the data have Dog, cat"]);
});

Deno.test("openDataset() passes an empty class folder over, in a part too, and says so", () =>
  inFolder(async (folder) => {
    await write(`${folder}/one`, { ...classFolders({ a: 4, b: 4 }), "c/notes.txt": "later" });
    const { classes, warnings } = await openDataset(`${folder}/one`);
    assertEquals([classes, warnings], [["a", "b"], ["1 class folder without pictures, passed over: c"]]);
    const parts = ["train/a", "train/b", "val/a", "val/b", "test/a"];
    await write(`${folder}/own`, {
      ...Object.fromEntries(parts.map((part, i) => [`${part}/1.png`, i + 1])),
      "test/b/notes.txt": "later",
    });
    const split = (await openDataset(`${folder}/own`)).split();
    assertEquals(split.warnings, ["The test part (1 picture) has none of b"]);
  }));

Deno.test("openDataset() finds known classes among columns of yes and no, whichever there are", () =>
  inFolder(async (folder) => {
    const set = async (header: string, ...rows: readonly string[]) => {
      const lines = rows.map((row, i) => `${i}.png,${row}`);
      await write(folder, {
        ...Object.fromEntries(rows.map((_, i) => [`${i}.png`, i + 1])),
        "l.csv": `file,${header}\n${lines.join("\n")}\n`,
      });
      return `${folder}/l.csv`;
    };
    const task = "multiclass" as const;
    const fewer = await openDataset(await set("plum,apple", "1,0", "0,1"), { task, classes });
    assertEquals([fewer.classes, fewer.samples.map(({ label }) => label)], [classes, [[2], [1]]]);
    // Nothing of an imbalance, too: there is nothing to train.
    assertEquals(fewer.warnings, ["no column pear: no picture counts as such"]);
    const one = await openDataset(await set("plum", "1", "1"), { task, classes });
    assertEquals(one.samples.map(({ label }) => label), [[2], [2]]);
    const chosen = { task, classes, target: classes };
    assertEquals((await openDataset(await set("plum,round", "1,1", "0,1"), chosen)).size, 1);
    const more = await set("plum,fig", "1,0", "0,1");
    await assertRejects(() => openDataset(more, { task, classes }), UserError, "The data have fig, and the classes");
    assertEquals((await openDataset(more, { task, classes, ignoreUnknown: true })).size, 1);
    const others = { task, classes, target: ["pear", "apple"], others: "plum" };
    const apple = await set("apple", "1", "0");
    await assertRejects(() => openDataset(apple, others), UserError, "no column pear, which the run knows: its");
    // Of labels, nothing can be said of one that has no column.
    const labels = { task: "multilabel", classes } as const;
    const two = await set("plum,pear", "1,1", "0,1");
    await assertRejects(() => openDataset(two, labels), UserError, "no column apple, which the run knows: which");
    const all = await openDataset(await set("plum,pear,apple", "1,1,0", "0,1,0"), labels);
    assertEquals([all.classes, all.samples.map(({ label }) => label)], [classes, [[1, 0, 1], [1, 0, 0]]]);
    const long = await set("label", "plum pear", "pear");
    const read = await openDataset(long, { ...labels, labelSeparator: "space" });
    assertEquals([read.classes, read.samples.map(({ label }) => label)], [classes, [[1, 0, 1], [1, 0, 0]]]);
  }));
