/**
 * The command line that repeats a run: the flags of all settings that are not what they would be unless given.
 *
 * @module
 */

import { recordOf, resolveSettings, settingNames } from "../run/resolve.ts";
import { type Settings, settings } from "../run/settings.ts";
import type { DataFacts, Setting } from "../run/settings/setting.ts";
import { nameIn } from "./command.ts";
import { train } from "./flags.ts";

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Words of a flag with a value. */
function wordsOf(flag: string, value: unknown): string[] {
  if (value === true) return [flag];
  if (value === false) return [flag.replace("--", "--no-")];
  // A comma within a name is escaped, since flags take lists after commas.
  if (Array.isArray(value)) {
    return [flag, ...value.map((item) => quoted(String(item).replaceAll(",", "\\,")))];
  }
  if (typeof value === "object" && value !== null) {
    return [flag, ...Object.entries(value).map(([pattern, factor]) => quoted(`${pattern}=${factor}`))];
  }
  return [flag, quoted(String(value))];
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
    words.push(...wordsOf(nameIn(train.flags, name), flagValue(name, values[name])));
  }
  return ["deno task train", ...words].join(" ");
}

/** A value as its flag takes it: ratios after colons, fields of objects as they are. */
function flagValue(name: string, value: unknown): unknown {
  return name === "split" && Array.isArray(value) ? value.join(":") : value;
}
