/**
 * What the files of studies and sweeps have in common: objects by JSON or YAML, of which every mistake is named.
 *
 * @module
 */

import { nearest, UserError } from "../errors.ts";
import { checkGiven } from "../run/resolve.ts";

/** An object of a file. */
export type Json = Record<string, unknown>;

/** Throws the error of a mistake in a file. */
export type Fail = (what: string) => never;

/** Names the file of a mistake. */
export function failIn(path: string): Fail {
  return (what) => {
    throw new UserError(`${path}: ${what}`);
  };
}

/** Is it an object by JSON? */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Refuses keys that a file may not have. */
export function refuseOtherKeys(file: Json, keys: readonly string[], fail: Fail): void {
  for (const key of Object.keys(file)) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    fail(`there is no key ${key}; ${near ? `did you mean ${near}?` : `give ${keys.join(", ")}`}`);
  }
}

/** Refuses what is no setting, or no value of one. */
export function refuseOtherSettings(settings: Json, run: string, fail: Fail): void {
  try {
    checkGiven(settings);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    fail(`${run}: ${error.message}`);
  }
}
