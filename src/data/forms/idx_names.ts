/**
 * Names of the classes of IDX files, which have numbers only: as given, from a file beside them, or known of data that
 * are published.
 *
 * @module
 */

import { option, UserError } from "../../errors.ts";
import { counted, printable } from "../names.ts";
import { isFile } from "../paths.ts";
import { sha256 } from "../../hash.ts";
import { readText } from "./csv.ts";
import type { IdxData } from "./idx.ts";

/** Names by number, and how they were found where nobody gave them. */
export interface IdxNames {
  /** Names by number; undefined where classes are called by their numbers. */
  readonly names?: readonly string[];
  /** What was found, a line each. */
  readonly notes: readonly string[];
}

/** Files beside the data that have a name in each line. */
const files = ["class_names.txt", "classes.txt", "label_names.txt", "labels.txt", "names.txt"];

/** Names that are known, by what they are called on the command line. */
const known: Readonly<Record<string, { readonly names: readonly string[]; readonly labels: readonly string[] }>> = {
  // https://github.com/zalandoresearch/fashion-mnist, section Labels.
  "fashion-mnist": {
    names: [
      "T-shirt/top",
      "Trouser",
      "Pullover",
      "Dress",
      "Coat",
      "Sandal",
      "Shirt",
      "Sneaker",
      "Bag",
      "Ankle boot",
    ],
    // SHA-256 of the files of labels, not gzipped: of training and of the test.
    labels: [
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ],
  },
};

/**
 * Finds names.
 *
 * @param root The data folder.
 * @param data What was read.
 * @param asked Names in the order of the numbers, `numbers` for none, or the name of data that are known.
 * @returns The names.
 * @throws {UserError} If there are too few names, or one is there twice.
 */
export async function idxNames(root: string, data: IdxData, asked: readonly string[] = []): Promise<IdxNames> {
  const needed = data.labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  const [only] = asked;
  if (asked.length === 1 && only === "numbers") return { notes: [] };
  if (asked.length === 1 && Object.hasOwn(known, only)) {
    return { names: checked(known[only].names, needed, `${option("classNames")} ${only}`), notes: [] };
  }
  if (asked.length > 0) return { names: checked(asked, needed, option("classNames")), notes: [] };
  for (const file of files) {
    if (!await isFile(`${root}/${file}`)) continue;
    const names = checked(namesIn(await readText(`${root}/${file}`)), needed, printable(`${root}/${file}`));
    return { names, notes: [`names of the classes are from ${file}`] };
  }
  const hashes = data.labelFiles.map(sha256);
  for (const [name, { names, labels }] of Object.entries(known)) {
    if (hashes.every((hash) => labels.includes(hash))) {
      return { names, notes: [`names of the classes are those of ${name}, whose labels these are`] };
    }
  }
  return { notes: [] };
}

/** A name a line; numbers in front, where all lines have them, say the order. */
function namesIn(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/).map((line) => line.trim()).filter((line) => line !== "");
  const numbered = lines.map((line) => /^(\d+)\s*[\s:,=]\s*(.+)$/.exec(line));
  if (!numbered.every((match) => match !== null)) return lines;
  const names: string[] = [];
  for (const [, number, name] of numbered) if (Number(number) < 256) names[Number(number)] = name;
  return Array.from(names, (name, number) => name ?? `${number}`);
}

function checked(names: readonly string[], needed: number, where: string): readonly string[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new UserError(`${where} has the name ${printable(twice)} twice: give each class its own`);
  }
  if (names.length >= needed) return names;
  throw new UserError(
    `${where} has ${counted(names.length, "name")}, but labels go up to ${
      needed - 1
    }: give ${needed}, in the order of ` +
      `the numbers, or ${option("classNames")} numbers`,
  );
}
