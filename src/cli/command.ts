/**
 * The frame of the command line. A command is a table of flags. {@link parseCommand} turns words into options whose
 * types follow from the table. Every mistake is a {@link UserError} with exit code 2.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "node:path";
import { nearest, UserError } from "../errors.ts";
import * as kinds from "../run/kinds.ts";
import type { ValuesOf } from "../run/settings.ts";
import type { Setting } from "../run/settings/setting.ts";

/** One flag: what it reads, what it is when it is not given, and what the help says. */
export interface Flag<T> {
  /** Words after the flag: none, one, or all up to the next flag. */
  readonly takes: "nothing" | "one" | "many";
  /** Value of one word, or undefined when the word will not do. */
  readonly read: (word: string) => unknown;
  /** What will do, in words that follow "give": `a whole number of at least 1`. */
  readonly wants: string;
  /** What will do instead of a word, where more can be said of it. */
  readonly wantsFor?: (word: string) => string | undefined;
  /** The words among which a misspelt one is looked for. */
  readonly choices: readonly string[];
  /** What the help shows after the flag: `N`, `NAME…`, `sgd|adam`. */
  readonly placeholder: string;
  /** What the help says, in one sentence without a full stop. */
  readonly help: string;
  /** The default in words, where it depends on other flags or on the data. */
  readonly byDefault?: string;
  /** Title in the help over this flag and those after it. */
  readonly heading?: string;
  /** Value of a flag that is not given. */
  readonly fallback: T;
  /** The option by which the flag is called where that is another than the one that it sets: `lr` of `learningRate`. */
  readonly called?: string;
  /**
   * The value of the words of a flag that takes many; undefined when they do not go together. By default their list.
   */
  readonly gather?: (items: readonly unknown[]) => unknown;
}

/** Flags of a command by option name; `weightDecay` is written `--weight-decay`. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** Options that a table of flags gives. */
export type Options<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** The words of a command that belong to no flag. */
export interface Words {
  /** As the usage line shows them: `RUN IMAGE…`. */
  readonly usage: string;
  /** Fewest. */
  readonly min: number;
  /** Most. */
  readonly max: number;
  /** Whether they are paths, to be resolved against the user's working directory. */
  readonly paths: boolean;
}

/** A command: its table, from which both parsing and help are made. */
export interface Command<F extends Flags = Flags> {
  /** One word, or two for a part of a group: `data check`. */
  readonly name: string;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** One command line that works, without the part up to the command's name. */
  readonly example: string;
  /** Words that belong to no flag; default none. */
  readonly words?: Words;
  /** Flags in the order of the help. */
  readonly flags: F;
}

/** A parsed command line, which a command's `run` receives. */
export interface Invocation<F extends Flags> {
  /** Values of all flags. */
  readonly options: Options<F>;
  /** Options that the user gave; the others have their defaults. */
  readonly given: ReadonlySet<keyof F>;
  /** Words that belong to no flag. */
  readonly words: readonly string[];
}

/** What the help and the defaults need to know about any flag. */
export interface FlagSpec<D> {
  /** See {@link Flag.help}. */
  readonly help: string;
  /** See {@link Flag.fallback}; without it the option is undefined when not given. */
  readonly default?: D;
  /** See {@link Flag.byDefault}. */
  readonly byDefault?: string;
  /** See {@link Flag.placeholder}. */
  readonly placeholder?: string;
  /** See {@link Flag.heading}. */
  readonly heading?: string;
}

/**
 * A flag with a value of a kind.
 *
 * @param kind What it may be.
 * @param spec Help and default.
 * @returns The flag.
 */
export function flag<T>(
  kind: kinds.Kind<T>,
  spec: FlagSpec<NoInfer<T>> & { readonly default: NoInfer<T> },
): Flag<T>;
export function flag<T>(
  kind: kinds.Kind<T>,
  spec: FlagSpec<NoInfer<T>> & { readonly default?: undefined },
): Flag<T | undefined>;
export function flag<T>(kind: kinds.Kind<T>, spec: FlagSpec<T>): Flag<T | undefined> {
  const { default: fallback, ...rest } = spec;
  const { takes, wants, wantsFor, choices, placeholder, gather, isPath } = kind;
  const read = isPath ? (word: string) => word && isPath(word) ? userPath(word) : kind.read(word) : kind.read;
  return { takes, read, wants, wantsFor, choices, placeholder, gather, fallback, ...rest };
}

