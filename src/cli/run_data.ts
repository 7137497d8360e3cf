/**
 * The data set of a run and its split, from the flags or from what the run directory keeps.
 *
 * @module
 */

import { join } from "node:path";
import type { Dataset, Split, SplitOptions } from "../data/dataset.ts";
import { makeDemo } from "../data/demo/demo.ts";
import { refuseLeaks } from "../data/check/duplicates.ts";
import { skipBroken } from "../data/check/broken.ts";
import { pictureNotes, type Prepared } from "../data/check/picture_notes.ts";
import { counted, firstNames, printable } from "../data/names.ts";
import { readSplit } from "../data/forms/split_file.ts";
import { limitDataset } from "../data/limit.ts";
import { openDataset } from "../data/open.ts";
import type { OnProgress } from "../data/store/scan.ts";
import { classNames } from "../run/evaluate.ts";
import { SPLIT_FILE } from "../run/kept.ts";
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

/**
 * Opens the data that the flags name; without `--data`, the demo faces, which are drawn at first use. `namesAll` leaves
 * rows of a label file that cannot be used out, whatever the flags say, so that all of them can be named. `classes` are
 * those of a run, in its order.
 */
export async function openData(
  flags: DataFlags,
  preparing: Preparing,
  { namesAll = false, classes = [] }: { namesAll?: boolean; classes?: readonly string[] } = {},
): Promise<Opened> {
  const { task, target, others } = flags;
  const isDemo = flags.data === undefined;
  const path = flags.data ?? await makeDemo({ onProgress: preparing("drawing the demo faces") });
  const labels = isDemo && target.length === 0 ? DEMO[task ?? "multiclass"] : { target, others };
  const asked = { ...labels, ...pick(flags, opening) };
  const whole = (await openDataset(path, namesAll ? { ...asked, skipBroken: true } : asked)).inOrderOf(classes);
  const data = flags.limit === undefined ? whole : limitDataset(whole, flags.limit, flags.seed);
  const limited = data === whole
    ? []
    : [`limit ${data.size} of ${counted(whole.size, "picture")}, each class with its share, by seed ${flags.seed}`];
  const warnings = [...data.warnings, ...limited];
  if (!flags.skipBroken) return { data, warnings };
  const { data: rest, skipped } = await skipBroken(data, preparing("looking for broken pictures"));
  const named = firstNames(skipped.map(({ file, reason }) => `${file} ${reason}`));
  const noted = skipped.length === 0 ? [] : [`${counted(skipped.length, "broken picture")} left out: ${named}`];
  return { data: rest, warnings: [...warnings, ...noted] };
}

/** Which parts the flags ask for. */
export function splitOptions({ split: chosen, stratify, seed }: DataFlags): SplitOptions {
  return chosen === "own" ? { own: true, stratify, seed } : { ratios: chosen, stratify, seed };
}

/** Splits data as the flags say; refuses a split whose parts share pictures. Its warnings are all that was noticed. */
export async function splitData(
  { data, warnings }: Opened,
  flags: DataFlags & Prepared,
  preparing: Preparing,
): Promise<Split> {
  const split = data.split(splitOptions(flags));
  const leaks = await refuseLeaks(split, flags.allowDuplicates, preparing("comparing pictures"));
  const notes = await pictureNotes(data, flags, preparing("comparing pictures"));
  return { ...split, warnings: [...warnings, ...split.warnings, ...leaks, ...notes] };
}

/** The split that a run keeps; refused where its parts share pictures now. */
export async function keptSplit(run: string, opened: Opened, flags: DataFlags, preparing: Preparing): Promise<Split> {
  const split = await readSplit(join(run, SPLIT_FILE), opened.data);
  const leaks = await refuseLeaks(split, flags.allowDuplicates, preparing("comparing pictures"));
  return { ...split, warnings: [...opened.warnings, ...leaks] };
}

/** Lines about the data for people. */
export function describeData(data: Dataset, split: Split, flags: DataFlags): string[] {
  const names = classNames(data.task, data.classes);
  const counts = data.counts();
  const classes = names.map((name, c) => `${printable(name)} ${counts[c]}`);
  const shown = classes.length > 12 ? [...classes.slice(0, 12), `and ${classes.length - 12} more`] : classes;
  const what = flags.data === undefined ? "the demo faces" : printable(flags.data);
  const { train, val, test } = split;
  return [
    `data   ${what}: ${counted(data.size, "picture")}; ${shown.join(", ")}`,
    ...data.form === undefined ? [] : [`form   ${data.form}`],
    `split  train ${train.size}, val ${val.size}, test ${test.size}`,
  ];
}
