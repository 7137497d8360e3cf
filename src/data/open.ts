/**
 * Opens a data set of any of the forms that are understood.
 *
 * A form of data is a reader in `forms/` that gives files, labels and perhaps splits (`ReadLabels`), and a branch
 * here. `tests/data/open_test.ts` opens each.
 *
 * @module
 */

import { option, systemFault, UserError } from "../errors.ts";
import { findAttributes, readCeleba } from "./forms/celeba.ts";
import { balanceWarnings, Dataset, type DatasetKind, type Sample } from "./dataset.ts";
import { readFolder } from "./forms/folder.ts";
import { PictureError, readHeader, uprightSize } from "./pictures/header.ts";
import { findIdx, type IdxPart, readIdx } from "./forms/idx.ts";
import { type Labels, labelsOfNames } from "./labels.ts";
import { type ManifestOptions, type ReadLabels, readManifest } from "./forms/manifest.ts";
import { counted, firstNames, printable } from "./names.ts";
import { Inside, isFile, isFolder, listPictures } from "./paths.ts";
import { type FileSource, pathOf } from "./store/source.ts";

/** What is wanted of a data set. */
export interface OpenOptions extends ManifestOptions {
  /** Whether a manifest may name files outside the data folder. False by default. */
  readonly allowOutside?: boolean;
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
    return (await open(path, options)).openedAs({ data: path, ...options });
  } catch (error) {
    throw systemFault(`Cannot open ${printable(path)}`, error);
  }
}

async function open(path: string, options: OpenOptions): Promise<Dataset> {
  const given = path.replace(/(?<=.)[\\/]+$/, "");
  if (await isFile(given)) {
    if (!/\.csv$/i.test(given)) {
      throw new UserError(`Cannot open ${printable(path)}: give a folder, or a .csv file with a row for each picture`);
    }
    return await openManifest(given, options);
  }
  if (!await isFolder(given)) {
    throw new UserError(
      `Cannot open ${printable(path)}: there is no such folder or file; give another ${option("data")}`,
    );
  }
  const attributes = await findAttributes(given);
  if (attributes !== undefined) {
    const inside = await Inside.open(given);
    return await fromFiles("celeba", inside, await readCeleba(attributes, inside, options));
  }
  const parts = await findIdx(given);
  if (parts.length > 0) return await openIdx(parts, options);
  const names = (await Array.fromAsync(Deno.readDir(given))).map(({ name }) => name);
  // What `data split` leaves in a folder is not the folder's labels; it can still be given by its own name.
  const manifests = names.filter((name) => /^[^.].*\.csv$/i.test(name) && name !== "split.csv").sort();
  if (manifests.length === 1) return await openManifest(`${given}/${manifests[0]}`, options);
  if (manifests.length > 1) {
    throw new UserError(
      `${printable(path)} has ${manifests.length} .csv files (${firstNames(manifests)}): give the one with the labels`,
      2,
    );
  }
  return await openFolder(given, options);
}

async function openFolder(root: string, options: OpenOptions): Promise<Dataset> {
  const inside = await Inside.open(root);
  const pictures = await readFolder(inside);
  const labels = labelsOfNames(pictures.map(({ name }) => name), options);
  const files = pictures.map(({ file }) => file);
  const splits = pictures.flatMap(({ split }) => split === undefined ? [] : [split]);
  return await fromFiles("folder", inside, splits.length === 0 ? { files, labels } : { files, labels, splits });
}

async function openManifest(path: string, options: OpenOptions): Promise<Dataset> {
  const folder = /^(.*)[\\/][^\\/]*$/.exec(path)?.[1];
  const inside = await Inside.open(folder === undefined ? "." : folder || "/", options.allowOutside);
  const read = await readManifest(path, inside, options);
  const listed = new Set(read.files.map((file) => file.replace(/^\.\//, "")));
  const unlisted = (await listPictures(inside, ".", true)).filter((file) => !listed.has(file));
  const warning = `${counted(unlisted.length, "picture")} in the folder not listed (${firstNames(unlisted)})`;
  return await fromFiles("csv", inside, read, unlisted.length > 0 ? [warning] : []);
}

async function openIdx(parts: readonly IdxPart[], options: OpenOptions): Promise<Dataset> {
  const { source, labels: numbers, files, splits } = await readIdx(parts);
  const labels = labelsOfNames([...numbers].map(String), options);
  const samples = samplesOf({ files, labels, splits });
  return finish("idx", labels, samples, { source, pictureSize: Math.min(source.width, source.height) }, []);
}

async function fromFiles(
  kind: DatasetKind,
  inside: Inside,
  read: ReadLabels,
  warnings: readonly string[] = [],
): Promise<Dataset> {
  const source: FileSource = { form: "files", root: inside.root, paths: read.files, channels: 3 };
  const samples = samplesOf(read);
  const pictureSize = await medianSize(source, read.labels.kept.slice(0, 9));
  return finish(kind, read.labels, samples, pictureSize === undefined ? { source } : { source, pictureSize }, warnings);
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
  pictures: Pick<Dataset, "source" | "pictureSize">,
  warnings: readonly string[],
): Dataset {
  const { task, classes, kept } = labels;
  const parts = { kind, task, classes, samples, positions: kept, ...pictures };
  const balance = balanceWarnings(new Dataset({ ...parts, warnings: [] }));
  return new Dataset({ ...parts, warnings: [...labels.warnings, ...warnings, ...balance] });
}

/** Median shorter side of a few pictures; broken ones are passed over here and refused when the set is loaded. */
async function medianSize(source: FileSource, positions: readonly number[]): Promise<number | undefined> {
  const sizes: number[] = [];
  for (const position of positions) {
    try {
      const { width, height } = uprightSize(readHeader(await Deno.readFile(pathOf(source, position))));
      sizes.push(Math.min(width, height));
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
    }
  }
  return sizes.sort((a, b) => a - b)[sizes.length >> 1];
}
