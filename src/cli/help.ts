/**
 * The text of `--help`, made from the tables of the commands.
 *
 * @module
 */

import { type Command, type Flag, flagName } from "./command.ts";

/** Columns that help may take. */
const WIDTH = 100;
/** Most columns before an explanation; a longer name has its explanation on the next line. */
const MOST_INDENT = 36;

/**
 * Help over all commands.
 *
 * @param prefix How a command is called here: `deno task`.
 * @param commands In the order of the help.
 * @returns Lines of at most 100 columns, with a line break at the end.
 */
export function overview(prefix: string, commands: readonly Command[]): string {
  const rows = commands.map(({ name, words, summary }) => [[name, words?.usage].filter(Boolean).join(" "), summary]);
  return [
    "Fovea trains, evaluates and compares image classifiers.",
    "",
    `Usage: ${prefix} COMMAND [flags]`,
    "",
    ...columns(rows),
    "",
    "Flags of a command: COMMAND --help",
    `Example: ${prefix} ${commands[0].name} ${commands[0].example}`,
    "",
  ].join("\n");
}

/**
 * Help over one command.
 *
 * @param prefix How a command is called here: `deno task`.
 * @param command The command.
 * @returns Lines of at most 100 columns, with a line break at the end.
 */
export function describe(prefix: string, command: Command): string {
  const { name, summary, words, flags, example } = command;
  const lines = [
    ...wrap(`${prefix} ${name}: ${summary}`, WIDTH),
    "",
    `Usage: ${[prefix, name, words?.usage, "[flags]"].filter(Boolean).join(" ")}`,
    "",
  ];
  const shown = Object.entries(flags);
  const rows = columns(shown.map(([option, flag]) => [signature(option, flag), explain(flag)]));
  for (const [i, [, { heading }]] of shown.entries()) {
    if (heading !== undefined) lines.push(...(lines.at(-1) === "" ? [] : [""]), heading);
    lines.push(rows[i]);
  }
  return [...lines, "", `Example: ${prefix} ${name} ${example}`.trimEnd(), ""].join("\n");
}

/** `--lr X`, or `--[no-]stratify` where `--no-stratify` is the one to know. */
function signature(option: string, flag: Flag<unknown>): string {
  const called = flagName(flag.called ?? option);
  const name = flag.fallback === true ? called.replace("--", "--[no-]") : called;
  return `${name} ${flag.placeholder}`.trimEnd();
}

function explain(flag: Flag<unknown>): string {
  const plain = ["string", "number"].includes(typeof flag.fallback) ? String(flag.fallback) : undefined;
  const shown = flag.byDefault ?? (flag.fallback === true ? "on" : plain);
  return shown === undefined ? flag.help : `${flag.help} (default: ${shown})`;
}

/** Names on the left and their explanations on the right, under each other. */
function columns(rows: readonly string[][]): string[] {
  const indent = Math.min(MOST_INDENT, 4 + Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => {
    const lines = wrap(right, WIDTH - indent).map((line) => " ".repeat(indent) + line);
    const fits = left.length + 4 <= indent;
    if (fits) lines[0] = `  ${left}`.padEnd(indent) + lines[0].slice(indent);
    return (fits ? lines : [`  ${left}`, ...lines]).join("\n");
  });
}

/** Lines of whole words, none longer than `width` unless a single word is. */
function wrap(sentence: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of sentence.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
