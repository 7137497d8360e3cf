/**
 * Flags that would change nothing: they are a mistake, and refused.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { counted } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { type Kind, wordsFor } from "../run/kinds.ts";
import { conflictIn, type Given, idleIn, settingNames } from "../run/resolve.ts";
import { type SettingName, type Settings, settings } from "../run/settings.ts";
import { factsOf } from "../train/settled_options.ts";
import { type Flags, nameIn } from "./command.ts";
import type { DataFlags } from "./run_data.ts";

/** The settings among the flags that were given. */
export function givenIn(options: Readonly<Record<string, unknown>>, given: ReadonlySet<string>): Given {
  return Object.fromEntries(settingNames.filter((name) => given.has(name)).map((name) => [name, options[name]]));
}

/** Refuses a setting that was given and would change nothing, or contradicts another; with data, by what they are. */
export function refuseIdle(asked: Given, flags: Flags, data?: Dataset): void {
  const nameOf = (setting: string): string => nameIn(flags, setting);
  const facts = data && factsOf(data);
  const idle = idleIn(asked, facts, nameOf);
  if (idle) throw cannotUse(nameOf(idle.name), `it would change nothing, since ${idle.why}`);
  const conflict = conflictIn(asked, facts, nameOf);
  if (conflict) throw cannotUse(flagWith(flags, conflict.name, asked), conflict.why);
}

/** `--swa 3`. */
function flagWith(flags: Flags, name: SettingName, asked: Given): string {
  return [nameIn(flags, name), ...wordsFor(settings[name].kind as Kind<unknown>, asked[name])].join(" ");
}

/**
 * Refuses flags of a random split where nothing is split at random: the data have all the parts that are asked for.
 *
 * @param given Options that the user gave.
 * @param flags How the data are split.
 * @param data The data.
 * @param table What the flags are called.
 * @param names Options that act on a random split alone.
 */
export function refuseIdleSplit(
  given: ReadonlySet<string>,
  { split, testOn, fold }: DataFlags,
  data: Dataset,
  table: Flags,
  names: readonly ("stratify" | "seed" | "skipSmallClasses")[],
): void {
  if (!data.hasOwnSplit || fold !== undefined || (split !== undefined && split !== "own")) return;
  const parts = new Set(data.samples.map((sample) => sample.split));
  if (!parts.has("val") || (!parts.has("test") && testOn !== "val")) return;
  const idle = names.find((name) => given.has(name));
  if (idle) {
    const why = `the data have parts of their own; ${nameIn(table, "split")} 8:1:1 splits them at random`;
    const flag = nameIn(table, idle);
    throw cannotUse(idle === "stratify" ? flag.replace("--", "--no-") : flag, `it would change nothing, since ${why}`);
  }
}

/**
 * Refuses what was given to happen later than a run ends: a fall of the learning rate, a validation, or a save.
 *
 * @param asked Settings that the user gave.
 * @param values All of the run's.
 * @param flags What they are called.
 * @param pictures Of the training split, once they are known.
 */
export function refuseTooLate(asked: Given, values: Settings, flags: Flags, pictures?: number): void {
  const { epochs, schedule, fallEvery, batch } = values;
  const late = (["fallEvery", "gamma"] as const).find((name) => asked[name] !== undefined);
  if (late && schedule === "step" && fallEvery >= epochs) {
    const flag = nameIn(flags, late);
    const every = nameIn(flags, "fallEvery");
    throw cannotUse(
      `${flag} ${asked[late]}`,
      `the rate would first fall after ${
        counted(fallEvery, "epoch")
      }, and the run has ${epochs}; give a smaller ${every}`,
    );
  }
  if (pictures === undefined) return;
  // A batch that is to be found is at least one picture.
  const size = typeof batch === "number" ? Math.min(batch, pictures) : 1;
  const steps = epochs * Math.floor(pictures / size);
  for (const [name, what] of [["valEvery", "validate"], ["saveEvery", "save"]] as const) {
    const every = values[name];
    if (asked[name] === undefined || every === undefined || every <= steps) continue;
    throw cannotUse(
      `${nameIn(flags, name)} ${every}`,
      `the run has ${counted(steps, "step")}; give less, or leave it out to ${what} after each epoch`,
    );
  }
}

/** The error of a flag that does nothing here. */
export function cannotUse(flag: string, why: string): UserError {
  return new UserError(`Cannot use ${flag}: ${why}`, 2);
}
