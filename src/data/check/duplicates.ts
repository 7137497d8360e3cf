/**
 * Finds pictures that are there more than once, byte for byte. A picture that is in train and in test makes the test
 * look better than it is.
 *
 * @module
 */

import { ifGiven, option, UserError } from "../../errors.ts";
import type { Dataset, Split } from "../dataset.ts";
import { counted, firstNames, printable } from "../names.ts";
import { type OnProgress, scanPictures } from "../store/scan.ts";
import { splitNames } from "../split.ts";

/** Two parts that hold the same picture. */
export interface Leak {
  /** Picture of the earlier part: its path relative to the data folder. */
  readonly file: string;
  /** The earlier part. */
  readonly part: (typeof splitNames)[number];
  /** The same picture in the later part. */
  readonly otherFile: string;
  /** The later part. */
  readonly otherPart: (typeof splitNames)[number];
}

/**
 * Groups pictures with the same bytes. Broken files are like no other.
 *
 * @param data The data set.
 * @param onProgress Is told how far it is.
 * @returns Places in the data set, a list for each picture that is there more than once: what `split` keeps together.
 *
 * @example
 * ```ts
 * import { findDuplicates, openDataset } from "@fovea/fovea";
 *
 * const data = await openDataset("./pets");
 * const { train, val, test } = data.split({ together: await findDuplicates(data) });
 * ```
 */
export async function findDuplicates(data: Dataset, onProgress?: OnProgress): Promise<number[][]> {
  const { hashes, problems } = await scanPictures(data.source, onProgress);
  const whole = [...data.samples.keys()].filter((i) => !problems.has(data.positions[i]));
  const groups = Map.groupBy(whole, (i) => hashes[data.positions[i]]);
  return [...groups.values()].filter((group) => group.length > 1);
}

/**
 * The groups of equal pictures that have more than one label: at most one of them is right.
 *
 * @param data The data set.
 * @param groups Its equal pictures, as of {@link findDuplicates}.
 */
export function contradictionsIn(data: Dataset, groups: readonly (readonly number[])[]): (readonly number[])[] {
  return groups.filter((group) => new Set(group.map((i) => data.samples[i].label.join())).size > 1);
}

/**
 * Groups of equal pictures in words.
 *
 * @param data The data set.
 * @param groups Some of its equal pictures.
 * @returns Such as `a/1.jpg = b/7.jpg; a/2.jpg = b/3.jpg and 4 more`.
 */
export function groupsText(data: Dataset, groups: readonly (readonly number[])[]): string {
  const shown = groups.slice(0, 3).map((group) =>
    group.length > 3
      ? firstNames(group.map((i) => data.samples[i].file), 2)
      : group.map((i) => printable(data.samples[i].file)).join(" = ")
  );
  return `${shown.join("; ")}${groups.length > 3 ? ` and ${groups.length - 3} more` : ""}`;
}

/**
 * Refuses pictures that are there under more than one label.
 *
 * @param data The data set.
 * @param groups Its equal pictures.
 * @param allow Whether they are let through with a warning.
 * @returns Warnings; none where there are no such pictures.
 * @throws {UserError} If there are and that is not allowed: the count and the first of them.
 */
export function refuseContradictions(
  data: Dataset,
  groups: readonly (readonly number[])[],
  allow: boolean,
): string[] {
  const found = contradictionsIn(data, groups);
  if (found.length === 0) return [];
  const text = `${counted(found.length, "picture")} under more than one label: ${groupsText(data, found)}`;
  if (allow) return [text];
  throw new UserError(
    `${text}. Remove the wrong ones (the command data check lists all), leave all of them out with ${
      option("skipBroken")
    }, or set ${option("allowDuplicates")}`,
  );
}

/**
 * Lists pictures that are in more than one part of a split.
 *
 * @param split The parts.
 * @param onProgress Is told how far it is.
 * @returns A pair for each picture of a later part that an earlier part holds too.
 */
export async function findLeaks(split: Split, onProgress?: OnProgress): Promise<Leak[]> {
  const leaks: Leak[] = [];
  const first = new Map<string, { file: string; part: (typeof splitNames)[number] }>();
  for (const part of splitNames) {
    const { hashes, problems } = await scanPictures(split[part].source, onProgress);
    for (const [i, { file }] of split[part].samples.entries()) {
      // A broken file is refused for what it is, not for being like another: empty ones are all alike.
      if (problems.has(split[part].positions[i])) continue;
      const hash = hashes[split[part].positions[i]];
      const before = first.get(hash);
      if (before === undefined && hash !== "") first.set(hash, { file, part });
      else if (before !== undefined && before.part !== part) {
        leaks.push({ ...before, otherFile: file, otherPart: part });
      }
    }
  }
  return leaks;
}

/**
 * Refuses a split whose parts share pictures.
 *
 * @param split The parts.
 * @param allow Whether shared pictures are let through with a warning.
 * @param onProgress Is told how far it is.
 * @param isKept Is it the split that a run keeps? Then no other can be advised.
 * @returns Warnings; none where no picture is shared.
 * @throws {UserError} If pictures are shared and that is not allowed: the count and the first pairs.
 */
export async function refuseLeaks(
  split: Split,
  allow: boolean,
  onProgress?: OnProgress,
  isKept = false,
): Promise<string[]> {
  const leaks = await findLeaks(split, onProgress);
  if (leaks.length === 0) return [];
  const pairs = leaks.slice(0, 3).map(leakLine).join("; ");
  const more = leaks.length > 3 ? ` and ${leaks.length - 3} more` : "";
  const found = `${counted(leaks.length, "picture")} in more than one part of the split: ${pairs}${more}`;
  if (allow) return [found];
  throw new UserError(
    `${found}. Remove them (the command data check lists all)` +
      (isKept ? "" : `, split at random with ${option("split")} 8:1:1, which keeps equal pictures together`) +
      ifGiven("allowDuplicates", `, or set ${option("allowDuplicates")}`),
  );
}

/**
 * A pair in words.
 *
 * @param leak The pair.
 * @returns Such as `a.jpg (train) = b.jpg (test)`.
 */
export function leakLine({ file, part, otherFile, otherPart }: Leak): string {
  return `${printable(file)} (${part}) = ${printable(otherFile)} (${otherPart})`;
}
