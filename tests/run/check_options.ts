/**
 * Compares `TrainerOptions`, which is written out since JSR publishes types as they are written, with the table of
 * settings: keys, types, defaults and sentences. Part of `deno task static`.
 *
 * @module
 */

import { type Settings, settings } from "../../src/run/settings.ts";
import { recordSettings } from "../../src/run/settings/device.ts";
import { pictureSettings } from "../../src/run/settings/pictures.ts";
import type { Setting } from "../../src/run/settings/setting.ts";
import { trainingSettings } from "../../src/run/settings/training.ts";
import { OTHERS, type TrainerOptions } from "../../src/train/options.ts";

const { memory, tune } = settings;
const { imageSize: _, ...pictures } = pictureSettings;
/** The settings that a trainer has: the picture's size is its model's. */
const expected = { ...pictures, ...trainingSettings, ...recordSettings, memory, tune };

/** Settings whose values an option does not take. */
type Refused = {
  [K in keyof typeof expected]: K extends keyof TrainerOptions
    ? NonNullable<Settings[K]> extends NonNullable<TrainerOptions[K]> ? never : K
    : K;
}[keyof typeof expected];
const refused: readonly Refused[] = [];
refused satisfies readonly never[];

/** Comment of each option, its lines joined. */
function commentsIn(source: string): Map<string, string> {
  const [, body] = /export interface TrainerOptions \{\n(.*?)\n\}/s.exec(source)!;
  const options = body.matchAll(/\/\*\*(.*?)\*\/\s*readonly (\w+)\??:/gs);
  return new Map([...options].map(([, comment, name]) => [name, comment.replaceAll(/\s*\n\s*\* ?/g, " ").trim()]));
}

/** What a comment must begin and end with. */
function sentencesOf({ help, default: value, byDefault }: Setting): [first: string, last: string] {
  const text = byDefault ?? (typeof value === "string" ? `\`${value}\`` : JSON.stringify(value));
  return [`${help[0].toUpperCase()}${help.slice(1)}.`, `Default: ${text}.`];
}

const comments = commentsIn(await Deno.readTextFile(new URL("../../src/train/options.ts", import.meta.url)));
const faults = [
  ...[...comments.keys()].filter((name) => !(name in expected) && !OTHERS.some((other) => other === name)).map((name) =>
    `${name} is no setting: add it to src/run/settings/`
  ),
  ...Object.entries(expected as Readonly<Record<string, Setting>>).flatMap(([name, setting]) => {
    const comment = comments.get(name);
    if (comment === undefined) return [`${name} is missing`];
    const [first, last] = sentencesOf(setting);
    return comment.startsWith(first) && comment.endsWith(last)
      ? []
      : [`${name} says "${comment}", not "${first} … ${last}"`];
  }),
];
for (const fault of faults) console.error(`TrainerOptions: ${fault}`);
if (faults.length > 0) Deno.exit(1);
