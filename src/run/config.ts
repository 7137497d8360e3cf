/**
 * What a run directory's `config.json` says of the run's settings.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { checkValue, type Given, settingNames } from "./resolve.ts";
import { type Setting, settings } from "./settings.ts";

const table: Readonly<Record<string, Setting>> = settings;

/**
 * A kind of file in which a run's settings were kept: today's, and that of the first versions, under the names of their
 * flags.
 */
type Config = Readonly<Record<string, unknown>>;

/**
 * The settings of a run, as given: what is null there does not apply or has no value.
 *
 * @param config The content of its `config.json`.
 * @param run Its directory, for the error.
 * @throws UserError that names the setting that is wrong, or says that there are none.
 */
export function settingsIn(config: Config, run: string): Given {
  const { settings: kept, flags } = config;
  const found = isRecord(kept) ? kept : isRecord(flags) ? fromFlags(flags) : undefined;
  if (!found) {
    throw new UserError(
      `${run} cannot be opened as a run: its config.json has no settings; give a folder that train wrote`,
    );
  }
  const given = settingNames.filter((name) => found[name] !== undefined && found[name] !== null);
  for (const name of given) {
    try {
      checkValue(name, found[name], table[name].kind);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
      throw new UserError(`${run}/config.json was changed or is damaged: ${error.message}`);
    }
  }
  return Object.fromEntries(given.map((name) => [name, found[name]])) as Given;
}

/** The first runs kept their flags: some had other names, and factors by pattern were pairs. */
function fromFlags(flags: Config): Config {
  const entries = settingNames.map((name) => {
    const value = flags[table[name].flag ?? name];
    return [name, name === "learningRateScale" && Array.isArray(value) ? Object.fromEntries(value) : value];
  });
  return Object.fromEntries(entries);
}

function isRecord(value: unknown): value is Config {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
