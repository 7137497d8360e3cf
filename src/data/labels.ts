/**
 * Turns class names or 0/1 columns into the labels of a task.
 *
 * @module
 */

import { nearest, option, UserError } from "../errors.ts";
import { counted, firstNames, printable } from "./names.ts";
import { naturallySorted, sorted } from "./paths.ts";

/**
 * What is learnt: `binary` one yes or no, `multiclass` one class of several, `multilabel` a yes or no for each label.
 */
export type Task = "binary" | "multiclass" | "multilabel";

/** What a user asks of the labels. */
export interface LabelOptions {
  /** The task; where it is left out, the labels decide (see {@link labelsOfNames} and {@link labelsOfColumns}). */
  readonly task?: Task;
  /** Columns or classes that are wanted. */
  readonly target?: readonly string[];
  /** Multiclass: the class that takes the pictures that are none of the targets. */
  readonly others?: string;
  /**
   * Classes that are known beforehand, as a run knows those that it was trained on. Labels are by their names and in
   * their order, whether or not there are pictures of each; a class that is not among them is refused.
   */
  readonly classes?: readonly string[];
  /** Whether pictures of classes that are not among the known ones are left out instead. False by default. */
  readonly ignoreUnknown?: boolean;
}

/** Labels of the pictures that are kept. */
export interface Labels {
  /** The task. */
  readonly task: Task;
  /** Multiclass: class names; multilabel: label names; binary: the one target's name. */
  readonly classes: readonly string[];
  /** Places of the kept pictures in the list given. */
  readonly kept: readonly number[];
  /** A label for each kept picture: binary [0|1]; multiclass [class index]; multilabel [0|1 for each label]. */
  readonly labels: readonly (readonly number[])[];
  /** What was noticed, a line each. */
  readonly warnings: readonly string[];
  /** Were the classes known beforehand? Then it is no news that there are few pictures of one. */
  readonly isKnown?: boolean;
}

/** A column of yes or no. */
export interface Column {
  /** The column's name. */
  readonly name: string;
  /** 1 or 0 for each picture. */
  readonly values: Int8Array;
}

/** Names of what labels are counted by: classes or labels; of a binary task, the target's absence and presence. */
export function classNames(task: Task, classes: readonly string[]): string[] {
  return task === "binary" ? [`not ${classes[0]}`, classes[0]] : [...classes];
}

/**
 * Labels from one class name a picture. Without a task: `binary` for one target without others, else `multiclass`.
 *
 * @param names Class name of each picture.
 * @param options What is wanted. Binary: the target is the class that counts as yes; of two classes it may be left
 * out, and is then the second in order. Multiclass: the targets, and others for the rest, which is left out with a
 * warning where there are no others; all classes without targets.
 * @param order All names in the order of the classes; by default they are sorted.
 * @returns Labels for the pictures.
 * @throws {UserError} If a target is no class, or the task cannot be learnt from class names.
 */
export function labelsOfNames(names: readonly string[], options: LabelOptions, order?: readonly string[]): Labels {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const found = order?.filter((name) => counts.has(name)) ?? naturallySorted(counts.keys());
  const { target = [], others } = options;
  if (options.classes === undefined) checkTargets(target, found, "class");
  const task = options.task ?? (target.length === 1 && others === undefined ? "binary" : "multiclass");
  const warnings = similarNames(counts);
  const kept = names.map((_, i) => i);
  if (options.classes !== undefined && task !== "multilabel") {
    return labelsOfKnown(names, counts, { ...options, task, classes: options.classes });
  }
  if (task === "multilabel") {
    throw new UserError(
      `Cannot learn several labels a picture from one class name each: give label columns, ${
        option("labelSeparator")
      } where a cell has several, or ${option("task")} multiclass`,
    );
  }
  if (task === "binary") {
    if (target.length > 1 || (target.length === 0 && found.length !== 2)) {
      throw new UserError(
        `Cannot choose the class that means yes among ${counted(found.length, "class")} (${
          firstNames(found)
        }): give one with ${option("target")}`,
      );
    }
    // By code unit, as the runs before were.
    const yes = target[0] ?? sorted(found)[1];
    return { task, classes: [yes], kept, labels: names.map((name) => [name === yes ? 1 : 0]), warnings };
  }
  if (others !== undefined && target.length === 0) {
    throw new UserError(`${option("others")} takes what is none of the targets: give some with ${option("target")}`, 2);
  }
  const classes = target.length > 0 ? [...target] : found;
  if (others !== undefined) classes.push(checkOthers(others, classes));
  const index = new Map(classes.map((name, i) => [name, i]));
  const rest = others === undefined ? undefined : classes.length - 1;
  if (classes.length < 2) {
    throw new UserError(`Cannot tell apart ${counted(classes.length, "class")}: give two or more`);
  }
  const chosen = kept.filter((i) => rest !== undefined || index.has(names[i]));
  const labels = chosen.map((i) => [index.get(names[i]) ?? rest!]);
  warnings.push(...leftOut(names.length - chosen.length, names.length, "none", classes));
  return { task, classes, kept: chosen, labels, warnings };
}

