/**
 * The contact sheet of `predict --html`: which pictures are on it, in which groups.
 *
 * @module
 */

import { counted, printable } from "../data/names.ts";
import type { Decoding } from "../data/pictures/header.ts";
import type { Resizing } from "../data/pictures/resize.ts";
import { thumbnailOf } from "../data/pictures/thumbnail.ts";
import { UserError } from "../errors.ts";
import { writeAtomic } from "../files.ts";
import { contactPage, type ContactPicture } from "../report/page/contact_page.ts";
import { readPicture } from "../run/picture_input.ts";
import type { Prediction } from "../run/prediction.ts";
import type { Task } from "../data/labels.ts";

/** Pictures at most, and their side: a sheet stays below about 7 MB. */
const SIDES = [{ most: 500, side: 128 }, { most: 1500, side: 96 }, { most: 2500, side: 64 }] as const;

/** Of the pictures, the share that is marked as least sure. */
const DOUBTFUL = 0.05;

/** Labels of a picture that are shown. */
const MOST_LABELS = 4;

/** A picture that was answered. */
export interface Answered {
  /** Its path. */
  readonly file: string;
  /** What is said of it. */
  readonly prediction: Prediction;
}

/** What a sheet is of. */
export interface SheetOf {
  /** Name of the run. */
  readonly run: string;
  /** Its task. */
  readonly task: Task;
  /** Its classes or labels. */
  readonly classes: readonly string[];
  /** How it makes pictures square. */
  readonly resizing: Pick<Resizing, "interpolation" | "fit">;
  /** How pictures are read. */
  readonly decoding: Decoding;
  /** Files that could not be read, with the reason. */
  readonly faults: readonly string[];
}

/** A group, with how sure the model is of each picture. */
interface Group {
  readonly name: string;
  readonly pictures: readonly (Answered & { readonly sureness: number })[];
}

/** How sure a model is: the probability of what it says; of labels, that of the one of which it is least sure. */
export function surenessOf(task: Task, { top, probabilities }: Prediction): number {
  return task === "multilabel"
    ? Object.values(probabilities).reduce((least, p) => Math.min(least, Math.max(p, 1 - p)), 1)
    : top.probability;
}

/** Pictures by what is said of them, the least sure first: of classes in their order, of labels the largest first. */
export function groupsOf(answered: readonly Answered[], { task, classes }: Pick<SheetOf, "task" | "classes">): Group[] {
  const names = ({ top, labels }: Prediction) => task === "multilabel" ? labels.join(", ") || "no label" : top.name;
  const groups = Array.from(
    Map.groupBy(answered, ({ prediction }) => names(prediction)),
    ([name, own]): Group => ({
      name,
      pictures: own.map((one) => ({ ...one, sureness: surenessOf(task, one.prediction) }))
        .sort((a, b) => a.sureness - b.sureness),
    }),
  );
  const place = task === "multiclass" ? new Map(classes.map((name, c) => [name, c])) : new Map<string, number>();
  return groups.sort((a, b) =>
    task === "multiclass"
      ? place.get(a.name)! - place.get(b.name)!
      : b.pictures.length - a.pictures.length || (a.name < b.name ? -1 : 1)
  );
}

/** The folder that all files are in, with a separator at its end; nothing where there is none but the root. */
export function commonFolder(files: readonly string[]): string {
  const [first, ...rest] = files.map((file) => file.replaceAll("\\", "/").split("/").slice(0, -1));
  if (first === undefined) return "";
  const differs = first.findIndex((part, p) => rest.some((parts) => parts[p] !== part));
  const common = (differs < 0 ? first : first.slice(0, differs)).join("/");
  return common === "" ? "" : `${common}/`;
}

/** How many of each group are shown: all, or each its share of what a page can hold, and one at least. */
export function shownOf(sizes: readonly number[]): { side: number; counts: number[] } {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const { most, side } = SIDES.find((one) => total <= one.most) ?? SIDES.at(-1)!;
  if (total <= most) return { side, counts: [...sizes] };
  return { side, counts: sizes.map((size) => Math.max(1, Math.floor(most * size / total))) };
}

function percent(probability: number): string {
  return `${(100 * probability).toFixed(1)}%`;
}

/** `Blond_Hair 97.1%`; of labels those that the picture has. */
function said(task: Task, { top, labels, probabilities }: Prediction): string {
  if (task !== "multilabel") return `${top.name} ${percent(top.probability)}`;
  if (labels.length === 0) return "no label";
  const shown = labels.slice(0, MOST_LABELS).map((name) => `${name} ${percent(probabilities[name])}`).join(", ");
  return labels.length > MOST_LABELS ? `${shown} and ${labels.length - MOST_LABELS} more` : shown;
}

/**
 * Writes a contact sheet.
 *
 * @param path The file.
 * @param answered The pictures.
 * @param of What it is of.
 * @param onShown Is told how many small pictures are made.
 * @returns A line about it.
 */
export async function writeContactSheet(
  path: string,
  answered: readonly Answered[],
  of: SheetOf,
  onShown: (done: number, total: number) => void,
): Promise<string> {
  const { run, task, resizing, decoding } = of;
  const faults = [...of.faults];
  const groups = groupsOf(answered, of);
  const { side, counts } = shownOf(groups.map(({ pictures }) => pictures.length));
  const shown = counts.reduce((sum, count) => sum + count, 0);
  const sure = groups.flatMap(({ pictures }) => pictures.map(({ sureness }) => sureness)).sort((a, b) => a - b);
  const least = sure[Math.max(1, Math.floor(DOUBTFUL * sure.length)) - 1];
  const folder = commonFolder(answered.map(({ file }) => file));
  let done = 0;
  const drawn: { name: string; count: number; pictures: ContactPicture[] }[] = [];
  for (const [g, { name, pictures }] of groups.entries()) {
    const small: ContactPicture[] = [];
    for (const { file, prediction, sureness } of pictures.slice(0, counts[g])) {
      onShown(++done, shown);
      try {
        const jpeg = thumbnailOf(await readPicture(file, file, decoding), side, resizing);
        small.push({
          file: file.slice(folder.length),
          said: said(task, prediction),
          isDoubtful: sureness <= least,
          jpeg,
        });
      } catch (error) {
        // It was there when it was answered.
        if (!(error instanceof UserError)) throw error;
        faults.push(error.message);
      }
    }
    drawn.push({ name, count: pictures.length, pictures: small });
  }
  const all = counted(answered.length, "picture");
  const some = shown < answered.length
    ? `; ${shown.toLocaleString("en")} of them are shown, of each group its share`
    : "";
  await writeAtomic(
    path,
    await contactPage({
      title: `${run}: ${all}`,
      summary: [
        `${all}, grouped by what the model says${some}. In each group the least sure come first. The least sure ` +
        `twentieth of all is marked: they are those to look at.`,
        ...folder === "" ? [] : [`Files are in ${folder}.`],
      ],
      ...{ groups: drawn, side, faults },
    }),
  );
  return `${all}${shown < answered.length ? `, ${shown} of them shown` : ""}: ${printable(path)}`;
}
