/**
 * Finds the pictures that words of a command line name: files, folders and patterns, in the same way as in a data set.
 *
 * @module
 */

import { glob } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "../errors.ts";
import { firstNames, printable } from "./names.ts";
import { isLeftFile, isLeftFolder, PassedOver, unreadableFormat } from "./passed_over.ts";
import { Inside, isFile, isFolder, outsideReason } from "./paths.ts";
import { formatAt } from "./pictures/file.ts";
import { isRead, namedFormat } from "./pictures/formats.ts";
import { faultsOf, picturesOf, survey } from "./tree.ts";

/** Pictures that were found. */
export interface FoundPictures {
  /** Their paths, in the order of the words. */
  readonly files: readonly string[];
  /** Those that are there and not to be opened, and why. */
  readonly faults: ReadonlyMap<string, string>;
  /** What was passed over, a line each. */
  readonly notes: readonly string[];
}

/**
 * Finds pictures.
 *
 * @param words Files, folders, and patterns with `*`.
 * @param allowOutside Whether links may lead out of the folders.
 * @returns The pictures. A single file is taken as it is named; of several, and in folders, what is no picture is
 * passed over.
 * @throws {UserError} If a word names nothing, or there is no picture.
 */
export async function findPictures(words: readonly string[], allowOutside: boolean): Promise<FoundPictures> {
  const named = (await Promise.all(words.map(filesOf))).flat();
  const faults = new Map<string, string>();
  const passedOver = new PassedOver();
  const notes: string[] = [];
  const files: string[] = [];
  for (const path of named) {
    if (!await isFolder(path)) {
      if (named.length === 1 || isPicture(path)) files.push(path);
      else passedOver.addFile(path, unreadableFormat(path) ?? formatAt(path));
    } else if (named.length > 1 && isLeftFolder(basename(path))) {
      passedOver.folders.push(path);
    } else {
      const found = await survey(await Inside.open(path, allowOutside));
      const under = (file: string) => `${path.replace(/(?<=.)[\\/]+$/, "")}/${file}`;
      files.push(...picturesOf(found.tree).map(under));
      for (const [file, fault] of faultsOf(found.tree)) faults.set(under(file), fault);
      passedOver.add(found.passedOver, under);
    }
  }
  notes.push(...passedOver.warnings());
  if (files.length === 0) {
    throw new UserError(
      `${firstNames(words)} ${words.length === 1 ? "has" : "have"} no pictures that are read${
        notes.map((note) => `; ${note}`).join("")
      }`,
    );
  }
  const names = passedOver.names();
  if (names.length > 0) {
    notes.push(`passed over: ${names.slice(0, 8).join(", ")}${names.length > 8 ? " and more" : ""}`);
  }
  if ([...faults.values()].includes(outsideReason)) {
    notes.push("links that lead out of a folder are read with option allowOutside");
  }
  return { files, faults, notes };
}

/** What a word names. */
async function filesOf(word: string): Promise<string[]> {
  if (await isFile(word) || await isFolder(word) || await isThere(word)) return [word];
  const found = await Array.fromAsync(glob(word));
  if (found.length > 0) return found.sort();
  throw new UserError(`There is no picture ${printable(word)}; give files, folders or patterns such as '*.jpg'`);
}

/** Is there something, if only a link to nothing or a pipe? */
async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** By its name, or by its content. What cannot be opened and has a picture's name is one that is broken. */
function isPicture(path: string): boolean {
  if (isLeftFile(basename(path))) return false;
  if (namedFormat(path) !== undefined) return true;
  return isRead(unreadableFormat(path) ?? formatAt(path));
}
