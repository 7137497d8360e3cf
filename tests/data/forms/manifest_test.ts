import { assert, assertEquals, assertRejects } from "@std/assert";
import { openDataset, type OpenOptions } from "../../../src/data/open.ts";
import { UserError } from "../../../src/errors.ts";
import { inFolder, write } from "../sets.ts";

type Files = Record<string, string | number | Uint8Array>;

/** Four pictures, of which every other one is a cat. */
const four = (path: (i: number) => string): Files => Object.fromEntries([0, 1, 2, 3].map((i) => [path(i), i + 1]));
const lines = (row: (i: number, label: string) => string) =>
  [0, 1, 2, 3].map((i) => row(i, i % 2 === 0 ? "cat" : "dog")).join("\n");
const here = four((i) => `p${i}.png`);

/** Files with cats and dogs, and how it is said that they are read otherwise than they stand. */
const readable: [name: string, files: Files, note?: string, options?: OpenOptions][] = [
  ["commas", { ...here, "l.csv": `file,label\n${lines((i, l) => `p${i}.png,${l}`)}` }],
  [
    "semicolons",
    { ...here, "l.csv": `file;label\r\n${lines((i, l) => `p${i}.png;${l}`)}` },
    "l.csv has semicolons between its cells",
  ],
  ["tabs in a .tsv", { ...here, "l.tsv": `file\tlabel\n${lines((i, l) => `p${i}.png\t${l}`)}` }, "has tabs between"],
  [
    "blanks in a .txt without a header",
    { ...here, "train.txt": lines((i, l) => `p${i}.png ${l}`) },
    "train.txt has blanks between its cells and has no header: its columns are called 1, 2",
  ],
  ["Excel's sep=", { ...here, "l.csv": `sep=;\nfile;label\n${lines((i, l) => `p${i}.png;${l}`)}` }, "semicolons"],
  [
    "UTF-16 of Excel",
    {
      ...here,
      "l.txt": new Uint8Array(
        Uint16Array.from(`\ufefffile\tlabel\n${lines((i, l) => `p${i}.png\t${l}`)}`, (c) => c.charCodeAt(0)).buffer,
      ),
    },
    "has tabs between",
  ],
  ["a blank after the comma", { ...here, "l.csv": `file, label\n${lines((i, l) => `p${i}.png, ${l}`)}` }],
  ["blanks before and after", { ...here, "l.csv": `label , file\n${lines((i, l) => `${l} , "p${i}.png" `)}` }],
  ["a byte-order mark", { ...here, "l.csv": `\ufefffile,label\n${lines((i, l) => `p${i}.png,${l}`)}` }],
  [
    "pandas' index and empty rows below",
    { ...here, "l.csv": `,file,label\n${lines((i, l) => `${i},p${i}.png,${l}`)}\n,,\n` },
  ],
  ["columns of other names", { ...here, "l.csv": `Image ID,breed\n${lines((i, l) => `p${i}.png,${l}`)}` }, "by column"],
  [
    "columns by number",
    { ...here, "l.csv": lines((i, l) => `${i},p${i}.png,${l},x${i}`) },
    "no header",
    { labelColumn: "3" },
  ],
  [
    "columns by number beside a header",
    { ...here, "l.csv": `a,b,c\n${lines((i, l) => `p${i}.png,${l},x${i}`)}` },
    undefined,
    { labelColumn: "2" },
  ],
  [
    "ids without an ending",
    { ...here, "l.csv": `id,label\n${lines((i, l) => `p${i},${l}`)}` },
    "4 of 4 pictures found otherwise than listed: ending added (p0 is p0.png)",
  ],
  ["ids without an ending and a header", { ...here, "l.csv": lines((i, l) => `p${i},${l}`) }, "no header"],
  [
    "another ending",
    { ...here, "l.csv": `file,label\n${lines((i, l) => `p${i}.jpg,${l}`)}` },
    "another ending (p0.jpg is p0.png)",
  ],
  [
    "a subfolder",
    { ...four((i) => `pics/p${i}.png`), "l.csv": `file,label\n${lines((i, l) => `p${i}.png,${l}`)}` },
    "in pics/ (p0.png is pics/p0.png)",
  ],
  [
    "ids in a subfolder",
    { ...four((i) => `pics/p${i}.png`), "l.csv": `file,label\n${lines((i, l) => `p${i},${l}`)}` },
    "in pics/, ending added",
  ],
  [
    "of two subfolders the one that is called like the file",
    {
      ...four((i) => `train/p${i}.png`),
      ...four((i) => `test/p${i}.png`),
      "train.csv": `id,label\n${lines((i, l) => `p${i}.png,${l}`)}`,
    },
    "in train/",
  ],
  [
    "several subfolders",
    {
      "x/p0.png": 1,
      "y/p1.png": 2,
      "x/p2.png": 3,
      "y/p3.png": 4,
      "l.csv": `f,l\n${lines((i, l) => `p${i}.png,${l}`)}`,
    },
    "in y/",
  ],
  [
    "backslashes",
    { ...four((i) => `pics/p${i}.png`), "l.csv": `file,label\n${lines((i, l) => `pics\\p${i}.png,${l}`)}` },
    "backslashes (pics\\p0.png is pics/p0.png)",
  ],
  [
    "another machine's paths",
    { ...four((i) => `pics/p${i}.png`), "l.csv": `file,label\n${lines((i, l) => `/media/me/pics/p${i}.png,${l}`)}` },
    "/media/me/ left out",
  ],
  [
    "a Windows machine's paths",
    { ...here, "l.csv": `file,label\n${lines((i, l) => `D:\\data\\me\\p${i}.png,${l}`)}` },
    "D:/data/me/ left out",
  ],
  [
    "another machine's class folders, by base name",
    { ...here, "l.csv": `file,label\n${lines((i, l) => `/media/me/${l}/p${i}.png,${l}`)}` },
    "by base name",
  ],
  [
    "another Unicode form",
    { ...four((i) => `\u00e9${i}.png`), "l.csv": `file,label\n${lines((i, l) => `e\u0301${i}.png,${l}`)}` },
    "Unicode form",
  ],
  [
    "another letter case",
    { ...four((i) => `P${i}.PNG`), "l.csv": `file,label\n${lines((i, l) => `p${i}.png,${l}`)}` },
    "letter case",
  ],
  [
    "a folder of its own for the pictures",
    { ...four((i) => `data/pics/p${i}.png`), "l.csv": `file,label\n${lines((i, l) => `p${i}.png,${l}`)}` },
    undefined,
    { pictures: "data/pics" },
  ],
];
for (const [name, files, note, options = {}] of readable) {
  Deno.test(`openDataset() reads a label file with ${name}`, () =>
    inFolder(async (folder) => {
      await write(folder, files);
      const pictures = options.pictures === undefined ? {} : { pictures: `${folder}/${options.pictures}` };
      const label = Object.keys(files).at(-1)!;
      const data = await openDataset(`${folder}/${label}`, { ...options, ...pictures });
      assertEquals([data.classes, data.samples.map(({ label }) => label[0])], [["cat", "dog"], [0, 1, 0, 1]]);
      for (const { file } of data.samples) {
        assert((await Deno.stat(`${folder}/${options.pictures ?? ""}/${file}`)).isFile, file);
      }
      const notes = data.warnings.filter((line) => !line.startsWith("4 pictures in the folder not listed"));
      if (note === undefined) assertEquals(notes, []);
      else assert(notes.some((line) => line.includes(note)), notes.join("\n"));
    }));
}

