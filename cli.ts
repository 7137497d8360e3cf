/**
 * The command line of Fovea: finds the command, reads its flags and runs it.
 *
 * @example
 * ```sh
 * deno run -A jsr:@fovea/fovea/cli train --help
 * ```
 *
 * @module
 */

import manifest from "./deno.json" with { type: "json" };
import { type Command, type Flags, type Invocation, nameIn, orList, parseCommand } from "./src/cli/command.ts";
import { explain } from "./src/cli/explain_flags.ts";
import * as tables from "./src/cli/flags.ts";
import { describe, overview } from "./src/cli/help.ts";
import { escaped, shortened } from "./src/data/names.ts";
import { nearest, systemCode, systemFault, systemReason, UserError } from "./src/errors.ts";
import { settingNamed } from "./src/run/resolve.ts";

/** How a command is called: through a task in a checkout, by the package's name elsewhere. */
const PREFIX = import.meta.url.startsWith("file:") ? "deno task" : "deno run -A jsr:@fovea/fovea/cli";

/** A command's table, and what runs it. */
interface Entry {
  readonly command: Command;
  readonly run: (args: readonly string[]) => Promise<number>;
}

/** Flags are read before the command's module loads, so that a misspelt one is answered at once. */
function entry<F extends Flags>(
  command: Command<F>,
  load: () => Promise<(invocation: Invocation<F>) => Promise<number>>,
): Entry {
  const run = async (args: readonly string[]) => {
    const invocation = parseCommand(command, args);
    return await (await load())(invocation);
  };
  return { command, run };
}

const entries: readonly Entry[] = [
  entry(tables.train, async () => (await import("./src/cli/train.ts")).run),
  entry(tables.lrFind, async () => (await import("./src/cli/lr_find.ts")).run),
  entry(tables.evaluate, async () => (await import("./src/cli/eval.ts")).run),
  entry(tables.compare, async () => (await import("./src/cli/compare.ts")).run),
  entry(tables.study, async () => (await import("./src/cli/study.ts")).run),
  entry(tables.sweep, async () => (await import("./src/cli/sweep.ts")).run),
  entry(tables.crossValidate, async () => (await import("./src/cli/cross_validate.ts")).run),
  entry(tables.dash, async () => (await import("./src/cli/dash.ts")).run),
  entry(tables.predict, async () => (await import("./src/cli/predict.ts")).run),
  entry(explain, async () => (await import("./src/cli/explain.ts")).run),
  entry(tables.exportRun, async () => (await import("./src/cli/export.ts")).run),
  entry(tables.dataCheck, async () => (await import("./src/cli/data.ts")).check),
  entry(tables.dataSplit, async () => (await import("./src/cli/data.ts")).split),
  entry(tables.dataDemo, async () => (await import("./src/cli/data.ts")).demo),
  entry(tables.dataAugment, async () => (await import("./src/cli/augment_sheet.ts")).run),
  entry(tables.models, async () => (await import("./src/cli/models.ts")).run),
  entry(tables.show, async () => (await import("./src/cli/show.ts")).run),
  entry(tables.weights, async () => (await import("./src/cli/weights.ts")).run),
  entry(tables.parity, async () => (await import("./src/cli/parity.ts")).run),
  entry(tables.doctor, async () => (await import("./src/cli/doctor.ts")).run),
];

/**
 * Runs one command line.
 *
 * @param args The words after the program's name.
 * @returns The exit code: 0, 1 for a fault, 2 for a wrong command line; a command may have others.
 *
 * @example
 * ```ts
 * import { main } from "@fovea/fovea/cli";
 *
 * await main(["models", "--help"]); // 0
 * ```
 */
