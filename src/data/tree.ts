/**
 * Walks a data folder once: which pictures lie where, what is there and cannot be read, and what is passed over.
 * Nothing stops the walk; what is wrong is named with its path.
 *
 * @module
 */

import { systemReason } from "../errors.ts";
import { irregular } from "../files.ts";
import { isLeftFile, isLeftFolder, isRunFolder, PassedOver, unreadableFormat } from "./passed_over.ts";
import { type Inside, isFolder, outsideReason, sorted } from "./paths.ts";
import { formatAt } from "./pictures/file.ts";
import { isRead, namedFormat } from "./pictures/formats.ts";
import type { OnProgress } from "./store/scan.ts";

/** Entries of a folder after which it is told how far the listing is. */
const ENTRIES_TOLD = 4096;

/** A folder, and what is below it. */
export interface Tree {
  /** Its name. */
  readonly name: string;
  /** Its path relative to the data folder; `.` is the data folder itself. */
  readonly path: string;
  /** Folders in it, sorted, without those that are passed over. */
  readonly folders: readonly Tree[];
  /** Paths of its own pictures, sorted, those with faults among them. */
  readonly pictures: readonly string[];
  /** Own pictures and folders that are there and cannot be read, and why, in words that follow the path. */
  readonly faults: ReadonlyMap<string, string>;
}

/** A data folder that was walked. */
export interface Survey {
  /** The data folder. */
  readonly tree: Tree;
  /** What is passed over in it. */
  readonly passedOver: PassedOver;
}

/**
 * Walks a folder.
 *
 * @param inside The data folder.
 * @param folder A folder relative to it; `.` is the data folder itself.
 * @param deep Whether subfolders are searched too.
 * @param onProgress Is told how far it is in the folder that it is in.
 * @returns What is there.
 */
export async function survey(
  inside: Inside,
  folder = ".",
  deep = true,
  onProgress?: OnProgress,
): Promise<Survey> {
  const walk = new Walk(inside, deep, onProgress);
  const start = folder === "." ? inside.root : `${inside.root}/${folder}`;
  const tree = await walk.folder(folder, lastOf(folder), [await Deno.realPath(start)]);
  return { tree, passedOver: walk.passedOver };
}

/** All pictures of a folder and below, those that cannot be read among them, in the order of their paths. */
export function picturesOf(tree: Tree): string[] {
  return sorted(all(tree));
}

function all(tree: Tree): string[] {
  return [...tree.pictures, ...tree.folders.flatMap(all)];
}

/** How many pictures a folder and those below it hold. */
export function countOf(tree: Tree): number {
  return tree.folders.reduce((sum, folder) => sum + countOf(folder), tree.pictures.length);
}

/** What cannot be read in a folder and below, and why. */
export function faultsOf(tree: Tree): Map<string, string> {
  return new Map([...tree.faults, ...tree.folders.flatMap((folder) => [...faultsOf(folder)])]);
}

/**
 * Lists the pictures of a folder, by name or by content, in an order that is the same everywhere. Those that are there
 * and cannot be read are among them.
 *
 * @param inside The data folder.
 * @param folder A folder relative to it; `.` is the data folder itself.
 * @param deep Whether subfolders are searched too.
 * @returns Paths relative to the data folder.
 */
export async function listPictures(inside: Inside, folder: string, deep: boolean): Promise<string[]> {
  return picturesOf((await survey(inside, folder, deep)).tree);
}

/**
 * Lists the subfolders of a folder, without those that are passed over by their names.
 *
 * @param inside The data folder.
 * @param folder A folder relative to it.
 * @returns Names, sorted.
 */
export async function listFolders(inside: Inside, folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(`${inside.root}/${folder}`));
  const found: string[] = [];
  for (const { name, isDirectory, isSymlink } of entries) {
    if (isLeftFolder(name)) continue;
    if (isDirectory || (isSymlink && await isFolder(`${inside.root}/${folder}/${name}`))) found.push(name);
  }
  return sorted(found);
}

const lastOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** What an entry of a folder turned out to be. */
type Found =
  | { readonly kind: "folder"; readonly real: string }
  | { readonly kind: "picture" | "fault"; readonly reason?: string }
  | { readonly kind: "other"; readonly format?: string };

class Walk {
  readonly passedOver = new PassedOver();

  constructor(
    private readonly inside: Inside,
    private readonly deep: boolean,
    private readonly onProgress?: OnProgress,
  ) {}

