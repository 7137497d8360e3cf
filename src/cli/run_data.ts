/**
 * The data set of a run and its split, from the flags or from what the run directory keeps.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset, Split, SplitOptions } from "../data/dataset.ts";
import { makeDemo } from "../data/demo/demo.ts";
import {
  contradictionsIn,
  findDuplicates,
  groupsText,
  refuseContradictions,
  refuseLeaks,
} from "../data/check/duplicates.ts";
import { skipBroken } from "../data/check/broken.ts";
import { emptyParts } from "../data/check/empty_parts.ts";
import { pictureNotes, type Prepared } from "../data/check/picture_notes.ts";
import { classNames } from "../data/labels.ts";
import { counted, firstNames, printable } from "../data/names.ts";
import { readSplit } from "../data/forms/split_file.ts";
import { limitDataset } from "../data/limit.ts";
import { openDataset } from "../data/open.ts";
import type { OnProgress } from "../data/store/scan.ts";
import { UserError } from "../errors.ts";
import { foldOf } from "../run/values.ts";
import { SPLIT_FILE } from "../run/kept.ts";
import { nameIn } from "./command.ts";
import { train } from "./flags.ts";
import type { Settings, ValuesOf } from "../run/settings.ts";
import type { dataSettings, splitSettings } from "../run/settings/data.ts";

/** What says what the data are and how they are split. */
export type DataFlags =
  & ValuesOf<typeof dataSettings>
  & ValuesOf<typeof splitSettings>
  & Pick<Settings, "seed">;

/** Tells how far a preparation is. */
export type Preparing = (what: string) => OnProgress;

/** Classes of the demo faces, where no target is given. */
const DEMO = {
  binary: { target: ["Eyeglasses"] },
  multiclass: { target: ["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"], others: "Others" },
  multilabel: { target: ["Eyeglasses", "Smiling", "Wavy_Hair", "No_Beard"] },
} as const;

/** A data set that was opened, and what was noticed, a line each. */
export interface Opened {
  readonly data: Dataset;
  readonly warnings: readonly string[];
}

/** Settings that say how data are opened, as `openDataset` takes them. */
const opening = [
  "task",
  "pictures",
  "skipBroken",
  "maxMegapixels",
  "classNames",
  "allowOutside",
  "labelColumn",
  "fileColumn",
  "splitColumn",
  "labelSeparator",
  "allowNa",
] as const;

function pick<T, K extends keyof T>(values: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<T, K>;
}

/** How the data of a run are opened for something else than training. */
export interface OpenedFor {
  /** Another data set than the run's, whose labels are by the names of the run's classes. */
  readonly other?: {
    /** Where it is. */
    readonly data: string;
    /** The classes that the run knows. */
    readonly classes: readonly string[];
    /** Whether pictures of other classes are left out. */
    readonly ignoreUnknown: boolean;
  };
  /** Classes of a run, which has them in this order. */
  readonly classes?: readonly string[];
  /** Are rows of a label file that cannot be used left out, so that all can be named? Else as the flags say. */
  readonly namesAll?: boolean;
}

/** Opens the data that the flags name, without what the flags leave out. */
export async function openData(flags: DataFlags, preparing: Preparing, how: OpenedFor = {}): Promise<Opened> {
  const listed = await listData(flags, preparing, how);
  // Which classes there are is the run's affair.
  return await cleanData(listed, how.other ? { ...flags, skipSmallClasses: false } : flags, preparing);
}

/**
 * Opens the data that the flags name; without `--data`, the demo faces, which are drawn at first use. Files are listed
 * and labels read; no picture is.
 */
export async function listData(flags: DataFlags, preparing: Preparing, how: OpenedFor = {}): Promise<Opened> {
  const { other, namesAll = false, classes = [] } = how;
  const { task, target, others } = flags;
  const isDemo = flags.data === undefined;
  const path = other?.data ?? flags.data ?? await makeDemo({ onProgress: preparing("drawing the demo faces") });
  const labels = isDemo && target.length === 0 ? DEMO[task ?? "multiclass"] : { target, others };
  const known = other && { classes: other.classes, ignoreUnknown: other.ignoreUnknown };
  const asked = { ...labels, ...pick(flags, opening), ...known };
  const onProgress = preparing("opening");
  const opened = await openDataset(path, { ...asked, ...namesAll && { skipBroken: true }, onProgress });
  const whole = opened.inOrderOf(classes);
  const data = flags.limit === undefined ? whole : limitDataset(whole, flags.limit, flags.seed);
  const limited = data === whole
    ? []
    : [`limit ${data.size} of ${counted(whole.size, "picture")}, each class with its share, by seed ${flags.seed}`];
  return { data, warnings: [...data.warnings, ...limited] };
}

