/**
 * What a run's settings are: what was given is checked, the rest is filled in.
 *
 * @module
 */

import { nearest } from "../errors.ts";
import type { Kind } from "./kinds.ts";
import { type SettingName, type Settings, settings } from "./settings.ts";
import type { DataFacts, Facts, NameOf, Setting } from "./settings/setting.ts";

/** Settings that were given. */
export type Given = { readonly [K in SettingName]?: Settings[K] };

const table: Readonly<Record<string, Setting>> = settings as Readonly<Record<SettingName, Setting>>;

/** All names, in the order of the table. */
export const settingNames = Object.keys(settings) as readonly SettingName[];

/** The setting called so; undefined where there is none. */
export function settingNamed(name: string): Setting | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/**
 * Fills in what was not given.
 *
 * @param given Values by name; what is undefined counts as not given.
 * @param data What is known of the data. Without it, what depends on them stays undefined.
 */
export function resolveSettings(given: Given, data?: DataFacts): Settings {
  const values: Record<string, unknown> = {};
  for (const name of settingNames) if (given[name] !== undefined) values[name] = given[name];
  for (const name of settingNames) {
    const { default: fallback, derive } = table[name];
    values[name] ??= fallback ?? derive?.({ settings: values, data });
  }
  // The loop gives each setting a value of its own kind.
  return values as Settings;
}

/** Is it what says that nothing is asked for? That is never refused. */
const asksNothing = (value: unknown): boolean =>
  value === undefined || value === null || value === false || value === "off" || value === "none" || value === "auto" ||
  (Array.isArray(value) && value.length === 0);

/** A setting that was given, and what is wrong with it. */
interface RefusedSetting {
  readonly name: SettingName;
  readonly why: string;
}

/** The first setting of those that count as given that has a fault of a kind. */
function firstFault(
  kind: "idle" | "conflict",
  isGiven: (value: unknown) => boolean,
  given: Given,
  data: DataFacts | undefined,
  nameOf: NameOf,
): RefusedSetting | undefined {
  const facts: Facts = { settings: resolveSettings(given, data), data };
  for (const name of settingNames) {
    const why = isGiven(given[name]) ? table[name][kind]?.(facts, nameOf) : undefined;
    if (why !== undefined) return { name, why };
  }
  return undefined;
}

/**
 * The first setting that was given and would change nothing, and why; undefined where there is none.
 *
 * @param given What was given.
 * @param data What is known of the data; without it, what depends on them is taken to apply.
 * @param nameOf What settings are called.
 */
export function idleIn(given: Given, data?: DataFacts, nameOf: NameOf = (name) => name): RefusedSetting | undefined {
  return firstFault("idle", (value) => !asksNothing(value), given, data, nameOf);
}

/**
 * The first setting that was given and contradicts others, or leaves nothing to do, and why; undefined where there is
 * none.
 *
 * @param given What was given.
 * @param data What is known of the data.
 * @param nameOf What settings are called.
 */
export function conflictIn(
  given: Given,
  data?: DataFacts,
  nameOf: NameOf = (name) => name,
): RefusedSetting | undefined {
  return firstFault("conflict", (value) => value !== undefined, given, data, nameOf);
}

/**
 * Checks values of a program's or a configuration file's.
 *
 * @param given Values by name; null, as a configuration file has it, counts as not given.
 * @param others Names that are no settings and are taken here.
 * @throws TypeError for a name that is unknown, a value of another type, or one that would change nothing; RangeError
 *   for a value out of range.
 */
export function checkGiven(given: Readonly<Record<string, unknown>>, others: readonly string[] = []): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || others.includes(name)) continue;
    const setting = settingNamed(name);
    if (!setting) {
      const near = nearest(name, [...settingNames, ...others]);
      throw new TypeError(`There is no setting ${name}${near ? `; did you mean ${near}?` : ""}`);
    }
    checkValue(name, value, setting.kind);
  }
}

/** Throws TypeError or RangeError unless a value is of a kind. */
export function checkValue(name: string, value: unknown, kind: Kind<unknown>): void {
  const fault = kind.faultOf(value);
  if (!fault) return;
  const message = `${name} is ${JSON.stringify(value) ?? String(value)}: give ${kind.wantsFor?.(value) ?? kind.wants}`;
  throw fault === "type" ? new TypeError(message) : new RangeError(message);
}

/**
 * What `config.json` keeps: every setting with its value. One that does not apply, or has none, is null.
 *
 * @param values All settings.
 * @param data What is known of the data.
 */
export function recordOf(values: Settings, data?: DataFacts): Record<SettingName, unknown> {
  const facts: Facts = { settings: values, data };
  const entries = settingNames.map((name) => {
    const isIdle = table[name].idle?.(facts, (other) => other) !== undefined;
    return [name, isIdle ? null : values[name] ?? null];
  });
  return Object.fromEntries(entries);
}

/**
 * A setting that two records of a run have different values of, where a resumed run may not: with both values, as text.
 */
export interface Change {
  readonly name: SettingName;
  readonly was: string;
  readonly is: string;
}

/** The first setting that a resumed run may not change and that is another. */
export function changeBetween(
  was: Readonly<Record<string, unknown>>,
  is: Readonly<Record<string, unknown>>,
): Change | undefined {
  for (const name of settingNames) {
    const { isFree, default: fallback } = table[name];
    if (isFree || !(name in was)) continue;
    // It did not apply in an earlier version, and does nothing now.
    if (was[name] === null && fallback !== undefined && is[name] === fallback) continue;
    const [before, now] = [was[name], is[name]].map((value) => JSON.stringify(value ?? null));
    const textOf = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value ?? null);
    if (before !== now) return { name, was: textOf(was[name]), is: textOf(is[name]) };
  }
  return undefined;
}
