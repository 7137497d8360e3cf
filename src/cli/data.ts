/**
 * `data check`, `data split` and `data demo`.
 *
 * @module
 */

import { checkDataset, formatCheck, hasFaults } from "../data/check/check.ts";
import { makeDemo } from "../data/demo/demo.ts";
import { printable } from "../data/names.ts";
import { writeSplit } from "../data/forms/split_file.ts";
import { type Command, type Invocation, nameIn } from "./command.ts";
import * as tables from "./flags.ts";
import { givenIn, refuseIdle, refuseIdleSplit } from "./idle.ts";
import { noteLine } from "./notes.ts";
import { ProgressLine } from "./progress.ts";
import {
  cleanData,
  type DataFlags,
  listData,
  type Opened,
  type OpenedFor,
  type Preparing,
  splitData,
  splitOptions,
} from "./run_data.ts";

/**
 * Runs `data check`: prints what is known about a data set and all that is wrong with it.
 *
 * @param invocation The folder, and which labels and parts are meant.
 * @returns The exit code: 1 if there is something that stops training, else 0.
 */
export async function check(invocation: Invocation<typeof tables.dataCheck.flags>): Promise<number> {
  const { options, given, words: [folder] } = invocation;
  const flags = { ...options, data: folder };
  const { skipBroken, skipSmallClasses } = options;
  const report = await withProgress(async (preparing) => {
    const { data } = await listAsAsked(flags, given, tables.dataCheck, preparing, { namesAll: true });
    const nameOption = (option: string) => nameIn(tables.dataCheck.flags, option);
    const how = { ...splitOptions(flags), skipBroken, skipSmallClasses, nameOption };
    return await checkDataset(data, how, preparing("checking"));
  });
  const warnings = report.warnings.map((warning) => noteLine(warning, options.verbose, ""));
  console.log(formatCheck({ ...report, warnings }));
  return hasFaults(report, options) ? 1 : 0;
}

/** Lists the data, and refuses flags that would change nothing. */
async function listAsAsked(
  flags: DataFlags,
  given: ReadonlySet<string>,
  command: Command,
  preparing: Preparing,
  how?: OpenedFor,
): Promise<Opened> {
  const opened = await listData(flags, preparing, how);
  refuseIdle(givenIn(flags, given), command.flags, opened.data);
  refuseIdleSplit(given, flags, opened.data, command.flags, ["stratify", "seed", "skipSmallClasses"]);
  return opened;
}

/**
 * Runs `data split`: writes which picture goes into which part.
 *
 * @param invocation The folder, which labels and parts are meant, and where the file goes.
 * @returns The exit code, 0.
 */
export async function split(invocation: Invocation<typeof tables.dataSplit.flags>): Promise<number> {
  const { options, given, words: [folder] } = invocation;
  const flags = { ...options, data: folder };
  const parts = await withProgress(async (preparing) => {
    const listed = await listAsAsked(flags, given, tables.dataSplit, preparing);
    return await splitData(await cleanData(listed, flags, preparing), flags, preparing);
  });
  const path = options.out ?? `${folder}/split.csv`;
  await writeSplit(path, parts);
  for (const warning of parts.warnings) console.error(noteLine(warning, options.verbose));
  console.log(`${parts.train.size} train, ${parts.val.size} val, ${parts.test.size} test: ${printable(path)}`);
  return 0;
}

/**
 * Runs `data demo`: draws the demo faces.
 *
 * @param invocation The folder, and what the set is like.
 * @returns The exit code, 0.
 */
export async function demo({ options, words }: Invocation<typeof tables.dataDemo.flags>): Promise<number> {
  const { count, imageSize: size, seed } = options;
  const path = await withProgress((preparing) =>
    makeDemo({ count, size, seed, directory: words[0], onProgress: preparing("drawing faces") })
  );
  console.log(`${count} faces of ${size}×${size}: ${printable(path)}`);
  return 0;
}

async function withProgress<T>(work: (preparing: Preparing) => Promise<T>): Promise<T> {
  const line = new ProgressLine(false);
  try {
    return await work(line.preparing);
  } finally {
    line.clear();
  }
}