/** Leaves out what the flags say: broken pictures, those under two labels, classes that are too small. */
export async function cleanData({ data, warnings }: Opened, flags: DataFlags, preparing: Preparing): Promise<Opened> {
  const notes: string[] = [];
  let rest = data;
  if (flags.skipBroken) {
    const { data: whole, skipped } = await skipBroken(data, preparing("looking for broken pictures"));
    const named = firstNames(skipped.map(({ file, reason }) => `${file} ${reason}`));
    if (skipped.length > 0) notes.push(`${counted(skipped.length, "broken picture")} left out: ${named}`);
    const doubtful = contradictionsIn(whole, await findDuplicates(whole));
    const places = new Set(doubtful.flat());
    if (places.size > 0) {
      notes.push(`${counted(places.size, "picture")} under two labels left out: ${groupsText(whole, doubtful)}`);
    }
    rest = whole.subset([...whole.samples.keys()].filter((i) => !places.has(i)));
  }
  if (flags.skipSmallClasses && rest.task !== "binary") {
    const together = await findDuplicates(rest, preparing("comparing pictures"));
    const small = rest.smallClasses({ ...splitOptions(flags), together });
    if (small.length > 0) {
      const named = small.map(({ name, count }) => `${name} (${count})`);
      notes.push(`${counted(small.length, "class")} with too few pictures left out: ${firstNames(named, 8)}`);
      rest = rest.withoutClasses(new Set(small.map(({ index }) => index)));
      if (rest.classes.length < 2 && rest.task === "multiclass") {
        throw new UserError(`Cannot train: ${notes.at(-1)}; ${counted(rest.classes.length, "class")} left`);
      }
    }
  }
  return { data: rest, warnings: [...warnings, ...notes] };
}

/** Which parts the flags ask for. */
export function splitOptions({ split: chosen, fold, stratify, seed, testOn }: DataFlags): SplitOptions {
  const how = { stratify, seed, testOn, fold: fold === undefined ? undefined : foldOf(fold) };
  return chosen === "own" ? { own: true, ...how } : { ratios: chosen, ...how };
}

/**
 * Splits data as the flags say: equal pictures are kept in one part, and refused where they have several labels, or the
 * data's own parts share them. The split's warnings are all that was noticed.
 */
export async function splitData(
  { data, warnings }: Opened,
  flags: DataFlags & Prepared,
  preparing: Preparing,
): Promise<Split> {
  const together = await findDuplicates(data, preparing("comparing pictures"));
  const doubtful = refuseContradictions(data, together, flags.allowDuplicates);
  const split = data.split({ ...splitOptions(flags), together });
  const leaks = await refuseLeaks(split, flags.allowDuplicates, preparing("comparing pictures"));
  const instead = split.taken?.includes("test")
    ? [`${nameIn(train.flags, "testOn")} val takes no test part from train, and tests on val`]
    : [];
  const copies = together.reduce((sum, group) => sum + group.length - 1, 0);
  const equal = copies > 0 && leaks.length === 0
    ? [`${counted(copies, "picture")} there again, each in the part of its like: ${groupsText(data, together)}`]
    : [];
  const notes = await pictureNotes(data, flags, preparing("comparing pictures"));
  const noticed = [...split.warnings, ...instead, ...equal, ...doubtful, ...leaks, ...notes];
  return { ...split, warnings: [...warnings, ...noticed] };
}

/** The split that a run keeps; refused where its parts share pictures now. */
export async function keptSplit(run: string, opened: Opened, flags: DataFlags, preparing: Preparing): Promise<Split> {
  const split = await readSplit(join(run, SPLIT_FILE), opened.data);
  const leaks = await refuseLeaks(split, flags.allowDuplicates, preparing("comparing pictures"), true);
  return { ...split, warnings: [...opened.warnings, ...leaks] };
}

/** Refuses parts that are empty and must not be, before anything is trained. */
export function refuseEmpty({ train, val, test }: Split, { testOn }: DataFlags): void {
  const [empty] = emptyParts(testOn === "val" ? { train, val } : { train, val, test });
  if (empty) throw new UserError(empty);
}

/** `12 pictures; apple 6, pear 0, plum 6`. */
export function countsOf(data: Dataset): string {
  const counts = data.counts();
  const classes = classNames(data.task, data.classes).map((name, c) => `${printable(name)} ${counts[c]}`);
  const more = classes.length > 12 ? [`and ${classes.length - 12} more`] : [];
  return `${counted(data.size, "picture")}; ${[...classes.slice(0, 12), ...more].join(", ")}`;
}

/** Lines about the data for people. */
export function describeData(data: Dataset, split: Split, flags: DataFlags): string[] {
  const what = flags.data === undefined ? "the demo faces" : printable(flags.data);
  const { train, val, test } = split;
  const fold = flags.fold === undefined ? [] : [
    `fold   ${flags.fold.replace("/", " of ")} is tested on${
      data.hasOwnSplit ? ", of all parts of the data taken together" : ""
    }; val is taken from the rest, and chooses the best epoch`,
  ];
  return [
    `data   ${what}: ${countsOf(data)}`,
    ...data.form === undefined ? [] : [`form   ${data.form}`],
    `split  train ${train.size}, val ${val.size}, ${
      flags.testOn === "val" ? "which chooses the best epoch and is tested on, too" : `test ${test.size}`
    }`,
    ...fold,
  ];
}
