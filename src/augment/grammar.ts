/**
 * The grammar of the setting `augment`: terms with commas between them, in the order in which they are done. A term is
 * a name, and after dashes its values, each a letter or a word before its number, as timm writes them:
 * `rrc-s0.2:1,flip,rand-m9-n2-mstd0.5,erase-p0.25-pixel`.
 *
 * @module
 */

import { nearest, orList } from "../errors.ts";

/** What is wrong with a text: the message says what would do, in words that follow "give". */
export class GrammarError extends SyntaxError {
  /** Its name. */
  override readonly name = "GrammarError";
}

/** A number, or a least and a greatest one, that a term has. */
export interface Key {
  /** Its value unless given; of two, both. */
  readonly byDefault: number | readonly [least: number, most: number];
  /** Least. */
  readonly min: number;
  /** Greatest. */
  readonly max: number;
  /** Whether it is a whole number. */
  readonly whole?: true;
}

/** What a kind of term can have. */
export interface TermKind {
  /** Numbers by the letters before them. */
  readonly keys?: Readonly<Record<string, Key>>;
  /** Words, one of which may stand; the first is meant unless given; it may be empty. */
  readonly words?: readonly string[];
}

/** A term that was read. */
export interface Term {
  /** Its name. */
  readonly name: string;
  /** Its numbers, given or not, by their letters; of two, both. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Its pairs. */
  readonly pairs: Readonly<Record<string, readonly [least: number, most: number]>>;
  /** Its word; empty where the kind has none. */
  readonly word: string;
}

const isPair = ({ byDefault }: Key) => typeof byDefault !== "number";

/** How a key is written: `m with a number from 0 to 30`. */
function shown(letters: string, key: Key): string {
  const { min, max, whole } = key;
  const what = isPair(key) ? "two numbers with a colon, the lower first," : `a ${whole ? "whole " : ""}number`;
  return `${letters} with ${what} from ${min} to ${max}`;
}

/** All that may follow a name. */
function followers({ keys = {}, words = [] }: TermKind): string[] {
  return [...Object.keys(keys), ...words.filter((word) => word !== "")];
}

/** The numbers of `0.2:1`. */
function numbersIn(text: string): number[] {
  return text.split(":").map((part) => /^(\d+\.?\d*|\.\d+)$/.test(part) ? Number(part) : NaN);
}

/**
 * Reads a term.
 *
 * @param text Such as `rand-m9-n2-mstd0.5`.
 * @param kinds What there is.
 * @throws {GrammarError} If it is no term: its message follows "give".
 */
export function readTerm(text: string, kinds: Readonly<Record<string, TermKind>>): Term {
  const [name, ...parts] = text.split("-");
  if (!Object.hasOwn(kinds, name)) {
    const names = Object.keys(kinds);
    throw new GrammarError(`${nearest(name, names) ?? `one of ${orList(names)}`} instead of ${name || "nothing"}`);
  }
  const { keys = {}, words = [] } = kinds[name];
  const given = new Map<string, readonly number[]>();
  let word = words[0] ?? "";
  let hasWord = false;
  for (const part of parts) {
    const [, letters, digits] = /^([a-z]*)([\d.:]*)$/.exec(part) ?? [];
    if (part !== "" && words.includes(part) && !hasWord) {
      word = part;
      hasWord = true;
      continue;
    }
    const key = letters !== undefined && Object.hasOwn(keys, letters) ? keys[letters] : undefined;
    if (key === undefined) {
      const accepted = orList(followers(kinds[name]));
      const instead = `${accepted} instead of ${part || "nothing"} after ${name}`;
      throw new GrammarError(accepted === "" ? `${name} without ${part}` : instead);
    }
    const numbers = numbersIn(digits);
    const fits = numbers.length === (isPair(key) ? 2 : 1) && numbers[0] <= numbers[numbers.length - 1] &&
      numbers.every((n) => n >= key.min && n <= key.max && (!key.whole || Number.isInteger(n)));
    if (!fits) throw new GrammarError(`${shown(letters, key)} instead of ${part}`);
    if (given.has(letters)) throw new GrammarError(`${letters} once after ${name}`);
    given.set(letters, numbers);
  }
  const valuesOf = (pair: boolean) =>
    Object.entries(keys).filter(([, key]) => isPair(key) === pair).map(([letters, { byDefault }]) =>
      [letters, given.get(letters) ?? [byDefault].flat()] as const
    );
  return {
    name,
    numbers: Object.fromEntries(valuesOf(false).map(([letters, [n]]) => [letters, n])),
    pairs: Object.fromEntries(valuesOf(true).map(([letters, [least, most]]) => [letters, [least, most] as const])),
    word,
  };
}
