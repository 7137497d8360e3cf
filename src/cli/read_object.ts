/**
 * Files that a person writes in JSON or YAML.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { readText } from "../files.ts";
import { printable } from "../printable.ts";

/** In a variable: YAML is read with a package that only a file in YAML needs. */
const yamlSpecifier = "npm:yaml@2.8.1";

/**
 * Reads a file in JSON, or in YAML where its name ends so.
 *
 * @param path Of the file.
 * @param what It is to be, for the error: `a file that plans runs`.
 * @throws UserError where it is not there, or cannot be read.
 */
export async function readObjectFile(path: string, what: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) throw new UserError(`${printable(path)} is not there: give ${what}`);
  try {
    if (!/\.ya?ml$/i.test(path)) return JSON.parse(text);
    const { parse } = await import(yamlSpecifier);
    return parse(text);
  } catch (error) {
    const [line] = (error as Error).message.split("\n");
    throw new UserError(`${printable(path)} cannot be read: ${printable(line)}`);
  }
}
