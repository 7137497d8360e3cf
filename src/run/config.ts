/**
 * `config.json` of a run: what it holds, and what is wrong with one that was damaged or changed by hand.
 *
 * The schema is one of valibot's. The package is loaded only when a config is opened: `--help` and training do without.
 *
 * @module
 */

import { join } from "node:path";
import type { Task } from "../data/labels.ts";
import { printable } from "../data/names.ts";
import { isFolder } from "../data/paths.ts";
import type { Rates } from "../device/rates.ts";
import { orList, UserError } from "../errors.ts";
import { readText } from "../files.ts";
import type { Preprocessing } from "./checkpoint.ts";
import { checkValue, type Given, settingNames } from "./resolve.ts";
import { runsNear } from "./runs_near.ts";
import { settings } from "./settings.ts";
import type { Setting } from "./settings/setting.ts";

const table: Readonly<Record<string, Setting>> = settings;

/** A variable, so that Deno fetches the package only when a config is opened. */
const specifier = "npm:valibot@1.5.0";

type Valibot = typeof import("npm:valibot@1.5.0");

/**
 * What a run says of itself. Runs of earlier versions lack some of it; a field that is null in the file is left out.
 */
export interface RunConfig {
  /** Of Fovea and Deno. */
  readonly versions?: { readonly fovea: string; readonly deno: string };
  /** What it was trained on. */
  readonly device?: { readonly kind: string; readonly description: string };
  /** What the device was measured to do. */
  readonly rates?: Rates;
  /** Name and options of the model. */
  readonly model?: { readonly name: string; readonly [option: string]: unknown };
  /** What the logits mean. */
  readonly task?: Task;
  /** Names of classes or labels; of a binary task, the target's. */
  readonly classes?: readonly string[];
  /** How pictures are prepared. */
  readonly preprocessing?: Preprocessing;
  /** Start of every random number. */
  readonly seed?: number;
  /** Times through the training split. */
  readonly epochs?: number;
  /** Pictures in a step. */
  readonly batch?: number;
  /** Steps that make one update. */
  readonly accumulate?: number;
  /** How activations are held. */
  readonly precision?: "f32" | "f16";
  /** Name of the update's rule. */
  readonly optimizer?: string;
  /** Course of the learning rate. */
  readonly schedule?: Readonly<Record<string, unknown>>;
  /** What is learnt, and how fast. */
  readonly learning?: Readonly<Record<string, unknown>>;
  /** Whom it learnt from. */
  readonly teacher?: Readonly<Record<string, unknown>>;
  /** Hash of the kernels. */
  readonly kernels?: string;
  /** Hash of `tuning.json`. */
  readonly tuning?: string;
  /** Hashes of the parts of the data; of runs of before, none of the test part. */
  readonly fingerprint?: { readonly train: string; readonly val: string; readonly test?: string };
  /** Hash of `split.csv`. */
  readonly split?: string;
  /** Settings by name, with the value that each had; null of one that did not apply. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** In the place of settings, of runs of earlier versions: options of the command `train`. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** What a later version, or who began the run, has added. */
  readonly [other: string]: unknown;
}

type Values = Readonly<Record<string, unknown>>;

/** What a table of settings says of each: what it may be. */
export interface CheckedSetting {
  readonly kind: {
    /** What is wrong with a value; undefined where nothing is. */
    readonly faultOf: (value: unknown) => unknown;
    /** What will do, in words that follow "give". */
    readonly wants: string;
  };
}

/** Settings by name. */
export type CheckedSettings = Readonly<Record<string, CheckedSetting>>;

/**
 * Reads a run's `config.json`.
 *
 * @param run Its directory.
 * @throws UserError when `run` is not a run directory, or with the first field that is not what it should be.
 */
export async function readConfig(run: string): Promise<RunConfig> {
  const path = join(run, "config.json");
  return await checkedConfig(await parsed(run, path), path);
}

