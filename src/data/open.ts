/**
 * Opens a data set of any of the forms that are understood.
 *
 * A form of data is a reader in `forms/` that gives files, labels and perhaps splits (`ReadLabels`), and a branch
 * here. `tests/data/open_test.ts` opens each.
 *
 * @module
 */

import { option, systemFault, UserError } from "../errors.ts";
import { refuseIrregular } from "../files.ts";
import { isMissing, leftOutLines } from "./forms/cells.ts";
import { findAttributes, readCeleba } from "./forms/celeba.ts";
import { balanceWarnings } from "./balance.ts";
import { Dataset, type DatasetKind, type DatasetParts, type Sample } from "./dataset.ts";
import { isPart, readFolder } from "./forms/folder.ts";
import { peekFile } from "./pictures/file.ts";
import { PictureError, uprightSize } from "./pictures/header.ts";
import { findIdx, type IdxPart, readIdx } from "./forms/idx.ts";
import { idxNames } from "./forms/idx_names.ts";
import { type Labels, labelsOfNames } from "./labels.ts";
import { type LabelFile, namesPictures, partOfFile, type ReadLabels, readManifest } from "./forms/manifest.ts";
import type { ManifestOptions } from "./forms/manifest_labels.ts";
import { counted, firstNames, printable } from "./names.ts";
import { Inside, isFile, isFolder, naturallySorted } from "./paths.ts";
import type { OnProgress } from "./store/scan.ts";
import { splitNames } from "./split.ts";
import { type FileSource, pathOf } from "./store/source.ts";
import { listFolders, listPictures, survey } from "./tree.ts";

/** What is wanted of a data set. */
export interface OpenOptions extends ManifestOptions {
  /** Whether links and label files may lead out of the data folder. False by default. */
  readonly allowOutside?: boolean;
  /** Folder that the paths of a label file are relative to. By default the one in which it is. */
  readonly pictures?: string;
  /** Largest picture that is decoded, in megapixels. 100 by default. */
  readonly maxMegapixels?: number;
  /** Is told how far the opening is, where that is long. */
  readonly onProgress?: OnProgress;
  /**
   * Names of the classes of IDX files, in the order of their numbers; `numbers` for none; `fashion-mnist` for its own.
   * By default those of a file `class_names.txt` or the like beside them, or of data that are known.
   */
  readonly classNames?: readonly string[];
}

/**
 * Opens a data set and reads its labels; pictures are read later. Looked for in this order: a `.csv` file itself; a
 * folder with CelebA's lists, with IDX files, with one `.csv`, with a folder for each class.
 *
 * @param path A folder, or a CSV file in the folder that its paths are relative to.
 * @param options Task, targets, columns.
 * @returns The data set, with warnings about what was noticed.
 * @throws {UserError} If nothing is there, labels and pictures disagree, a target is unknown, or a label is wrong.
 *
 * @example
 * ```ts
 * import { openDataset } from "@fovea/fovea";
 *
 * const pets = await openDataset("./pets"); // a folder for each class
 * const glasses = await openDataset("./celeba", { task: "binary", target: ["Eyeglasses"] });
 * ```
 */
export async function openDataset(path: string, options: OpenOptions = {}): Promise<Dataset> {
  try {
    const { onProgress: _, ...asked } = options;
    return (await open(path, options)).openedAs({ data: path, ...asked });
  } catch (error) {
    throw systemFault(`Cannot open ${printable(path)}`, error);
  }
}

async function open(path: string, options: OpenOptions): Promise<Dataset> {
  const given = path.replace(/(?<=.)[\\/]+$/, "");
  if (await isFile(given)) {
    if (!/\.(csv|tsv|txt)$/i.test(given)) {
      throw new UserError(
        `Cannot open ${printable(path)}: give a folder, or a .csv, .tsv or .txt file with a row for each picture`,
      );
    }
    return await openManifest([{ path: given }], options);
  }
  await refuseOther(given);
  if (!await isFolder(given)) {
    throw new UserError(
      `Cannot open ${printable(path)}: there is no such folder or file; give another ${option("data")}`,
    );
  }
  const attributes = await findAttributes(given);
  if (attributes !== undefined) {
    const inside = await Inside.open(given, options.allowOutside);
    return fromFiles("celeba", inside, await readCeleba(attributes, inside, options), options);
  }
  const parts = await findIdx(given);
  if (parts.length > 0) return await openIdx(given, parts, options);
  const { labels, tables, passedOver } = await findManifests(given, options);
  const ofParts = partFiles(given, labels);
  if (labels.length > 1 && ofParts === undefined) {
    throw new UserError(
      `${printable(path)} has ${labels.length} label files (${firstNames(labels)}): give the one with the labels`,
      2,
    );
  }
  const label = ofParts ?? labels.map((name): LabelFile => ({ path: `${given}/${name}` }));
  if (label.length > 0) return await openManifest(label, options, passedOver);
  let inner = given;
  for (let only = await onlyFolder(inner, options); only !== undefined; only = await onlyFolder(inner, options)) {
    inner = `${inner}/${only}`;
    if (await isDataFolder(inner, options)) break;
  }
  if (inner !== given) {
    const data = await open(inner, options);
    return data.describedAs(`taken from ${printable(inner.slice(given.length + 1))}/: ${data.form ?? data.kind}`);
  }
  // A folder that cannot be one of classes has but its table, which says what is wrong with it.
  const folders = tables.length === 1 ? await listFolders(await Inside.open(given, true), ".") : [];
  if (tables.length === 1 && folders.length < 2) {
    return await openManifest([{ path: `${given}/${tables[0]}` }], options);
  }
  try {
    return await openFolder(given, options);
  } catch (error) {
    if (!(error instanceof UserError) || tables.length === 0) throw error;
    const names = tables.length === 1 ? "names" : "name";
    throw new UserError(`${error.textWith(option)}; ${firstNames(tables)} ${names} no picture there`, error.exitCode);
  }
}

