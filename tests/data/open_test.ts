import { assert, assertEquals, assertRejects } from "@std/assert";
import { openDataset, type OpenOptions } from "../../src/data/open.ts";
import { UserError } from "../../src/errors.ts";
import { classFolders, gzip, idx, inFolder, write } from "./sets.ts";

const celebaList = (values = ["1", "-1"]) =>
  `4\nBlack_Hair Gray_Hair Smiling\n${
    ["1 0 1", "0 1 0", "0 0 1", "1 1 0"].map((row, i) =>
      `00000${i + 1}.jpg  ${row.replace(/[01]/g, (v) => values[1 - Number(v)])}`
    ).join("\n")
  }\n`;
const celebaPictures = {
  "img_align_celeba/000001.jpg": 1,
  "img_align_celeba/000002.jpg": 2,
  "img_align_celeba/000003.jpg": 3,
  "img_align_celeba/000004.jpg": 4,
};
const celeba = { ...celebaPictures, "list_attr_celeba.txt": celebaList() };

Deno.test("openDataset() reads a folder per class, sorted, with the size of its pictures", () =>
  inFolder(async (folder) => {
    await write(folder, {
      ...classFolders({ dog: 2, cat: 1 }),
      "dog/deeper/x.JPG": 9,
      "cat/notes.txt": "not a picture",
    });
    const data = await openDataset(folder);
    assertEquals([data.kind, data.task, data.classes, data.channels, data.pictureSize], [
      "folder",
      "multiclass",
      ["cat", "dog"],
      3,
      10,
    ]);
    assertEquals(data.samples.map(({ file, label }) => [file, ...label]), [
      ["cat/000.png", 0],
      ["dog/000.png", 1],
      ["dog/001.png", 1],
      ["dog/deeper/x.JPG", 1],
    ]);
  }));

Deno.test("openDataset() takes train, val and test folders as the data set's own split", () =>
  inFolder(async (folder) => {
    await write(folder, { "train/a/1.png": 1, "train/b/1.png": 2, "valid/a/2.png": 3, "test/b/3.png": 4 });
    const data = await openDataset(folder);
    assertEquals(data.classes, ["a", "b"]);
    assertEquals(data.samples.map(({ split }) => split), ["test", "train", "train", "val"]);
  }));

Deno.test("openDataset() takes a target as the yes of a binary task", () =>
  inFolder(async (folder) => {
    await write(folder, classFolders({ cat: 1, dog: 2, owl: 1 }));
    const data = await openDataset(folder, { target: ["dog"] });
    assertEquals([data.task, data.classes, data.counts()], ["binary", ["dog"], [2, 2]]);
    const rest = await openDataset(folder, { target: ["dog"], others: "rest" });
    assertEquals([rest.task, rest.classes, rest.counts()], ["multiclass", ["dog", "rest"], [2, 2]]);
  }));

Deno.test("openDataset() reads CelebA for all three tasks", () =>
  inFolder(async (folder) => {
    await write(folder, celeba);
    const labels = async (options: OpenOptions) =>
      (await openDataset(folder, options)).samples.map(({ label }) => label);
    assertEquals(await labels({ target: ["Smiling"] }), [[1], [0], [1], [0]]);
    assertEquals(await labels({ task: "multilabel" }), [[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]]);
    const hair = { target: ["Gray_Hair", "Black_Hair"], others: "Others" };
    assertEquals(await labels(hair), [[1], [0], [2]]); // the fourth has both and is left out
    const { warnings, classes } = await openDataset(folder, hair);
    assertEquals(classes, ["Gray_Hair", "Black_Hair", "Others"]);
    assertEquals(warnings, ["1 picture of 4 left out, with more than one of Gray_Hair, Black_Hair"]);
  }));

Deno.test("openDataset() leaves pictures without a target out and counts them", () =>
  inFolder(async (folder) => {
    await write(folder, celeba);
    const data = await openDataset(folder, { target: ["Gray_Hair", "Black_Hair"] });
    assertEquals(data.samples.map(({ file }) => file.slice(-5)), ["1.jpg", "2.jpg"]);
    assert(
      data.warnings[0].startsWith("1 picture of 4 left out, with none of Gray_Hair, Black_Hair; option others"),
    );
  }));

