/**
 * Finds the pictures that a label file lists, also where it was written for another machine or another program: ids
 * without an ending, files of a subfolder, backslashes, the paths of another disk, another Unicode form. What is found
 * so is unambiguous, and it is said; the rest is missing.
 *
 * The ways are tried in this order: the path as it stands; another spelling of it (separators, Unicode form, letter
 * case, an ending that is missing); folders in front of it that only one picture has; its leading folders left out,
 * where all rows share them; its base name, where all of them are different. A way that leaves out folders must find
 * most of the pictures, since else `dog/1.jpg` would become `cat/1.jpg`.
 *
 * @module
 */

import { counted, printable } from "../names.ts";
import { withoutEnding } from "../pictures/formats.ts";
import type { Inside } from "../paths.ts";

/** What became of the paths of a label file. */
export interface Located {
  /** The path of each picture; undefined where there is none that is meant beyond doubt. */
  readonly files: readonly (string | undefined)[];
  /** The listed paths that lead to files that may not be read. */
  readonly outside: ReadonlySet<string>;
  /** The listed paths that may mean several pictures, and the first of these. */
  readonly ambiguous: ReadonlyMap<string, readonly string[]>;
  /** What was taken otherwise than it stands, a line for each way. */
  readonly notes: readonly string[];
}

/** A picture that a listed path may mean. */
interface Candidate {
  readonly file: string;
  /** Folders in front of the listed path. */
  readonly prefix: string;
  /** How its spelling differs, the least first. */
  readonly spelling: number;
}

const spellings = ["", "ending added", "letter case", "letter case, ending added", "another ending"] as const;
const otherEnding = spellings.length - 1;

/** Separators, `.` and the Unicode form as they are in the index. */
function plain(path: string): string {
  return path.normalize("NFC").split(/[\\/]+/).filter((part) => part !== "" && part !== ".").join("/");
}

const lastOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** By what pictures are looked up: the base name without ending, in small letters. */
const keyOf = (path: string): string => withoutEnding(lastOf(path)).toLowerCase();

/** The pictures of a folder, to be found by what a label file calls them. */
export class PictureIndex {
  readonly #byKey = new Map<string, { readonly file: string; readonly path: string }[]>();

  /**
   * Takes the pictures in.
   *
   * @param files Paths relative to the folder.
   */
  constructor(files: readonly string[]) {
    for (const file of files) {
      const path = plain(file);
      const key = keyOf(path);
      const same = this.#byKey.get(key);
      if (same === undefined) this.#byKey.set(key, [{ file, path }]);
      else same.push({ file, path });
    }
  }

  /** The pictures whose paths end with a listed one, spelt like it or otherwise. */
  candidates(listed: string): Candidate[] {
    const found: Candidate[] = [];
    for (const { file, path } of this.#byKey.get(keyOf(listed)) ?? []) {
      const folders = path.split("/").length - listed.split("/").length;
      if (folders < 0) continue;
      const end = path.split("/").slice(folders).join("/");
      const spelling = [
        end === listed,
        withoutEnding(end) === listed,
        end.toLowerCase() === listed.toLowerCase(),
        withoutEnding(end).toLowerCase() === listed.toLowerCase(),
        withoutEnding(end).toLowerCase() === withoutEnding(listed).toLowerCase(),
      ].indexOf(true);
      if (spelling === -1) continue;
      const prefix = path.split("/").slice(0, folders).map((part) => `${part}/`).join("");
      found.push({ file, prefix, spelling });
    }
    return found;
  }
}

/** A way by which a picture was found. */
interface Found {
  readonly file: string;
  /** In words; pictures of one way are counted together. */
  readonly way: string;
}

/**
 * Finds pictures.
 *
 * @param listed Paths as listed, which may be there several times.
 * @param inside The folder.
 * @param index Its pictures.
 * @param stem The label file's name without ending: of two folders with the same files, the one called like it is
 * meant (`train.csv`, `train/`).
 * @returns What became of each.
 */
export function locate(listed: readonly string[], inside: Inside, index: PictureIndex, stem: string): Located {
  const found = new Map<string, Found>();
  const outside = new Set<string>();
  const ambiguous = new Map<string, readonly string[]>();
  const rest = new Map<string, string>();
  for (const path of new Set(listed)) {
    const there = inside.look(path);
    if (there === "missing") {
      if (plain(path) !== "") rest.set(path, plain(path));
    } else if (there === "outside") outside.add(path);
    else found.set(path, { file: there.file, way: there.file === path ? "" : "the data folder's own path left out" });
  }
  const taken = new Set([...found.values()].map(({ file }) => plain(file)));
  const asTheyStand = found.size;
  if (rest.size > 0) {
    const search = new Search(rest, index, taken, asTheyStand === 0, stem);
    for (const [path, way] of search.run()) found.set(path, way);
    for (const [path, files] of search.ambiguous) ambiguous.set(path, files);
  }
  const files = listed.map((path) => found.get(path)?.file);
  return { files, outside, ambiguous, notes: notesOf(found) };
}

function notesOf(found: ReadonlyMap<string, Found>): string[] {
  const ways = new Map<string, { first: string; count: number }>();
  for (const [path, { file, way }] of found) {
    if (way === "") continue;
    const known = ways.get(way);
    if (known === undefined) ways.set(way, { first: `${printable(path)} is ${printable(file)}`, count: 1 });
    else known.count++;
  }
  return [...ways].map(([way, { first, count }]) =>
    `${count} of ${counted(found.size, "picture")} found otherwise than listed: ${way} (${first})`
  );
}

