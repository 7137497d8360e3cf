/**
 * Looks for a learning rate (Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3, as
 * fastai's `lr_find` has it): the rate rises exponentially from update to update until the loss diverges.
 *
 * What is learnt on the way is thrown away. A loss is smoothed by those before and after it alike, so that the curve is
 * not drawn, and no rate proposed, too far to the right.
 *
 * @module
 */

import type { Dataset } from "../data/dataset.ts";
import { courseSettings } from "../run/settings/course.ts";
import { Channel } from "../track/channel.ts";
import { Fit } from "./fit.ts";
import type { TrainerOptions } from "./options.ts";
import type { RunOptions } from "./settled_options.ts";
import { explained, planRun } from "./plan_run.ts";
import { resolveOptions } from "./resolve_options.ts";
import { runOptionsOf } from "./run_options.ts";

/** An update of a search. */
export interface RatePoint {
  /** Learning rate. */
  readonly learningRate: number;
  /** Mean loss of its pictures. */
  readonly loss: number;
  /** The same, smoothed: the mean of those around it. */
  readonly smoothed: number;
}

/** How {@link findLearningRate} searches. */
export interface RateSearch {
  /** Updates; default 100. */
  readonly updates?: number;
  /** Rate of the first; default 1e-7. */
  readonly from?: number;
  /** Rate of the last; default 10. */
  readonly to?: number;
  /** Is told after each update what was found so far, and waited for. */
  readonly onPoint?: (points: readonly RatePoint[]) => void | Promise<void>;
}

/** What a search has found. */
export interface FoundRates {
  /** Up to where it ended. */
  readonly points: readonly RatePoint[];
  /** Did the loss grow to many times its least value, or was not finite? Then the search ended there. */
  readonly diverged: boolean;
  /** Rates that are worth a try; undefined where the loss did not fall, or too little was seen. */
  readonly proposal?: Proposal;
}

/** Rates that are worth a try. */
export interface Proposal {
  /** Where the smoothed loss falls most steeply, over the logarithm of the rate. */
  readonly steepest: number;
  /** A tenth of the rate at which the smoothed loss is least. */
  readonly minimum: number;
}

/** Share of what came before in the moving average that tells when the loss diverges. */
const BETA = 0.9;

/** So many times its least value, the moving average diverges: fastai's. */
const DIVERGED = 4;

/** A loss is smoothed, and its fall measured, over this share of the points on either side. */
const REACH = 1 / 25;

/**
 * Looks for a learning rate. The model keeps the weights that it has.
 *
 * @param options As of the training that is to come; its own learning rate and course do not count.
 * @param search How far rates go.
 * @param train Pictures to learn from.
 * @param val As of the training; it is not looked at.
 * @throws RangeError when the rates do not rise. UserError as of `Trainer.fit`.
 */
export async function findLearningRate(
  options: Omit<TrainerOptions, "out" | "resume" | "schedule">,
  { updates = 100, from = 1e-7, to = 10, onPoint }: RateSearch,
  train: Dataset,
  val: Dataset,
): Promise<FoundRates> {
  if (!(from > 0 && to > from && updates > 1)) {
    throw new RangeError(`Cannot search from ${from} to ${to} in ${updates} updates: give rates that rise above 0`);
  }
  const seen: Omit<RatePoint, "smoothed">[] = [];
  const schedule = () => from * (to / from) ** (seen.length / (updates - 1));
  const plain = Object.entries(options).filter(([name]) => !(name in courseSettings));
  const asked = resolveOptions({
    ...Object.fromEntries(plain) as typeof options,
    ...{ schedule, warmupEpochs: 0, skipNonFinite: 1 },
  });
  const channel = new Channel([...asked.trackers]);
  const run = runOptionsOf(asked, train, channel);
  const plan = await planRun(run, train.size, val.size);
  let diverged = false;
  try {
    const fit = await Fit.open(run, plan, train, val);
    try {
      let [mean, count, best] = [0, 0, Infinity];
      for await (const loss of losses(fit, run)) {
        // Divided by what its weights come to, as Adam's moments are.
        mean = BETA * mean + (1 - BETA) * (loss ?? Infinity);
        const average = mean / (1 - BETA ** ++count);
        best = Math.min(best, average);
        diverged = !(average <= DIVERGED * best);
        if (loss !== null) seen.push({ learningRate: schedule(), loss });
        await onPoint?.(smoothed(seen));
        if (diverged || seen.length >= updates || options.signal?.aborted) break;
      }
    } finally {
      await fit.close();
    }
    await channel.end({ how: "done" });
  } catch (error) {
    await channel.end({ how: "failed", error });
    throw await explained(error, run, plan.step, plan.choices);
  }
  const points = smoothed(seen);
  return { points, diverged, proposal: propose(points) };
}

/** The loss of update after update, epoch after epoch; null of one that is not finite. */
async function* losses({ state, train }: Fit, { accumulate }: RunOptions): AsyncGenerator<number | null> {
  for (;;) {
    for await (const batch of train.epoch(state.progress.epoch)) {
      state.step(batch);
      if (state.progress.step % accumulate !== 0 && !state.isEpochDone) continue;
      const { loss } = await state.counts();
      state.beginWindow();
      yield loss;
    }
    state.endEpoch({});
  }
}

/** How many points on either side. */
function reachOf({ length }: readonly unknown[]): number {
  return Math.max(1, Math.round(length * REACH));
}

/** Each loss with the mean of those around it: as many before it as after it. */
export function smoothed(points: readonly Omit<RatePoint, "smoothed">[]): RatePoint[] {
  return points.map((point, i) => {
    const side = Math.min(reachOf(points), i, points.length - 1 - i);
    const around = points.slice(i - side, i + side + 1);
    return { ...point, smoothed: around.reduce((sum, { loss }) => sum + loss, 0) / around.length };
  });
}

/** Rates that are worth a try: where the loss falls most steeply on its way to its least value, and before that. */
export function propose(points: readonly RatePoint[]): Proposal | undefined {
  const reach = reachOf(points);
  const least = points.reduce((best, { smoothed }, i) => smoothed < points[best].smoothed ? i : best, 0);
  let steepest: { readonly at: number; readonly slope: number } | undefined;
  for (let at = reach; at + reach <= least; at++) {
    const [before, after] = [points[at - reach], points[at + reach]];
    const slope = (after.smoothed - before.smoothed) / Math.log(after.learningRate / before.learningRate);
    if (slope < (steepest?.slope ?? 0)) steepest = { at, slope };
  }
  if (!steepest) return undefined;
  return { steepest: points[steepest.at].learningRate, minimum: points[least].learningRate / 10 };
}
