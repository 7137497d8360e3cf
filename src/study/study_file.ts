/**
 * What a study is: axes of settings, of which every combination is a run.
 *
 * ```json
 * {
 *   "title": "Faces",
 *   "settings": { "data": "celeba", "epochs": 10 },
 *   "axes": {
 *     "task": { "glasses": { "target": ["Eyeglasses"] }, "hair": { "target": ["Black_Hair", "Blond_Hair"] } },
 *     "model": ["resnet101", "vit-b32"],
 *     "pretrained": { "no": {}, "yes": { "pretrained": { "run": { "task": "glasses", "pretrained": "no" } } } },
 *     "seed": [1, 2, 3]
 *   },
 *   "skip": [{ "task": "glasses", "pretrained": "yes" }]
 * }
 * ```
 *
 * An axis is a list of values of the setting that it is named after, or choices by name with the settings of each. A
 * setting whose value is `{"run": …}` is the run of this study that has those choices, and the same as its own on the
 * other axes: that one is trained first. In a text, `{model}` is the choice on the axis `model`: `imagenet:{model}`.
 *
 * @module
 */

import { join } from "node:path";
import { nearest } from "../errors.ts";
import { type Given, settingNamed, settingNames } from "../run/resolve.ts";
import { type Fail, failIn, isObject, type Json, refuseOtherKeys, refuseOtherSettings } from "./plan_file.ts";

/** One run of a study. */
export interface PlannedRun {
  /** What it is called: its choices, joined. */
  readonly name: string;
  /** Its choice on each axis. */
  readonly choices: Readonly<Record<string, string>>;
  /** Its settings; paths to runs of the study are below its folder. */
  readonly settings: Given;
  /** Its place in the file's order, which tables have. */
  readonly place: number;
  /** Names of the runs that must be trained before it. */
  readonly after: readonly string[];
}

/** A study. */
export interface StudyPlan {
  /** What its page is called. */
  readonly title: string;
  /** Names of its axes. */
  readonly axes: readonly string[];
  /** Its runs: each after those that it starts from. */
  readonly runs: readonly PlannedRun[];
}

/** What a study file may have. */
const KEYS = ["title", "settings", "axes", "skip"];

/** Runs that a study may have: more are a mistake in its axes. */
const MOST_RUNS = 10_000;

/**
 * Reads a study.
 *
 * @param file The content of its file, as JSON or YAML gave it.
 * @param path Of the file, for errors.
 * @param folder Where its runs go, each in a folder of its name below `runs`.
 * @throws UserError that names what is wrong.
 */
export function planStudy(file: unknown, path: string, folder: string): StudyPlan {
  const fail = failIn(path);
  if (!isObject(file)) fail("a study is an object with axes: see the example in the README");
  const study = file as Json;
  refuseOtherKeys(study, KEYS, fail);
  const { title = "Study", settings = {}, axes = {}, skip = [] } = study;
  if (typeof title !== "string") fail("title is no text");
  if (!isObject(settings)) fail("settings is no object of settings by name");
  if (!isObject(axes)) fail("axes is no object of axes by name");
  if (!Array.isArray(skip) || !skip.every(isObject)) fail("skip is no list of choices by axis");
  const read = Object.entries(axes as Json).map(([name, axis]) => ({ name, choices: choicesOf(name, axis, fail) }));
  const count = read.reduce((product, { choices }) => product * choices.size, 1);
  if (count > MOST_RUNS) fail(`its axes make ${count} runs: more than ${MOST_RUNS}`);

  let combinations: { choices: Record<string, string>; settings: Json }[] = [{
    choices: {},
    settings: settings as Json,
  }];
  for (const { name, choices } of read) {
    combinations = combinations.flatMap((one) =>
      Array.from(choices, ([choice, own]) => ({
        choices: { ...one.choices, [name]: choice },
        settings: { ...one.settings, ...own },
      }))
    );
  }
  const skipped = (skip as Json[]).map((choices) => checkedChoices(choices, read, "skip", fail));
  const kept = combinations.filter(({ choices }) => !skipped.some((those) => agrees(choices, those)));
  if (kept.length === 0) fail("it has no runs");
  const names = new Map(kept.map(({ choices }) => [nameOf(choices), choices]));
  const runs = kept.map(({ choices, settings: own }, place) => {
    const after = new Set<string>();
    const given = Object.fromEntries(
      Object.entries(own).map(([setting, value]) => {
        if (typeof value === "string") return [setting, filledIn(value, choices)];
        if (!isObject(value) || !("run" in value)) return [setting, value];
        const wanted = checkedChoices((value as Json).run, read, `${setting}.run`, fail);
        const other = nameOf({ ...choices, ...wanted });
        if (!names.has(other)) fail(`${setting} of ${nameOf(choices)} is the run ${other}, which the study has not`);
        after.add(other);
        return [setting, join(folder, "runs", other)];
      }),
    );
    refuseOtherSettings(given, nameOf(choices), fail);
    return { name: nameOf(choices), choices, settings: given as Given, place, after: [...after] };
  });
  return { title: title as string, axes: read.map(({ name }) => name), runs: inOrder(runs, fail) };
}