/** Refuses what is neither a folder nor a file, such as a pipe, which would be waited for. */
async function refuseOther(path: string): Promise<void> {
  if (!await isFolder(path)) await refuseIrregular(path);
}

/** The tables of a folder: those whose cells name pictures are labels, others, such as notes, are passed over. */
async function findManifests(root: string, options: OpenOptions) {
  const names = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name);
  // What `data split` leaves in a folder is not the folder's labels; it can still be given by its own name.
  const files = names.filter((name) => /^[^.].*\.(csv|tsv|txt)$/i.test(name) && name !== "split.csv").sort();
  const tables = files.filter((name) => /\.(csv|tsv)$/i.test(name));
  if (files.length === 0) return { labels: [], tables, passedOver: [] };
  const inside = await Inside.open(options.pictures ?? root, options.allowOutside);
  const pictures = await listPictures(inside, ".", true);
  const labels: string[] = [];
  for (const name of files) {
    // Its labels are examples of an answer.
    if (/^sample[-_ ]?submission\b/i.test(name)) continue;
    if (await namesPictures(`${root}/${name}`, inside, pictures)) labels.push(name);
  }
  const others = tables.filter((name) => !labels.includes(name));
  return { labels, tables, passedOver: others.length === 0 ? [] : [`passed over: ${firstNames(others)}`] };
}

async function openFolder(root: string, options: OpenOptions): Promise<Dataset> {
  const inside = await Inside.open(root, options.allowOutside);
  const { pictures, faults, empty, form, notes } = await readFolder(inside, options.target);
  const names = pictures.map(({ name }) => name);
  const [only] = names;
  if (empty.length > 0 && options.classes === undefined && names.every((name) => name === only)) {
    throw new UserError(
      `Cannot tell apart ${printable(only)} alone: ${counted(empty.length, "class folder")} without pictures (${
        firstNames(empty)
      }); add some`,
    );
  }
  const labels = labelsOfNames(names, options);
  const files = pictures.map(({ file }) => file);
  const splits = pictures.flatMap(({ split }) => split === undefined ? [] : [split]);
  const missing = labels.classes.filter(isMissing);
  const warnings = [
    ...empty.length > 0
      ? [`${counted(empty.length, "class folder")} without pictures, passed over: ${firstNames(empty)}`]
      : [],
    ...notes,
    ...missing.length > 0
      ? [`class ${firstNames(missing)}: programs write so where there is no label; is it a class?`]
      : [],
  ];
  const read = splits.length === 0 ? { files, labels } : { files, labels, splits };
  return fromFiles("folder", inside, read, options, { form, faults, warnings });
}

/**
 * The one folder that a folder holds, where the data are in there: a zip that was unpacked into a folder of its name.
 *
 * @returns Its name; undefined where the folder itself is the data folder.
 */
async function onlyFolder(root: string, options: OpenOptions): Promise<string | undefined> {
  const inside = await Inside.open(root, options.allowOutside);
  const [name, ...others] = await listFolders(inside, ".");
  if (name === undefined || others.length > 0 || isPart(name)) return undefined;
  const { tree } = await survey(inside, ".", false);
  if (tree.pictures.length > 0) return undefined;
  const below = await listFolders(inside, name);
  const loose = await listPictures(inside, name, false);
  return (below.length > 0 && loose.length === 0) || await isDataFolder(`${root}/${name}`, options) ? name : undefined;
}

/** Whether a folder has labels in files, of any form. */
async function isDataFolder(folder: string, options: OpenOptions): Promise<boolean> {
  return await findAttributes(folder) !== undefined || (await findIdx(folder)).length > 0 ||
    (await findManifests(folder, options)).labels.length > 0;
}

/** Label files that are called like the parts of a data set, where all of several are and no part is there twice. */
function partFiles(root: string, names: readonly string[]): LabelFile[] | undefined {
  const files = names.map((name) => ({ path: `${root}/${name}`, part: partOfFile(name)! }));
  const parts = new Set(files.map(({ part }) => part));
  if (names.length < 2 || parts.size < names.length || names.some((name) => partOfFile(name) === undefined)) {
    return undefined;
  }
  return splitNames.flatMap((part) => files.filter((file) => file.part === part));
}

