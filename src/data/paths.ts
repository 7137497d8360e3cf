/**
 * Keeps paths inside the data folder, and sorts names.
 *
 * @module
 */

import { systemFault } from "../errors.ts";
import { printable } from "./names.ts";

/** Why a link is not followed that leads to a place outside the data folder. */
export const outsideReason = "leads out of the data folder";

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

/**
 * Sorts names as people count: `2` before `10`, `img9` before `img12`; otherwise as {@link sorted} does.
 *
 * @param names The names.
 * @returns A sorted copy.
 */
export function naturallySorted(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => natural(a, b) || byCodeUnit(a, b));
}

function natural(a: string, b: string): number {
  for (let i = 0, k = 0; i < a.length && k < b.length;) {
    const [left, right] = [digitsAt(a, i), digitsAt(b, k)];
    if (left === "" || right === "") {
      if (a[i] !== b[k]) return byCodeUnit(a[i], b[k]);
      i++;
      k++;
      continue;
    }
    const [x, y] = [left.replace(/^0+(?=.)/, ""), right.replace(/^0+(?=.)/, "")];
    // Of more digits than a number holds, the longer is the greater.
    if (x !== y) return x.length - y.length || byCodeUnit(x, y);
    i += left.length;
    k += right.length;
  }
  return 0;
}

function digitsAt(text: string, at: number): string {
  let end = at;
  while (end < text.length && text[end] >= "0" && text[end] <= "9") end++;
  return text.slice(at, end);
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
