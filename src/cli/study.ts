/**
 * `study`: trains the runs of a study one after another, and reports on the whole. It may be stopped at any instant:
 * called again, it goes on where it was, and runs that have ended are not run again.
 *
 * @module
 */

import { basename, extname, join } from "node:path";
import { printable } from "../data/names.ts";
import { isFile } from "../data/paths.ts";
import { UserError } from "../errors.ts";
import { createModel } from "../models/mod.ts";
import { readRun } from "../run/record.ts";
import { type Given, resolveSettings, settingNames } from "../run/resolve.ts";
import { duration } from "../study/compare_tables.ts";
import { type PlannedRun, planStudy, type StudyPlan } from "../study/study_file.ts";
import type { EndedRun } from "../study/study_tables.ts";
import { type MissingRun, writeStudy } from "../study/write_study.ts";
import { factsOf } from "../train/options.ts";
import { type Invocation, parseCommand, userPath } from "./command.ts";
import { chooseDevice, measureDevice } from "./device.ts";
import { type study, train } from "./flags.ts";
import { openData } from "./run_data.ts";
import { ProgressLine } from "./progress.ts";

/** In a variable: YAML is read with a package that only a study in YAML needs. */
const yamlSpecifier = "npm:yaml@2.8.1";

/** Exit codes of a run that a signal has stopped. */
const STOPPED = new Set([129, 130, 143]);

/** Runs `study`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof study.flags>): Promise<number> {
  const { out = userPath(join("runs", basename(path, extname(path)))), dryRun, quiet, verbose } = options;
  const plan = planStudy(await readStudy(path), path, out);
  if (dryRun) return await list(plan, out);
  const missing: MissingRun[] = [];
  for (const [r, planned] of plan.runs.entries()) {
    const { name } = planned;
    const where = join(out, "runs", name);
    const title = `${r + 1}/${plan.runs.length} ${name}`;
    if (await hasEnded(where)) {
      console.log(`study  ${title}: it has ended before`);
      continue;
    }
    const lost = planned.after.find((other) => missing.some((run) => run.name === other));
    if (lost !== undefined) {
      missing.push({ name, why: `it starts from ${lost}, which has failed` });
      continue;
    }
    console.log(`study  ${title}`);
    const code = await trainRun(planned, where, { quiet, verbose });
    if (STOPPED.has(code)) {
      console.log(`study  stopped and saved; go on with the same command`);
      return code;
    }
    if (code !== 0) missing.push({ name, why: "it has failed" });
    await report(out, plan, missing);
  }
  console.log(`report: ${await report(out, plan, missing)}`);
  return missing.length > 0 ? 1 : 0;
}

/** Reads a study file, in JSON or YAML. */
async function readStudy(path: string): Promise<unknown> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`${printable(path)} is not there: give a study file`);
  });
  try {
    if (!/\.ya?ml$/i.test(path)) return JSON.parse(text);
    const { parse } = await import(yamlSpecifier);
    return parse(text);
  } catch (error) {
    const [line] = (error as Error).message.split("\n");
    throw new UserError(`${printable(path)} cannot be read: ${printable(line)}`);
  }
}

/** Has a run been tested to the end? */
async function hasEnded(run: string): Promise<boolean> {
  return await isFile(join(run, "test", "answers.safetensors"));
}

/** Trains a run, or goes on with it; gives its exit code. A fault of one run is told, and does not stop the others. */
async function trainRun(
  { settings }: PlannedRun,
  where: string,
  shown: { readonly quiet: boolean; readonly verbose: boolean },
): Promise<number> {
  const isBegun = await isFile(join(where, "checkpoints", "last.safetensors"));
  // What was killed before its first checkpoint has nothing to go on from.
  if (!isBegun) await Deno.remove(where, { recursive: true }).catch(() => {});
  const given: Record<string, unknown> = isBegun ? { resume: where } : { ...settings, out: where };
  const { options } = parseCommand(train, []);
  const { run } = await import("./train.ts");
  try {
    return await run({
      options: { ...options, ...shown, ...given },
      given: new Set(Object.keys(given)) as Invocation<typeof train.flags>["given"],
      words: [],
    });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`fovea: ${printable(error.message)}`);
    return 1;
  }
}

/** Writes the report of what has ended; gives the page's path. */
async function report(out: string, plan: StudyPlan, missing: readonly MissingRun[]): Promise<string> {
  const ended: EndedRun[] = [];
  for (const planned of plan.runs) {
    const path = join(out, "runs", planned.name);
    if (await hasEnded(path)) ended.push({ planned, record: await readRun(path) });
  }
  return await writeStudy(out, plan, ended, missing);
}

/** Training takes about as many operations as three forward passes. */
const PASSES = 3;

/** Of the measured rate of a large product, the share that a training step reaches here. */
const SHARE = 0.4;

/** Lists the runs, with the time that each is expected to take. */
async function list(plan: StudyPlan, out: string): Promise<number> {
  const progress = new ProgressLine(true);
  await using device = await chooseDevice("auto", () => {});
  await measureDevice(device, () => {});
  const pictures = new Map<string, Awaited<ReturnType<typeof openData>>>();
  let total = 0;
  for (const [r, planned] of plan.runs.entries()) {
    const given: Given = { ...planned.settings };
    const flags = { ...parseCommand(train, []).options, ...resolveSettings(given) };
    const key = JSON.stringify(settingNames.slice(0, settingNames.indexOf("imageSize")).map((name) => flags[name]));
    if (!pictures.has(key)) pictures.set(key, await openData(flags, progress.preparing));
    const { data } = pictures.get(key)!;
    const settings = resolveSettings(given, factsOf(data));
    const { model: name, imageSize, epochs, split } = settings;
    const model = createModel(name, { ...settings, classes: data.outputs, channels: data.channels, imageSize });
    const share = Array.isArray(split) ? split[0] / split.reduce((sum, part) => sum + part, 0) : 0.8;
    const operations = 2 * PASSES * model.multiplyAdds * data.size * share * epochs;
    const seconds = device.rates ? operations / (SHARE * device.rates.flops) : null;
    const ended = await hasEnded(join(out, "runs", planned.name));
    if (!ended) total += seconds ?? 0;
    const time = ended ? "has ended" : seconds === null ? "" : `about ${duration(seconds)}`;
    console.log(`${String(r + 1).padStart(3)}  ${planned.name}  ${time}`);
  }
  console.log(`${plan.runs.length} runs, about ${duration(total)} left by a rough estimate from their operations`);
  return 0;
}
