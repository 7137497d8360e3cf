/**
 * Opens the run that a command names, with what its flags say about it.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { escaped, firstNames, printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { refuseIrregular } from "../files.ts";
import { Model } from "../models/mod.ts";
import type { OwnModel } from "../models/own.ts";
import { cannotUse } from "./idle.ts";
import { type OpenedRun, openRun, type OpenRunOptions } from "../run/open_run.ts";

/** Flags that say what of a run is opened. */
export interface RunFlags {
  /** `best`, `last` or the number of an epoch. */
  readonly checkpoint: string;
  /** A module with models of the user's own. */
  readonly models?: string;
}

/** Opens a run as the flags say. */
export async function openAsAsked(
  path: string,
  flags: RunFlags,
  onWarning: (warning: string) => void = (warning) => console.error(escaped(`warning: ${warning}`)),
): Promise<OpenedRun> {
  const options = await runOptions(flags);
  const opened = await openRun(path, { ...options, onWarning });
  const { name } = opened.model;
  if (flags.models !== undefined && !options.models?.some((model) => model.name === name)) {
    const exported = options.models?.map((model) => model.name) ?? [];
    throw cannotUse(
      `--models ${printable(flags.models)}`,
      `the run is of ${name}, and it exports ${firstNames(exported)}`,
    );
  }
  return opened;
}

/** What the flags say, as the library takes it. */
export async function runOptions({ checkpoint, models }: RunFlags): Promise<OpenRunOptions> {
  return { checkpoint: whichCheckpoint(checkpoint), models: models === undefined ? [] : await ownModels(models) };
}

function whichCheckpoint(which: string): OpenRunOptions["checkpoint"] {
  if (which === "best" || which === "last") return which;
  if (/^[1-9]\d*$/.test(which)) return Number(which);
  throw new UserError(`Cannot use --checkpoint ${which}: give best, last or the number of an epoch`, 2);
}

/** The models that a module exports, each by itself or in lists. */
async function ownModels(path: string): Promise<OwnModel[]> {
  await refuseIrregular(path);
  const { href } = pathToFileURL(path);
  const exported: Record<string, unknown> = await import(href).catch((error) => {
    throw new UserError(`Cannot load ${printable(path)}: ${String(error.message).split("\n")[0]}`);
  });
  const found = Object.values(exported).flat().filter(isModel);
  if (found.length > 0) return found;
  throw new UserError(`${printable(path)} exports no model: export a Model, or an object with name and build`);
}

function isModel(value: unknown): value is OwnModel {
  if (value instanceof Model) return true;
  const { name, build } = (value ?? {}) as Partial<Record<"name" | "build", unknown>>;
  return typeof name === "string" && typeof build === "function";
}