export async function main(args: readonly string[]): Promise<number> {
  const flags = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  try {
    const { found, rest } = find(args);
    if (args[0] === "--version") {
      console.log(manifest.version);
    } else if (args.length === 0 || flags.includes("--help") || flags.includes("-h")) {
      const commands = found.map(({ command }) => command);
      console.log((commands.length === 1 ? describe(PREFIX, commands[0]) : overview(PREFIX, commands)).trimEnd());
    } else if (found.length > 1) {
      const names = orList(found.map(({ command }) => command.name));
      throw new UserError(`${args[0]} names no command: give ${names}`, 2);
    } else {
      return await found[0].run(rest);
    }
    return 0;
  } catch (error) {
    const [first = "", second = ""] = args;
    const name = entries.some(({ command }) => command.name === first) ? first : `${first} ${second}`;
    const resumes = flags.some((word) => /^--resume(=|$)/.test(word));
    console.error(report(error, { name, resumes, verbose: flags.includes("--verbose") }));
    return error instanceof UserError ? error.exitCode : 1;
  }
}

/** The command that the first words name, or all of its group where the second is missing, or all; and the rest. */
function find(args: readonly string[]): { found: readonly Entry[]; rest: readonly string[] } {
  const [first = "-", second = "-"] = args;
  if (first.startsWith("-")) return { found: entries, rest: args };
  const group = entries.filter(({ command }) => command.name.split(" ")[0] === first);
  if (group.length === 0) throw unknown(first, entries.map(({ command }) => command.name.split(" ")[0]));
  if (group[0].command.name === first) return { found: group, rest: args.slice(1) };
  if (second.startsWith("-")) return { found: group, rest: args.slice(1) };
  const named = group.filter(({ command }) => command.name === `${first} ${second}`);
  if (named.length === 0) throw unknown(`${first} ${second}`, group.map(({ command }) => command.name));
  return { found: named, rest: args.slice(2) };
}

function unknown(name: string, known: readonly string[]): UserError {
  const near = nearest(name, known);
  const hint = near === undefined ? `give ${orList([...new Set(known)])}` : `did you mean ${near}?`;
  return new UserError(`There is no command ${name}; ${hint}`, 2);
}

/** Letters of an error that are shown: what files hold may be of any length. */
const MOST_LETTERS = 2000;

/**
 * One line for what the user or the system did; a fault of Fovea's own comes with its place in the code. Whatever files
 * or libraries have put into it, no control code reaches the terminal.
 */
function report(error: unknown, { name, resumes, verbose }: Told): string {
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  const system = systemCode(error) !== undefined;
  let isRefused = false;
  // The flags of all options are among those of `train`.
  const nameOf = (option: string) => {
    isRefused ||= resumes && settingNamed(option)?.isFree === false;
    return nameIn(tables.train.flags, option);
  };
  const text = error instanceof UserError
    ? error.textWith(nameOf, (option) => canGive(option, name, resumes))
    : system
    ? systemFault(message, error).message.replace(`: ${systemReason(error)};`, ";")
    : message;
  const line = shortened(escaped(text), MOST_LETTERS) +
    (isRefused ? " (in a new run: one that is resumed keeps its settings)" : "");
  if ((error instanceof UserError || system) && !verbose) return `fovea: ${line}`;
  const kind = error instanceof Error ? `${error.name}: ` : "";
  const places = (stack.includes(message) ? stack.slice(stack.indexOf(message) + message.length) : stack).split("\n")
    .map(escaped).join("\n");
  return error instanceof UserError || system
    ? `fovea: ${kind}${line}${places}`
    : `fovea: this is a fault in Fovea, not yours: ${kind}${line}${places}`;
}

/** What decides how an error is told. */
interface Told {
  /** The command's name, as far as it is known. */
  readonly name: string;
  /** Is a run gone on with? */
  readonly resumes: boolean;
  readonly verbose: boolean;
}

/** Can an option be given as a flag of the command? A run that is resumed keeps most of its settings. */
function canGive(option: string, name: string, resumes: boolean): boolean {
  const found = entries.filter(({ command }) => command.name === name);
  if (found.length === 0) return true;
  if (resumes && settingNamed(option)?.isFree === false) return false;
  return found.some(({ command }) =>
    Object.entries(command.flags).some(([key, { called }]) => key === option || called === option)
  );
}

if (import.meta.main) Deno.exit(await main(Deno.args));