async function parsed(run: string, path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) {
    if (!await isFolder(run)) throw new UserError(`There is no folder ${printable(run)}; ${await runsNear(run)}`);
    throw new UserError(`${printable(run)} is not a run directory: it has no config.json; ${await runsNear(run)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`${path} is not JSON: ${printable(error.message)}; put back what train wrote`);
  }
}

/**
 * Checks what a `config.json` holds.
 *
 * @param value The file as JSON.
 * @param path For the error.
 * @param table What settings may be.
 * @throws UserError with the first field that is not what it should be: `runs/x/config.json: batch is "a": give …`.
 */
export async function checkedConfig(
  value: unknown,
  path: string,
  table: CheckedSettings = settings,
): Promise<RunConfig> {
  const v: Valibot = await import(specifier);
  const { success, output, issues } = v.safeParse(schemaOf(v, table), withoutNulls(value), { abortEarly: true });
  if (success) return output;
  const [issue] = issues;
  const field = printable(v.getDotPath(issue) ?? "it");
  if (issue.input === undefined) throw new UserError(`${path}: ${field} is missing`);
  throw new UserError(`${path}: ${field} is ${shortened(JSON.stringify(issue.input))}: give ${issue.message}`);
}

/** An object without the fields that are null. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  // To the package a list is an object, too.
  if (Array.isArray(value)) return "a list";
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

/** What was found, in a message of one line. */
function shortened(text: string): string {
  return printable(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** The schema of `config.json`. */
function schemaOf(v: Valibot, table: CheckedSettings) {
  const text = v.string("a text");
  const texts = v.array(text, "a list of texts");
  const whole = (least: number) => {
    const wants = `a whole number of at least ${least}`;
    return v.pipe(v.number(wants), v.safeInteger(wants), v.minValue(least, wants));
  };
  const amount = v.pipe(
    v.number("a number above 0"),
    v.finite("a number above 0"),
    v.gtValue(0, "a number above 0"),
  );
  const numbers = v.array(v.number("a number"), "a list of numbers");
  const oneOf = <const C extends string>(...choices: readonly C[]) => v.picklist(choices, orList(choices));
  const anything = v.record(v.string(), v.unknown(), "an object");
  const facts = {
    versions: v.looseObject({ fovea: text, deno: text }, "an object"),
    device: v.looseObject({ kind: text, description: text }, "an object"),
    rates: v.looseObject({
      flops: amount,
      bytes: amount,
      readBack: amount,
      queueDepth: whole(1),
      isProcessor: v.boolean("true or false"),
    }, "an object"),
    model: v.looseObject({ name: text }, "an object"),
    task: oneOf("binary", "multiclass", "multilabel"),
    classes: texts,
    preprocessing: v.looseObject({
      imageSize: whole(1),
      square: whole(1),
      // The first runs do not name it: there was but one.
      interpolation: v.optional(oneOf("bilinear", "bicubic"), "bilinear"),
      fit: v.optional(oneOf("crop", "pad", "squash")),
      range: v.optional(v.tuple([v.number("a number"), v.number("a number")], "two numbers")),
      mean: numbers,
      std: numbers,
    }, "an object"),
    seed: whole(0),
    epochs: whole(1),
    batch: whole(1),
    accumulate: whole(1),
    precision: oneOf("f32", "f16"),
    optimizer: text,
    schedule: anything,
    learning: anything,
    teacher: anything,
    kernels: text,
    tuning: text,
    fingerprint: v.looseObject({ train: text, val: text, test: v.optional(text) }, "an object"),
    split: text,
    settings: settingsSchema(v, table),
    flags: anything,
  };
  return v.partial(v.looseObject(facts, "an object"));
}

/**
 * The schema of `settings` in `config.json`, from a table of them. Null stands for one that did not apply. One that is
 * not in the table, as of a later version, is taken as it is.
 *
 * @param v The package.
 * @param table The settings.
 */
function settingsSchema(v: Valibot, table: CheckedSettings) {
  const entries = Object.entries(table).map(([name, { kind }]) => [
    name,
    v.nullish(v.custom((value) => isOwn(name, value) || kind.faultOf(value) === undefined, kind.wants)),
  ]);
  return v.looseObject(Object.fromEntries(entries), "an object");
}

/** Is it the name of a function of the user's, in a setting that takes one? */
function isOwn(setting: string, value: unknown): boolean {
  return ["optimizer", "schedule", "loss"].includes(setting) && typeof value === "string" && value !== "";
}

/**
 * The settings of a run, as given: what is null there does not apply or has no value.
 *
 * @param config The content of its `config.json`.
 * @param run Its directory, for the error.
 * @throws UserError that names the setting that is wrong, or says that there are none.
 */
export function settingsIn(config: RunConfig, run: string): Given {
  const { settings: kept, flags } = config;
  const found = kept ? withNumbers(kept) : flags && fromFlags(withNumbers(flags));
  if (!found) {
    throw new UserError(
      `${run} cannot be opened as a run: its config.json has no settings; give a folder that train wrote`,
    );
  }
  const given = settingNames.filter((name) => found[name] !== undefined && found[name] !== null);
  for (const name of given) {
    if (isOwn(name, found[name])) continue;
    try {
      checkValue(name, found[name], table[name].kind);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      throw new UserError(`${run}/config.json was changed or is damaged: ${error.message}`);
    }
  }
  return Object.fromEntries(given.map((name) => [name, found[name]])) as Given;
}

/** Runs of before there were names for the classes of IDX files call them by their numbers. */
function withNumbers(found: Values): Values {
  return "classNames" in found ? found : { ...found, classNames: ["numbers"] };
}

/** The first runs kept their flags: some had other names, and factors by pattern were pairs. */
function fromFlags(flags: Values): Values {
  const entries = settingNames.map((name) => {
    const value = flags[table[name].flag ?? name];
    return [name, name === "learningRateScale" && Array.isArray(value) ? Object.fromEntries(value) : value];
  });
  return Object.fromEntries(entries);
}