Deno.test("openDataset() never takes another picture for one that is missing", () =>
  inFolder(async (folder) => {
    const opened = async (files: Files, task?: "multiclass") => {
      await Deno.mkdir(`${folder}/d`);
      await write(`${folder}/d`, files);
      const open = openDataset(`${folder}/d/l.csv`, { task, skipBroken: true });
      const found = await open.then(({ samples }) => samples.map(({ file }) => file), (error) => error.message);
      await Deno.remove(`${folder}/d`, { recursive: true });
      return found;
    };
    const list = (...files: string[]) => `file,label\n${files.map((file, i) => `${file},${i % 2}`).join("\n")}\n`;
    // One of a class is gone, and another class has one of its name.
    const classes = { "cat/1.png": 1, "cat/2.png": 2, "dog/2.png": 3 };
    const listed = list("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png");
    assertEquals(await opened({ ...classes, "l.csv": listed }), ["cat/1.png", "cat/2.png", "dog/2.png"]);
    // A mask of the same name, with another ending.
    const masks = { "1.jpg": 1, "2.jpg": 2, "3.png": 3, "l.csv": list("1.jpg", "2.jpg", "3.jpg") };
    assertEquals(await opened(masks), ["1.jpg", "2.jpg"]);
    // The same base name in two folders, and none says which.
    const two = { "a/1.png": 1, "b/1.png": 2, "a/2.png": 3, "b/2.png": 4, "l.csv": list("1.png", "2.png") };
    assert((await opened(two)).includes("no row is left"));
    // Two rows for one picture.
    const three = { "x.png": 1, "y.png": 2, "z.png": 3 };
    const doubled = list("x.png", "X.png", "y.png", "z.png");
    assertEquals(await opened({ ...three, "l.csv": doubled }, "multiclass"), ["x.png", "y.png", "z.png"]);
    // Folders left out that would explain one row in three.
    const chance = await opened({ ...three, "l.csv": list("a/x.png", "a/v.png", "a/w.png") });
    assert(chance.includes("3 of 3 pictures are not in"), chance);
    // Base names that two rows share.
    const shared = await opened({ ...three, "l.csv": list("u/cat/x.png", "v/dog/x.png", "w/y.png") });
    assert(shared.includes("3 of 3 pictures are not in"), shared);
  }));

