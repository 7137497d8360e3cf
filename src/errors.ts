/**
 * Faults of the user's, which end in one line instead of a stack trace, and the help with misspelt names.
 *
 * A {@link UserError} is one line and exit code 1, or 2 where the command line itself is wrong. A TypeError is for a
 * type or shape that a program gave, a RangeError for a value out of range.
 *
 * @module
 */

/** What an option is called: as it is in a program, or as the flag that a user of the command line knows. */
export type NameOption = (option: string) => string;

/**
 * The name of an option within the message of a {@link UserError}. A program reads `imageSize`, a user of the command
 * line `--image-size`: `give ${option("imageSize")} 32 or more`.
 *
 * @param name Its name in the library.
 * @returns What the error replaces by the name.
 */
export function option(name: string): string {
  return `{option:${name}}`;
}

/**
 * Advice that stands in an error only where an option can be given: a resumed run keeps its settings, and a command has
 * not all flags. `remove them${ifGiven("skipBroken", `, or set ${option("skipBroken")}`)}`.
 *
 * @param name The option, by its name in the library.
 * @param text What is said of it.
 */
export function ifGiven(name: string, text: string): string {
  return `{if:${name}|${text}|if}`;
}

/** A text with its options named, and without the advice of those that cannot be given. */
function named(text: string, nameOption: NameOption, canGive: (option: string) => boolean = () => true): string {
  return text
    .replaceAll(/\{if:(\w+)\|(.*?)\|if\}/gs, (_, name, advice) => canGive(name) ? advice : "")
    .replaceAll(/\{option:(\w+)\}/g, (_, name) => nameOption(name));
}

/**
 * A fault that the user can mend: a wrong flag, a missing file, a broken picture. The message is one line that says
 * what was asked, what was given and what to do. The command line prints it without a stack trace and exits with
 * {@link UserError.exitCode}.
 *
 * @example
 * ```ts
 * import { UserError } from "@fovea/fovea";
 *
 * throw new UserError("Cannot read faces/: no such folder; give the folder of images");
 * ```
 */
export class UserError extends Error {
  /** Name shown in front of the message. */
  override readonly name = "UserError";
  readonly #text: string;

  /**
   * Makes the error; throwing it is the caller's part.
   *
   * @param text One line: what was asked, what was given, what to do; options by {@link option}.
   * @param exitCode 2 when the command line itself is wrong, 1 for the rest.
   */
  constructor(
    text: string,
    /** 2 when the command line itself is wrong, 1 for the rest. */
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(named(text, (name) => name));
    this.#text = text;
  }

  /**
   * The message with options by other names, such as those of flags.
   *
   * @param canGive Tells the options that the user can give; of the others nothing is advised.
   */
  textWith(nameOption: NameOption, canGive?: (option: string) => boolean): string {
    return named(this.#text, nameOption, canGive);
  }

  /** The text that makes the same error anew, with its options not yet named: what crosses from a Worker. */
  get template(): string {
    return this.#text;
  }
}

/** What the system's words mean, where they are no advice themselves, and what to do. */
const SYSTEM: Readonly<Record<string, readonly [reason: string, advice: string]>> = {
  ENOENT: ["there is no such file or folder", "check the path"],
  EACCES: ["access is denied", "check its permissions"],
  EPERM: ["that is not permitted", "check its permissions"],
  EROFS: ["the disk is read-only", "choose another folder"],
  ENOSPC: ["the disk is full", "make room"],
  EDQUOT: ["the disk quota is used up", "make room"],
  EFBIG: ["the file would be too large", "choose another disk, or raise the limit (ulimit -f)"],
  EIO: ["the disk failed", "check the disk"],
  EMFILE: ["too many files are open", "raise the limit (ulimit -n)"],
  ENFILE: ["too many files are open on this machine", "end other programs"],
  ENAMETOOLONG: ["the name is too long", "give a shorter one"],
  ELOOP: ["its links go round in a circle", "remove the link"],
  EISDIR: ["it is a folder", "give a file"],
  ENOTDIR: ["a part of the path is no folder", "check the path"],
  ENOTEMPTY: ["the folder is not empty", "choose another folder"],
  EEXIST: ["it is there already", "choose another name"],
  EBUSY: ["it is in use", "wait for the other program"],
  ETXTBSY: ["it is in use", "wait for the other program"],
  ESTALE: ["the file server has lost it", "check the connection"],
  ENXIO: ["there is no such device", "give a file"],
  EINVAL: ["the system takes no such name or operation", "check the path"],
};

/** Codes of errors whose code the runtime does not tell, by the class or by the system's words. */
const UNNAMED: readonly (readonly [words: RegExp, code: string])[] = [
  [/^NotFound$|No such file|cannot find the (file|path)/i, "ENOENT"],
  [/^PermissionDenied$|Permission denied|Access is denied/i, "EACCES"],
  [/Operation not permitted/, "EPERM"],
  [/Read-only file system/, "EROFS"],
  [/No space left|not enough space/i, "ENOSPC"],
  [/quota exceeded/i, "EDQUOT"],
  [/File too large/, "EFBIG"],
  [/Input\/output error/, "EIO"],
  [/Too many open files/, "EMFILE"],
  [/File name too long/, "ENAMETOOLONG"],
  [/^FilesystemLoop$|levels of symbolic links/, "ELOOP"],
  [/^IsADirectory$|Is a directory/, "EISDIR"],
  [/^NotADirectory$|Not a directory/, "ENOTDIR"],
  [/Stale file handle/i, "ESTALE"],
  [/NUL byte/, "EINVAL"],
];

/**
 * The code of an error that is the system's, or the runtime's refusal of a file: `ENOSPC`, `EROFS`, `NotCapable`;
 * undefined for an error of a program's.
 */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof UserError) return undefined;
  const { code, name, message } = error as Error & { readonly code?: unknown };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  // Devices and the like are closed to programs, whatever they were permitted.
  if (name === "NotCapable") return /allow-all/.test(message) ? "EACCES" : name;
  if (error.constructor === Error && !/\(os error \d+\)/.test(message)) return undefined;
  const found = UNNAMED.find(([words]) => words.test(name) || words.test(message))?.[1];
  // The system has more errors than are known here.
  return found ?? /\(os error \d+\)/.exec(message)?.[0].slice(1, -1);
}

