/**
 * Finds pictures under a folder and keeps paths inside it.
 *
 * @module
 */

import { systemFault, UserError } from "../errors.ts";
import { printable } from "./names.ts";

/** Endings of files that are taken for pictures in a folder; the content decides what they are. */
const pictureEnding = /\.(jpe?g|png)$/i;

/**
 * Whether a file is taken for a picture by its name.
 *
 * @param name A file's name.
 * @returns True for .jpg, .jpeg and .png in any letter case.
 */
export function isPictureName(name: string): boolean {
  return pictureEnding.test(name) && !name.startsWith(".");
}

/** Order that does not depend on the machine's language. */
function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Sorts names in an order that is the same on every machine.
 *
 * @param names The names.
 * @returns A sorted copy.
 */
export function sorted(names: Iterable<string>): string[] {
  return [...names].sort(byCodeUnit);
}

/** Keeps what is read inside the data folder. Links are followed only to places inside it. */
export class Inside {
  private constructor(
    /** The folder, with links resolved. */
    readonly root: string,
    private readonly allowOutside: boolean,
  ) {}

  /**
   * Opens the folder.
   *
   * @param root The data folder.
   * @param allowOutside Whether paths may lead out of it.
   * @returns The guard.
   */
  static async open(root: string, allowOutside = false): Promise<Inside> {
    return new Inside(await Deno.realPath(root), allowOutside);
  }

  /**
   * Says why a path may not be read.
   *
   * @param path A path relative to the folder, as a file or a user gave it.
   * @returns `outside` or `missing`, or undefined where the file is there and inside.
   */
  fault(path: string): "outside" | "missing" | undefined {
    const absolute = path.startsWith("/") || path.startsWith("\\") || /^[a-z]:/i.test(path);
    if (!this.allowOutside && (absolute || path.split(/[\\/]/).includes(".."))) return "outside";
    let real: string;
    try {
      real = Deno.realPathSync(absolute ? path : `${this.root}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "missing";
      throw error;
    }
    return this.allowOutside || real.startsWith(this.root.replace(/[\\/]?$/, "/")) || real.startsWith(`${this.root}\\`)
      ? undefined
      : "outside";
  }

  /**
   * Refuses a link that leads out of the folder, or back to a folder that holds it (which would never end).
   *
   * @param folder The folder in which the link lies, relative to the data folder.
   * @param path The link, relative to the data folder.
   * @throws {UserError} If it does.
   */
  async checkLink(folder: string, path: string): Promise<void> {
    const fault = this.fault(path);
    if (fault === "outside") {
      throw new UserError(`${printable(path)} leads out of the data folder ${printable(this.root)}; copy the file in`);
    }
    if (fault === "missing") throw new UserError(`${printable(path)} is a link to nothing; remove it`);
    const target = await Deno.realPath(`${this.root}/${path}`);
    if (`${await Deno.realPath(`${this.root}/${folder}`)}/`.startsWith(`${target}/`)) {
      throw new UserError(`${printable(path)} is a link to a folder that holds it; remove the link`);
    }
  }
}

/**
 * Lists the pictures of a folder by name, in an order that is the same everywhere.
 *
 * @param inside The data folder.
 * @param folder A folder relative to it; `.` is the data folder itself.
 * @param deep Whether subfolders are searched too.
 * @returns Paths relative to the data folder.
 * @throws {UserError} If a link leads out of the data folder.
 */
export async function listPictures(inside: Inside, folder: string, deep: boolean): Promise<string[]> {
  const found: string[] = [];
  const prefix = folder === "." ? "" : `${folder}/`;
  for await (const entry of Deno.readDir(`${inside.root}/${folder}`)) {
    const path = prefix + entry.name;
    if (entry.isSymlink) await inside.checkLink(folder, path);
    const isDirectory = entry.isDirectory || (entry.isSymlink && await isFolder(`${inside.root}/${path}`));
    if (isDirectory && deep && !entry.name.startsWith(".")) found.push(...await listPictures(inside, path, deep));
    else if (!isDirectory && isPictureName(entry.name)) found.push(path);
  }
  return found.sort(byCodeUnit);
}

/**
 * Lists the subfolders of a folder, without hidden ones.
 *
 * @param inside The data folder.
 * @param folder A folder relative to it.
 * @returns Names, sorted.
 * @throws {UserError} If a link leads out of the data folder.
 */
export async function listFolders(inside: Inside, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(`${inside.root}/${folder}`)) {
    if (entry.name.startsWith(".")) continue;
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (entry.isSymlink) await inside.checkLink(folder, path);
    if (entry.isDirectory || (entry.isSymlink && await isFolder(`${inside.root}/${path}`))) found.push(entry.name);
  }
  return found.sort(byCodeUnit);
}

/**
 * Whether a path is a folder.
 *
 * @param path The path; links are followed.
 * @returns False where there is nothing or something else.
 */
export async function isFolder(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory ?? false;
}

/**
 * Whether a path is a file.
 *
 * @param path The path; links are followed.
 * @returns False where there is nothing or something else.
 */
export async function isFile(path: string): Promise<boolean> {
  return (await statOf(path))?.isFile ?? false;
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw systemFault(`Cannot look at ${printable(path)}`, error);
  }
}
