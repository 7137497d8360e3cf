/**
 * What a resumed run must share with the one that was stopped.
 *
 * @module
 */

import { ifGiven, option, UserError } from "../errors.ts";
import { readConfig, settingsIn } from "../run/config.ts";
import { endOf } from "../run/kept.ts";
import { changeBetween } from "../run/resolve.ts";
import type { CheckpointInfo } from "../run/checkpoint.ts";
import type { ResolvedOptions } from "./settled_options.ts";
import { teacherRecord } from "./teacher_record.ts";

/** The settings that a checkpoint keeps. */
function settingsOf({ run, settings }: CheckpointInfo): Readonly<Record<string, unknown>> | undefined {
  return (run?.settings as Readonly<Record<string, unknown>> | undefined) ?? settings;
}

/**
 * Refuses another number of epochs where the steps that were taken would have been others.
 *
 * @param run Its directory.
 * @param was Settings that it began with.
 * @param epochs How many it is to have now.
 * @param done How many it has.
 * @throws UserError with what to do instead.
 */
export function checkEpochs(run: string, was: Readonly<Record<string, unknown>>, epochs: unknown, done: number): void {
  if (was.epochs === undefined || epochs === was.epochs) return;
  const end = endOf(was);
  if (end !== undefined) {
    throw new UserError(
      `Cannot resume ${run} for ${epochs} epochs: ${end}; begin a run from its weights with ${option("pretrained")} ` +
        `${run} and ${option("epochs")}, or train with ${option("schedule")} constant or step, which can go on`,
    );
  }
  if (typeof epochs === "number" && epochs < done) {
    throw new UserError(
      `Cannot resume ${run} for ${epochs} epochs: ${done} are done; give ${option("epochs")} ${done} or more`,
    );
  }
}

/**
 * Checks that a run goes on as what it was.
 *
 * @param run Its directory, for `config.json`.
 * @param saved What its last checkpoint says of itself.
 * @param given What the next one would say.
 * @param options Of the trainer.
 * @param settings What `config.json` would say of the settings now.
 * @throws UserError with what it was and what it is now.
 */
export async function checkSameRun(
  run: string,
  saved: CheckpointInfo,
  given: CheckpointInfo,
  { teacher, precision, loss, transform }: Pick<ResolvedOptions, "teacher" | "precision" | "loss" | "transform">,
  settings: Readonly<Record<string, unknown>>,
): Promise<void> {
  for (const field of ["model", "task", "classes", "preprocessing"] as const) {
    const [was, is] = [saved[field], given[field]].map((value) => JSON.stringify(value));
    if (was !== is) throw new UserError(`Cannot resume ${run}: its ${field} is ${was}, not ${is}`);
  }
  const config = await readConfig(run);
  // Runs of the first versions kept flags, in part under other names.
  if (config.settings) {
    const began = settingsOf(saved) ?? settingsIn(config, run);
    checkEpochs(run, began, settings.epochs, saved.progress?.epoch ?? 0);
    const change = changeBetween(began, { ...settings, epochs: began.epochs });
    if (change) {
      const { name, was, is } = change;
      const advice = ifGiven(name, `; give ${option(name)} ${was}`);
      throw new UserError(`Cannot resume ${run}: its ${name} was ${was}, and is now ${is}${advice}`);
    }
  }
  // The first runs do not name the precision: there was but one.
  const began: Record<string, unknown> = {
    ...{ precision: config.settings ? precision : "f32", teacher: "none", loss: "the task's", transform: "none" },
    ...config,
  };
  const now = {
    precision,
    teacher: teacher ? teacherRecord(teacher) : "none",
    loss: typeof loss === "function" ? "own" : "the task's",
    transform: transform ? "own" : "none",
  };
  for (const [field, value] of Object.entries(now)) {
    const [was, is] = [began[field], value].map((x) => typeof x === "string" ? x : JSON.stringify(x));
    if (was !== is) throw new UserError(`Cannot resume ${run}: its ${field} was ${was}, and is now ${is}`);
  }
}
