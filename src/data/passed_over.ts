/**
 * What lies in a data folder and is no data: what systems and programs leave behind, and folders of runs. It is passed
 * over at any depth, counted and named.
 *
 * @module
 */

import { counted, firstNames, printable } from "./names.ts";
import { namedFormat, unreadableEnding } from "./pictures/formats.ts";

/** Folders that systems and programs leave behind. Hidden ones are passed over by their dot. */
const leftFolders = new Set([
  "__macosx",
  "@eadir",
  "#recycle",
  "@recycle",
  "@recently-snapshot",
  "$recycle.bin",
  "system volume information",
  "lost+found",
  "lost.dir",
  "found.000",
  "__pycache__",
  "node_modules",
  // Folders of runs, by the names that trainers give them.
  "runs",
  "wandb",
  "mlruns",
  "lightning_logs",
  "tb_logs",
]);

/** Files that systems leave behind. Hidden ones are passed over by their dot. */
const leftFiles = new Set(["thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "picasa.ini"]);

/**
 * Whether a folder is passed over by its name.
 *
 * @param name Its name.
 * @returns True for hidden folders and for what systems, programs and trainers leave.
 */
export function isLeftFolder(name: string): boolean {
  return name.startsWith(".") || leftFolders.has(name.toLowerCase());
}

/**
 * Whether a file is passed over by its name, whatever its content.
 *
 * @param name Its name.
 * @returns True for hidden files and for what systems leave.
 */
export function isLeftFile(name: string): boolean {
  return name.startsWith(".") || leftFiles.has(name.toLowerCase());
}

/**
 * Whether a folder is a run's: it has a `config.json`, and beside it what a run writes.
 *
 * @param names What lies in the folder.
 * @returns True if so.
 */
export function isRunFolder(names: ReadonlySet<string>): boolean {
  return names.has("config.json") &&
    ["metrics.jsonl", "split.csv", "checkpoints", "tuning.json", "curves.svg"].some((name) => names.has(name));
}

/** Counts and names what is passed over. */
export class PassedOver {
  /** Folders, by their paths. */
  readonly folders: string[] = [];
  /** Files that are no pictures: how many of each name, or of each ending where there are many. */
  readonly #files = new Map<string, string[]>();
  /** Files in formats that are not read, by format. */
  readonly #unreadable = new Map<string, string[]>();

  /**
   * Takes a file in.
   *
   * @param path Relative to the data folder.
   * @param format The picture format of which it is and that is not read; undefined where it is no picture.
   */
  addFile(path: string, format: string | undefined): void {
    if (format !== undefined) push(this.#unreadable, format, path);
    else push(this.#files, kindOf(path.slice(path.lastIndexOf("/") + 1)), path);
  }

  /**
   * Takes in what was passed over in a folder.
   *
   * @param other What it was.
   * @param under The path of what lies in the folder.
   */
  add(other: PassedOver, under: (path: string) => string): void {
    this.folders.push(...other.folders.map(under));
    for (const [kind, paths] of other.#files) for (const path of paths) push(this.#files, kind, under(path));
    for (const [format, paths] of other.#unreadable) {
      for (const path of paths) push(this.#unreadable, format, under(path));
    }
  }

  /**
   * What is passed over, in few words.
   *
   * @returns Such as `runs/`, `.DS_Store`, `12 .txt files`.
   */
  names(): string[] {
    const files = [...this.#files].map(([kind, paths]) => {
      const names = new Set(paths.map((path) => path.slice(path.lastIndexOf("/") + 1)));
      if (names.size === 1) return printable([...names][0]);
      return kind.startsWith("._") ? kind : counted(paths.length, `${kind} file`.trimStart());
    });
    return [...this.folders.map((path) => `${printable(path)}/`), ...files];
  }

  /**
   * Pictures that are not read, a line for each format, with what to do.
   *
   * @returns The lines.
   */
  warnings(): string[] {
    return [...this.#unreadable].map(([format, paths]) => {
      const ending = /\.\w+$/.exec(paths[0])?.[0].toLowerCase() ?? "";
      return `${counted(paths.length, `${format} file`)} passed over, which cannot be read: ${firstNames(paths)}; ` +
        `convert to PNG or JPEG (magick mogrify -format png "*${ending}")`;
    });
  }
}

/** By what files that are no pictures are counted. */
function kindOf(name: string): string {
  if (name.startsWith("._")) return "._*";
  if (isLeftFile(name)) return name;
  return printable(/(?<=.)\.[^.]+$/.exec(name)?.[0].toLowerCase() ?? "other");
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/**
 * The format of a file that is not read, by its name.
 *
 * @param name The file's name.
 * @returns Such as `HEIC`; undefined where the name says nothing of the kind.
 */
export function unreadableFormat(name: string): string | undefined {
  return namedFormat(name) === undefined ? unreadableEnding(name) : undefined;
}
