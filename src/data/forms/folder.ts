/**
 * A folder for each class: `cat/1.jpg`, `dog/2.png`; or the same under `train/`, `val/` and `test/`. Which of the two
 * it is, is decided from all top folders, and said.
 *
 * @module
 */

import { option, UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import { counted, firstNames, printable } from "../names.ts";
import { type Inside, sorted } from "../paths.ts";
import { splitNames } from "../split.ts";
import { countOf, faultsOf, picturesOf, type Survey, survey, type Tree } from "../tree.ts";

/** A picture that was found, and its class. */
export interface NamedPicture {
  /** Path relative to the data folder. */
  readonly file: string;
  /** The class's name. */
  readonly name: string;
  /** Part that the data set itself assigns. */
  readonly split?: SplitName;
}

/** What a folder per class holds. */
export interface ReadFolder {
  /** Sorted by class and path, those that cannot be read among them. */
  readonly pictures: readonly NamedPicture[];
  /** Pictures that cannot be read, and why. */
  readonly faults: ReadonlyMap<string, string>;
  /** Class folders without pictures. */
  readonly empty: readonly string[];
  /** Its form in one line: `parts: train, valid; classes: 12; passed over: runs/, .DS_Store`. */
  readonly form: string;
  /** What was noticed, a line each. */
  readonly notes: readonly string[];
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

/** Words beside a part's name that say nothing: `training_set`, `val-images`. */
const fillers = new Set("set sets data dataset image images img imgs picture pictures photos split folder".split(" "));

/** The part that a folder's name says. */
interface PartName {
  readonly part: SplitName;
  /** Whether the name says nothing else: `seg_train` may be a part, `train` is one. */
  readonly isExact: boolean;
}

function partOf(name: string): PartName | undefined {
  // `trainset` is two words, and `train2017` a part of one year.
  const words = name.toLowerCase().replace(/(?<=train|val|test)(set|data|images|imgs)?\d*$/, " $1").split(/[-_. ]+/)
    .filter((word) => word !== "");
  const parts = words.flatMap((word) => /^\d+$/.test(word) ? [] : partNames.get(word) ?? []);
  if (parts.length !== 1) return undefined;
  const rest = words.filter((word) => !partNames.has(word) && !fillers.has(word) && !/^\d+$/.test(word));
  return { part: parts[0], isExact: rest.length === 0 };
}

/**
 * Whether a folder's name is a part's.
 *
 * @param name The name.
 * @returns True for train, val and test, their usual variants and their words with `set`, `images` and the like.
 */
export function isPart(name: string): boolean {
  return partNamed(name) !== undefined;
}

/** The part that a name says, where it says nothing else. */
export function partNamed(name: string): SplitName | undefined {
  const found = partOf(name);
  return found?.isExact ? found.part : undefined;
}

/** A folder at the top, and what it may be. */
interface Top {
  readonly tree: Tree;
  readonly name: PartName | undefined;
  /** The folder whose subfolders would be classes, were this a part: itself, or the one folder in it. */
  readonly holder: Tree;
  /** Names of those. */
  readonly classes: ReadonlySet<string>;
}

function topOf(tree: Tree): Top {
  let holder = tree;
  while (holder.pictures.length === 0 && holder.folders.length === 1 && holdsFoldersOnly(holder.folders[0])) {
    holder = holder.folders[0];
  }
  const classes = new Set(holder.folders.filter((folder) => countOf(folder) > 0).map(({ name }) => name));
  return { tree, name: partOf(tree.name), holder, classes };
}

/** Whether a folder holds folders with pictures, and no pictures of its own. */
const holdsFoldersOnly = (tree: Tree): boolean =>
  tree.pictures.length === 0 && tree.folders.some((folder) => countOf(folder) > 0);

/**
 * Lists the pictures of a folder per class, at any depth below it. A part's name is never a class; what is beside parts
 * is passed over; folders that hold the same subfolders are parts.
 *
 * @param inside The data folder.
 * @param targets Classes that are wanted: where they are the top folders, those are the classes beyond doubt.
 * @returns Pictures with their classes, and what was noticed.
 * @throws {UserError} If there are no class folders, all of them are empty, or it cannot be told what is a class.
 */
export async function readFolder(inside: Inside, targets: readonly string[] = []): Promise<ReadFolder> {
  const found = await survey(inside);
  const tops = found.tree.folders.map(topOf);
  const parts = partsOf(tops);
  if (parts.length === 0 && !targets.some((target) => tops.some(({ tree }) => tree.name === target))) {
    refuseLikeParts(tops);
  }
  const flat = parts.length > 0 ? [] : flatParts(tops, inside);
  const besides = parts.length > 0 ? tops.filter((top) => !parts.includes(top)) : flat;
  const holders = parts.length > 0
    ? parts.map(({ holder, name }) => ({ holder, split: name!.part }))
    : [{ holder: found.tree, split: undefined }];
  const read = holders.map(({ holder, split }) => readClasses(holder, split, flat));
  const pictures = read.flatMap((part) => part.pictures);
  refuseNone(found, pictures, inside);
  return {
    pictures,
    faults: faultsOf(found.tree),
    empty: read.flatMap(({ empty }) => empty),
    form: formOf(parts, pictures, besides, found),
    notes: [
      ...besideNotes(besides, parts),
      ...looseNotes(found, parts),
      ...nestedNotes(holders.map((h) => h.holder)),
      ...found.passedOver.warnings(),
    ],
  };
}

/** The top folders that are parts; none where the top folders are classes. */
function partsOf(tops: readonly Top[]): Top[] {
  const parts = tops.filter(({ name, classes, holder }) =>
    name !== undefined && classes.size > 0 && holder.pictures.length <= countOf(holder) / 2
  );
  const sharesClasses = ({ classes }: Top) =>
    parts.some((other) => other.classes !== classes && !other.classes.isDisjointFrom(classes));
  // A name that says something else, too, is a part's where another part has the same classes.
  const sure = parts.filter((top) => top.name!.isExact || sharesClasses(top));
  if (sure.length === 0) return [];
  const others = tops.filter((top) => !sure.includes(top) && countOf(top.tree) > 0 && top.name === undefined);
  if (!sure.some(({ name }) => name!.part === "train") && others.length > 0) {
    throw new UserError(
      `Cannot tell classes from parts: ${namesOf(sure)} hold${sure.length === 1 ? "s" : ""} class folders, and ${
        namesOf(others)
      } beside it hold pictures, too; move the class folders for training into train/`,
    );
  }
  return sure;
}

const namesOf = (tops: readonly Top[]): string => firstNames(tops.map(({ tree }) => `${tree.name}/`));

/** Folders that hold the same subfolders are parts, whose names do not say which: that is for the user to say. */
function refuseLikeParts(tops: readonly Top[]): void {
  const full = tops.filter(({ tree }) => countOf(tree) > 0);
  const [first] = full;
  const isAlike = ({ classes, holder }: Top) =>
    holder.pictures.length === 0 && classes.size > 1 && classes.symmetricDifference(first.classes).size === 0;
  if (full.length < 2 || !full.every(isAlike)) return;
  throw new UserError(
    `${namesOf(full)} hold the same folders (${firstNames(sorted(first.classes))}), as parts of a data set do: call ` +
      `them train, val and test; or, where they are the classes, name them with ${option("target")}`,
  );
}

/**
 * Folders called like parts that hold pictures without classes. Beside class folders they are passed over; with nothing
 * else there are no classes. A class called train, as of vehicles, is one where nothing else is called like a part.
 */
function flatParts(tops: readonly Top[], inside: Inside): Top[] {
  const flat = tops.filter(({ tree, name }) => name?.isExact && countOf(tree) > 0);
  const others = tops.filter((top) => !flat.includes(top) && countOf(top.tree) > 0);
  if (flat.length === 0 || (flat.length === 1 && flat[0].name!.part === "train" && others.length > 0)) return [];
  if (others.length > 1) return flat;
  throw new UserError(
    `${namesOf(inOrder(flat))} of ${printable(inside.root)} ${
      flat.length === 1 ? "is a part" : "are parts"
    } of a data set, and have no class folders: put each picture into a folder of its class (${
      printable(inOrder(flat)[0].tree.name)
    }/cat/1.jpg), or give a CSV file with labels`,
  );
}

function readClasses(holder: Tree, split: SplitName | undefined, without: readonly Top[]) {
  const pictures: NamedPicture[] = [];
  const empty: string[] = [];
  for (const folder of holder.folders) {
    if (without.some(({ tree }) => tree === folder)) continue;
    const files = picturesOf(folder);
    if (files.length === 0) empty.push(folder.path);
    const { name } = folder;
    for (const file of files) pictures.push(split === undefined ? { file, name } : { file, name, split });
  }
  return { pictures, empty };
}

function refuseNone({ tree, passedOver }: Survey, pictures: readonly NamedPicture[], { root }: Inside): void {
  if (pictures.length > 0) return;
  const unread = passedOver.warnings();
  if (tree.folders.length === 0) {
    const loose = tree.pictures.length === 0
      ? ""
      : ` (${counted(tree.pictures.length, "picture")} lie in it as they are)`;
    throw new UserError(
      `Cannot find classes in ${printable(root)}${loose}: expected a folder of pictures for each class, a .csv with ` +
        `labels, list_attr_celeba.txt, or IDX files${unread.map((line) => `; ${line}`).join("")}`,
    );
  }
  throw new UserError(
    `No class folder of ${printable(root)} has pictures: ${unread.length > 0 ? unread.join("; ") : "add some"}`,
  );
}

function formOf(
  parts: readonly Top[],
  pictures: readonly NamedPicture[],
  besides: readonly Top[],
  { passedOver }: Survey,
): string {
  const classes = new Set(pictures.map(({ name }) => name)).size;
  const left = [...besides.map(({ tree }) => `${printable(tree.name)}/`), ...passedOver.names()];
  return [
    ...parts.length > 0 ? [`parts: ${inOrder(parts).map(({ tree }) => printable(tree.name)).join(", ")}`] : [],
    `classes: ${classes}`,
    ...left.length > 0 ? [`passed over: ${listed(left)}`] : [],
  ].join("; ");
}

/** Parts for training first, then those for validation and for the test. */
function inOrder(parts: readonly Top[]): Top[] {
  return [...parts].sort((a, b) => splitNames.indexOf(a.name!.part) - splitNames.indexOf(b.name!.part));
}

/** Names as they are, the first of many. */
function listed(names: readonly string[]): string {
  const shown = 8;
  return names.length > shown
    ? `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`
    : names.join(", ");
}

/** Says of the folders beside the parts, or beside the classes, how many pictures they hold. */
function besideNotes(besides: readonly Top[], parts: readonly Top[]): string[] {
  const full = besides.filter(({ tree }) => countOf(tree) > 0);
  if (full.length === 0) return [];
  const named = firstNames(full.map(({ tree }) => `${tree.name}/ (${counted(countOf(tree), "picture")})`));
  return [
    parts.length > 0
      ? `${named} beside the parts passed over`
      : `${named} passed over: called like a part, it is no class, and has no class folders`,
  ];
}

/** Names the pictures that lie beside the class folders. */
function looseNotes({ tree }: Survey, parts: readonly Top[]): string[] {
  const loose = [tree, ...parts.map(({ holder }) => holder)].flatMap((folder) => folder.pictures);
  if (loose.length === 0) return [];
  return [`${counted(loose.length, "picture")} beside the class folders passed over: ${firstNames(loose)}`];
}

/** Names the folders within class folders: their pictures are of the class. */
function nestedNotes(holders: readonly Tree[]): string[] {
  const nested = holders.flatMap(({ folders }) => folders).flatMap(({ folders }) =>
    folders.filter((folder) => countOf(folder) > 0).map(({ path }) => path)
  );
  if (nested.length === 0) return [];
  return [
    `${counted(nested.length, "folder")} within class folders ${
      nested.length === 1 ? "counts" : "count"
    } as the class: ${firstNames(nested)}`,
  ];
}
