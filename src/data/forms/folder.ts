/**
 * A folder for each class: `cat/1.jpg`, `dog/2.png`; or the same under `train/`, `val/` and `test/`.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import { printable } from "../names.ts";
import { type Inside, listFolders, listPictures } from "../paths.ts";

/** A picture that was found, and its class. */
export interface NamedPicture {
  /** Path relative to the data folder. */
  readonly file: string;
  /** The class's name. */
  readonly name: string;
  /** Part that the data set itself assigns. */
  readonly split?: SplitName;
}

/** Names by which folders and split columns call the three parts. CelebA's partition file counts them. */
export const partNames: ReadonlyMap<string, SplitName> = new Map([
  ["train", "train"],
  ["training", "train"],
  ["0", "train"],
  ["val", "val"],
  ["valid", "val"],
  ["validation", "val"],
  ["dev", "val"],
  ["1", "val"],
  ["test", "test"],
  ["testing", "test"],
  ["2", "test"],
]);

/** What a folder per class holds. */
export interface ReadFolder {
  /** Sorted by class and path. */
  readonly pictures: readonly NamedPicture[];
  /** Class folders without pictures. */
  readonly empty: readonly string[];
}

/**
 * Lists the pictures of a folder per class, at any depth below it. Where all folders are called train, val or test (or
 * validation and the like), classes are the folders inside those.
 *
 * @param inside The data folder.
 * @returns Pictures with their classes, and class folders that are empty.
 * @throws {UserError} If there are no class folders, or all of them are empty.
 */
export async function readFolder(inside: Inside): Promise<ReadFolder> {
  const read = await readParts(inside);
  if (read.pictures.length > 0) return read;
  throw new UserError(`No class folder of ${printable(inside.root)} has .jpg or .png pictures: add some`);
}

async function readParts(inside: Inside): Promise<ReadFolder> {
  const folders = await listFolders(inside, ".");
  const parts = folders.map((name) => /^\d+$/.test(name) ? undefined : partNames.get(name.toLowerCase()));
  if (parts.includes("train") && !parts.includes(undefined)) {
    const found = await Promise.all(folders.map((folder, i) => readClasses(inside, folder, parts[i])));
    return { pictures: found.flatMap(({ pictures }) => pictures), empty: found.flatMap(({ empty }) => empty) };
  }
  return await readClasses(inside, ".", undefined);
}

async function readClasses(inside: Inside, under: string, split: SplitName | undefined): Promise<ReadFolder> {
  const found: NamedPicture[] = [];
  const empty: string[] = [];
  const folders = await listFolders(inside, under);
  if (folders.length === 0) {
    throw new UserError(
      `Cannot find classes in ${
        printable(inside.root)
      }/${under}: expected a folder of pictures for each class, a .csv with labels, ` +
        "list_attr_celeba.txt, or IDX files",
    );
  }
  for (const name of folders) {
    const folder = under === "." ? name : `${under}/${name}`;
    const pictures = await listPictures(inside, folder, true);
    if (pictures.length === 0) empty.push(folder);
    for (const file of pictures) found.push(split === undefined ? { file, name } : { file, name, split });
  }
  return { pictures: found, empty };
}