Deno.test("openDataset() says which pictures a row may mean", () =>
  inFolder(async (folder) => {
    await write(folder, { "a/1.png": 1, "b/1.png": 2, "l.csv": "file,label\n1.png,x\n" });
    const message = "l.csv:2:1: 1.png may be a/1.png or b/1.png: give the folder that is meant with pictures";
    await assertRejects(() => openDataset(`${folder}/l.csv`), UserError, message);
    const { samples } = await openDataset(`${folder}/l.csv`, {
      pictures: `${folder}/a`,
      task: "binary",
      target: ["x"],
    });
    assertEquals(samples.map(({ file }) => file), ["1.png"]);
  }));

Deno.test("openDataset() passes over notes and submissions beside the label file", () =>
  inFolder(async (folder) => {
    await write(folder, {
      ...four((i) => `train/p${i}.png`),
      "test/t.png": 9,
      "train.csv": `id,label\n${lines((i, l) => `p${i}.png,${l}`)}`,
      "sample_submission.csv": "id,label\nt.png,cat\n",
      "notes.csv": "id,name\n0,cat\n",
      "README.txt": "Four pictures.\n",
    });
    assertEquals(
      (await openDataset(folder)).samples.map(({ file }) => file),
      [0, 1, 2, 3].map((i) => `train/p${i}.png`),
    );
  }));

Deno.test("openDataset() says why a table is no label file where the folder is none of classes", () =>
  inFolder(async (folder) => {
    await write(folder, { "pics/p.png": 1, "l.csv": "file,label\nq.png,cat\n" });
    await assertRejects(() => openDataset(folder), UserError, "l.csv:2:1: 1 of 1 pictures are not in");
    await write(folder, { "train/p.png": 1, "test/p.png": 1 });
    await Deno.remove(`${folder}/pics`, { recursive: true });
    await assertRejects(() => openDataset(folder), UserError, "; l.csv names no picture there");
    await write(folder, { "cat/p.png": 1, "nan/p.png": 2 });
    for (const part of ["train", "test"]) await Deno.remove(`${folder}/${part}`, { recursive: true });
    const { kind, form, warnings } = await openDataset(folder);
    assertEquals([kind, form], ["folder", "classes: 2; passed over: l.csv"]);
    assertEquals(warnings, ["class nan: programs write so where there is no label; is it a class?"]);
  }));

