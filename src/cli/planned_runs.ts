/**
 * Runs that a file plans, one after another: what studies and sweeps have in common. They may be stopped at any
 * instant: called again, they go on where they were, and runs that have ended are not run again.
 *
 * @module
 */

import { join } from "node:path";
import { isFile } from "../data/paths.ts";
import { cacheFolder } from "../data/store/cache_folder.ts";
import type { Backend } from "../device/open.ts";
import { UserError } from "../errors.ts";
import { readText, writeAtomic } from "../files.ts";
import { createModel } from "../models/mod.ts";
import { printable } from "../printable.ts";
import { duration } from "../report/figures.ts";
import { readConfig } from "../run/config.ts";
import { type Given, resolveSettings, settingNamed, settingNames } from "../run/resolve.ts";
import type { PlannedRun } from "../study/study_file.ts";
import type { MissingRun } from "../study/write_study.ts";
import type { Tracker } from "../track/tracker.ts";
import { factsOf } from "../train/settled_options.ts";
import { ratesOf } from "../train/rates.ts";
import { type Invocation, parseCommand } from "./command.ts";
import { chooseDevice } from "./device.ts";
import { train } from "./flags.ts";
import { openPage } from "./live_page.ts";
import { ProgressLine } from "./progress.ts";
import { openData } from "./run_data.ts";

/** Exit codes of a run that a signal has stopped. */
const STOPPED = new Set([129, 130, 143]);

/** How runs are watched. */
export interface Watch {
  /** Is told what happens in the run. */
  readonly tracker: Tracker;
  /** Stops it. */
  readonly signal: AbortSignal;
  /** Why it was stopped, as a clause; undefined where it was not. */
  readonly why: () => string | undefined;
}

/** How the runs of a file are run. */
export interface RunsOptions {
  /** Their folder: each is in one of its name below `runs`. */
  readonly out: string;
  /** Serve the live page of all of them. */
  readonly dash: boolean;
  /** No progress bar. */
  readonly quiet: boolean;
  /** Say more. */
  readonly verbose: boolean;
  /** Writes the report of what has ended; gives its path. */
  readonly report: (missing: readonly MissingRun[]) => Promise<string>;
  /** Watches a run. */
  readonly watch?: (run: PlannedRun) => Watch;
}

/** Runs what has not ended yet; gives the exit code. */
export async function runPlanned(runs: readonly PlannedRun[], options: RunsOptions): Promise<number> {
  const { out, report, watch } = options;
  await refuseOthers(runs, out);
  await using opened = new AsyncDisposableStack();
  if (options.dash) opened.use(await openPage(join(out, "runs"), console.log));
  const missing: MissingRun[] = [];
  for (const [r, planned] of runs.entries()) {
    const { name } = planned;
    const where = join(out, "runs", name);
    const title = `${r + 1}/${runs.length} ${name}`;
    if (await hasEnded(where)) {
      console.log(`run    ${title}: it has ended before`);
      continue;
    }
    const lost = planned.after.find((other) => missing.some((run) => run.name === other));
    if (lost !== undefined) {
      missing.push({ name, why: `it starts from ${lost}, which has failed` });
      continue;
    }
    const before = await stoppedBefore(where);
    if (before !== undefined) {
      console.log(`run    ${title}: ${before}`);
      continue;
    }
    console.log(`run    ${title}`);
    const watched = watch?.(planned);
    const code = await trainRun(planned, where, options, watched);
    const why = watched?.why();
    if (why !== undefined) {
      await writeAtomic(join(where, STOPPED_FILE), `${why}\n`);
      console.log(`run    ${name} ${why}`);
    } else if (STOPPED.has(code)) {
      console.log(`run    stopped and saved; go on with the same command`);
      return code;
    } else if (code !== 0) {
      missing.push({ name, why: "it has failed" });
    }
    await report(missing);
  }
  console.log(`report: ${await report(missing)}`);
  return missing.length > 0 ? 1 : 0;
}

