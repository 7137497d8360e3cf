/**
 * A CSV manifest: a column of files, a column of class names or several of yes and no, and perhaps one of splits.
 *
 * @module
 */

import { nearest, option, UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import { partNames } from "./folder.ts";
import { checkTargets, type LabelOptions, type Labels, labelsOfColumns, labelsOfNames } from "../labels.ts";
import { firstNames, printable } from "../names.ts";
import type { Inside } from "../paths.ts";
import { flagColumn, isFlagColumn, nameColumn, readCsvTable, refuseDoubles, type Table } from "./table.ts";

/** Which columns are what. */
export interface ManifestOptions extends LabelOptions {
  /** Column of the files' paths. By default the one called file, filename, image, path or the like, else the first. */
  readonly fileColumn?: string;
  /**
   * Column of class names. By default the one called label, class, category or target, where no targets are columns.
   */
  readonly labelColumn?: string;
  /** Column of train, val and test. By default the one called split, partition, subset or set. */
  readonly splitColumn?: string;
}

/** A label file that has been read. */
export interface ReadLabels {
  /** Paths as listed. */
  readonly files: readonly string[];
  /** Labels of those that are kept. */
  readonly labels: Labels;
  /** Part of each file, where the data set assigns them. */
  readonly splits?: readonly SplitName[];
}

const fileColumns = [
  "file",
  "filename",
  "file_name",
  "image",
  "image_id",
  "image_path",
  "img",
  "path",
  "filepath",
  "name",
];
const labelColumns = ["label", "class", "category", "target", "class_name", "label_name"];
const splitColumns = ["split", "partition", "subset", "set"];

/**
 * Reads a manifest.
 *
 * @param path The CSV file.
 * @param inside The data folder.
 * @param options Which columns are what, and what is wanted of the labels.
 * @returns Files, labels and splits.
 * @throws {UserError} If a column is unknown, a cell is wrong, or files are missing or lead out of the data folder.
 */
export async function readManifest(path: string, inside: Inside, options: ManifestOptions): Promise<ReadLabels> {
  const table = await readCsvTable(path);
  const fileColumn = column(table, options.fileColumn) ?? usual(table, fileColumns) ?? table.header[0];
  const splitColumn = column(table, options.splitColumn) ?? usual(table, splitColumns);
  const files = nameColumn(table, fileColumn);
  refuseDoubles(table, fileColumn);
  refuseMissing(table, fileColumn, inside);
  const splits = splitColumn === undefined ? undefined : readSplits(table, splitColumn);
  const labels = readLabels(table, options, [fileColumn, splitColumn]);
  return splits === undefined ? { files, labels } : { files, labels, splits };
}

function column(table: Table, name: string | undefined): string | undefined {
  if (name === undefined || table.header.includes(name)) return name;
  const near = nearest(name, table.header);
  const hint = near === undefined ? `it has ${firstNames(table.header, 8)}` : `did you mean ${printable(near)}?`;
  throw new UserError(`Unknown column ${printable(name)} of ${printable(table.path)}: ${hint}`, 2);
}

function usual(table: Table, names: readonly string[]): string | undefined {
  return names.map((name) => table.header.find((given) => given.toLowerCase() === name)).find((name) =>
    name !== undefined
  );
}

/** Decides between a column of class names and columns of yes and no, as {@link ManifestOptions} says. */
function readLabels(table: Table, options: ManifestOptions, taken: readonly (string | undefined)[]): Labels {
  const { target = [], others, task } = options;
  const rest = table.header.filter((name) => !taken.includes(name));
  const labelColumn = column(table, options.labelColumn);
  if (labelColumn === undefined && target.length > 0 && target.some((name) => rest.includes(name))) {
    checkTargets(target, rest, "column");
    const names = target.length === 1 && others === undefined && !isFlagColumn(table, target[0]);
    if (names && task !== "multilabel") return labelsOfNames(nameColumn(table, target[0]), { task });
    return labelsOfColumns(target.map((name) => ({ name, values: flagColumn(table, name) })), options);
  }
  const ofNames = labelColumn ?? usual(table, labelColumns);
  if (ofNames !== undefined && !(labelColumn === undefined && task === "multilabel")) {
    return labelsOfNames(nameColumn(table, ofNames), options);
  }
  checkTargets(target, rest, "column");
  if (task === "multilabel" && rest.length > 0) {
    return labelsOfColumns(rest.map((name) => ({ name, values: flagColumn(table, name) })), options);
  }
  throw new UserError(
    `Cannot choose the labels in ${printable(table.path)}: name columns with ${option("target")}; it has ${
      firstNames(rest, 12) || "none"
    }`,
    2,
  );
}

/**
 * Reads a column of parts: train, val or test and their usual variants, or 0, 1, 2.
 *
 * @param table The table.
 * @param name The column.
 * @returns A part for each row.
 * @throws {UserError} If a cell is something else, with its place.
 */
export function readSplits(table: Table, name: string): SplitName[] {
  const c = table.header.indexOf(name);
  return table.columns[c].map((cell, row) => {
    const part = partNames.get(cell.trim().toLowerCase());
    if (part !== undefined) return part;
    throw table.fault(row, c, `${printable(name)} is "${printable(cell)}"; expected train, val or test`);
  });
}

/** Refuses rows whose file is not in the folder or lies outside it. */
function refuseMissing(table: Table, name: string, inside: Inside): void {
  const c = table.header.indexOf(name);
  const missing: number[] = [];
  table.columns[c].forEach((file, row) => {
    const fault = inside.fault(file);
    if (fault === "outside") {
      throw table.fault(
        row,
        c,
        `${printable(file)} leads out of ${printable(inside.root)}; set ${option("allowOutside")} to read it`,
      );
    }
    if (fault === "missing") missing.push(row);
  });
  if (missing.length === 0) return;
  const names = firstNames(missing.map((row) => table.columns[c][row]));
  throw table.fault(
    missing[0],
    c,
    `${missing.length} of ${table.length} pictures are not in ${
      printable(inside.root)
    } (${names}); add them or remove their rows`,
  );
}