Deno.test("openDataset() leaves rows of CelebA out where it is asked to, and names them", () =>
  inFolder(async (folder) => {
    await write(folder, {
      ...four((i) => `img_align_celeba/p${i}.png`),
      "img_align_celeba/x.png": 9,
      "list_attr_celeba.txt": "6\nHat Tie\np0.png 1 -1\np1.png -1 1\nq.png 1 1\np2.png 1 NaN\np3.png 1 1\nr.png 1 1\n",
      "list_eval_partition.txt": "p0.png 0\np1.png 2\nq.png 0\np2.png 0\nr.png 0\n",
    });
    const options = { target: ["Hat", "Tie"], task: "multilabel" } as const;
    await assertRejects(() => openDataset(folder, options), UserError, "make the list fit it, or set skipBroken");
    const { samples, leftOut } = await openDataset(folder, { ...options, skipBroken: true });
    assertEquals(samples.map(({ file, label, split }) => [file.slice(-6), ...label, split]), [
      ["p0.png", 1, 0, "train"],
      ["p1.png", 0, 1, "test"],
    ]);
    assertEquals(leftOut.map(({ file, reason }) => `${file} ${reason}`), [
      "q.png is not there",
      "p2.png has no 1 or 0 as Tie",
      "p3.png is in no part",
      "r.png is not there",
    ]);
  }));

const labels = "file,label\np0.png,cat\np1.png,dog\np2.png,cat\np3.png,dog\n";
const broken: [name: string, text: string, message: string, left: string[]][] = [
  ["an empty label", labels.replace("p1.png,dog", "p1.png,"), "l.csv:3:8: label is empty", ["p1.png has no label"]],
  ["NaN", labels.replace("p1.png,dog", "p1.png,NaN"), 'label is "NaN", which programs write', [
    "p1.png has NaN as label",
  ]],
  ["NA", labels.replace("p1.png,dog", 'p1.png,"NA"'), "if it is a name, set allowNa", ["p1.png has NA as label"]],
  ["null", labels.replace("p1.png,dog", "p1.png,null"), 'label is "null"', ["p1.png has null as label"]],
  ["a missing picture", labels.replace("p1", "q1"), "1 of 4 pictures are not in", ["q1.png is not there"]],
  ["a row without a picture", labels.replace("p1.png", ""), "file is empty", ["line 3 has no file"]],
  ["a short row", labels.replace("p1.png,dog", "p1.png"), "l.csv:3:1: this row has 1 cells", ["p1.png has too few or"]],
  ["a long row", labels.replace("dog", "dog,x"), "l.csv:3:12: this row has 3 cells", ["p1.png has too few or"]],
  ["a doubled row", `${labels}p1.png,dog\n`, "p1.png is listed twice (first in line 3)", ["p1.png is listed twice"]],
  [
    "several",
    labels.replace("p1.png,dog", "p1.png,").replace("p3.png,dog", "p3.png,NA"),
    "(2 such rows; see also line 5); or set skipBroken",
    ["p1.png has no label", "p3.png has NA"],
  ],
];
for (const [name, text, message, left] of broken) {
  Deno.test(`openDataset() refuses a label file with ${name}, or leaves the row out where it is asked to`, () =>
    inFolder(async (folder) => {
      await write(folder, { ...here, "l.csv": text });
      const task = { task: "binary", target: ["cat"] } as const;
      await assertRejects(() => openDataset(folder, task), UserError, message);
      const data = await openDataset(folder, { ...task, skipBroken: true });
      assertEquals(data.leftOut.length, left.length);
      data.leftOut.forEach(({ file, reason }, i) => assert(`${file} ${reason}`.startsWith(left[i]), reason));
      assert(data.warnings.some((line) => line.startsWith(`${left.length} row`) && line.includes(left[0])));
    }));
}

