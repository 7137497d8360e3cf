/**
 * How a run begins, or goes on where it was stopped: what is written down of it, and what is read.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };
import type { Shuffle } from "../data/batches/order.ts";
import type { Dataset } from "../data/dataset.ts";
import { formatSplit, splitWith } from "../data/forms/split_file.ts";
import { fingerprintOf } from "../device/fingerprint.ts";
import type { Choices } from "../graph/choices.ts";
import { sha256 } from "../hash.ts";
import type { CheckpointInfo, Progress, Tensors } from "../run/checkpoint.ts";
import { readConfig, type RunConfig } from "../run/config.ts";
import { fingerprintsOf, keptOf, otherWorld, refuseChanges, refuseOtherData, SPLIT_FILE } from "../run/kept.ts";
import type { RunDirectory } from "../run/run_directory.ts";
import type { ResolvedOptions, RunOptions } from "./settled_options.ts";
import { checkSameRun } from "./resume.ts";
import { settingsRecord } from "./run_options.ts";
import { teacherRecord } from "./teacher_record.ts";
import { recordChoices, TUNING_FILE } from "./tuning.ts";

/** The content of `config.json`. */
export type Config = Readonly<Record<string, unknown>>;

/** What is known of a run that begins. */
export interface Beginning {
  readonly options: ResolvedOptions;
  /** What its checkpoints say of it. */
  readonly info: CheckpointInfo;
  /** Pictures in a step. */
  readonly batch: number;
  /** How its epochs are mixed, where there is something to choose. */
  readonly shuffle?: Shuffle;
  readonly choices: Choices;
  readonly trainData: Dataset;
  readonly valData: Dataset;
  /** Where it is written. */
  readonly directory?: RunDirectory;
  /** Is told what a run that goes on should know. */
  readonly onWarning: (message: string) => void;
}

/** Makes the run directory, where there is to be one; gives what it says of the run. */
export async function beginRun(run: Beginning): Promise<Config> {
  const { directory, trainData, valData, choices } = run;
  const tuning = recordChoices(choices);
  const split = directory?.textOf(SPLIT_FILE) ?? formatSplit(splitWith(trainData, valData));
  const config = { ...await factsOf(run), tuning: tuning.hash, split: sha256(split) };
  await directory?.begin(config, { [TUNING_FILE]: tuning.text, [SPLIT_FILE]: split });
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
    loss: typeof loss === "function" ? "own" : undefined,
    transform: transform && "own",
    kernels: fingerprintOf(device),
    fingerprint: await fingerprintsOf(splitWith(trainData, valData)),
  };
}

function settingsOf({ options, trainData, directory, batch, shuffle }: Beginning): Config {
  // A batch that was to be found is a number now.
  const settled = { batch, ...shuffle && { shuffle } };
  return { ...settingsRecord(options, trainData, settled), ...directory?.settings, ...settled };
}

/** A run that was stopped. */
export interface TakenUp {
  readonly config: Config;
  /** How it began, as its last checkpoint keeps it. */
  readonly run: Config;
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
  const { directory, info: given, options, onWarning } = run;
  if (!directory) throw new TypeError("Cannot resume without a run directory: give out");
  await directory.reopen();
  const { tensors: last, info } = await directory.loadLast(onWarning);
  await checkSameRun(directory.path, info, given, options, settingsOf(run));
  const config = await readConfig(directory.path);
  const world = { kernels: fingerprintOf(options.device), device: options.device.description };
  otherWorld(config, world).forEach(onWarning);
  const progress = info.progress!;
  const best = progress.best && (await directory.loadBest(progress.best.epoch, onWarning)).tensors;
  // Runs of before keep less; what they were is taken from what is there now.
  return { config, run: info.run ?? config, last, progress, best };
}

/**
 * Refuses to go on with a run whose files or data were changed; before anything else is read of it.
 *
 * @returns What its last checkpoint keeps of how it began; undefined of runs of before.
 * @throws UserError with the field and both values.
 */
export async function refuseChangedRun(
  options: Pick<RunOptions, "out" | "allowChangedData" | "channel">,
  trainData: Dataset,
  valData: Dataset,
): Promise<RunConfig | undefined> {
  const { path: run } = options.out!;
  const config = await readConfig(run);
  const kept = await keptOf(run);
  const warnings = [
    ...await refuseChanges(run, config, kept, options),
    ...await refuseOtherData(run, kept ?? config, splitWith(trainData, valData), options),
  ];
  for (const warning of warnings) options.channel.warn(warning);
  return kept;
}
