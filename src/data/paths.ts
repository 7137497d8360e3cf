/**
 * Finds pictures under a folder and keeps paths inside it.
 *
 * @module
 */

import { option, systemFault, UserError } from "../errors.ts";
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

/** Is it a path on a whole disk? */
function isAbsolute(path: string): boolean {
  return path.startsWith("/") || path.startsWith("\\") || /^[a-z]:/i.test(path);
}

/**
 * Whether a path leads out of the folder that it is relative to, by how it is written.
 *
 * @param path The path.
 * @returns True for paths on a whole disk and those with `..`.
 */
export function leadsOut(path: string): boolean {
  return isAbsolute(path) || path.split(/[\\/]/).includes("..");
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
    const absolute = isAbsolute(path);
    if (!this.allowOutside && leadsOut(path)) return "outside";
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
   * Looks for a file that a label file lists.
   *
   * @param path The path as listed: relative to the folder, or of a whole disk.
   * @returns The path to keep where a file is there and may be read; `outside` where it may not; else `missing`.
   */
  look(path: string): { readonly file: string } | "outside" | "missing" {
    if (path === "" || path.includes("\0")) return "missing";
    const absolute = isAbsolute(path);
    let real: string;
    try {
      real = Deno.realPathSync(absolute ? path : `${this.root}/${path}`);
      if (!Deno.statSync(real).isFile) return "missing";
    } catch (error) {
      // What may not be looked at is there, and is named as unreadable when the pictures are read.
      if (!(error instanceof Deno.errors.PermissionDenied) || absolute) return "missing";
      return leadsOut(path) && !this.allowOutside ? "outside" : { file: path };
    }
    const folder = this.root.replace(/[\\/]?$/, "/");
    const isInside = real.startsWith(folder) || real.startsWith(`${this.root}\\`);
    if (!isInside) return this.allowOutside ? { file: path } : "outside";
    return { file: absolute && !this.allowOutside ? real.slice(folder.length).replaceAll("\\", "/") : path };
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
      throw new UserError(
        `${printable(path)} leads out of the data folder ${printable(this.root)}; copy the file in, or set ${
          option("allowOutside")
        } to read it`,
      );
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