Deno.test("openDataset() reads CelebA's CSV form, values 1 and 0, and its partition", () =>
  inFolder(async (folder) => {
    const rows = celebaList(["1", "0"]).trim().split("\n").slice(2).map((row) => row.split(/\s+/).join());
    await write(folder, {
      ...celebaPictures,
      "list_attr_celeba.csv": `image_id,Black_Hair,Gray_Hair,Smiling\r\n${rows.join("\r\n")}\r\n`,
      "list_eval_partition.txt": "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n000004.jpg 0\n",
    });
    const data = await openDataset(folder, { target: ["Black_Hair"] });
    assertEquals(data.samples.map(({ label, split }) => [...label, split]), [[1, "train"], [0, "val"], [0, "test"], [
      1,
      "train",
    ]]);
  }));

Deno.test("openDataset() reads a manifest with class names, a split column and a byte-order mark", () =>
  inFolder(async (folder) => {
    await write(folder, {
      "pics/a.png": 1,
      "pics/b.png": 2,
      "extra.png": 3,
      "labels.csv": '\ufefffile,label,split\npics/a.png,"cat, big",train\npics/b.png,dog,test\n',
    });
    const data = await openDataset(folder);
    assertEquals([data.kind, data.classes], ["csv", ["cat, big", "dog"]]);
    assertEquals(data.samples, [
      { file: "pics/a.png", label: [0], split: "train" },
      { file: "pics/b.png", label: [1], split: "test" },
    ]);
    assertEquals(data.warnings, ["1 picture in the folder not listed (extra.png)"]);
    assertEquals((await openDataset(`${folder}/labels.csv`)).samples, data.samples);
  }));

Deno.test("openDataset() reads a manifest with columns of yes and no", () =>
  inFolder(async (folder) => {
    await write(folder, { "a.png": 1, "b.png": 2, "l.csv": "image,hat,tie,kind\na.png,yes,0,x\nb.png,no,1,y\n" });
    const multilabel = await openDataset(folder, { task: "multilabel", target: ["tie", "hat"] });
    assertEquals(multilabel.samples.map(({ label }) => label), [[0, 1], [1, 0]]);
    assertEquals((await openDataset(folder, { target: ["hat"] })).task, "binary");
    const named = await openDataset(folder, { target: ["kind"] });
    assertEquals([named.task, named.classes], ["multiclass", ["x", "y"]]);
  }));

const pixels = (count: number) => Array.from({ length: 4 * count }, (_, i) => i);

Deno.test("openDataset() reads IDX files, gzipped or not, with their own split", () =>
  inFolder(async (folder) => {
    await write(folder, {
      "train-images-idx3-ubyte.gz": await gzip(idx(3, 3, pixels(3))),
      "train-labels-idx1-ubyte": idx(3, 1, [7, 2, 7]),
      "t10k-images-idx3-ubyte": idx(1, 3, pixels(1)),
      "t10k-labels-idx1-ubyte.gz": await gzip(idx(1, 1, [2])),
    });
    const data = await openDataset(folder);
    assertEquals([data.kind, data.channels, data.pictureSize, data.classes], ["idx", 1, 2, ["2", "7"]]);
    assertEquals(data.samples.map(({ file, label, split }) => [file, ...label, split]), [
      ["train#0", 1, "train"],
      ["train#1", 0, "train"],
      ["train#2", 1, "train"],
      ["t10k#0", 0, "test"],
    ]);
  }));

