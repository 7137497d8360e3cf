/**
 * Finds pictures that are there more than once, byte for byte. A picture that is in train and in test makes the test
 * look better than it is.
 *
 * @module
 */

import { ifGiven, option, UserError } from "../../errors.ts";
import type { Dataset, Split } from "../dataset.ts";
import { counted, printable } from "../names.ts";
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
 * Groups pictures with the same bytes.
 *
 * @param data The data set.
 * @param onProgress Is told how far it is.
 * @returns Places in the data set, a list for each picture that is there more than once.
 */
export async function findDuplicates(data: Dataset, onProgress?: OnProgress): Promise<number[][]> {
  const { hashes } = await scanPictures(data.source, onProgress);
  const groups = Map.groupBy(data.samples.keys(), (i) => hashes[data.positions[i]]);
  groups.delete(""); // files that cannot be read
  return [...groups.values()].filter((group) => group.length > 1);
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
 * @returns Warnings; none where no picture is shared.
 * @throws {UserError} If pictures are shared and that is not allowed: the count and the first pairs.
 */
export async function refuseLeaks(split: Split, allow: boolean, onProgress?: OnProgress): Promise<string[]> {
  const leaks = await findLeaks(split, onProgress);
  if (leaks.length === 0) return [];
  const pairs = leaks.slice(0, 3).map(leakLine).join("; ");
  const more = leaks.length > 3 ? ` and ${leaks.length - 3} more` : "";
  const found = `${counted(leaks.length, "picture")} in more than one part of the split: ${pairs}${more}`;
  if (allow) return [found];
  throw new UserError(
    `${found}. Remove them (the command data check lists all)${
      ifGiven("allowDuplicates", `, or set ${option("allowDuplicates")}`)
    }`,
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
