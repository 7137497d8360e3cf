/**
 * What a sweep is: settings with ranges, and how many runs try them.
 *
 * ```json
 * {
 *   "title": "Learning rates",
 *   "settings": { "model": "resnet18", "epochs": 5 },
 *   "sweep": {
 *     "learningRate": { "log": [0.0001, 0.1] },
 *     "weightDecay": { "uniform": [0, 0.05] },
 *     "batch": [32, 64]
 *   },
 *   "method": "random",
 *   "runs": 20
 * }
 * ```
 *
 * `grid` tries every combination of lists. `random` draws each setting by itself: from a list, evenly from a range, or
 * evenly from the logarithms of a range; whole numbers stay whole. Random search finds more with as many runs where few
 * of the settings matter (Bergstra and Bengio 2012). The same seed draws the same runs.
 *
 * @module
 */

import { nearest } from "../errors.ts";
import { randomBelow, randomStream } from "../random.ts";
import { type Given, settingNamed, settingNames } from "../run/resolve.ts";
import { type Fail, failIn, isObject, type Json, refuseOtherKeys, refuseOtherSettings } from "./plan_file.ts";
import type { PlannedRun } from "./study_file.ts";

/** Values that a setting may have. */
type Range =
  | { readonly kind: "list"; readonly values: readonly unknown[] }
  | { readonly kind: "uniform" | "log"; readonly from: number; readonly to: number; readonly isWhole: boolean };

/** A sweep. */
export interface SweepPlan {
  /** What its page is called. */
  readonly title: string;
  /** Names of the settings that are tried. */
  readonly tried: readonly string[];
  /** Those of them that are drawn by their logarithm. */
  readonly logarithmic: readonly string[];
  /** Its runs. */
  readonly runs: readonly PlannedRun[];
  /** Are runs stopped that are below the median of the others at the same epoch? */
  readonly stopsAtMedian: boolean;
}

/** What a sweep file may have. */
const KEYS = ["title", "settings", "sweep", "method", "runs", "seed", "stop"];

/** Stream of a sweep among those of a seed. */
const STREAM = 0x5ee9;

/** A sweep may have so many runs. */
const MOST_RUNS = 10_000;

/**
 * Reads a sweep.
 *
 * @param file The content of its file, as JSON or YAML gave it.
 * @param path Of the file, for errors.
 * @throws UserError that names what is wrong.
 */
export function planSweep(file: unknown, path: string): SweepPlan {
  const fail = failIn(path);
  if (!isObject(file)) return fail("a sweep is an object with sweep: see the example in the README");
  refuseOtherKeys(file, KEYS, fail);
  const { title = "Sweep", settings = {}, sweep, method = "random", runs = 20, seed = 1, stop = "median" } = file;
  if (typeof title !== "string") return fail("title is no text");
  if (!isObject(settings)) return fail("settings is no object of settings by name");
  if (!isObject(sweep) || Object.keys(sweep).length === 0) return fail("sweep has no settings to try");
  if (method !== "random" && method !== "grid") return fail(`method is ${JSON.stringify(method)}: give random or grid`);
  if (stop !== "median" && stop !== "none") return fail(`stop is ${JSON.stringify(stop)}: give median or none`);
  if (!Number.isSafeInteger(seed)) return fail(`seed is ${JSON.stringify(seed)}: give a whole number`);
  if (!Number.isInteger(runs) || (runs as number) < 1 || (runs as number) > MOST_RUNS) {
    return fail(`runs is ${JSON.stringify(runs)}: give a whole number from 1 to ${MOST_RUNS}`);
  }
  if (method === "grid" && "runs" in file) return fail("runs has no meaning with the method grid: leave it out");
  const ranges = Object.entries(sweep).map(([name, range]) => [name, rangeOf(name, range, fail)] as const);
  const drawn = method === "grid" ? grid(ranges, fail) : random(ranges, runs as number, seed as number);
  const digits = String(drawn.length).length;
  const planned = drawn.map((own, r): PlannedRun => {
    const name = `run-${String(r + 1).padStart(digits, "0")}`;
    const given = { ...settings, ...own };
    refuseOtherSettings(given, name, fail);
    const choices = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, String(value)]));
    return { name, choices, settings: given as Given, place: r, after: [] };
  });
  const [tried, logarithmic] = [ranges, ranges.filter(([, { kind }]) => kind === "log")]
    .map((some) => some.map(([name]) => name));
  return { title, tried, logarithmic, runs: planned, stopsAtMedian: stop === "median" };
}

function rangeOf(name: string, range: unknown, fail: Fail): Range {
  if (settingNamed(name) === undefined) {
    const near = nearest(name, settingNames);
    return fail(`there is no setting ${name}${near ? `; did you mean ${near}?` : ""}`);
  }
  if (Array.isArray(range)) {
    return range.length > 0 ? { kind: "list", values: range } : fail(`the list of ${name} is empty`);
  }
  const [[kind, bounds] = [], ...more] = Object.entries(Object(range)) as [string?, unknown?][];
  const wants = `${name} is ${JSON.stringify(range)}: give a list, {"uniform": [from, to]} or {"log": [from, to]}`;
  if (more.length > 0 || (kind !== "uniform" && kind !== "log") || !Array.isArray(bounds) || bounds.length !== 2) {
    return fail(wants);
  }
  const [from, to] = bounds;
  if (!Number.isFinite(from) || !Number.isFinite(to) || from >= to) {
    return fail(`${name} goes from ${from} to ${to}: give two numbers, the smaller first`);
  }
  if (kind === "log" && from <= 0) return fail(`${name} goes from ${from}, which has no logarithm: give more than 0`);
  // Of a setting of whole numbers, whole ones are drawn.
  const half = settingNamed(name)!.kind.faultOf(Math.floor(from) + 0.5);
  return { kind, from, to, isWhole: half !== undefined && Number.isInteger(from) && Number.isInteger(to) };
}

type Ranges = readonly (readonly [name: string, range: Range])[];

function grid(ranges: Ranges, fail: Fail): Json[] {
  let found: Json[] = [{}];
  for (const [name, range] of ranges) {
    if (range.kind !== "list") return fail(`${name} is a range, of which a grid has no values: give a list`);
    found = found.flatMap((one) => range.values.map((value) => ({ ...one, [name]: value })));
    if (found.length > MOST_RUNS) return fail(`its lists make more than ${MOST_RUNS} runs`);
  }
  return found;
}

function random(ranges: Ranges, runs: number, seed: number): Json[] {
  return Array.from({ length: runs }, (_, r) =>
    Object.fromEntries(ranges.map(([name, range], s) => {
      const next = randomStream(STREAM, seed, r, s);
      if (range.kind === "list") return [name, range.values[randomBelow(next, range.values.length)]];
      const share = next() / 2 ** 32;
      const { from, to, isWhole } = range;
      if (isWhole && range.kind === "uniform") return [name, from + Math.floor(share * (to - from + 1))];
      const value = range.kind === "log" ? from * (to / from) ** share : from + share * (to - from);
      // As many digits as are told apart: a run's settings are read by people.
      return [name, isWhole ? Math.round(value) : Number(value.toPrecision(4))];
    })));
}
