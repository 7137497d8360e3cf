/**
 * The command line that repeats a run: the flags of all settings that are not what they would be unless given.
 *
 * @module
 */

import { type Kind, wordsFor } from "../run/kinds.ts";
import { recordOf, resolveSettings, settingNames } from "../run/resolve.ts";
import { type Settings, settings } from "../run/settings.ts";
import type { DataFacts, Setting } from "../run/settings/setting.ts";
import { nameIn } from "./command.ts";
import { train } from "./flags.ts";

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A flag with its value. */
function flagWith(flag: string, kind: Kind<unknown>, value: unknown): string[] {
  if (kind.takes === "nothing") return [value === false ? flag.replace("--", "--no-") : flag];
  // A comma within a name is escaped, since flags take lists after commas.
  const words = wordsFor(kind, value).map((word) => kind.takes === "many" ? word.replaceAll(",", "\\,") : word);
  // What begins with a dash would be a flag.
  if (words.some((word) => word.startsWith("-"))) return [quoted(`${flag}=${words.join()}`)];
  return [flag, ...words.map(quoted)];
}

/**
 * The command that repeats a run.
 *
 * @param values All settings that it had.
 * @param data What is known of its data.
 */
export function commandOf(values: Settings, data: DataFacts): string {
  const table: Readonly<Record<string, Setting>> = settings;
  const record = recordOf(values, data);
  const words: string[] = [];
  const given: Record<string, unknown> = {};
  for (const name of settingNames) {
    if (record[name] === null) continue;
    const usual = resolveSettings(given, data)[name] ?? table[name].default;
    if (JSON.stringify(record[name]) === JSON.stringify(usual)) continue;
    given[name] = values[name];
    words.push(...flagWith(nameIn(train.flags, name), table[name].kind, values[name]));
  }
  return ["deno task train", ...words].join(" ");
}
