/**
 * How the epochs of a run are mixed: as it was asked for, as the run began, or by the memory that is free then. What
 * was found is kept in `config.json`, so that a resumed run has the same order on any machine.
 *
 * @module
 */

import { exceedsMemory, type Shuffle } from "../data/batches/order.ts";
import type { Dataset } from "../data/dataset.ts";
import { defaultBudgetBytes } from "../data/store/cache_folder.ts";
import { freeHostMemory } from "../device/host.ts";
import { readConfig, settingsIn } from "../run/config.ts";
import { formatBytes } from "./budget.ts";
import type { RunOptions } from "./settled_options.ts";

/**
 * How the epochs of a run are mixed.
 *
 * @param options Of the run.
 * @param data Its training split.
 * @param pictureBytes Bytes of a picture as stored, at most.
 * @param free Bytes of memory that are free.
 * @returns Undefined where there is nothing to choose: pictures in memory, or drawn one by one.
 */
export async function shuffleOfRun(
  { given, resume, out, sampling, cache, channel }: RunOptions,
  { source, size }: Pick<Dataset, "source" | "size">,
  pictureBytes: number,
  free: number | undefined = freeHostMemory(),
): Promise<Shuffle | undefined> {
  if (source.form === "pixels" || sampling !== "uniform") return undefined;
  if (given.shuffle !== undefined) return given.shuffle;
  // Runs of before had but one way.
  if (resume && out) return settingsIn(await readConfig(out.path), out.path).shuffle ?? "full";
  const stored = cache.mode === "off" ? 0 : Math.min(size * pictureBytes, cache.budgetBytes ?? defaultBudgetBytes);
  if (!exceedsMemory(stored, free)) return "full";
  channel.warn(
    `the training pictures as stored are ${formatBytes(stored)}, and ${
      formatBytes(free!)
    } of memory are free: epochs ` +
      "are mixed in runs of them, which the disk gives at once; option shuffle full mixes all",
  );
  return "runs";
}