async function openManifest(
  files: readonly LabelFile[],
  options: OpenOptions,
  notes: readonly string[] = [],
): Promise<Dataset> {
  const folder = /^(.*)[\\/][^\\/]*$/.exec(files[0].path)?.[1];
  const beside = folder === undefined ? "." : folder || "/";
  if (options.pictures !== undefined && !await isFolder(options.pictures)) {
    throw new UserError(
      `Cannot open ${printable(options.pictures)}: there is no such folder; give ${option("pictures")}`,
    );
  }
  const inside = await Inside.open(options.pictures ?? beside, options.allowOutside);
  const pictures = await listPictures(inside, ".", true);
  const read = await readManifest(files, inside, pictures, options);
  // A row that was left out lists its picture all the same.
  const named = [...read.files, ...(read.leftOut ?? []).map(({ file }) => file)];
  const listed = new Set(named.map((file) => file.replace(/^\.\//, "")));
  const unlisted = pictures.filter((file) => !listed.has(file));
  const warning = `${counted(unlisted.length, "picture")} in the folder not listed (${firstNames(unlisted)})`;
  return fromFiles("csv", inside, read, options, { warnings: unlisted.length > 0 ? [...notes, warning] : notes });
}

async function openIdx(root: string, parts: readonly IdxPart[], options: OpenOptions): Promise<Dataset> {
  const read = await readIdx(parts);
  const { source, files, splits } = read;
  const { names, notes } = await idxNames(root, read, options.classNames);
  const nameOf = (number: string) => names?.[Number(number)] ?? number;
  // Names stand in the order of the numbers, so that a network is the same with names and without.
  const order = naturallySorted(new Set(Array.from(read.labels, String))).map(nameOf);
  const target = options.target?.map((name) => order.includes(name) ? name : nameOf(name));
  const labels = labelsOfNames(Array.from(read.labels, (label) => nameOf(`${label}`)), { ...options, target }, order);
  const samples = samplesOf({ files, labels, splits });
  return finish("idx", labels, samples, { source, pictureSize: Math.min(source.width, source.height) }, notes);
}

/** What was noticed on the way, besides the labels. */
interface Noticed {
  readonly form?: string;
  /** Files that are not to be opened, and why. */
  readonly faults?: ReadonlyMap<string, string>;
  readonly warnings?: readonly string[];
}

function fromFiles(
  kind: DatasetKind,
  inside: Inside,
  read: ReadLabels,
  { maxMegapixels }: OpenOptions,
  { form = read.form, faults, warnings = [] }: Noticed = {},
): Dataset {
  const problems = new Map(read.files.flatMap((file, i) => {
    const fault = (faults ?? read.unread)?.get(file);
    return fault === undefined ? [] : [[i, fault] as const];
  }));
  const source: FileSource = {
    form: "files",
    root: inside.root,
    paths: read.files,
    channels: 3,
    ...problems.size > 0 && { problems },
    ...maxMegapixels !== undefined && { maxPixels: maxMegapixels * 1e6 },
  };
  const samples = samplesOf(read);
  const pictureSize = medianSize(source, read.labels.kept.slice(0, 9));
  const { notes = [], leftOut = [] } = read;
  const pictures = pictureSize === undefined ? { source } : { source, pictureSize };
  return finish(kind, read.labels, samples, { ...pictures, leftOut, form }, [
    ...notes,
    ...leftOutLines(leftOut),
    ...warnings,
  ]);
}

function samplesOf({ files, labels, splits }: ReadLabels): Sample[] {
  return labels.kept.map((i, k) => {
    const sample = { file: files[i], label: labels.labels[k] };
    return splits === undefined ? sample : { ...sample, split: splits[i] };
  });
}

function finish(
  kind: DatasetKind,
  labels: Labels,
  samples: readonly Sample[],
  pictures: Pick<DatasetParts, "source" | "pictureSize" | "leftOut" | "form">,
  warnings: readonly string[],
): Dataset {
  const { task, classes, kept } = labels;
  const parts = { kind, task, classes, samples, positions: kept, ...pictures };
  const balance = labels.isKnown ? [] : balanceWarnings(new Dataset({ ...parts, warnings: [] }));
  return new Dataset({ ...parts, warnings: [...labels.warnings, ...warnings, ...balance] });
}

/** Median shorter side of a few pictures, from their headers; broken ones are refused when the set is loaded. */
function medianSize(source: FileSource, positions: readonly number[]): number | undefined {
  const sizes: number[] = [];
  for (const position of positions) {
    if (source.problems?.has(position)) continue;
    try {
      const header = peekFile(pathOf(source, position), source);
      if (header === undefined) continue;
      const { width, height } = uprightSize(header);
      sizes.push(Math.min(width, height));
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
    }
  }
  return sizes.sort((a, b) => a - b)[sizes.length >> 1];
}