/** The error of classes that are not known, which might be left out. */
export function unknownClasses(
  unknown: readonly string[],
  classes: readonly string[],
  shown: readonly string[] = unknown,
): UserError {
  const near = nearest(unknown[0], classes);
  return new UserError(
    `The data have ${firstNames(shown, 8)}, and the classes that are known are ${firstNames(classes, 12)}: ` +
      (near === undefined ? "" : `is ${printable(unknown[0])} meant to be ${printable(near)}? `) +
      `leave such pictures out with ${option("ignoreUnknown")}`,
  );
}

/** Labels by the names of classes that are known beforehand. */
function labelsOfKnown(
  names: readonly string[],
  counts: ReadonlyMap<string, number>,
  { task, classes, target = [], others, ignoreUnknown = false }:
    & LabelOptions
    & Required<Pick<LabelOptions, "task" | "classes">>,
): Labels {
  const all = names.map((_, i) => i);
  if (task === "binary") {
    const [yes] = classes;
    const labels = names.map((name) => [name === yes ? 1 : 0]);
    const none = `no picture is ${printable(yes)}: the data have ${firstNames(sorted(counts.keys()), 8)}`;
    return { task, classes, kept: all, labels, warnings: counts.has(yes) ? [] : [none], isKnown: true };
  }
  const index = new Map(classes.map((name, i) => [name, i]));
  // As in training: what is none of the targets is one of the others, or was left out.
  const rest = others === undefined ? undefined : index.get(others);
  const unknown = sorted(counts.keys()).filter((name) => !index.has(name));
  const isLeftOut = rest === undefined && unknown.length > 0;
  const shown = unknown.map((name) => `${name} (${counts.get(name)})`);
  if (isLeftOut && target.length === 0 && !ignoreUnknown) throw unknownClasses(unknown, classes, shown);
  const kept = all.filter((i) => rest !== undefined || index.has(names[i]));
  if (kept.length === 0) {
    throw new UserError(
      `No picture is of a class that is known (${firstNames(classes, 12)}): the data have ${firstNames(shown, 8)}`,
    );
  }
  const labels = kept.map((i) => [index.get(names[i]) ?? rest!]);
  const left = `${counted(names.length - kept.length, "picture")} of unknown classes left out: ${firstNames(shown, 8)}`;
  const taken = `pictures of classes that are no targets count as ${printable(others ?? "")}: ${firstNames(shown, 8)}`;
  const warnings = unknown.length === 0 ? [] : [isLeftOut ? left : taken];
  return { task, classes, kept, labels, warnings, isKnown: true };
}

/**
 * Labels from columns of yes or no. Without a task: `binary` for one column without others, else `multiclass`.
 *
 * @param columns The target columns, in the order of the targets.
 * @param options What is wanted.
 * @returns Labels. Multiclass: pictures for which none of the targets holds go to the others; where there are no
 *   others, and where more than one target holds, they are left out, with a warning.
 * @throws {UserError} If the number of columns does not fit the task, or no picture is left.
 */
