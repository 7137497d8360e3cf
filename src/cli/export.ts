/**
 * `export`: writes a run's weights for other programs.
 *
 * @module
 */

import { join } from "node:path";
import { counted, printable } from "../data/names.ts";
import { exportNotes, saveWeights } from "../run/save_weights.ts";
import type { Invocation } from "./command.ts";
import type * as tables from "./flags.ts";
import { noteLine } from "./notes.ts";
import { openAsAsked } from "./opened_run.ts";
import { ProgressLine } from "./progress.ts";

/** Runs `export`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof tables.exportRun.flags>): Promise<number> {
  const { keys } = options;
  const progress = new ProgressLine(false);
  progress.update(() => `reading ${printable(path)}`);
  const { model, info } = await openAsAsked(path, options);
  const out = options.out ?? join(path, `${model.name}-${keys}.safetensors`);
  progress.update(() => `writing ${printable(out)}`);
  const count = await saveWeights(model, out, { keys, about: info });
  progress.clear();
  for (const note of exportNotes(model, keys)) console.error(noteLine(note, options.verbose));
  console.log(`${counted(count, "tensor")} of ${model.name} written to ${printable(out)}`);
  return 0;
}