/** Why the system refused something, in words: `the disk is full (ENOSPC)`. */
export function systemReason(error: unknown): string {
  const code = systemCode(error);
  const known = code !== undefined && SYSTEM[code];
  if (known) return `${known[0]} (${code})`;
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}

/** What to do about what the system refused, where that is known: `free some space`. */
export function systemAdvice(error: unknown): string | undefined {
  return SYSTEM[systemCode(error) ?? ""]?.[1];
}

/**
 * An error of the system's as one line: what was asked, why not, what to do.
 *
 * @param what What was asked, with the path: `Cannot read runs/hair/split.csv`.
 * @param error What the system said. An error that is a program's comes back as it is.
 * @param advice What to do, where it is not told by the error.
 */
export function systemFault(what: string, error: unknown, advice?: string): Error {
  const code = systemCode(error);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  // What was asked may be a folder, and the error be of a file in it.
  const [, path] = / '([^']+)'[^']*$/.exec((error as Error).message.split("\n")[0]) ?? [];
  const where = path === undefined || what.includes(path) ? "" : `, at ${path}`;
  const fault = new UserError(
    `${what}: ${systemReason(error)}${where}; ${advice ?? systemAdvice(error) ?? "check the disk"}`,
  );
  fault.cause = error;
  return fault;
}

/**
 * The candidate that a misspelt name most likely meant, for "did you mean". Letter case is ignored, and a swap of two
 * neighbours counts as one slip, as does an end left out. At most one slip in three letters is forgiven: beyond that a
 * suggestion misleads.
 *
 * @param name What was given.
 * @param candidates What would have been understood. On a tie that wins whose numbers are nearer, and then the first.
 * @returns The nearest candidate, or undefined when none is near.
 *
 * @example
 * ```ts
 * import { nearest } from "./errors.ts";
 *
 * nearest("resnet-18", ["lenet", "naive-cnn", "resnet18"]); // "resnet18"
 * ```
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const given = name.toLowerCase();
  let best: string | undefined;
  let [bestDistance, bestApart] = [Infinity, Infinity];
  for (const candidate of candidates) {
    const cutShort = given.length >= 3 && candidate.toLowerCase().startsWith(given);
    const distance = cutShort
      ? Math.min(1, candidate.length - given.length)
      : editDistance(given, candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (distance > allowed || distance > bestDistance) continue;
    const apart = numbersApart(given, candidate);
    if (distance === bestDistance && apart >= bestApart) continue;
    [best, bestDistance, bestApart] = [candidate, distance, apart];
  }
  return best;
}

/** How far the numbers in two names are from each other; infinite where one has more of them. */
function numbersApart(a: string, b: string): number {
  const [ours, theirs] = [a, b].map((name) => (name.match(/\d+/g) ?? []).map(Number));
  if (ours.length !== theirs.length) return Infinity;
  return ours.reduce((total, number, k) => total + Math.abs(number - theirs[k]), 0);
}

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length];
}

/** `a, b or c`. */
export function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