export function labelsOfColumns(columns: readonly Column[], options: LabelOptions): Labels {
  const { others } = options;
  const isKnown = options.classes !== undefined;
  const task = options.task ?? (columns.length === 1 && others === undefined ? "binary" : "multiclass");
  const names = columns.map(({ name }) => name);
  const length = columns[0].values.length;
  const all = Array.from({ length }, (_, i) => i);
  if (task === "binary" && columns.length !== 1) {
    throw new UserError(
      `Cannot learn a binary task from ${columns.length} targets (${firstNames(names)}): give one`,
      2,
    );
  }
  if (task !== "multiclass") {
    if (others !== undefined) {
      throw new UserError(`${option("others")} is for ${option("task")} multiclass; with ${task} leave it out`, 2);
    }
    const labels = all.map((i) => columns.map(({ values }) => values[i]));
    return { task, classes: names, kept: all, labels, warnings: [], isKnown };
  }
  const classes = others === undefined ? names : [...names, checkOthers(others, names)];
  if (classes.length < 2) {
    throw new UserError(`Cannot learn to tell apart one class: give more targets, or ${option("others")} NAME`, 2);
  }
  const holding = all.map((i) => columns.reduce((count, { values }) => count + values[i], 0));
  const kept = all.filter((i) => holding[i] === 1 || (holding[i] === 0 && others !== undefined));
  const labels = kept.map((
    i,
  ) => [holding[i] === 0 ? names.length : columns.findIndex(({ values }) => values[i] === 1)]);
  const several = holding.filter((count) => count > 1).length;
  const none = length - kept.length - several;
  const warnings = [
    ...leftOut(none, length, "none", names, isKnown),
    ...leftOut(several, length, "more than one", names),
  ];
  if (kept.length === 0) {
    throw new UserError(`Cannot learn: none of ${length} pictures has exactly one of ${firstNames(names, 8)}`);
  }
  return { task, classes, kept, labels, warnings, isKnown };
}

/**
 * Refuses targets that do not exist or are named twice.
 *
 * @param targets What the user named.
 * @param found What there is.
 * @param noun What it is, for the error: `class` or `column`.
 * @throws {UserError} With the nearest name.
 */
export function checkTargets(targets: readonly string[], found: readonly string[], noun: string): void {
  for (const [i, target] of targets.entries()) {
    if (targets.indexOf(target) !== i) throw new UserError(`${option("target")} names ${printable(target)} twice`, 2);
    if (found.includes(target)) continue;
    const near = nearest(target, found);
    const hint = near === undefined ? `there are: ${firstNames(found, 8)}` : `did you mean ${printable(near)}?`;
    throw new UserError(`Unknown ${noun} ${printable(target)}: ${hint}`, 2);
  }
}

function checkOthers(others: string, classes: readonly string[]): string {
  if (others === "" || classes.includes(others)) {
    throw new UserError(`${option("others")} ${printable(others) || '""'} must be a name that no target has`, 2);
  }
  return others;
}

/** Says how many pictures were left out, since none or several of the targets hold. */
function leftOut(
  count: number,
  total: number,
  held: "none" | "more than one",
  targets: readonly string[],
  isKnown = false,
): string[] {
  if (count === 0) return [];
  const remedy = held === "none" && !isKnown ? "; option others NAME gives them a class of their own" : "";
  return [`${counted(count, "picture")} of ${total} left out, with ${held} of ${firstNames(targets, 8)}${remedy}`];
}

/** Class names that differ only in letter case, spaces or Unicode form: most likely slips. */
function similarNames(counts: ReadonlyMap<string, number>): string[] {
  const groups = Map.groupBy(counts.keys(), (name) => name.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase());
  return [...groups.values()].filter((names) => names.length > 1).map((names) => {
    const shown = sorted(names).map((name) => `"${printable(name)}" (${counts.get(name)})`).join(", ");
    return `Classes ${shown} differ only in letter case, spaces or Unicode form and count as ${names.length} classes`;
  });
}
