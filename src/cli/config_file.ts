/**
 * `--config FILE`: settings in JSON or YAML, over which the flags go.
 *
 * ```json
 * {
 *   "title": "A small net for small pictures",
 *   "expect": { "minutes": 5, "on": "two cores", "accuracy": 0.9 },
 *   "model": "lenet",
 *   "epochs": 10,
 *   "lr": 0.002,
 *   "split": "8:1:1"
 * }
 * ```
 *
 * A setting is called as `config.json` or its flag calls it, and its value is that of `config.json` or the words of the
 * flag. A relative path is relative to the user's working directory, as a flag's is. A run's `config.json`, which has
 * its settings under `settings`, is such a file, too.
 *
 * @module
 */

import { nearest } from "../errors.ts";
import type { TestReport } from "../metrics/mod.ts";
import { duration } from "../report/figures.ts";
import { metricNames } from "../report/text.ts";
import { type Given, idleIn, settingNamed } from "../run/resolve.ts";
import { type Fail, failIn, isObject, type Json, refuseOtherKeys } from "../study/plan_file.ts";
import { type Command, type Flag, flagName, type Flags, type Invocation } from "./command.ts";
import { givenIn } from "./idle.ts";
import { readObjectFile } from "./read_object.ts";

/** What a recipe is expected to come to. */
export interface Expected {
  /** Minutes from the start to the end of the test. */
  readonly minutes?: number;
  /** The machine that takes so long. */
  readonly on?: string;
  /** Metrics of the test by their names in `metrics.json`. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** A command line with the settings of its file. */
export interface Configured<F extends Flags> extends Invocation<F> {
  /** The settings of the file and of the flags. Of the file's, `given` has what a person asks for, no run's record. */
  readonly asked: Given;
  /** What the file expects; undefined where it says nothing, or flags have changed what is learnt. */
  readonly expected?: Expected;
}

/** What a file may have besides settings. */
const OTHER_KEYS = ["title", "expect"];

/** Flags of which another value is the same recipe. */
const SAME_RECIPE: readonly string[] = ["seed", "data"];

/**
 * Puts the settings of the file that `--config` names below those that were given as flags.
 *
 * @param command The command, whose flags say which settings the file may have.
 * @param invocation Its command line, with the option `config`.
 * @param usual Settings where no file is named, over which the flags go, too; default none.
 * @throws UserError that names the file, and what is wrong in it.
 */
export async function withConfig<F extends Flags>(
  command: Command<F>,
  invocation: Invocation<F>,
  usual: Given = {},
): Promise<Configured<F>> {
  const { options, given } = invocation;
  const path = options.config as string | undefined;
  const flagged = givenIn(options, given as ReadonlySet<string>);
  if (path === undefined) {
    const asked = { ...withoutIdle(usual, flagged), ...flagged };
    return { ...invocation, asked, options: { ...options, ...asked } };
  }
  const fail = failIn(path);
  const file = await readObjectFile(path, "a file of settings");
  if (!isObject(file)) return fail('it is no object: give settings by name, such as {"model": "lenet"}');
  const { title, expect, ...plain } = file;
  const record = isObject(file.settings) ? file.settings : undefined;
  if (title !== undefined && typeof title !== "string") return fail("title is no text");
  const found = settingsOf(record ?? plain, command, fail);
  const asked = { ...record ? withoutUsual(found, flagged) : found, ...flagged };
  const isOther = Object.keys(flagged).some((name) => settingNamed(name)!.learns && !SAME_RECIPE.includes(name));
  const expected = expect === undefined ? undefined : expectedOf(expect, fail);
  return {
    ...{ ...invocation, asked, options: { ...options, ...asked } },
    given: record ? given : new Set<keyof F>([...given, ...Object.keys(found)]),
    ...!isOther && { expected },
  };
}

/** The settings of a file, by their names, with values that were checked. */
function settingsOf(file: Json, { name: command, flags }: Command, fail: Fail): Record<string, unknown> {
  const known = Object.keys(flags).filter((name) => settingNamed(name));
  const byName = new Map(known.flatMap((name) => {
    const { called = name } = flags[name];
    return [name, called, flagName(called).slice(2)].map((word) => [word, name] as const);
  }));
  const settings: Record<string, unknown> = {};
  const keys = new Map<string, string>();
  for (const [key, value] of Object.entries(file)) {
    const name = byName.get(key);
    if (name === undefined) {
      if (Object.hasOwn(flags, key)) fail(`${key} is no setting: give ${flagName(key)} on the command line`);
      const near = nearest(key, [...byName.keys(), ...OTHER_KEYS]);
      fail(`there is no setting ${key}; ${near ? `did you mean ${near}?` : `see ${command} --help`}`);
    }
    // As config.json has it: it does not apply, or has no value.
    if (value === null || value === undefined) continue;
    if (keys.has(name!)) fail(`${keys.get(name!)} and ${key} are the same setting: give it once`);
    keys.set(name!, key);
    settings[name!] = valueOf(key, value, flags[name!], settingNamed(name!)!.kind.faultOf, fail);
  }
  return settings;
}

/** A value as `config.json` has it, or as the flag reads it. */
function valueOf(
  key: string,
  value: unknown,
  flag: Flag<unknown>,
  faultOf: (value: unknown) => unknown,
  fail: Fail,
): unknown {
  const items = flag.takes === "many" ? [value].flat() : [value];
  const words = items.filter((item) => typeof item === "string");
  if (words.length === items.length) {
    // Also where it is a value already: a path is the user's.
    const read = words.map(flag.read);
    const gathered = flag.takes !== "many" ? read[0] : flag.gather ? flag.gather(read) : read;
    if (!read.includes(undefined) && gathered !== undefined) return gathered;
  }
  if (faultOf(value) === undefined) return value;
  const near = words.map((word) => nearest(word, flag.choices)).find((choice) => choice !== undefined);
  return fail(`${key} is ${JSON.stringify(value)}: give ${flag.wants}${near ? `; did you mean ${near}?` : ""}`);
}

/**
 * What a run's record has beyond what would be so by itself, and what the flags have left without effect: the run did
 * not ask for that.
 */
function withoutUsual(record: Readonly<Record<string, unknown>>, flags: Given): Record<string, unknown> {
  const unusual = Object.entries(record).filter(([name, value]) =>
    JSON.stringify(value) !== JSON.stringify(settingNamed(name)!.default)
  );
  return withoutIdle(Object.fromEntries(unusual), flags);
}

/** Settings without those that the flags have left without effect. */
function withoutIdle(settings: Readonly<Record<string, unknown>>, flags: Given): Record<string, unknown> {
  const rest = { ...settings };
  for (;;) {
    const idle = idleIn({ ...rest, ...flags });
    if (idle === undefined || !(idle.name in rest) || idle.name in flags) return rest;
    delete rest[idle.name];
  }
}

/** What `expect` says. */
function expectedOf(expect: unknown, fail: Fail): Expected {
  if (!isObject(expect)) return fail('expect is no object: give such as {"minutes": 5, "accuracy": 0.9}');
  refuseOtherKeys(expect, ["minutes", "on", ...Object.keys(metricNames)], (what) => fail(`expect: ${what}`));
  const { minutes, on, ...metrics } = expect;
  if (on !== undefined && typeof on !== "string") return fail("expect: on is no text");
  for (const [name, value] of Object.entries({ ...metrics, ...minutes !== undefined && { minutes } })) {
    if (typeof value !== "number") return fail(`expect: ${name} is ${JSON.stringify(value)}: give a number`);
  }
  return { minutes: minutes as number | undefined, on, metrics: metrics as Record<string, number> };
}

/** `expected accuracy 0.93, got 0.9342; 15 min 0 s on two cores, took 12 min 3 s`. */
export function comparedWith({ minutes, on, metrics }: Expected, report: TestReport, seconds: number): string {
  const values: Readonly<Record<string, unknown>> = { ...report };
  const parts = Object.entries(metrics).map(([name, value]) => {
    const got = values[name];
    const known: Readonly<Record<string, string>> = metricNames;
    return `expected ${known[name]} ${value}, got ${typeof got === "number" ? got.toFixed(4) : "none"}`;
  });
  const where = on === undefined ? "" : ` on ${on}`;
  const time = minutes === undefined ? [] : [`expected ${duration(60 * minutes)}${where}, took ${duration(seconds)}`];
  return [...parts, ...time].join("; ");
}
