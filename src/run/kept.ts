/**
 * What a run's last checkpoint keeps of how it began, so that what was changed since is seen: the content of
 * `config.json`, with the hash of `split.csv` and the fingerprints of the three parts of the data. Whatever differs is
 * refused, by its field and both values; what only might change the last digits is warned of.
 *
 * Runs of earlier versions keep less, or nothing: what they do not keep is not compared.
 *
 * @module
 */

import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import type { Dataset, Split } from "../data/dataset.ts";
import { printable, shortened } from "../data/names.ts";
import { splitNames } from "../data/split.ts";
import { option, UserError } from "../errors.ts";
import { readText } from "../files.ts";
import { sha256 } from "../hash.ts";
import { openSafetensors } from "../interop/safetensors_file.ts";
import { infoOf } from "./checkpoint.ts";
import { checkedConfig, type RunConfig } from "./config.ts";
import { settingNamed } from "./resolve.ts";
import { checkpointPath, PREVIOUS } from "./run_directory.ts";

/** The file of a run directory that says which picture is in which part. */
export const SPLIT_FILE = "split.csv";

/** Fingerprints of the parts of a split that are not empty. */
export async function fingerprintsOf(split: Pick<Split, "train" | "val" | "test">): Promise<Record<string, string>> {
  const prints = splitNames.filter((part) => split[part].size > 0).map(async (part) =>
    [part, await split[part].fingerprint()] as const
  );
  return Object.fromEntries(await Promise.all(prints));
}

/** What a run keeps of how it began; undefined where it keeps nothing, or none of its last checkpoints can be read. */
export async function keptOf(run: string): Promise<RunConfig | undefined> {
  for (const name of ["last", PREVIOUS]) {
    const path = checkpointPath(run, name);
    try {
      using file = await openSafetensors(path);
      const { run: kept } = infoOf(file.metadata, path);
      if (kept === undefined) return undefined;
      // The header alone is no proof that the file is whole.
      if (!await file.verify()) continue;
      return await checkedConfig(kept, path);
    } catch (error) {
      // Who needs the checkpoint itself names its damage.
      if (!(error instanceof UserError)) throw error;
    }
  }
  return undefined;
}

/** Schedules whose course depends on where the run ends. */
const ENDING: readonly unknown[] = ["cosine", "polynomial", "onecycle"];

/**
 * Why a run would have taken other steps if it had had more epochs; undefined where it can go on for more.
 *
 * @param settings Of the run.
 */
export function endOf({ schedule, swa, epochs }: Readonly<Record<string, unknown>>): string | undefined {
  if (ENDING.includes(schedule)) {
    return `its schedule, ${schedule}, has brought the learning rate to its end in epoch ${epochs}, and would have ` +
      "been another";
  }
  return typeof swa === "number" && swa > 0 ? `it has averaged its last ${swa} of ${epochs} epochs` : undefined;
}

/** What was changed in a run: a field with both values. */
interface Change {
  readonly field: string;
  readonly was: string;
  readonly is: string;
}

/** Fields of `config.json` that say where the run was begun, and decide nothing. */
const UNIMPORTANT = ["versions", "device", "format"];

/**
 * The first field of `config.json` that is not what the run began with. Where the schedule lets a run go on for more
 * epochs, their number is none: a run that was killed while it was given more has it in one of the two.
 */
function changeIn(config: RunConfig, kept: RunConfig): Change | undefined {
  const { settings: was = {}, ...rest } = kept;
  const { settings: is = {}, ...now } = config;
  const isFree = (name: string) =>
    settingNamed(name)?.isFree === true || (name === "epochs" && endOf(was) === undefined);
  return firstDifference(was, is, isFree, "settings.") ??
    firstDifference(rest, now, (name) => UNIMPORTANT.includes(name));
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function firstDifference(
  was: Fields,
  is: Fields,
  isPassedOver: (name: string) => boolean = () => false,
  path = "",
): Change | undefined {
  for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
    const [before, after] = [was, is].map((fields) => Object.hasOwn(fields, name) ? fields[name] ?? null : null);
    if (isPassedOver(name) || canonical(before) === canonical(after)) continue;
    if (isFields(before) && isFields(after)) return firstDifference(before, after, undefined, `${path}${name}.`);
    const shown = (value: unknown) => shortened(printable(JSON.stringify(value)), 80);
    return { field: path + name, was: shown(before), is: shown(after) };
  }
  return undefined;
}

