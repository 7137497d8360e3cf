/**
 * What a resumed run must share with the one that was stopped.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import type { CheckpointInfo } from "../run/checkpoint.ts";
import { recordOf } from "./distillation.ts";
import type { ResolvedOptions } from "./options.ts";
import { readConfig } from "../run/run_directory.ts";

/**
 * Checks that a run goes on as what it was.
 *
 * @param run Its directory, for `config.json`.
 * @param saved What its last checkpoint says of itself.
 * @param given What the next one would say.
 * @throws UserError with what it was and what it is now.
 */
export async function checkSameRun(
  run: string,
  saved: CheckpointInfo,
  given: CheckpointInfo,
  { teacher, precision }: Pick<ResolvedOptions, "teacher" | "precision">,
): Promise<void> {
  for (const field of ["model", "task", "classes", "preprocessing"] as const) {
    const [was, is] = [saved[field], given[field]].map((value) => JSON.stringify(value));
    if (was !== is) throw new UserError(`Cannot resume ${run}: its ${field} is ${was}, not ${is}`);
  }
  // The first runs do not name the precision: there was but one.
  const began: Record<string, unknown> = { precision: "f32", teacher: "none", ...await readConfig(run) };
  const now = { precision, teacher: teacher ? await recordOf(teacher) : "none" };
  for (const [field, value] of Object.entries(now)) {
    const [was, is] = [began[field], value].map((x) => typeof x === "string" ? x : JSON.stringify(x));
    if (was !== is) throw new UserError(`Cannot resume ${run}: its ${field} was ${was}, and is now ${is}`);
  }
}
