/**
 * Damaged label files and IDX files: each gives a data set whose pictures and labels are there, or one line that says
 * what is wrong.
 */

import { assert } from "@std/assert";
import { openDataset, type OpenOptions } from "../../src/data/open.ts";
import { UserError } from "../../src/errors.ts";
import { gzip, idx, inFolder, write } from "../data/sets.ts";
import { mutants } from "./mutate.ts";

const text = (lines: readonly string[], newline = "\n") => new TextEncoder().encode(lines.join(newline) + newline);

/** Names of the pictures in `names`, and rows made of them. */
const names = Array.from({ length: 12 }, (_, i) => `p${String(i).padStart(3, "0")}`);
const rows = (row: (name: string, i: number) => string) => names.map(row);

const celeba = [
  "12",
  "Black_Hair Gray_Hair Smiling",
  ...rows((name, i) => `${name}.png  ${i % 2 ? 1 : -1} ${i % 3 ? -1 : 1} ${i % 5 ? 1 : -1}`),
];

const images = idx(12, 3, Array.from({ length: 48 }, (_, i) => i));
const labels = idx(12, 1, names.map((_, i) => i % 3));

interface Case {
  readonly name: string;
  /** The file that is damaged. */
  readonly file: string;
  readonly good: Uint8Array;
  /** Files beside it, besides the pictures. */
  readonly others?: Readonly<Record<string, Uint8Array>>;
  /** Where the pictures are. */
  readonly folder?: string;
  readonly options?: OpenOptions;
}

const cases: readonly Case[] = [
  {
    name: "a CSV file",
    file: "l.csv",
    good: text(["file,label,split", ...rows((n, i) => `${n}.png,"c ${i % 2}",train`)]),
  },
  {
    name: "a CSV file with several labels a cell",
    file: "l.csv",
    good: text(["id;labels", ...rows((n, i) => `${n};a|${i % 2 ? "b" : "c"}`)], "\r\n"),
    options: { labelSeparator: "|", skipBroken: true },
  },
  {
    name: "a TSV file without a header, with another machine's paths",
    file: "l.tsv",
    good: text(rows((n, i) => `/data/me/${n}.png\t${i % 2 ? "cat" : "dog"}`)),
    options: { skipBroken: true },
  },
  { name: "a list with blanks", file: "l.txt", good: text(rows((n, i) => `${n}.png ${i % 2}`)) },
  {
    name: "columns of yes and no",
    file: "l.csv",
    good: text(["image,x,y", ...rows((n, i) => `${n}.png,${i % 2}.0,${(i + 1) % 2}.0`)]),
  },
  {
    name: "a row for each label",
    file: "l.csv",
    good: text(["file,label", ...rows((n) => `${n}.png,a`), ...rows((n, i) => `${n}.png,${"bc"[i % 2]}`)]),
  },
  {
    name: "CelebA's list",
    file: "list_attr_celeba.txt",
    good: text(celeba),
    folder: "img_align_celeba/",
    options: { target: ["Smiling"] },
  },
  {
    name: "CelebA's partition",
    file: "list_eval_partition.txt",
    good: text(rows((n, i) => `${n}.png ${i % 3}`)),
    others: { "list_attr_celeba.txt": text(celeba) },
    folder: "img_align_celeba/",
    options: { task: "multilabel" },
  },
  {
    name: "IDX pictures",
    file: "train-images-idx3-ubyte",
    good: images,
    others: { "train-labels-idx1-ubyte": labels },
  },
  { name: "IDX labels", file: "train-labels-idx1-ubyte", good: labels, others: { "train-images-idx3-ubyte": images } },
  {
    name: "gzipped IDX pictures",
    file: "train-images-idx3-ubyte.gz",
    good: await gzip(images),
    others: { "train-labels-idx1-ubyte": labels },
  },
];

/** Longest that reading a file of a few hundred bytes may take. */
const LIMIT_MS = 2000;

for (const { name, file, good, others = {}, folder: under = "", options = {} } of cases) {
  Deno.test(`fuzz: ${name}, damaged, is read right or refused in one line`, () =>
    inFolder(async (folder) => {
      await write(folder, others);
      const isIdx = file.includes("idx");
      if (!isIdx) await write(folder, Object.fromEntries(names.map((name, i) => [`${under}${name}.png`, i])));
      // CelebA and IDX files are a folder's; a table is given by its name.
      const data = isIdx || under !== "" ? folder : `${folder}/${file}`;
      for (const { seed, bytes } of mutants(good, 40)) {
        await Deno.writeFile(`${folder}/${file}`, bytes);
        const began = performance.now();
        try {
          const { samples, classes, task } = await openDataset(data, options);
          for (const { file, label } of samples) {
            assert(isIdx || (await Deno.stat(`${folder}/${file}`)).isFile, `seed ${seed}: ${file}`);
            const most = task === "multiclass" ? classes.length - 1 : 1;
            assert(label.every((value) => Number.isInteger(value) && value >= 0 && value <= most), `seed ${seed}`);
          }
        } catch (error) {
          assert(error instanceof UserError, `seed ${seed}: ${error instanceof Error ? error.stack : error}`);
          // deno-lint-ignore no-control-regex
          assert(!/[\x00-\x1f\x7f]/.test(error.message), `seed ${seed}: ${JSON.stringify(error.message)}`);
        }
        assert(performance.now() - began < LIMIT_MS, `seed ${seed} took too long`);
      }
    }));
}