/** The flags of some settings. */
export function flagsOf<S extends Readonly<Record<string, Setting>>>(
  settings: S,
): { readonly [K in keyof S]: Flag<ValuesOf<S>[K]> } {
  const flags = Object.entries(settings).map(([name, setting]) => {
    const { kind, help, default: fallback, byDefault, heading, placeholder = kind.placeholder, flag: called } = setting;
    return [name, { ...flag(kind, { help, default: fallback, byDefault, heading, placeholder }), called }];
  });
  // Each setting gives a flag of its own kind.
  return Object.fromEntries(flags);
}

/** A flag without a value, false unless given; `--no-NAME` sets it to false. */
export function toggle(spec: FlagSpec<boolean>): Flag<boolean> {
  return flag(kinds.toggle, { ...spec, default: spec.default ?? false });
}

export { orList } from "../errors.ts";

/** The flag of an option of a command, as the user writes it. */
export function nameIn(flags: Flags, option: string): string {
  return flagName(flags[option]?.called ?? option);
}

/** `weightDecay` as the user writes it: `--weight-decay`. */
export function flagName(option: string): string {
  return "--" + option.replaceAll(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}

/**
 * A path as the user meant it: `deno task` changes the working directory and leaves the user's in `INIT_CWD`.
 *
 * @param given Relative or absolute.
 * @returns The absolute path.
 */
export function userPath(given: string): string {
  return resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), given);
}

/**
 * Reads a command's words.
 *
 * @param command The table.
 * @param args The words after the command's name.
 * @returns Options, typed by the table, and the words that belong to no flag.
 * @throws {UserError} Exit code 2: unknown or doubled flag, value missing or not acceptable, words too few or too many.
 *
 * @example
 * ```ts
 * import { flag, parseCommand } from "./command.ts";
 * import { integer } from "../run/kinds.ts";
 *
 * const command = {
 *   name: "wait",
 *   summary: "waits",
 *   example: "--seconds 3",
 *   flags: { seconds: flag(integer({ min: 0 }), { help: "how long", default: 1 }) },
 * };
 * parseCommand(command, ["--seconds", "3"]).options.seconds; // 3
 * ```
 */
export function parseCommand<F extends Flags>(command: Command<F>, args: readonly string[]): Invocation<F> {
  const nameOf = (option: string) => nameIn(command.flags, option).slice(2);
  const byName = new Map(Object.entries(command.flags).map(([option, flag]) => [nameOf(option), flag]));
  const valued = [...byName].filter(([, flag]) => flag.takes !== "nothing").map(([name]) => name);
  const switches = [...byName].filter(([, flag]) => flag.takes === "nothing").map(([name]) => name);
  const parsed = parseArgs(repeatLists(byName, joinNegatives(byName, args)), {
    string: [...valued, "_"],
    boolean: switches,
    negatable: switches,
    // Every value is kept, so that a flag given twice is seen instead of the last one winning.
    collect: valued,
    default: Object.fromEntries(switches.map((name) => [name, undefined])),
    unknown: (arg, key) => key === undefined || rejectFlag(command, [...byName.keys()], arg),
  });

  const options: Record<string, unknown> = {};
  const given = new Set<keyof F>();
  for (const [option, flag] of Object.entries(command.flags)) {
    const words = [parsed[nameOf(option)] ?? []].flat().map(String);
    if (words.length) given.add(option);
    options[option] = words.length ? readFlag(`--${nameOf(option)}`, flag, words) : flag.fallback;
  }
  // The loop gives each option what its own flag reads or falls back to, which is what Options says.
  return { options: options as Options<F>, given, words: readWords(command, parsed._.map(String)) };
}

