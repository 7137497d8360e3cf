/**
 * `split.csv`: which picture goes into which part, with its label, so that a run can be repeated and continued on the
 * very same parts.
 *
 * Columns: file; the label (multiclass: `label`, a class name; binary and multilabel: 1 or 0 under each label's name);
 * split. The file is itself a manifest that `openDataset` reads.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { writeAtomic } from "../../files.ts";
import { refuseDoubles } from "./cells.ts";
import { csvCell } from "./csv.ts";
import type { Dataset, Sample, Split } from "../dataset.ts";
import { readSplits } from "./manifest.ts";
import { counted, firstNames, printable } from "../names.ts";
import { splitNames } from "../split.ts";
import { readCsvTable, type Table } from "./table.ts";

/**
 * Writes a split as CSV text.
 *
 * @param split The parts.
 * @returns The text of `split.csv`: a header and a row for each picture, train first.
 */
export function formatSplit(split: Split): string {
  const lines = [["file", ...labelHeader(split.train), "split"].map(csvCell).join()];
  for (const part of splitNames) {
    const data = split[part];
    for (const sample of data.samples) lines.push([sample.file, ...labelCells(data, sample), part].map(csvCell).join());
  }
  return `${lines.join("\n")}\n`;
}

/** The split that two data sets are the first parts of; without one, nothing is kept for the test. */
export function splitWith(train: Dataset, val: Dataset): Split {
  const split = train.partOf;
  return split?.train === train && split.val === val ? split : { train, val, test: train.subset([]), warnings: [] };
}

/**
 * Writes a split to a file, beside its name first, so that it is there whole or not at all.
 *
 * @param path The file, such as `runs/hair/split.csv`.
 * @param split The parts.
 */
export async function writeSplit(path: string, split: Split): Promise<void> {
  await writeAtomic(path, formatSplit(split));
}

/**
 * Splits a data set as a file says.
 *
 * @param path The file that {@link writeSplit} wrote.
 * @param data The data set, with the same classes.
 * @returns The parts, each in the order of the file.
 * @throws {UserError} If the file names pictures that the data set lacks, or the other way round, or a label differs:
 * with counts and the first names.
 */
export async function readSplit(path: string, data: Dataset): Promise<Split> {
  const table = await readCsvTable(path);
  refuseOtherLabels(table, data);
  const place = new Map(data.samples.map(({ file }, i) => [file, i]));
  const files = table.columns[0];
  refuseDoubles(table, "file");
  const unknown = files.filter((file) => !place.has(file));
  const unlisted = data.samples.length - (files.length - unknown.length);
  if (unknown.length > 0 || unlisted !== 0) {
    const named = unknown.length > 0 ? ` (${firstNames(unknown)})` : "";
    throw new UserError(
      `${printable(path)} disagrees with the data set: ${
        counted(unknown.length, "picture")
      } of it not there${named}, ` +
        `${counted(Math.max(unlisted, 0), "picture")} there not in it; give the data set that it was made from`,
    );
  }
  const parts = readSplits(table, table.header.at(-1)!);
  const indices = { train: [] as number[], val: [] as number[], test: [] as number[] };
  files.forEach((file, row) => {
    const index = place.get(file)!;
    refuseOtherLabel(table, row, data, data.samples[index]);
    indices[parts[row]].push(index);
  });
  return { ...data.splitInto(indices), warnings: [] };
}

function labelHeader({ task, classes }: Dataset): readonly string[] {
  return task === "multiclass" ? ["label"] : classes;
}

function labelCells({ task, classes }: Dataset, { label }: Sample): readonly string[] {
  return task === "multiclass" ? [classes[label[0]]] : label.map(String);
}

function refuseOtherLabels(table: Table, data: Dataset): void {
  const expected = ["file", ...labelHeader(data), "split"];
  const wrong = expected.findIndex((name, i) => table.header[i] !== name.trim());
  if (wrong === -1 && table.header.length === expected.length) return;
  throw new UserError(
    `${printable(table.path)} has columns ${firstNames(table.header, 8)}, but this task's are ${
      firstNames(expected, 8)
    }; ` +
      "give the task and the targets that it was made with",
  );
}

function refuseOtherLabel(table: Table, row: number, data: Dataset, sample: Sample): void {
  labelCells(data, sample).forEach((cell, k) => {
    const given = table.columns[k + 1][row];
    if (given === cell) return;
    throw table.fault(
      row,
      k + 1,
      `${printable(sample.file)} is "${printable(given)}", but "${printable(cell)}" in the data set`,
    );
  });
}
