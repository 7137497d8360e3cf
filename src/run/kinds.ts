/**
 * Kinds of values that a setting may have. A kind reads a word of a command line and checks a value of a program's or a
 * configuration file's, by the same bounds.
 *
 * @module
 */

import { orList } from "../errors.ts";

/** What is wrong with a value: what it is, or how large it is. */
export type Fault = "type" | "range";

/** A kind of value. */
export interface Kind<T> {
  /** Words of a flag: none, one, or all up to the next flag. */
  readonly takes: "nothing" | "one" | "many";
  /** Value of one word, or undefined when the word will not do. Of a kind that takes many, one of its items. */
  readonly read: (word: string) => unknown;
  /** What is wrong with a value; undefined where it is a `T`. */
  readonly faultOf: (value: unknown) => Fault | undefined;
  /** What will do, in words that follow "give": `a whole number of at least 1`. */
  readonly wants: string;
  /** What will do instead of a text of this kind that does not, where more can be said of it. */
  readonly wantsFor?: (value: unknown) => string | undefined;
  /** The words among which a misspelt one is looked for. */
  readonly choices: readonly string[];
  /** What the help shows after the flag: `N`, `NAME…`, `sgd|adam`. */
  readonly placeholder: string;
  /** The value of all words where that is not their list; undefined when they do not go together. */
  readonly gather?: (items: readonly unknown[]) => T | undefined;
  /** The words that read as a value, where they are not its text, or the texts of a list's items. */
  words?(value: T): readonly string[];
  /** Is a word a path, which means another file in another working directory? */
  readonly isPath?: (word: string) => boolean;
  /** Holds no value: it carries the type. */
  readonly type?: T;
}

/** Bounds of a number; least and greatest are included. */
export interface Bounds {
  /** Least. */
  readonly min?: number;
  /** Greatest. */
  readonly max?: number;
  /** Above the greatest: this one is not included. */
  readonly below?: number;
}

/** A number, or a whole one. */
function numeric(what: string, holds: (n: number) => boolean, bounds: Bounds) {
  const { min = -Infinity, max = Infinity, below = Infinity } = bounds;
  const [low, high] = [Number.isFinite(min), Number.isFinite(max)];
  const range = below < Infinity
    ? ` from ${min} to below ${below}`
    : low && high
    ? ` from ${min} to ${max}`
    : low
    ? ` of at least ${min}`
    : high
    ? ` of at most ${max}`
    : "";
  const faultOf = (value: unknown): Fault | undefined => {
    if (typeof value !== "number") return "type";
    return holds(value) && value >= min && value <= max && value < below ? undefined : "range";
  };
  const read = (word: string): number | undefined => {
    const n = word.trim() === "" ? NaN : Number(word);
    return faultOf(n) === undefined ? n : undefined;
  };
  return { takes: "one", read, faultOf, wants: what + range, choices: [] } as const;
}

/** A number. */
export const number = (bounds: Bounds = {}): Kind<number> => ({
  ...numeric("a number", Number.isFinite, bounds),
  placeholder: "X",
});

/** A whole number. */
export const integer = (bounds: Bounds = {}): Kind<number> => ({
  ...numeric("a whole number", Number.isSafeInteger, bounds),
  placeholder: "N",
});

/** One of a few words. */
export function choice<const C extends string>(choices: readonly C[]): Kind<C> {
  return {
    takes: "one",
    read: (word) => choices.find((known) => known === word),
    faultOf: (value) =>
      typeof value !== "string" ? "type" : choices.some((known) => known === value) ? undefined : "range",
    wants: orList(choices),
    choices,
    placeholder: choices.join("|"),
  };
}

/** Yes or no. */
export const toggle: Kind<boolean> = {
  takes: "nothing",
  read: (word) => word === "true" ? true : word === "false" ? false : undefined,
  faultOf: (value) => typeof value === "boolean" ? undefined : "type",
  wants: "true or false",
  choices: [],
  placeholder: "",
};

const isText = (value: unknown): Fault | undefined =>
  typeof value !== "string" ? "type" : value === "" ? "range" : undefined;

/** Any text. */
export const text: Kind<string> = {
  takes: "one",
  read: (word) => word || undefined,
  faultOf: isText,
  wants: "a word",
  choices: [],
  placeholder: "NAME",
};

/** A file or a folder. */
export const path: Kind<string> = { ...text, wants: "a path", placeholder: "PATH", isPath: () => true };

/** Several names. */
export const names: Kind<readonly string[]> = several(text, "one name or more", "NAME…");

/**
 * Several values of a kind.
 *
 * @param item Of each.
 * @param wants What will do for one.
 * @param placeholder What the help shows after the flag.
 */
export function several<T>(item: Kind<T>, wants: string = item.wants, placeholder = "VALUE…"): Kind<readonly T[]> {
  return {
    takes: "many",
    read: item.read,
    faultOf: (value) => !Array.isArray(value) ? "type" : value.map(item.faultOf).find((fault) => fault !== undefined),
    wants,
    choices: item.choices,
    placeholder,
  };
}

/**
 * A kind of its own.
 *
 * @param read Value of a word, or undefined when the word will not do.
 * @param faultOf What is wrong with a value of a program's.
 * @param wants What will do; follows "give".
 * @param placeholder What the help shows after the flag.
 * @param wordOf The word that reads as a value, where that is not its text.
 */
export function valueOf<T>(
  read: (word: string) => T | undefined,
  faultOf: (value: unknown) => Fault | undefined,
  wants: string,
  placeholder = "VALUE",
  wordOf?: (value: T) => string,
): Kind<T> {
  const words = wordOf && ((value: T) => [wordOf(value)]);
  return { takes: "one", read, faultOf, wants, choices: [], placeholder, words };
}

/** The words that read as a value of a kind; of a toggle, none. */
export function wordsFor(kind: Kind<unknown>, value: unknown): readonly string[] {
  if (kind.takes === "nothing") return [];
  return kind.words?.(value) ?? (Array.isArray(value) ? value.map(String) : [String(value)]);
}
