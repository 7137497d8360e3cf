/**
 * Checks a data set: counts, imbalance, all broken files at once, pictures that are there twice, also across a split.
 *
 * @module
 */

import { type NameOption, UserError } from "../../errors.ts";
import { type BrokenPicture, findBroken } from "./broken.ts";
import { leftOutLines, type LeftOutRow } from "../forms/cells.ts";
import type { Dataset, DatasetKind, Split, SplitOptions } from "../dataset.ts";
import { contradictionsIn, findDuplicates, findLeaks, type Leak, leakLine } from "./duplicates.ts";
import { emptyParts } from "./empty_parts.ts";
import { classNames, type Task } from "../labels.ts";
import { counted, firstNames, printable } from "../names.ts";
import { pictureNotes, type Prepared } from "./picture_notes.ts";
import { type OnProgress, scanPictures } from "../store/scan.ts";
import { splitNames } from "../split.ts";

/** What was found about a data set. Plain data: it can be written as JSON. */
export interface DataReport {
  /** Form in which it is stored. */
  readonly kind: DatasetKind;
  /** What its folders were taken for, in one line; null where that is plain. */
  readonly form: string | null;
  /** The task. */
  readonly task: Task;
  /** How many pictures. */
  readonly pictures: number;
  /** Classes or labels, with the number of pictures in all and in each part. */
  readonly classes: readonly { readonly name: string; readonly count: number; readonly parts: readonly number[] }[];
  /** Shorter sides of the pictures that can be read, in pixels; null where none can. */
  readonly sizes: { readonly least: number; readonly median: number; readonly most: number } | null;
  /** Why the data set cannot be split, a line each; the parts are then empty. */
  readonly faults: readonly string[];
  /** What was noticed, a line each: imbalance, names that differ in letter case, classes missing from a part. */
  readonly warnings: readonly string[];
  /** Rows of a label file that cannot be used, where it was opened without them. */
  readonly rows: readonly LeftOutRow[];
  /** Pictures that cannot be used. */
  readonly broken: readonly BrokenPicture[];
  /** Files whose name says another format than their content; they are read all the same. */
  readonly misnamed: readonly { readonly file: string; readonly format: string }[];
  /** Files with the same bytes, a group for each picture that is there more than once. */
  readonly duplicates: readonly (readonly string[])[];
  /** Files with the same bytes and different labels. */
  readonly contradictions: readonly (readonly string[])[];
  /** Pictures that are in more than one part. */
  readonly leaks: readonly Leak[];
}

/** How a data set is checked. */
export interface CheckOptions extends SplitOptions {
  /** Whether the split is that of the rest, without what is broken or contradictory. False by default. */
  readonly skipBroken?: boolean;
  /** Whether classes with too few pictures are left out of the split. False by default. */
  readonly skipSmallClasses?: boolean;
  /** What options are called in what is reported; by default as in the library. */
  readonly nameOption?: NameOption;
}

/**
 * Checks a data set and a split of it. Every picture is read and decoded.
 *
 * @param data The data set.
 * @param options How it is to be split, and how pictures are to be prepared.
 * @param onProgress Is told how far it is.
 * @returns What was found.
 *
 * @example
 * ```ts
 * import { checkDataset, formatCheck } from "./check.ts";
 * import { openDataset } from "../open.ts";
 *
 * const data = await openDataset("./pets");
 * console.log(formatCheck(await checkDataset(data)));
 * ```
 */
export async function checkDataset(
  data: Dataset,
  options: CheckOptions & Prepared = {},
  onProgress?: OnProgress,
): Promise<DataReport> {
  const broken = await findBroken(data, onProgress);
  const { widths, heights, misnamed, problems } = await scanPictures(data.source);
  const notes = await pictureNotes(data, options);
  const groups = await findDuplicates(data);
  const contradictory = contradictionsIn(data, groups);
  const left = new Set(options.skipBroken ? [...broken.map(({ index }) => index), ...contradictory.flat()] : []);
  const rest = data.subset([...data.samples.keys()].filter((i) => !left.has(i)));
  const { split, faults, warnings } = trySplit(rest, { ...options, together: await findDuplicates(rest) });
  const fileOf = (i: number) => data.samples[i].file;
  const sides = data.positions.filter((position) => !problems.has(position))
    .map((position) => Math.min(widths[position], heights[position])).sort((a, b) => a - b);
  const sizes = sides.length === 0 ? null : { least: sides[0], median: sides[sides.length >> 1], most: sides.at(-1)! };
  return {
    kind: data.kind,
    form: data.form ?? null,
    task: data.task,
    pictures: data.size,
    classes: classCounts(data, split),
    sizes,
    faults,
    warnings: [
      ...data.warnings.filter((line) => !leftOutLines(data.leftOut).includes(line)),
      ...warnings,
      ...split.warnings,
      ...notes,
    ],
    rows: data.leftOut,
    broken,
    misnamed: data.samples.flatMap(({ file }, i) => {
      const format = misnamed.get(data.positions[i]);
      return format === undefined ? [] : [{ file, format }];
    }),
    duplicates: groups.map((group) => group.map(fileOf)),
    contradictions: contradictory.map((group) => group.map(fileOf)),
    leaks: await findLeaks(split),
  };
}