/** A text with choices in the place of their axes: `imagenet:{model}`. */
function filledIn(text: string, choices: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{([^{}]+)\}/g, (part, axis) => Object.hasOwn(choices, axis) ? choices[axis] : part);
}

/** Choices of an axis, with the settings of each. */
function choicesOf(name: string, axis: unknown, fail: Fail): Map<string, Json> {
  if (Array.isArray(axis)) {
    if (settingNamed(name) === undefined) {
      const near = nearest(name, settingNames);
      fail(
        `the axis ${name} is a list, and no setting is called so; ` +
          `${near ? `did you mean ${near}?` : "give choices by name, with the settings of each"}`,
      );
    }
    if (axis.length === 0) fail(`the axis ${name} is empty`);
    const choices = new Map(axis.map((value): [string, Json] => [folderName(value), { [name]: value }]));
    if (choices.size < axis.length) fail(`the axis ${name} has a value twice`);
    return choices;
  }
  if (!isObject(axis)) fail(`the axis ${name} is neither a list of values nor choices by name`);
  const choices = Object.entries(axis as Json);
  if (choices.length === 0) fail(`the axis ${name} is empty`);
  for (const [choice, own] of choices) {
    if (!isObject(own)) fail(`${name}.${choice} is no object of settings by name`);
    if (folderName(choice) !== choice) {
      fail(`${name}.${choice} is a folder's name: give letters, digits, dots and dashes`);
    }
  }
  return new Map(choices) as Map<string, Json>;
}

/** A value as part of a folder's name. */
function folderName(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replaceAll(/[^\p{L}\p{N}._-]+/gu, "_").replaceAll(/^[_.]+|_+$/g, "") || "none";
}

/** Checks that axes and choices are there; gives the choices as texts. */
function checkedChoices(
  choices: unknown,
  axes: readonly { readonly name: string; readonly choices: ReadonlyMap<string, Json> }[],
  where: string,
  fail: Fail,
): Record<string, string> {
  if (!isObject(choices)) return fail(`${where} is no object of choices by axis`);
  return Object.fromEntries(
    Object.entries(choices).map(([name, choice]) => {
      const axis = axes.find((each) => each.name === name);
      if (!axis) {
        const near = nearest(name, axes.map((each) => each.name));
        return fail(`${where} names the axis ${name}, which there is not${near ? `; did you mean ${near}?` : ""}`);
      }
      const text = folderName(choice);
      if (!axis.choices.has(text)) {
        const near = nearest(text, [...axis.choices.keys()]);
        return fail(`${where}.${name} is ${text}, which is no choice${near ? `; did you mean ${near}?` : ""}`);
      }
      return [name, text];
    }),
  );
}

function agrees(choices: Readonly<Record<string, string>>, some: Readonly<Record<string, string>>): boolean {
  return Object.entries(some).every(([axis, choice]) => choices[axis] === choice);
}

/** Name of a run: its choices, or `run` where there are no axes. */
function nameOf(choices: Readonly<Record<string, string>>): string {
  return Object.values(choices).join("-") || "run";
}

/** The runs, each after those that it starts from, and otherwise as they stand. */
function inOrder(runs: readonly PlannedRun[], fail: Fail): PlannedRun[] {
  const left = [...runs];
  const ordered: PlannedRun[] = [];
  while (left.length > 0) {
    const at = left.findIndex(({ after }) => after.every((name) => ordered.some((run) => run.name === name)));
    if (at < 0) fail(`the runs ${left.map(({ name }) => name).slice(0, 3).join(", ")} start from each other`);
    ordered.push(...left.splice(at, 1));
  }
  return ordered;
}