Deno.test("openDataset() takes NA for a class where it is said to be one", () =>
  inFolder(async (folder) => {
    await write(folder, { ...here, "l.csv": labels.replaceAll("dog", "NA") });
    assertEquals((await openDataset(folder, { allowNa: true })).classes, ["NA", "cat"]);
    assertEquals((await openDataset(folder, { target: ["cat", "NA"] })).classes, ["cat", "NA"]);
  }));

Deno.test("openDataset() reads 1.0 and 0.0 as yes and no, and columns with one yes a row as classes", () =>
  inFolder(async (folder) => {
    await write(folder, {
      ...here,
      "l.csv": 'image,cat,dog\np0.png,1.0,0.0\np1.png,0,1\np2.png,1,0.00\np3.png,"0,0",1\n',
    });
    const data = await openDataset(folder);
    assertEquals([data.task, data.classes, data.samples.map(({ label }) => label[0])], ["multiclass", ["cat", "dog"], [
      0,
      1,
      0,
      1,
    ]]);
    assertEquals((await openDataset(folder, { task: "multilabel" })).samples[0].label, [1, 0]);
    await write(folder, { "l.csv": "image,cat,dog\np0.png,1,1\np1.png,0,1\n" });
    await assertRejects(() => openDataset(folder), UserError, "or all of them with task multilabel");
    await write(folder, { "l.csv": "image,cat\np0.png,1\np1.png,-1\np2.png,0\n" });
    await assertRejects(() => openDataset(folder), UserError, "l.csv:3:8: cat has -1 beside 0");
  }));