/** The parts, or empty ones and the reason: a check goes on where training would stop. */
function trySplit(data: Dataset, options: CheckOptions): { split: Split; faults: string[]; warnings: string[] } {
  const { nameOption = (name) => name } = options;
  const small = options.skipSmallClasses && data.task !== "binary" ? data.smallClasses(options) : [];
  const rest = small.length > 0 ? data.withoutClasses(new Set(small.map(({ index }) => index))) : data;
  const warnings = small.map(({ name, count }) => `Class ${printable(name)} has too few pictures (${count}): left out`);
  try {
    const split = rest.split(options);
    const { train, val } = split;
    const empty = emptyParts(options.testOn === "val" ? { train, val } : split);
    return { split, faults: empty.map((text) => new UserError(text).textWith(nameOption)), warnings };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const none = rest.subset([]);
    return {
      split: { train: none, val: none, test: none, warnings: [] },
      faults: [error.textWith(nameOption)],
      warnings,
    };
  }
}

function classCounts(data: Dataset, split: Split): DataReport["classes"] {
  const names = classNames(data.task, data.classes);
  const counts = data.counts();
  const left = new Map(classNames(split.train.task, split.train.classes).map((name, c) => [name, c]));
  const parts = splitNames.map((part) => split[part].counts());
  return names.map((name, c) => ({
    name,
    count: counts[c],
    parts: parts.map((part) => left.has(name) ? part[left.get(name)!] : 0),
  }));
}

/**
 * Whether a report has a fault that stops training: no split, broken rows or pictures, pictures under more than one
 * label, or in more than one part.
 *
 * @param report The report.
 * @param allowed What training is told to let through.
 * @returns True if so.
 */
export function hasFaults(
  { faults, rows, broken, contradictions, leaks }: DataReport,
  { skipBroken = false, allowDuplicates = false }: {
    readonly skipBroken?: boolean;
    readonly allowDuplicates?: boolean;
  } = {},
): boolean {
  return faults.length > 0 || (!skipBroken && rows.length + broken.length > 0) ||
    (!allowDuplicates && leaks.length > 0) ||
    (!skipBroken && !allowDuplicates && contradictions.length > 0);
}

/**
 * A report as text for the terminal.
 *
 * @param report The report.
 * @returns Lines: counts in a table, then what was found, each list whole.
 */
export function formatCheck(report: DataReport): string {
  const { sizes, rows, broken, misnamed, duplicates, contradictions, leaks } = report;
  const size = sizes === null ? "" : `, shorter side ${sizes.least} to ${sizes.most} pixels (median ${sizes.median})`;
  const head = `${counted(report.pictures, "picture")}, ${report.kind}, ${report.task}${size}`;
  const sections = [
    section("Faults", report.faults),
    section("Warnings", report.warnings),
    section("Rows that cannot be used", rows.map(({ file, reason }) => `${printable(file)} ${reason}`)),
    section("Broken files", broken.map(({ file, reason }) => `${printable(file)} ${reason}`)),
    section("Files named for another format", misnamed.map(({ file, format }) => `${printable(file)} is a ${format}`)),
    section("Pictures that are there more than once", duplicates.map((files) => firstNames(files, 5))),
    section("Pictures with contradictory labels", contradictions.map((files) => firstNames(files, 5))),
    section("Pictures in more than one part of the split", leaks.map(leakLine)),
  ];
  return [head, ...report.form === null ? [] : [report.form], "", ...countTable(report), ...sections.flat()].join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}: ${lines.length}`, ...lines.map((line) => `  ${line}`)];
}

function countTable({ classes, pictures }: DataReport): string[] {
  // Where nothing was split there is nothing to count.
  const isSplit = classes.some(({ parts }) => parts.some((count) => count > 0));
  const rows = classes.map(({ name, count, parts }) => [
    printable(name),
    `${count}`,
    `${(100 * count / pictures).toFixed(1)}%`,
    ...parts.map((count) => isSplit ? String(count) : "–"),
  ]);
  const table = [["class", "pictures", "share", ...splitNames], ...rows];
  const widths = table[0].map((_, c) => Math.max(...table.map((row) => row[c].length)));
  return table.map((row) =>
    row.map((cell, c) => c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])).join("  ")
  );
}
