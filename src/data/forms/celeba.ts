/**
 * CelebA as published: `img_align_celeba/` with `list_attr_celeba.txt` or `.csv` (values 1 and −1, or 1 and 0) and,
 * where it is there, `list_eval_partition.txt` or `.csv`. The lists may lie in `Anno/` and `Eval/`, and the pictures
 * one folder deeper, as in the usual downloads.
 *
 * @module
 */

import { option, UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import { checkTargets, type LabelOptions, labelsOfColumns } from "../labels.ts";
import { counted, firstNames, printable } from "../names.ts";
import type { OnProgress } from "../store/scan.ts";
import { flagColumn, refuseDoubles, RowFaults } from "./cells.ts";
import { type ReadLabels, readSplits } from "./manifest.ts";
import { type Inside, isFile } from "../paths.ts";
import { listFolders, survey } from "../tree.ts";
import { readCelebaTable, readCsvTable, rowsOf, type Table } from "./table.ts";

const pictureFolder = "img_align_celeba";

/**
 * Finds CelebA's attribute list.
 *
 * @param root The data folder.
 * @returns Its path, or undefined where there is none.
 */
export async function findAttributes(root: string): Promise<string | undefined> {
  return await findList(root, "list_attr_celeba");
}

async function findList(root: string, stem: string): Promise<string | undefined> {
  for (const folder of ["", "Anno/", "Eval/"]) {
    for (const ending of ["txt", "csv"]) {
      const path = `${root}/${folder}${stem}.${ending}`;
      if (await isFile(path)) return path;
    }
  }
  return undefined;
}

/** What is wanted of CelebA's labels. */
export interface CelebaOptions extends LabelOptions {
  /** Whether rows without a picture, a value or a part are left out, and named. False by default. */
  readonly skipBroken?: boolean;
  /** Is told how far the reading of the list and the listing of the folder are. */
  readonly onProgress?: OnProgress;
}

/**
 * Reads CelebA's labels and compares them with the folder.
 *
 * @param attributes The attribute list.
 * @param inside The data folder.
 * @param options What is wanted of the labels. Multilabel without targets takes all attributes.
 * @returns Files relative to the data folder, labels, and splits where there is a partition list.
 * @throws {UserError} If lists and folder disagree, with counts and the first names; if an attribute is unknown.
 */
export async function readCeleba(attributes: string, inside: Inside, options: CelebaOptions): Promise<ReadLabels> {
  const whole = attributes.endsWith(".csv")
    ? await readCsvTable(attributes)
    : await readCelebaTable(attributes, undefined, options.onProgress);
  const [idColumn, ...names] = whole.header;
  const target = options.target ?? (options.task === "multilabel" ? names : []);
  checkTargets(target, names, "attribute");
  if (target.length === 0) {
    throw new UserError(
      `Cannot choose what to learn from CelebA: name attributes with ${option("target")}; it has ${
        firstNames(names, 40)
      }`,
      2,
    );
  }
  refuseDoubles(whole, idColumn);
  const folder = await findPictures(inside);
  const { tree: { pictures, faults: unread } } = await survey(inside, folder, false, options.onProgress);
  const faults = new RowFaults(whole, (row) => whole.columns[0][row]);
  const notes: string[] = [];
  if (options.skipBroken) {
    const there = new Set(pictures.map((path) => path.slice(folder.length + 1)));
    whole.columns[0].forEach((id, row) => there.has(id) || faults.addCell(row, 0, "is not there"));
    for (const name of target) flagColumn(whole, name, faults);
    const listed = new Set(whole.columns[0]);
    const unlisted = [...there].filter((id) => !listed.has(id));
    if (unlisted.length > 0) {
      notes.push(`${counted(unlisted.length, "picture")} in the folder not listed (${firstNames(unlisted)})`);
    }
  } else refuseDisagreement(whole, pictures, folder);
  const parts = await readPartition(inside.root, whole, options.skipBroken ? faults : undefined);
  const rows = faults.good;
  if (rows.length === 0) throw new UserError(`Cannot learn from ${printable(attributes)}: no row is left`);
  const table = rowsOf(whole, rows);
  const labels = labelsOfColumns(target.map((name) => ({ name, values: flagColumn(table, name) })), options);
  const files = table.columns[0].map((id) => `${folder}/${id}`);
  const read = { files, labels, notes, leftOut: faults.leftOut(), unread };
  return parts === undefined ? read : { ...read, splits: rows.map((row) => parts[row]!) };
}

async function findPictures(inside: Inside): Promise<string> {
  const folders = await listFolders(inside, ".");
  if (!folders.includes(pictureFolder)) {
    throw new UserError(`Cannot find the pictures of CelebA: ${printable(inside.root)} has no folder ${pictureFolder}`);
  }
  const deeper = await listFolders(inside, pictureFolder);
  return deeper.includes(pictureFolder) ? `${pictureFolder}/${pictureFolder}` : pictureFolder;
}

function refuseDisagreement(table: Table, pictures: readonly string[], folder: string): void {
  const ids = table.columns[0];
  const there = new Set(pictures.map((path) => path.slice(folder.length + 1)));
  const listed = new Set(ids);
  const missing = ids.filter((id) => !there.has(id));
  const unlisted = [...there].filter((name) => !listed.has(name));
  if (missing.length === 0 && unlisted.length === 0) return;
  const faults = [
    ...(missing.length > 0
      ? [`${counted(missing.length, "listed picture")} not in the folder (${firstNames(missing)})`]
      : []),
    ...(unlisted.length > 0
      ? [`${counted(unlisted.length, "picture")} in the folder not listed (${firstNames(unlisted)})`]
      : []),
  ];
  throw new UserError(
    `${printable(table.path)} (${counted(ids.length, "picture")}) disagrees with ${folder}/ (${there.size}): ` +
      `${faults.join("; ")}. Complete the folder, make the list fit it, or set ${option("skipBroken")}`,
  );
}

/** The part of each row; rows without one are refused, or told to the faults. */
async function readPartition(
  root: string,
  list: Table,
  faults: RowFaults | undefined,
): Promise<(SplitName | undefined)[] | undefined> {
  const path = await findList(root, "list_eval_partition");
  if (path === undefined) return undefined;
  const table = path.endsWith(".csv") ? await readCsvTable(path) : await readCelebaTable(path, ["partition"]);
  if (table.header.length < 2) {
    throw new UserError(`${printable(path)}:1: expected two columns, image_id and partition`);
  }
  const parts = readSplits(table, table.header[1]);
  const partOf = new Map(table.columns[0].map((id, row) => [id, parts[row]]));
  const ids = list.columns[0];
  const missing = ids.filter((id) => !partOf.has(id));
  if (missing.length > 0 && faults === undefined) {
    throw new UserError(
      `${printable(path)} lacks ${counted(missing.length, "picture")} of the attribute list (${
        firstNames(missing)
      }); complete it or remove it`,
    );
  }
  ids.forEach((id, row) => partOf.has(id) || faults?.addCell(row, 0, "is in no part"));
  return ids.map((id) => partOf.get(id));
}
