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

/** A text with its options named. */
function named(text: string, nameOption: NameOption): string {
  return text.replaceAll(/\{option:(\w+)\}/g, (_, name) => nameOption(name));
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

  /** The message with options by other names, such as those of flags. */
  textWith(nameOption: NameOption): string {
    return named(this.#text, nameOption);
  }
}

/**
 * The candidate that a misspelt name most likely meant, for "did you mean". Letter case is ignored, and a swap of two
 * neighbours counts as one slip, as does an end left out. At most one slip in three letters is forgiven: beyond that a
 * suggestion misleads.
 *
 * @param name What was given.
 * @param candidates What would have been understood; on a tie the first wins.
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
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const cutShort = given.length >= 3 && candidate.toLowerCase().startsWith(given);
    const distance = cutShort
      ? Math.min(1, candidate.length - given.length)
      : editDistance(given, candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (distance <= allowed && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
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
