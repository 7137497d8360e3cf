/**
 * The labels of a label file: one class name a row, several names in a cell, a row for each label of a picture, or
 * columns of yes and no.
 *
 * @module
 */

import { option, UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import {
  checkTargets,
  type Column,
  type LabelOptions,
  type Labels,
  labelsOfColumns,
  labelsOfNames,
  unknownClasses,
} from "../labels.ts";
import { counted, firstNames, printable } from "../names.ts";
import { sorted } from "../paths.ts";
import { flagColumn, folded, isFlag, isFlagColumn, isMissing, noteNameless, RowFaults } from "./cells.ts";
import type { Table } from "./table.ts";

/** Which columns are what, and how cells are read. */
export interface ManifestOptions extends LabelOptions {
  /**
   * Column of the files' paths. By default the one called file, filename, image, path or the like whose cells name
   * pictures, else the first one whose cells do.
   */
  readonly fileColumn?: string;
  /**
   * Column of class names. By default the one called label, class, category or target, where no targets are columns;
   * else the only one that is left.
   */
  readonly labelColumn?: string;
  /** Column of train, val and test. By default the one called split, partition, subset or set. */
  readonly splitColumn?: string;
  /** What stands between several labels in one cell; `space` and `tab` are those. By default a cell is one name. */
  readonly labelSeparator?: string;
  /** Whether `NA`, `NaN`, `null` and the like are names of classes. False by default: they are missing values. */
  readonly allowNa?: boolean;
  /** Whether rows without a label or a picture are left out, and named. False by default: they are refused. */
  readonly skipBroken?: boolean;
}

/** Where the labels are: in a column of names, or in columns of yes and no. */
export interface LabelForm {
  /** The column of names; undefined for columns of yes and no. */
  readonly names?: string;
  /** The columns of yes and no. */
  readonly flags: readonly string[];
  /** The task that the form has, where none is asked for. */
  readonly task?: "multiclass" | "binary";
  /** In words, where it was chosen without a name that says it. */
  readonly chosen?: string;
  /** Classes that are known beforehand, in their order: columns that are not there are of classes without pictures. */
  readonly known?: readonly string[];
}

const labelColumns = [
  ..."label class category target classname labelname labels classes tags".split(" "),
];

/**
 * Decides between a column of class names and columns of yes and no, as {@link ManifestOptions} says.
 *
 * @param table The table.
 * @param options What is wanted.
 * @param taken Columns that are something else.
 * @param isHeaderless Whether columns have numbers for names.
 * @returns Where the labels are.
 * @throws {UserError} If it cannot be told.
 */
export function chooseLabels(
  table: Table,
  options: ManifestOptions,
  taken: readonly (string | undefined)[],
  isHeaderless: boolean,
): LabelForm {
  const { target = [], others, task, labelColumn, labelSeparator } = options;
  const rest = table.header.filter((name) => !taken.includes(name));
  const known = labelColumn === undefined ? columnsOfKnown(table, rest, options) : undefined;
  if (known) return known;
  if (labelColumn === undefined && target.length > 0 && target.some((name) => rest.includes(name))) {
    checkTargets(target, rest, "column");
    const isNames = target.length === 1 && others === undefined && !isFlagColumn(table, target[0]);
    return isNames && task !== "multilabel" ? { names: target[0], flags: [] } : { flags: target };
  }
  const ofNames = labelColumn ?? firstOf(labelColumns, rest);
  if (ofNames !== undefined) {
    const isSeveral = task === "multilabel" && labelSeparator === undefined && labelColumn === undefined;
    const beside = rest.filter((name) => name !== ofNames);
    const areBeside = isSeveral && beside.length > 0 && beside.every((name) => isFlagColumn(table, name));
    if (!areBeside) return { names: ofNames, flags: [] };
    return { flags: isFlagColumn(table, ofNames) ? rest : beside };
  }
  if (rest.length === 1) {
    const [only] = rest;
    const isFlag = !isHeaderless && isFlagColumn(table, only) && task !== "multiclass" && target.length === 0;
    return isFlag
      ? { flags: [only], task: "binary", chosen: `yes or no by column ${printable(only)}` }
      : { names: only, flags: [], chosen: `classes by column ${printable(only)}` };
  }
  checkTargets(target, rest, "column");
  if (task === "multilabel" && rest.length > 0) return { flags: rest };
  const areFlags = rest.length > 1 && rest.every((name) => isFlagColumn(table, name));
  if (areFlags && target.length === 0 && task !== "binary" && others === undefined && isOneHot(table, rest)) {
    return { flags: rest, task: "multiclass", chosen: `classes by columns ${firstNames(rest, 6)}, one yes a row` };
  }
  const all = areFlags ? `, or all of them with ${option("task")} multilabel` : "";
  throw new UserError(
    `Cannot choose the labels in ${printable(table.path)}: name columns with ${
      option("target")
    }${all}, or the one of ` +
      `class names with ${option("labelColumn")}; it has ${firstNames(rest, 12) || "none"}`,
    2,
  );
}

/**
 * Columns of yes and no that are called like classes that are known beforehand. A class without a column has no picture
 * here; a label without one might be any picture's, and is refused.
 */
function columnsOfKnown(
  table: Table,
  rest: readonly string[],
  { classes, target = [], others, task, ignoreUnknown = false }: ManifestOptions,
): LabelForm | undefined {
  if (classes === undefined || task === "binary") return undefined;
  const known = classes.filter((name) => name !== others);
  const flags = known.filter((name) => rest.includes(name) && isFlagColumn(table, name));
  if (flags.length === 0) return undefined;
  const absent = known.filter((name) => !rest.includes(name));
  if (absent.length > 0 && (task === "multilabel" || others !== undefined)) {
    const why = task === "multilabel"
      ? "which pictures have that label is not known"
      : `its pictures would count as ${printable(others!)}`;
    throw new UserError(
      `${printable(table.path)} has no column ${firstNames(absent)}, which the run knows: ${why}; add the column`,
    );
  }
  // Where targets were named, columns beside them never meant anything.
  const unknown = target.length > 0
    ? []
    : rest.filter((name) => !known.includes(name) && isFlagColumn(table, name) && flagColumn(table, name).includes(1));
  if (unknown.length > 0 && !ignoreUnknown) throw unknownClasses(unknown, classes);
  return { flags, known };
}

function firstOf(names: readonly string[], rest: readonly string[]): string | undefined {
  return names.flatMap((name) => rest.filter((given) => folded(given) === name))[0];
}

function isOneHot(table: Table, names: readonly string[]): boolean {
  const faults = new RowFaults(table, () => "");
  const columns = names.map((name) => flagColumn(table, name, faults));
  const isWhole = (row: number) => names.every((name) => isFlag(table.columns[table.header.indexOf(name)][row]));
  return columns[0].every((_, row) => !isWhole(row) || columns.reduce((sum, values) => sum + values[row], 0) === 1);
}

/** Notes the rows that have no label, or one that is none. */
export function noteFaults(table: Table, { names, flags }: LabelForm, faults: RowFaults, options: ManifestOptions) {
  const { allowNa = false, target = [] } = options;
  if (names !== undefined) noteNameless(table, names, faults, (cell) => allowNa || target.includes(cell));
  for (const name of flags) flagColumn(table, name, faults);
}

/** What {@link mergeRows} is told. */
export interface Rows {
  readonly form: LabelForm;
  /** Path of each row's picture. */
  readonly located: readonly (string | undefined)[];
  /** Part of each row. */
  readonly splits?: readonly (SplitName | undefined)[];
  readonly faults: RowFaults;
  readonly options: ManifestOptions;
}

/** Rows of different pictures. */
export interface MergedRows {
  /** The first row of each picture. */
  readonly rows: readonly number[];
  readonly form: LabelForm;
  /** The labels of each picture, where it may have several. */
  readonly lists?: readonly (readonly string[])[];
  readonly notes: readonly string[];
}

/** A row for each label is what a file has where at least one picture in this many has several; less is a slip. */
const SEVERAL = 20;

/**
 * Brings the rows of one picture together: a picture that is listed twice is refused, unless there is a row for each
 * of its labels.
 */
export function mergeRows(table: Table, c: number, { form, located, splits, faults, options }: Rows): MergedRows {
  const { task, labelSeparator, skipBroken = false } = options;
  const groups = [...Map.groupBy(faults.good, (row) => located[row]!.replace(/^(\.\/)+/, "")).values()];
  const listsOf = labelsIn(table, form, labelSeparator);
  const isLong = form.names !== undefined && isLongFormat(groups, listsOf, options);
  for (const rows of groups) {
    if (rows.length === 1) continue;
    const isContradictory = new Set(rows.map((row) => splits?.[row])).size > 1;
    if (isLong && !isContradictory) continue;
    const isSame = !isContradictory && new Set(rows.map((row) => contentOf(table, c, row))).size === 1;
    const [first, second] = rows;
    const file = printable(table.columns[c][second]);
    const remedy = form.names === undefined || isLong
      ? "remove one row"
      : `remove one row, or set ${option("task")} multilabel where each row is one label of a picture`;
    const error = table.fault(second, c, `${file} is listed twice (first in line ${table.lineOf(first)}); ${remedy}`);
    if (!skipBroken) throw error;
    // Of rows that say the same one is as good as the other; of others none can be believed.
    for (const row of isSame ? rows.slice(1) : rows) faults.add(row, error, "is listed twice");
  }
  const good = new Set(faults.good);
  const left = groups.map((rows) => rows.filter((row) => good.has(row))).filter((rows) => rows.length > 0);
  if (left.length === 0) throw new UserError(`Cannot learn from ${printable(table.path)}: no row is left`);
  const rows = left.map(([row]) => row);
  if (!isLong && labelSeparator === undefined) return { rows, form, notes: sharedWords(table, form, rows) };
  const verdict = isLong ? verdictOf(table, form, c) : undefined;
  const holds = (row: number) => verdict === undefined || verdict.values[row] === 1;
  const lists = left.map((some) => [...new Set(some.filter(holds).flatMap(listsOf))]);
  const several = lists.filter(({ length }) => length > 1).length;
  const how = good.size > rows.length && task !== "multilabel"
    ? [`${good.size} rows of ${rows.length} pictures: a row is one label of a picture, ${several} have several`]
    : [];
  const no = verdict === undefined
    ? []
    : [`rows with no in column ${printable(verdict.name)} say that a label is absent`];
  return { rows, form, lists, notes: [...how, ...no] };
}

/** Columns that say of a label in a row whether the picture has it, as in Open Images. */
const verdicts = ["confidence", "present", "value"];

function verdictOf(table: Table, { names }: LabelForm, c: number): Column | undefined {
  const name = table.header.find((given, i) =>
    i !== c && given !== names && verdicts.includes(folded(given)) && isFlagColumn(table, given)
  );
  if (name === undefined) return undefined;
  // A label with neither yes nor no is none.
  return { name, values: flagColumn(table, name, new RowFaults(table, () => "")) };
}

function contentOf(table: Table, c: number, row: number): string {
  return table.columns.map((cells, i) => i === c ? "" : cells[row]).join("\0");
}

/** Whether there is a row for each label of a picture. */
function isLongFormat(
  groups: readonly (readonly number[])[],
  listsOf: (row: number) => readonly string[],
  { task, labelSeparator }: ManifestOptions,
): boolean {
  if (labelSeparator !== undefined) return true;
  const several = groups.filter((rows) => rows.length > 1 && new Set(rows.flatMap(listsOf)).size > 1).length;
  if (task !== undefined) return task === "multilabel" && several > 0;
  return several > 0 && several * SEVERAL >= groups.length;
}

/** The labels in a row's cell. */
function labelsIn(
  table: Table,
  { names }: LabelForm,
  separator: string | undefined,
): (row: number) => readonly string[] {
  if (names === undefined) {
    if (separator === undefined) return () => [];
    throw new UserError(`Cannot use ${option("labelSeparator")}: the labels are columns of yes and no`, 2);
  }
  const cells = table.columns[table.header.indexOf(names)];
  if (separator === undefined) return (row) => [cells[row]];
  const between = separator === "space" || separator === " " ? /\s+/ : separator === "tab" ? "\t" : separator;
  const listOf = (row: number) => cells[row].split(between).map((part) => part.trim()).filter((part) => part !== "");
  if (cells.some((_, row) => listOf(row).length > 1)) return listOf;
  throw new UserError(
    `Cannot use ${option("labelSeparator")} "${printable(separator)}": no cell of ${
      printable(names)
    } has two labels so`,
    2,
  );
}

/**
 * The labels of rows.
 *
 * @param table One row for each picture.
 * @param form Where the labels are.
 * @param lists The labels of each picture, where it may have several.
 * @param options What is wanted.
 * @returns Labels of those that are kept.
 * @throws {UserError} If a target is unknown, or the labels do not fit the task.
 */
export function labelsOfRows(
  table: Table,
  form: LabelForm,
  lists: readonly (readonly string[])[] | undefined,
  options: ManifestOptions,
): Labels {
  const { target = [], others, task } = options;
  if (lists !== undefined) {
    const found = sorted(new Set(lists.flat()));
    refuseMissing(found, form.names!, options);
    const known = task === "multilabel" ? options.classes : undefined;
    if (known === undefined) checkTargets(target, found, "label");
    const unknown = known === undefined || target.length > 0 ? [] : found.filter((name) => !known.includes(name));
    if (unknown.length > 0 && !options.ignoreUnknown) throw unknownClasses(unknown, known!);
    const wanted = known ?? (target.length > 0 ? target : found);
    const columns = wanted.map((name): Column => ({
      name,
      values: Int8Array.from(lists, (labels) => labels.includes(name) ? 1 : 0),
    }));
    const own = others !== undefined ? "multiclass" : target.length === 1 ? "binary" : "multilabel";
    return labelsOfColumns(columns, { ...options, task: task ?? own });
  }
  if (form.names === undefined) {
    const { flags, known } = form;
    const none = new Int8Array(table.length);
    const columns = (known ?? flags).map((name): Column => ({
      name,
      values: flags.includes(name) ? flagColumn(table, name) : none,
    }));
    const read = labelsOfColumns(columns, { ...options, task: task ?? form.task });
    const absent = known?.filter((name) => !flags.includes(name)) ?? [];
    if (absent.length === 0) return read;
    return { ...read, warnings: [`no column ${firstNames(absent)}: no picture counts as such`, ...read.warnings] };
  }
  const names = table.columns[table.header.indexOf(form.names)];
  // A target that is the column itself chose it, and names no class.
  const isColumn = options.labelColumn === undefined && target.length === 1 && target[0] === form.names;
  return labelsOfNames(names, isColumn ? { task } : options);
}

function refuseMissing(found: readonly string[], column: string, { allowNa = false, target = [] }: ManifestOptions) {
  const name = found.find((label) => isMissing(label) && !allowNa && !target.includes(label));
  if (name === undefined) return;
  throw new UserError(
    `${printable(column)} has the label "${printable(name)}", which programs write where there is no value; ` +
      `if it is a name, set ${option("allowNa")}`,
  );
}

/** What may stand between several labels in one cell. */
const separators = ["|", ";", ",", "+", "/", "&", " "];

/** Notes class names that look like several labels in one cell: all of their parts are names, or parts of others. */
function sharedWords(table: Table, { names }: LabelForm, rows: readonly number[]): string[] {
  if (names === undefined) return [];
  const cells = table.columns[table.header.indexOf(names)];
  const found = new Set(rows.map((row) => cells[row]));
  for (const separator of separators) {
    const composed = [...found].map((name) => name.split(separator).map((part) => part.trim()))
      .filter((parts) => parts.length > 1 && !parts.includes(""));
    const uses = new Map<string, number>();
    for (const part of composed.flat()) uses.set(part, (uses.get(part) ?? 0) + 1);
    const suspicious = composed.filter((parts) =>
      parts.every((part) => found.has(part) || uses.get(part)! > 1) &&
      (separator !== " " || parts.some((part) => found.has(part)))
    );
    if (suspicious.length === 0) continue;
    const examples = firstNames(suspicious.map((parts) => parts.join(separator)), 2);
    const given = separator === " " ? "space" : `"${separator}"`;
    return [
      `${
        counted(suspicious.length, "class name")
      } made of others' words (${examples}): if a cell has several labels, ` +
      `give option labelSeparator ${given}`,
    ];
  }
  return [];
}