/** A value as text, whatever the order in which a program has written its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value ?? null,
    (_, part) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  );
}

/** How changes of the data are taken. */
export interface AllowChanges {
  /** Are changed pictures, labels and rows of `split.csv` let through with a warning? */
  readonly allowChangedData?: boolean;
}

/**
 * Refuses a run whose `config.json` or `split.csv` is not what it began with. To be asked before its data are opened.
 *
 * @param run Its directory.
 * @param config Its `config.json`.
 * @param kept What its last checkpoint keeps of it.
 * @returns Warnings.
 * @throws UserError with the file, the field and both values.
 */
export async function refuseChanges(
  run: string,
  config: RunConfig,
  kept: RunConfig | undefined,
  { allowChangedData = false }: AllowChanges = {},
): Promise<string[]> {
  if (!kept) return [];
  const change = changeIn(config, kept);
  if (change) {
    const { field, was, is } = change;
    throw new UserError(
      `${join(printable(run), "config.json")} was changed: ${printable(field)} was ${was} when the run began, and is ` +
        `now ${is}; set it back, or begin a new run`,
    );
  }
  const { split: was } = kept;
  if (typeof was !== "string") return [];
  const path = join(run, SPLIT_FILE);
  const text = await readText(path);
  if (text === undefined) throw new UserError(`${printable(path)} is missing; put it back`);
  const is = sha256(text);
  if (is === was) return [];
  const changed = `${printable(path)} was changed: its hash was ${short(was)} when the run began, and is now ${
    short(is)
  }`;
  if (allowChangedData) return [changed];
  throw new UserError(`${changed}; put it back, or set ${option("allowChangedData")}`);
}

const short = (hash: string): string => printable(hash.slice(0, 16));

/**
 * Refuses data that are not what a run was trained on.
 *
 * @param run Its directory, for the error.
 * @param kept What its last checkpoint keeps of it; of a run of before, its `config.json`.
 * @param split The parts now.
 * @returns Warnings.
 * @throws UserError with the part and both fingerprints.
 */
export async function refuseOtherData(
  run: string,
  kept: RunConfig,
  split: { readonly train: Dataset; readonly val: Dataset; readonly test: Dataset },
  { allowChangedData = false }: AllowChanges = {},
): Promise<string[]> {
  const was: Readonly<Record<string, unknown>> | undefined = kept.fingerprint;
  if (!was) return [];
  const is = await fingerprintsOf(split);
  // From code, a run may be resumed without its test part.
  const part = splitNames.find((name) =>
    typeof was[name] === "string" && is[name] !== undefined && was[name] !== is[name]
  );
  if (!part) return [];
  const changed = `The data of ${printable(run)} were changed since it began: the fingerprint of ${part} was ${
    short(was[part] as string)
  }, and is now ${short(is[part])}: another picture, name or label`;
  if (allowChangedData) return [changed];
  throw new UserError(`${changed}; give the data that it was trained on, or set ${option("allowChangedData")}`);
}

/**
 * What has changed around a run since it began, and might change the last digits.
 *
 * @param kept What it began with.
 * @param kernels Hash of the kernels now, where they are to be compared.
 * @param device Description of the device now.
 */
export function otherWorld(
  { versions, kernels: was, device: began }: RunConfig,
  { kernels, device }: { readonly kernels: string | undefined; readonly device: string },
): string[] {
  const now = { fovea: manifest.version, deno: Deno.version.deno };
  const others = [
    ...versions && versions.fovea !== now.fovea ? [`Fovea ${versions.fovea}, now ${now.fovea}`] : [],
    ...versions && versions.deno !== now.deno ? [`Deno ${versions.deno}, now ${now.deno}`] : [],
    ...was !== undefined && kernels !== undefined && was !== kernels
      ? [`kernels ${short(was)}, now ${short(kernels)}`]
      : [],
    ...began && began.description !== device ? [`${began.description}, now ${device}`] : [],
  ];
  return others.length === 0 ? [] : [`the run began with ${printable(others.join("; "))}: last digits may differ`];
}