Deno.test("openDataset() names the classes of IDX files by what is given or lies beside them, in the numbers' order", () =>
  inFolder(async (folder) => {
    await write(folder, {
      "train-images-idx3-ubyte": idx(4, 3, pixels(4)),
      "train-labels-idx1-ubyte": idx(4, 1, [2, 0, 1, 2]),
    });
    const opened = async (options: OpenOptions = {}) => {
      const { classes, samples, warnings } = await openDataset(folder, options);
      return [classes.join(), samples.map(({ label }) => label[0]).join(), warnings.join()];
    };
    assertEquals(await opened(), ["0,1,2", "2,0,1,2", ""]);
    assertEquals(await opened({ classNames: ["z", "y", "x"] }), ["z,y,x", "2,0,1,2", ""]);
    assertEquals((await opened({ classNames: ["fashion-mnist"] }))[0], "T-shirt/top,Trouser,Pullover");
    assertEquals(await opened({ classNames: ["z", "y", "x"], target: ["x"] }), ["x", "1,0,0,1", ""]);
    assertEquals(await opened({ classNames: ["z", "y", "x"], target: ["2", "y"], others: "rest" }), [
      "x,y,rest",
      "0,2,1,0",
      "",
    ]);
    const few =
      "classNames has 2 names, but labels go up to 2: give 3, in the order of the numbers, or classNames numbers";
    await assertRejects(() => opened({ classNames: ["z", "y"] }), UserError, few);
    await assertRejects(() => opened({ classNames: ["z", "y", "z"] }), UserError, "has the name z twice");
    await write(folder, { "classes.txt": "0 zero\n2 two\n1: one\n" });
    assertEquals(await opened(), ["zero,one,two", "2,0,1,2", "names of the classes are from classes.txt"]);
    await write(folder, { "class_names.txt": "a b\nc\nd\n" });
    assertEquals((await opened())[0], "a b,c,d");
    assertEquals((await opened({ classNames: ["numbers"] }))[0], "0,1,2");
  }));

Deno.test("openDataset() warns of classes that differ by case, space or Unicode form, and of imbalance", () =>
  inFolder(async (folder) => {
    const rows = ["Cat", "cat ", "caf\u00e9", "cafe\u0301", ...new Array(20).fill("dog")];
    await write(folder, {
      ...Object.fromEntries(rows.map((_, i) => [`${i}.png`, i])),
      "l.csv": `file,label\n${rows.map((label, i) => `${i}.png,"${label}"`).join("\n")}\n`,
    });
    const { warnings } = await openDataset(folder);
    assertEquals(warnings.length, 3);
    assert(warnings.some((line) => line.startsWith('Classes "Cat" (1), "cat " (1) differ only in letter case')));
    assert(warnings.some((line) => line.startsWith("Imbalance: Cat (1)")));
  }));