/** `--lr -1` as `--lr=-1`: a number is no flag, and is told what is wrong with it. */
function joinNegatives(byName: ReadonlyMap<string, Flag<unknown>>, args: readonly string[]): string[] {
  const out: string[] = [];
  const end = args.indexOf("--");
  for (const [i, arg] of args.entries()) {
    const isValue = byName.get(out.at(-1)?.replace(/^--/, "") ?? "")?.takes === "one" && out.at(-1)!.startsWith("--");
    if (isValue && /^-\.?\d/.test(arg) && (end < 0 || i < end)) out.push(`${out.pop()}=${arg}`);
    else out.push(arg);
  }
  return out;
}

/** `--target A B,C` as `--target=A --target=B --target=C`: parseArgs takes one word after each flag. */
function repeatLists(byName: ReadonlyMap<string, Flag<unknown>>, args: readonly string[]): string[] {
  const out: string[] = [];
  let list: string | undefined;
  for (const [i, arg] of args.entries()) {
    if (arg === "--") return [...out, ...args.slice(i)];
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const flag = byName.get(name ?? "");
    if (flag?.takes === "nothing" && inline !== undefined && flag.read(inline) === undefined) {
      // parseArgs would take any other word for true.
      throw new UserError(`Cannot use --${name}=${inline}: give --${name} or --no-${name}`, 2);
    }
    if (flag?.takes === "many" && inline !== undefined) {
      out.push(...repeat(name, inline));
      list = undefined;
    } else if (list !== undefined && !arg.startsWith("-")) {
      out.push(...repeat(list, arg));
    } else {
      list = flag?.takes === "many" ? name : undefined;
      const wordsFollow = !(args[i + 1] ?? "-").startsWith("-");
      if (list === undefined || !wordsFollow) out.push(arg);
    }
  }
  return out;
}

/** `--name=A` for every name in `A,B`; a comma after a backslash is part of a name. */
function repeat(name: string, word: string): string[] {
  return word.split(/(?<!\\),/).map((part) => `--${name}=${part.replaceAll("\\,", ",")}`);
}

function readFlag(name: string, flag: Flag<unknown>, words: readonly string[]): unknown {
  if (flag.takes !== "many" && words.length > 1) {
    throw new UserError(`Cannot use ${name} ${words.join(` and ${name} `)} together: give ${name} once`, 2);
  }
  const items = words.map((word) => {
    const item = flag.read(word);
    if (item !== undefined) return item;
    const near = nearest(word, flag.choices);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    throw new UserError(
      `Cannot use ${name} ${word || "without a value"}: give ${flag.wantsFor?.(word) ?? flag.wants}${hint}`,
      2,
    );
  });
  if (flag.takes !== "many") return items[0];
  if (!flag.gather) return items;
  const gathered = flag.gather(items);
  if (gathered === undefined) throw new UserError(`Cannot use ${name} ${words.join(" ")}: give each pattern once`, 2);
  return gathered;
}

function readWords(command: Command, words: readonly string[]): readonly string[] {
  const { usage, min, max, paths } = command.words ?? { usage: "", min: 0, max: 0, paths: false };
  if (words.length < min) {
    const got = words.length === 0 ? "nothing" : words.join(" ");
    throw new UserError(`${command.name} needs ${usage} and got ${got}: see ${command.name} --help`, 2);
  }
  if (words.length > max) {
    const takes = max === 0 ? "flags only" : usage;
    throw new UserError(`${command.name} takes ${takes} and cannot use ${words.slice(max).join(" ")}`, 2);
  }
  // A dash alone is standard input.
  return paths ? words.map((word) => word === "-" ? word : userPath(word)) : words;
}

function rejectFlag(command: Command, known: readonly string[], arg: string): never {
  const flag = arg.replace(/=.*/s, "");
  const near = nearest(flag.replace(/^-+(no-)?/, ""), known);
  const hint = near === undefined ? `see ${command.name} --help` : `did you mean --${near}?`;
  throw new UserError(`${command.name} has no flag ${flag}; ${hint}`, 2);
}