/** The search for what is not there as it stands. */
class Search {
  readonly ambiguous = new Map<string, readonly string[]>();
  readonly #found = new Map<string, Found>();

  constructor(
    private readonly rest: ReadonlyMap<string, string>,
    private readonly index: PictureIndex,
    private readonly taken: Set<string>,
    private readonly isAlien: boolean,
    private readonly stem: string,
  ) {}

  run(): ReadonlyMap<string, Found> {
    this.#take(this.rest, "");
    if (!this.isAlien) return this.#found;
    const dirs = commonFolders([...this.rest.values()]);
    const root = /^[\\/]/.test(this.rest.keys().next().value!) ? "/" : "";
    for (let left = 1; left <= dirs.length && !this.#isEnough(); left++) {
      const shorter = new Map([...this.rest].map(([path, spelt]) => [path, spelt.split("/").slice(left).join("/")]));
      this.#take(shorter, `${root}${printable(dirs.slice(0, left).join("/"))}/ left out`);
    }
    if (!this.#isEnough()) this.#takeBaseNames();
    return this.#found;
  }

  #isEnough(): boolean {
    return 2 * this.#found.size >= this.rest.size;
  }

  /** Takes what paths mean, where that is one picture; `how` is what was done to all of them. */
  #take(paths: ReadonlyMap<string, string>, how: string): void {
    const candidates = new Map(
      [...paths].filter(([path]) => !this.#found.has(path)).map(([path, spelt]) =>
        [path, this.#best(this.index.candidates(spelt))] as const
      ),
    );
    const prefix = this.#prefixOf(candidates);
    const chosen = new Map<string, { candidate: Candidate; of: number }>();
    for (const [path, all] of candidates) {
      const own = all.filter((candidate) => candidate.prefix === "");
      const preferred = own.length > 0 ? own : prefix === undefined ? all : all.filter((one) => one.prefix === prefix);
      if (preferred.length === 1) chosen.set(path, { candidate: preferred[0], of: all.length });
      else if (all.length > 1) this.ambiguous.set(path, all.slice(0, 2).map(({ file }) => file));
    }
    // What leaves folders out must explain most of the rows: else it is chance.
    if (how !== "" && 2 * (chosen.size + this.#found.size) < this.rest.size) return;
    const prefixes = new Set([...chosen.values()].map(({ candidate }) => candidate.prefix));
    for (const [path, { candidate }] of chosen) {
      if (this.taken.has(plain(candidate.file))) continue;
      this.taken.add(plain(candidate.file));
      this.ambiguous.delete(path);
      const where = candidate.prefix === ""
        ? ""
        : prefixes.size > 3
        ? "in subfolders"
        : `in ${printable(candidate.prefix)}`;
      const spelling = spellings[candidate.spelling] ||
        (how === "" && where === "" ? differenceOf(path, candidate) : "");
      this.#found.set(path, {
        file: candidate.file,
        way: [how, where, spelling].filter((part) => part !== "").join(", "),
      });
    }
  }

  /** The candidates that are spelt most like the path. Another ending counts only where no row has its own. */
  #best(candidates: readonly Candidate[]): readonly Candidate[] {
    const usable = candidates.filter(({ spelling }) => this.isAlien || spelling < otherEnding);
    const least = Math.min(...usable.map(({ spelling }) => spelling));
    return usable.filter(({ spelling }) => spelling === least);
  }

  /** The one folder in which all paths that are somewhere are; of several, the one that is called like the file. */
  #prefixOf(candidates: ReadonlyMap<string, readonly Candidate[]>): string | undefined {
    const somewhere = [...candidates.values()].filter((all) => all.length > 0);
    const votes = new Map<string, number>();
    for (const all of somewhere) {
      for (const prefix of new Set(all.map((one) => one.prefix))) votes.set(prefix, (votes.get(prefix) ?? 0) + 1);
    }
    const whole = [...votes].filter(([, count]) => count === somewhere.length).map(([prefix]) => prefix);
    if (whole.length === 1) return whole[0];
    const called = whole.filter((prefix) =>
      prefix.split("/").some((part) => new RegExp(`^${RegExp.escape(this.stem)}([-_. ]|$)`, "i").test(part))
    );
    return this.stem !== "" && called.length === 1 ? called[0] : undefined;
  }

  /** Takes pictures by their base names, where those are all different, in the list and in the folder. */
  #takeBaseNames(): void {
    const names = new Map([...this.rest].map(([path, spelt]) => [path, lastOf(spelt)]));
    if (new Set([...names.values()].map(keyOf)).size < names.size) return;
    this.#take(names, "by base name");
  }
}

/** How a path that means the same is written otherwise. */
function differenceOf(path: string, { file }: Candidate): string {
  if (path.normalize("NFC") === file.normalize("NFC")) return "Unicode form";
  return path.includes("\\") ? "backslashes" : "separators";
}

/** The folders with which all paths begin. */
function commonFolders(paths: readonly string[]): string[] {
  const [first = "", ...others] = paths;
  let common = first.split("/").slice(0, -1);
  for (const path of others) {
    const folders = path.split("/").slice(0, -1);
    let same = 0;
    while (same < common.length && common[same] === folders[same]) same++;
    common = common.slice(0, same);
  }
  return common;
}