  /** `above` are the real paths of this folder and of those that hold it: a link to one of them would never end. */
  async folder(path: string, name: string, above: readonly string[]): Promise<Tree> {
    const faults = new Map<string, string>();
    const pictures: string[] = [];
    const folders: Tree[] = [];
    const full = path === "." ? this.inside.root : `${this.inside.root}/${path}`;
    let entries: Deno.DirEntry[];
    try {
      entries = await Array.fromAsync(Deno.readDir(full));
    } catch (error) {
      if (path === ".") throw error;
      return { name, path, folders, pictures: [path], faults: new Map([[path, unreadable("folder", error)]]) };
    }
    entries.sort((a, b) => a.name < b.name ? -1 : 1);
    for (const [i, entry] of entries.entries()) {
      if (i % ENTRIES_TOLD === ENTRIES_TOLD - 1) this.onProgress?.(i, entries.length, "listing");
      const at = path === "." ? entry.name : `${path}/${entry.name}`;
      const found = await this.#look(entry, at, above);
      if (found.kind === "folder") await this.#enter(entry.name, at, [...above, found.real], folders, faults, pictures);
      else if (found.kind === "other") this.passedOver.addFile(at, found.format);
      else pictures.push(at);
      if (found.kind === "fault") faults.set(at, found.reason!);
    }
    return { name, path, folders, pictures: sorted(pictures), faults };
  }

  async #enter(
    name: string,
    path: string,
    above: readonly string[],
    folders: Tree[],
    faults: Map<string, string>,
    pictures: string[],
  ): Promise<void> {
    if (!this.deep) return;
    const full = `${this.inside.root}/${path}`;
    if (isLeftFolder(name) || isRunFolder(await namesIn(full))) {
      this.passedOver.folders.push(path);
      return;
    }
    const before = this.passedOver.folders.length;
    const tree = await this.folder(path, name, above);
    const isEmpty = countOf(tree) === 0;
    if (isEmpty && this.passedOver.folders.length > before) {
      // Nothing but runs and the like: it is passed over as a whole.
      this.passedOver.folders.splice(before, Infinity, path);
    } else if (isEmpty && namedFormat(name) !== undefined) {
      pictures.push(path);
      faults.set(path, "is a folder, not a file");
    } else folders.push(tree);
  }

  async #look({ name, isFile, isDirectory, isSymlink }: Deno.DirEntry, path: string, above: readonly string[]) {
    const isNamed = namedFormat(name) !== undefined && !isLeftFile(name);
    const fault = (reason: string): Found => ({ kind: isNamed ? "fault" : "other", reason });
    const broken = (reason: string): Found => ({ kind: "fault", reason });
    const full = `${this.inside.root}/${path}`;
    if (isDirectory) return { kind: "folder", real: await realPath(full) } satisfies Found;
    if (isLeftFile(name)) return { kind: "other" } satisfies Found;
    if (isSymlink) {
      const linked = await this.#follow(full, path, above);
      // A name without ending may be a folder's: the link is named. One of another ending is no picture's.
      if (typeof linked === "string") return !isNamed && name.includes(".") ? fault(linked) : broken(linked);
      if (linked.isFolder) return { kind: "folder", real: linked.real } satisfies Found;
      if (linked.irregular !== undefined) return fault(linked.irregular);
    } else if (!isFile) {
      return fault(irregular(await Deno.lstat(full)) ?? "is no regular file");
    }
    if (isNamed) return { kind: "picture" } satisfies Found;
    // Without a picture's name nothing is missed that could be told where it cannot be opened.
    const format = unreadableFormat(name) ?? formatAt(full);
    return isRead(format) ? { kind: "picture" } satisfies Found : { kind: "other", format } satisfies Found;
  }

  /** Where a link leads, or why it is not followed. */
  async #follow(full: string, path: string, above: readonly string[]) {
    try {
      const real = await Deno.realPath(full);
      if (above.includes(real)) return "is a link to a folder that holds it";
      if (this.inside.fault(path) === "outside") return outsideReason;
      const info = await Deno.stat(real);
      return { real, isFolder: info.isDirectory, irregular: info.isDirectory ? undefined : irregular(info) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "is a link to nothing";
      return unreadable("link", error);
    }
  }
}

function unreadable(what: string, error: unknown): string {
  if (!(error instanceof Error)) throw error;
  return `is a ${what} that cannot be read: ${systemReason(error)}`;
}

/** A folder that cannot be looked at is entered and named for that. */
async function realPath(path: string): Promise<string> {
  return await Deno.realPath(path).catch(() => path);
}

async function namesIn(path: string): Promise<Set<string>> {
  const names = new Set<string>();
  try {
    for await (const { name } of Deno.readDir(path)) names.add(name);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
  return names;
}
