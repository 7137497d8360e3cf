/**
 * How a run begins, or goes on where it was stopped: what is written down of it, and what is read.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };
import type { Dataset } from "../data/dataset.ts";
import { formatSplit, splitWith } from "../data/forms/split_file.ts";
import type { Choices } from "../graph/choices.ts";
import type { CheckpointInfo, Progress, Tensors } from "../run/checkpoint.ts";
import { readConfig } from "../run/config.ts";
import type { RunDirectory } from "../run/run_directory.ts";
import { kernelTableHash } from "./kernel_table.ts";
import { type ResolvedOptions, settingsRecord } from "./options.ts";
import { checkSameRun } from "./resume.ts";
import { teacherRecord } from "./teacher_record.ts";
import { recordChoices, TUNING_FILE } from "./tuning.ts";

/** The file of a run directory that says which picture is in which part. */
const SPLIT_FILE = "split.csv";

/** The content of `config.json`. */
export type Config = Readonly<Record<string, unknown>>;

/** What is known of a run that begins. */
export interface Beginning {
  readonly options: ResolvedOptions;
  /** What its checkpoints say of it. */
  readonly info: CheckpointInfo;
  /** Pictures in a step. */
  readonly batch: number;
  readonly choices: Choices;
  readonly trainData: Dataset;
  readonly valData: Dataset;
  /** Where it is written. */
  readonly directory?: RunDirectory;
}

/** Makes the run directory, where there is to be one; gives what it says of the run. */
export async function beginRun(run: Beginning): Promise<Config> {
  const { directory, trainData, valData, choices } = run;
  const tuning = recordChoices(choices);
  const config = { ...await factsOf(run), tuning: tuning.hash };
  const split: Record<string, string> = directory?.has(SPLIT_FILE)
    ? {}
    : { [SPLIT_FILE]: formatSplit(splitWith(trainData, valData)) };
  await directory?.begin(config, { [TUNING_FILE]: tuning.text, ...split });
  // As it will be read when the run is resumed.
  return JSON.parse(JSON.stringify(config));
}

/** What repeats the run: every setting, and what it depends on besides. */
async function factsOf(run: Beginning): Promise<Config> {
  const { options: { device, teacher, loss, transform }, info, trainData, valData } = run;
  return {
    versions: { fovea: manifest.version, deno: Deno.version.deno },
    device: { kind: device.kind, description: device.description },
    rates: device.rates,
    ...info,
    settings: settingsOf(run),
    teacher: teacher && teacherRecord(teacher),
    loss: loss && "own",
    transform: transform && "own",
    kernels: kernelTableHash(),
    fingerprint: { train: await trainData.fingerprint(), val: await valData.fingerprint() },
  };
}

function settingsOf({ options, trainData, directory, batch }: Beginning): Config {
  // A batch that was to be found is a number now.
  const settled = { batch };
  return { ...settingsRecord(options, trainData, settled), ...directory?.settings, ...settled };
}

/** A run that was stopped. */
export interface TakenUp {
  readonly config: Config;
  /** What its next step depends on. */
  readonly last: Tensors;
  readonly progress: Progress;
  /** Weights of its best epoch so far. */
  readonly best?: Tensors;
}

/**
 * Takes up the run that was stopped in a directory.
 *
 * @throws UserError when it is another run, or a part of it is missing.
 */
export async function takeUpRun(run: Beginning): Promise<TakenUp> {
  const { directory, info: given, options } = run;
  if (!directory) throw new TypeError("Cannot resume without a run directory: give out");
  await directory.reopen();
  const { tensors: last, info } = await directory.loadCheckpoint("last");
  await checkSameRun(directory.path, info, given, options, settingsOf(run));
  const progress = info.progress!;
  const best = progress.best && (await directory.loadCheckpoint("best")).tensors;
  return { config: await readConfig(directory.path), last, progress, best };
}