type Files = Record<string, string | number | Uint8Array>;
const faults: [name: string, files: Files, options: OpenOptions, message: string, exitCode?: number][] = [
  ["an empty folder", { "notes.txt": "x" }, {}, "Cannot find classes in"],
  [
    "an unknown class",
    classFolders({ cat: 1, dog: 1 }),
    { target: ["dgo"] },
    "Unknown class dgo: did you mean dog?",
    2,
  ],
  ["an unknown attribute", celeba, { target: ["Smilling"] }, "Unknown attribute Smilling: did you mean Smiling?", 2],
  ["CelebA without a target", celeba, {}, "name attributes with target; it has Black_Hair, Gray_Hair, Smiling", 2],
  ["two targets of a binary task", celeba, { task: "binary", target: ["Smiling", "Gray_Hair"] }, "from 2 targets", 2],
  [
    "a list that disagrees with its folder",
    { ...celebaPictures, "list_attr_celeba.txt": celebaList().replace("000002.jpg", "000009.jpg") },
    { target: ["Smiling"] },
    "disagrees with img_align_celeba/ (4): 1 listed picture not in the folder (000009.jpg); 1 picture in the folder not listed (000002.jpg)",
  ],
  [
    "a count that disagrees with the rows",
    { ...celebaPictures, "list_attr_celeba.txt": celebaList().replace(/^4/, "5") },
    { target: ["Smiling"] },
    "list_attr_celeba.txt:1:1: says 5 pictures, but 4 rows follow",
  ],
  [
    "a value that is neither yes nor no",
    { ...celebaPictures, "list_attr_celeba.txt": celebaList(["1", "2"]) },
    { target: ["Gray_Hair"] },
    'list_attr_celeba.txt:3:15: Gray_Hair is "2"; expected 1 or 0',
  ],
  [
    "a manifest row without its file",
    { "a.png": 1, "l.csv": "file,label\na.png,x\nb.png,y\n" },
    {},
    "l.csv:3:1: 1 of 2 pictures are not in",
  ],
  ["a path that leads out", { "l.csv": "file,label\n../a.png,x\n" }, {}, "l.csv:2:1: ../a.png leads out of"],
  ["an absolute path", { "l.csv": "file,label\n/etc/hosts,x\n" }, {}, "l.csv:2:1: /etc/hosts leads out of"],
  ["an empty label", { "a.png": 1, "l.csv": "file,label\na.png,\n" }, {}, "l.csv:2:7: label is empty"],
  [
    "a row that is there twice",
    { "a.png": 1, "l.csv": "file,label\na.png,x\na.png,x\n" },
    {},
    "l.csv:3:1: a.png is listed twice",
  ],
  [
    "an unknown column",
    { "a.png": 1, "l.csv": "file,label\na.png,x\n" },
    { labelColumn: "lable" },
    "did you mean label?",
    2,
  ],
  ["an unknown part", { "a.png": 1, "l.csv": "file,label,split\na.png,x,trian\n" }, {}, 'l.csv:2:9: split is "trian"'],
  ["text that is not UTF-8", { "l.csv": Uint8Array.of(0xff, 0xfe, 0x41) }, {}, "it is not UTF-8 text"],
  [
    "IDX files of different counts",
    { "train-images-idx3-ubyte": idx(2, 3, pixels(2)), "train-labels-idx1-ubyte": idx(1, 1, [0]) },
    {},
    "has 2 pictures, but",
  ],
  [
    "a cut IDX file",
    { "train-images-idx3-ubyte": idx(2, 3, pixels(1)), "train-labels-idx1-ubyte": idx(2, 1, [0, 1]) },
    {},
    "has 4 bytes of data, but its header says 2×2×2 = 8",
  ],
  ["IDX pictures without labels", { "train-images-idx3-ubyte": idx(1, 3, pixels(1)) }, {}, "has no labels beside it"],
];
for (const [name, files, options, message, exitCode = 1] of faults) {
  Deno.test(`openDataset() refuses ${name}`, () =>
    inFolder(async (folder) => {
      await write(folder, files);
      const error = await assertRejects(() => openDataset(folder, options), UserError, message);
      assertEquals([error.exitCode, error.message.includes("\n")], [exitCode, false]);
    }));
}

Deno.test("openDataset() names a link out of the data folder as broken, and reads one inside", () =>
  inFolder(async (folder) => {
    await write(folder, { "secret/x.png": 1, "data/cat/1.png": 2, "data/dog/1.png": 3 });
    await Deno.symlink(`${folder}/data/cat/1.png`, `${folder}/data/dog/2.png`);
    assertEquals((await openDataset(`${folder}/data`)).size, 3);
    await Deno.symlink(`${folder}/secret`, `${folder}/data/dog/outside`);
    const { source } = await openDataset(`${folder}/data`);
    assertEquals(source.form === "files" && source.problems, new Map([[3, "leads out of the data folder"]]));
    const all = await openDataset(`${folder}/data`, { allowOutside: true });
    assertEquals(all.samples.map(({ file }) => file), ["cat/1.png", "dog/1.png", "dog/2.png", "dog/outside/x.png"]);
  }));

Deno.test("openDataset() reads files outside the data folder when asked to", () =>
  inFolder(async (folder) => {
    await write(folder, { "a.png": 1, "b.png": 2, "sub/l.csv": "file,label\n../a.png,x\n../b.png,y\n" });
    const data = await openDataset(`${folder}/sub/l.csv`, { allowOutside: true });
    assertEquals(data.pictureSize, 10);
  }));

Deno.test("openDataset() does not open what a link of CelebA's pictures leads out to", () =>
  inFolder(async (folder) => {
    await write(folder, {
      "secret.jpg": 5,
      ...Object.fromEntries(Object.entries(celeba).map(([k, v]) => [`data/${k}`, v])),
    });
    await Deno.remove(`${folder}/data/img_align_celeba/000002.jpg`);
    await Deno.symlink(`${folder}/secret.jpg`, `${folder}/data/img_align_celeba/000002.jpg`);
    const { source } = await openDataset(`${folder}/data`, { target: ["Smiling"] });
    assertEquals(source.form === "files" && source.problems, new Map([[1, "leads out of the data folder"]]));
  }));