/** Refuses runs that were begun with other settings: what is reported would not be what is asked for. */
async function refuseOthers(runs: readonly PlannedRun[], out: string): Promise<void> {
  for (const { name, settings } of runs) {
    const where = join(out, "runs", name);
    if (!await isFile(join(where, "config.json"))) continue;
    const { settings: kept = {} } = await readConfig(where);
    const text = (value: unknown) => JSON.stringify(value);
    const other = Object.entries(settings).find(([key, value]) =>
      // What a run settles by itself, or may change, is not asked for.
      kept[key] !== undefined && kept[key] !== null && value !== "auto" && !settingNamed(key)?.isFree &&
      text(kept[key]) !== text(value)
    );
    if (!other) continue;
    const [key, value] = other;
    throw new UserError(
      `${printable(where)} was begun with ${key} ${printable(text(kept[key]))}, and ${
        printable(text(value))
      } is asked ` +
        "for now: give another folder, or remove that one",
    );
  }
}

/** Says in the folder of a run that it was stopped for good, and why. */
const STOPPED_FILE = "stopped.txt";

/** Why a run was stopped for good; undefined of one that was not. */
export async function stoppedBefore(run: string): Promise<string | undefined> {
  return (await readText(join(run, STOPPED_FILE)))?.trim();
}

/** Has a run ended? Its page is the last that it writes. */
export async function hasEnded(run: string): Promise<boolean> {
  return await isFile(join(run, "report.html"));
}

/** Trains a run, or goes on with it; gives its exit code. A fault of one run is told, and does not stop the others. */
async function trainRun(
  { settings }: PlannedRun,
  where: string,
  { quiet, verbose }: RunsOptions,
  watch: Watch | undefined,
): Promise<number> {
  const isBegun = await isFile(join(where, "checkpoints", "last.safetensors"));
  // What was killed before its first checkpoint has nothing to go on from.
  if (!isBegun) await Deno.remove(where, { recursive: true }).catch(() => {});
  const given: Record<string, unknown> = isBegun ? { resume: where } : { ...settings, out: where };
  const { options } = parseCommand(train, []);
  const { run } = await import("./train.ts");
  try {
    return await run({
      options: { ...options, quiet, verbose, ...given },
      given: new Set(Object.keys(given)) as Invocation<typeof train.flags>["given"],
      words: [],
    }, watch);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`fovea: ${printable(error.message)}`);
    return 1;
  }
}

/** Training takes about as many operations as three forward passes. */
const PASSES = 3;

/** Of the measured rate of a large product, the share that a training step reaches here. */
const SHARE = 0.4;

/** Operations a second of a large product on a device. */
async function rateOf(backend: Backend): Promise<number> {
  await using device = await chooseDevice(backend, () => {});
  const { rates } = await ratesOf(device, cacheFolder());
  return rates.flops;
}

/** Lists the runs, with the time that each is expected to take. */
export async function listRuns(runs: readonly PlannedRun[], out: string): Promise<number> {
  const progress = new ProgressLine(true);
  const rates = new Map<Backend, number>();
  const pictures = new Map<string, Awaited<ReturnType<typeof openData>>>();
  let total = 0;
  for (const [r, planned] of runs.entries()) {
    const given: Given = { ...planned.settings };
    const flags = { ...parseCommand(train, []).options, ...resolveSettings(given) };
    const key = JSON.stringify(settingNames.slice(0, settingNames.indexOf("imageSize")).map((name) => flags[name]));
    if (!pictures.has(key)) pictures.set(key, await openData(flags, progress.preparing));
    const { data } = pictures.get(key)!;
    const settings = resolveSettings(given, factsOf(data));
    const { epochs, split } = settings;
    const model = createModel(settings.model, { ...settings, classes: data.outputs, channels: data.channels });
    const share = Array.isArray(split) ? split[0] / split.reduce((sum, part) => sum + part, 0) : 0.8;
    const operations = 2 * PASSES * model.multiplyAdds * data.size * share * epochs;
    if (!rates.has(settings.backend)) rates.set(settings.backend, await rateOf(settings.backend));
    const seconds = operations / (SHARE * rates.get(settings.backend)!);
    const ended = await hasEnded(join(out, "runs", planned.name));
    if (!ended) total += seconds;
    const time = ended ? "has ended" : `about ${duration(seconds)}`;
    console.log(`${String(r + 1).padStart(3)}  ${planned.name}  ${time}`);
  }
  console.log(`${runs.length} runs, about ${duration(total)} left by a rough estimate from their operations`);
  return 0;
}
