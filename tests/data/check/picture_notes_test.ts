import { assertEquals } from "@std/assert";
import { pictureNotes, type Prepared } from "../../../src/data/check/picture_notes.ts";
import { openDataset } from "../../../src/data/open.ts";
import { deepPng, inFolder, noisePng, write } from "../sets.ts";

const deep = (...values: number[]) => deepPng([...values, ...values], values.length);
const few = "pictures of 16 bits use values";
const long = "are at least twice as long as wide, such as";

const noted: [name: string, files: Record<string, Uint8Array>, prepared: Prepared, notes: string[]][] = [
  ["nothing of usual pictures", { "a/1.png": noisePng(1, 20, 11), "b/1.png": noisePng(2, 3, 4) }, {}, []],
  [
    "long pictures, the longest by name",
    { "a/1.png": noisePng(1, 20, 10), "b/1.png": noisePng(2, 5, 30) },
    {},
    [`2 of 2 pictures ${long} b/1.png (5×30): cropping keeps half of them or less; option fit pad or squash keeps all`],
  ],
  [
    "nothing where long pictures are padded",
    { "a/1.png": noisePng(1, 20, 4), "b/1.png": noisePng(2) },
    { fit: "pad" },
    [],
  ],
  [
    "nothing of one long picture in many",
    Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`${"ab"[i % 2]}/${i}.png`, noisePng(i, i ? 4 : 9, 4)])),
    {},
    [],
  ],
  [
    "12 bits in 16",
    { "a/1.png": deep(0, 900), "b/1.png": deep(7, 4080), "b/2.png": noisePng(1) },
    {},
    [`${few} 0 to 4080 only (2 of 2 looked at), which leaves 16 of 256 grey levels; option range 0:4095 keeps them apart`],
  ],
  [
    "few values far from 0",
    { "a/1.png": deep(31000, 33000), "b/1.png": deep(32000, 34000) },
    {},
    [
      `${few} 31000 to 34000 only (2 of 2 looked at), which leaves 12 of 256 grey levels; ` +
      "option range 31000:34000 keeps them apart",
    ],
  ],
  ["nothing where a range is given", { "a/1.png": deep(0, 9), "b/1.png": deep(1, 2) }, { range: [0, 9] }, []],
  ["nothing of 16 bits that are used", { "a/1.png": deep(0, 9), "b/1.png": deep(1, 60000) }, {}, []],
];
for (const [name, files, prepared, notes] of noted) {
  Deno.test(`pictureNotes() notes ${name}`, () =>
    inFolder(async (folder) => {
      await write(folder, files);
      assertEquals(await pictureNotes(await openDataset(folder), prepared), notes);
    }));
}