Deno.test("openDataset() reads several labels a cell, and notes class names that look like them", () =>
  inFolder(async (folder) => {
    await write(folder, { ...here, "l.csv": "file,label\np0.png,a b\np1.png,a\np2.png,b\np3.png,c|a\n" });
    const { warnings } = await openDataset(folder);
    const note =
      "1 class name made of others' words (a b): if a cell has several labels, give option labelSeparator space";
    assert(warnings.includes(note), warnings.join("\n"));
    const data = await openDataset(folder, { labelSeparator: "space" });
    assertEquals([data.task, data.classes], ["multilabel", ["a", "b", "c|a"]]);
    assertEquals(data.samples.map(({ label }) => label), [[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]);
    const one = await openDataset(folder, { labelSeparator: "|", target: ["a"] });
    assertEquals([one.task, one.samples.map(({ label }) => label[0])], ["binary", [0, 1, 0, 1]]);
    await assertRejects(
      () => openDataset(folder, { labelSeparator: ";" }),
      UserError,
      "no cell of label has two labels so",
    );
    await write(folder, { "l.csv": "file,label\np0.png,black cat\np1.png,black dog\np2.png,white cat\n" });
    assertEquals((await openDataset(folder)).warnings.filter((line) => line.includes("words")), []);
  }));

Deno.test("openDataset() reads a row for each label of a picture, but not a slip among many rows", () =>
  inFolder(async (folder) => {
    await write(folder, { ...here, "l.csv": "ImageID,LabelName\np0.png,cat\np0.png,dog\np1.png,dog\np2.png,cat\n" });
    const data = await openDataset(folder);
    assertEquals([data.task, data.classes], ["multilabel", ["cat", "dog"]]);
    assertEquals(data.samples.map(({ file, label }) => [file, ...label]), [
      ["p0.png", 1, 1],
      ["p1.png", 0, 1],
      ["p2.png", 1, 0],
    ]);
    assert(data.warnings.includes("4 rows of 3 pictures: a row is one label of a picture, 1 have several"));
    await write(folder, {
      "l.csv": "ImageID,LabelName,Confidence\np0,cat,1\np0,dog,0\np1,dog,1\np1,cat,0\np2,cat,1\n",
    });
    const verified = await openDataset(folder);
    assertEquals(verified.samples.map(({ label }) => label), [[1, 0], [0, 1], [1, 0]]);
    assert(verified.warnings.includes("rows with no in column Confidence say that a label is absent"));
    const rows = Array.from({ length: 40 }, (_, i) => `r${i}.png,${i % 2 ? "cat" : "dog"}\n`);
    await write(folder, Object.fromEntries(rows.map((_, i) => [`r${i}.png`, i])));
    await write(folder, { "l.csv": `file,label\n${rows.join("")}r0.png,cat\n` });
    await assertRejects(() => openDataset(folder), UserError, "remove one row, or set task multilabel where each row");
    assertEquals((await openDataset(folder, { task: "multilabel" })).counts(), [21, 20]);
    assertEquals((await openDataset(folder, { skipBroken: true })).size, 39);
  }));

Deno.test("openDataset() reads what a label file names outside its folder by the whole path, when asked to", () =>
  inFolder(async (folder) => {
    const root = await Deno.realPath(folder);
    await write(folder, { "a.png": 1, "b.png": 2, "sub/l.csv": `file,label\n${root}/a.png,x\n${root}/b.png,y\n` });
    await assertRejects(() => openDataset(`${folder}/sub/l.csv`), UserError, "a.png leads out of");
    const data = await openDataset(`${folder}/sub/l.csv`, { allowOutside: true });
    assertEquals([data.pictureSize, data.size], [10, 2]);
    assert((await data.fingerprint()).length === 64);
    // A path on the whole disk that leads into the folder is none that leads out.
    await write(folder, { "l.csv": `file,label\n${root}/a.png,x\n${root}/b.png,y\n` });
    assertEquals((await openDataset(`${folder}/l.csv`)).samples.map(({ file }) => file), ["a.png", "b.png"]);
  }));

Deno.test("train.csv beside test.csv and val.csv are the parts of a data set", () =>
  inFolder(async (folder) => {
    const rows = (part: string, labels: string) =>
      `id,label\n${[...labels].map((l, i) => `${i},${l}`).join("\n")}\n`
        .replaceAll(/^(\d)/gm, part === "train" ? "$1" : `${part}/$1`);
    await write(folder, {
      ...Object.fromEntries(
        ["train", "val", "test"].flatMap((part, p) => [0, 1, 2, 3].map((i) => [`${part}/${i}.png`, 10 * p + i])),
      ),
      "train.csv": rows("train", "abab"),
      "val_labels.csv": "label;id\nb;val/0\na;val/1\n",
      "test.csv": rows("test", "abba"),
    });
    const data = await openDataset(folder);
    assertEquals([data.classes, data.form], [["a", "b"], "parts: train.csv, val_labels.csv, test.csv"]);
    const { train, val, test } = data.split();
    assertEquals([train.size, val.size, test.size], [4, 2, 4]);
    assertEquals(train.samples.map(({ file }) => file), [0, 1, 2, 3].map((i) => `train/${i}.png`));
    assertEquals(val.samples.map(({ file, label }) => [file, ...label]), [["val/0.png", 1], ["val/1.png", 0]]);
    // A part without labels, as competitions have it, is none.
    await write(folder, { "test.csv": "id\ntest/0\ntest/1\n" });
    const two = await openDataset(folder);
    assertEquals(two.form, "parts: train.csv, val_labels.csv");
    assert(two.warnings.includes("test.csv has no column label, and is passed over"), two.warnings.join("\n"));
    await Deno.remove(`${folder}/val_labels.csv`);
    const one = await openDataset(folder);
    assertEquals([one.size, one.hasOwnSplit, one.form], [4, false, undefined]);
    await write(folder, { "test.csv": "id,label\ntest/0,a\ntest/9,b\n" });
    await assertRejects(() => openDataset(folder), UserError, "test.csv:3:1: 1 of 6 pictures are not in");
    await write(folder, { "test.csv": "id,label\ntest/0,a\ntrain/1,b\n" });
    await assertRejects(() => openDataset(folder), UserError, "test.csv:3:1: train/1 is listed twice");
    await write(folder, { "labels.csv": "id,label\ntest/0,a\ntrain/1,b\n" });
    await assertRejects(() => openDataset(folder), UserError, "has 3 label files");
  }));
