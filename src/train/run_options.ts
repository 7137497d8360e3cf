/**
 * What the options of training say of a run on its data, and what its `config.json` keeps of them.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { type Given, recordOf, resolveSettings } from "../run/resolve.ts";
import type { Settings } from "../run/settings.ts";
import type { Channel } from "../track/channel.ts";
import { adapted } from "./adapt.ts";
import { factsOf, type ResolvedOptions, type RunOptions, settingsOfModel } from "./settled_options.ts";

/**
 * Every setting of a run with its value, for `config.json`.
 *
 * @param options Of the trainer.
 * @param data The training split.
 * @param resolved What the run has settled by itself, and what is known of it beside the options.
 */
export function settingsRecord(
  { given, model, optimizer, schedule, loss }: ResolvedOptions,
  data: Dataset,
  resolved: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const facts = factsOf(data);
  const asked = { ...data.origin, ...settingsOfModel(model), ...given, ...resolved } as Given;
  const values = { ...resolveSettings(asked, facts), optimizer: optimizer.name } as Settings;
  // What the user's own is cannot be written down.
  const own = {
    ...typeof schedule === "function" && { schedule: "own" },
    ...typeof loss === "function" && { loss: "own" },
  };
  return { ...recordOf(values, facts), ...own };
}

/** Options of one call of `fit` on a training split. */
export function runOptionsOf(options: ResolvedOptions, train: Dataset, channel: Channel): RunOptions {
  const { given, model } = options;
  const { augment } = resolveSettings({ ...given, imageSize: model.imageSize }, factsOf(train));
  return {
    ...options,
    model: adapted(model, options),
    ...options.lora !== undefined && { plainModel: model },
    ...{ augment: augment!, channel },
  };
}
