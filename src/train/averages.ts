/**
 * Averages of a model's weights, which are validated, kept and tested in the place of the weights.
 *
 * - **EMA**: an exponential moving average, moved by each update on the device (`update_chain.ts`), as timm's
 *   `ModelEmaV3` has it. Running statistics are averaged along.
 * - **SWA**: the mean of the weights at the ends of the last epochs (Izmailov et al., 2018, "Averaging weights leads to
 *   wider optima and better generalization", algorithm 1). The mean of running statistics is not the statistics of the
 *   mean, so they are counted anew: a pass over the epoch's pictures, as PyTorch's `update_bn`.
 *
 * Both are State under `average.` and the parameter's key, so that `last` carries them. Every parameter has one, frozen
 * ones too: the model is evaluated from there as a whole.
 *
 * @module
 */

import { GraphBuilder } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import { AVERAGE } from "../run/checkpoint.ts";
import type { ResolvedOptions } from "./settled_options.ts";

/** Name of the state that holds a parameter's average. */
export function averageName(parameter: string): string {
  return AVERAGE + parameter;
}

/** How the moving average's decay goes. */
export type EmaOptions = Pick<ResolvedOptions, "ema" | "emaWarmup" | "emaAfter">;

/** The decay rises as 1 − (1 + updates)^−power: timm's, for runs of any length. */
const WARMUP_POWER = 2 / 3;

/**
 * Decay of the average at an update, as timm's: 0 up to the first that counts, so that it begins there.
 *
 * @param update From 0.
 */
export function emaDecay(update: number, { ema = 0, emaWarmup, emaAfter }: EmaOptions): number {
  const since = update - emaAfter;
  if (since <= 0) return 0;
  return emaWarmup ? Math.min(ema, 1 - (1 + since) ** -WARMUP_POWER) : ema;
}

/** What the mean over the last epochs needs to know of a run. */
export type SwaOptions = Pick<ResolvedOptions, "swa" | "epochs">;

/**
 * Which of the epochs that are averaged one is, from 0; undefined of one before them.
 *
 * @param epoch Of the run, from 0.
 */
export function swaIndex(epoch: number, { swa, epochs }: SwaOptions): number | undefined {
  const index = epoch - (epochs - swa);
  return swa > 0 && index >= 0 ? index : undefined;
}

/** The mean of `index` values before, moved by one more: in float64, rounded once. */
export function meanWith(before: Float32Array, value: Float32Array, index: number): Float32Array {
  return value.map((x, i) => before[i] + (x - before[i]) / (index + 1));
}

/**
 * The graph that counts the running statistics of the averaged weights anew, a batch after the other. Inputs: `images`,
 * `keyHi`, `keyLo`, and `momentum`, the batch's share: 1 / k for the k-th, which gives the mean of all.
 *
 * @param frozen Keys that stay as they are.
 */
export function statisticsGraph(model: Model, batch: number, frozen: ReadonlySet<string>): Graph {
  const b = new GraphBuilder();
  const { scope } = model.trace(b, batch, true, frozen, undefined, {
    prefix: AVERAGE,
    momentum: b.input("momentum", []),
  });
  for (const [name, value] of scope.updates) b.assign(averageName(name), value);
  return b.graph;
}
