import { assert, assertEquals, assertRejects } from "@std/assert";
import { openDataset } from "../../../src/data/open.ts";
import { naturallySorted } from "../../../src/data/paths.ts";
import { UserError } from "../../../src/errors.ts";
import { classFolders, inFolder, write } from "../sets.ts";

/** Pictures under a folder: `under("train", { cat: 2 })` is `train/cat/000.png` and `train/cat/001.png`. */
const under = (folder: string, counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(classFolders(counts)).map(([path, seed]) => [`${folder}/${path}`, seed]));
const both = { cat: 2, dog: 2 };

interface Read {
  name: string;
  files: Parameters<typeof write>[1];
  form: string;
  /** Pictures of train, val and test; 0 of all where the set has no parts. */
  parts?: readonly [number, number, number];
  classes?: readonly string[];
  /** What the warnings say, a line each. */
  says?: readonly RegExp[];
}

const run = { "config.json": "{}", "metrics.jsonl": "", "curves.png": 1, "test/confusion.png": 2 };
const inRun = (folder: string) =>
  Object.fromEntries(Object.entries(run).map(([name, it]) => [`${folder}/${name}`, it]));

const read: readonly Read[] = [
  { name: "classes", files: classFolders(both), form: "classes: 2" },
  {
    name: "what systems leave behind, at any depth",
    files: {
      ...classFolders(both),
      ...under("__MACOSX", both),
      "cat/@eaDir/000.png": 1,
      "dog/.ipynb_checkpoints/1.png": 2,
      "dog/._000.png": "x",
      ".DS_Store": "x",
      "cat/.DS_Store": "x",
      "dog/Thumbs.db": "x",
    },
    form: "classes: 2; passed over: __MACOSX/, cat/@eaDir/, dog/.ipynb_checkpoints/, .DS_Store, ._000.png, Thumbs.db",
  },
  {
    name: "runs beside classes",
    files: { ...classFolders(both), ...inRun("runs/first"), ...inRun("mine"), ...inRun("saved/second") },
    form: "classes: 2; passed over: mine/, runs/, saved/",
  },
  {
    name: "a run within a class folder",
    files: { ...classFolders(both), ...inRun("cat/mine") },
    form: "classes: 2; passed over: cat/mine/",
  },
  {
    name: "other folders beside parts",
    files: { ...under("train", both), ...under("validation", both), ...under("test", both), "runs/exp/a.png": 1 },
    form: "parts: train, validation, test; classes: 2; passed over: runs/",
    parts: [4, 4, 4],
  },
  {
    name: "unlabelled pictures beside parts",
    files: { ...under("train", both), ...under("val", both), "unlabeled/1.png": 1, "annotations/1.xml": "<a/>" },
    form: "parts: train, val; classes: 2; passed over: annotations/, unlabeled/, 1.xml",
    parts: [4, 4, 0],
    says: [/^unlabeled\/ \(1 picture\) beside the parts passed over/],
  },
  {
    name: "training_set and test_set",
    files: { ...under("training_set", both), ...under("test_set", both) },
    form: "parts: training_set, test_set; classes: 2",
    parts: [4, 0, 4],
  },
  {
    name: "parts in folders of their names",
    files: { ...under("seg_train/seg_train", both), ...under("seg_test/seg_test", both), "seg_pred/seg_pred/1.png": 1 },
    form: "parts: seg_train, seg_test; classes: 2; passed over: seg_pred/",
    parts: [4, 0, 4],
    says: [/^seg_pred\//],
  },
  {
    name: "Train and Val2017",
    files: { ...under("Train", both), ...under("Val2017", both) },
    form: "parts: Train, Val2017; classes: 2",
    parts: [4, 4, 0],
  },
  {
    name: "a folder of test pictures beside classes",
    files: { ...classFolders(both), "test/1.png": 1, "test/2.png": 2 },
    form: "classes: 2; passed over: test/",
    says: [/^test\/ \(2 pictures\) passed over: called like a part, it is no class/],
  },
  {
    name: "vehicles, one of which is a train",
    files: classFolders({ bus: 2, car: 2, train: 2 }),
    form: "classes: 3",
    classes: ["bus", "car", "train"],
  },
  {
    name: "classes that a word of a part's is in",
    files: classFolders({ "test tube": 2, flask: 2 }),
    form: "classes: 2",
    classes: ["flask", "test tube"],
  },
  {
    name: "nested folders",
    files: { ...under("animals", both), ...under("things", { car: 2 }) },
    form: "classes: 2",
    classes: ["animals", "things"],
    says: [/^3 folders within class folders count as the class: animals\/cat, animals\/dog, things\/car/],
  },
  {
    name: "a folder in a folder, and what a Mac put beside it",
    files: { ...under("pets/pets", both), ...under("__MACOSX/pets", both) },
    form: "taken from pets/pets/: classes: 2",
  },
  {
    name: "a manifest in a folder",
    files: { "set/a.png": 1, "set/b.png": 2, "set/labels.csv": "file,label\na.png,x\nb.png,y\n" },
    form: "taken from set/: csv",
    classes: ["x", "y"],
  },
  {
    name: "pictures beside the class folders",
    files: { ...classFolders(both), "1.png": 1 },
    form: "classes: 2",
    says: [/^1 picture beside the class folders passed over: 1.png/],
  },
  {
    name: "an empty class folder",
    files: { ...classFolders(both), "owl/notes.txt": "none yet" },
    form: "classes: 2; passed over: notes.txt",
    says: [/^1 class folder without pictures, passed over: owl/],
  },
  {
    name: "numbered classes",
    files: classFolders({ "10": 1, "9": 1, "2": 1, "1": 1 }),
    form: "classes: 4",
    classes: ["1", "2", "9", "10"],
  },
  {
    name: "pictures by content, and those that are not read",
    files: { ...classFolders(both), "cat/noending": 1, "cat/a.part": 2, "dog/a.heic": "x", "dog/b.svg": "<svg/>" },
    form: "classes: 2",
    says: [/^1 HEIC file passed over, which cannot be read: dog\/a\.heic; convert/, /^1 SVG file passed over/],
  },
];

for (const { name, files, form, parts = [0, 0, 0], classes = ["cat", "dog"], says = [] } of read) {
  Deno.test(`openDataset() reads a folder with ${name}`, () =>
    inFolder(async (folder) => {
      await write(folder, files);
      const data = await openDataset(folder);
      const counts = ["train", "val", "test"].map((part) => data.samples.filter(({ split }) => split === part).length);
      assertEquals([data.form, data.classes, counts], [form, classes, [...parts]]);
      assertEquals(data.warnings.length, says.length, data.warnings.join("\n"));
      for (const say of says) assert(data.warnings.some((line) => say.test(line)), data.warnings.join("\n"));
    }));
}

const refused: [name: string, files: Parameters<typeof write>[1], says: string][] = [
  [
    "folders that hold the same subfolders, and are not called parts",
    { ...under("fold1", both), ...under("fold2", both) },
    "fold1/, fold2/ hold the same folders (cat, dog), as parts of a data set do",
  ],
  ["parts without class folders", { "train/1.png": 1, "test/1.png": 2 }, "train/, test/ of "],
  [
    "a part beside classes",
    { ...classFolders(both), ...under("test", both) },
    "Cannot tell classes from parts: test/ ",
  ],
  ["loose pictures", { "a.png": 1, "b.png": 2 }, "(2 pictures lie in it as they are)"],
  ["classes in a format that is not read", { "cat/a.heic": "x", "dog/a.heic": "x" }, "2 HEIC files passed over"],
];
for (const [name, files, says] of refused) {
  Deno.test(`openDataset() refuses a folder with ${name}`, () =>
    inFolder(async (folder) => {
      await write(folder, files);
      const error = await assertRejects(() => openDataset(folder), UserError, says);
      assert(!error.message.includes("\n"));
    }));
}

Deno.test("openDataset() takes folders with the same subfolders for classes where targets name them", () =>
  inFolder(async (folder) => {
    await write(folder, { ...under("fold1", both), ...under("fold2", both) });
    assertEquals((await openDataset(folder, { target: ["fold1", "fold2"] })).classes, ["fold1", "fold2"]);
  }));

Deno.test("naturallySorted() counts as people do, and is code unit order elsewhere", () => {
  const order = [
    "",
    "1",
    "01",
    "2",
    "9",
    "10",
    "99999999999999999999",
    "100000000000000000000",
    "B",
    "a-1",
    "a1",
    "a2b3",
  ];
  assertEquals(naturallySorted(order.toReversed()), ["", "01", ...order.slice(1).filter((name) => name !== "01")]);
});

Deno.test("Dataset.inOrderOf() takes the order in which a run knows its classes", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ "10": 1, "9": 2, "2": 1 }));
    const data = await openDataset(folder);
    const before = data.inOrderOf(["10", "2", "9"]);
    assertEquals([before.classes, before.counts()], [["10", "2", "9"], [1, 1, 2]]);
    assertEquals([data.classes, data.counts()], [["2", "9", "10"], [1, 2, 1]]);
    assertEquals(data.inOrderOf(["10", "2", "x"]), data);
  }));
