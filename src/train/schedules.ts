/**
 * Learning-rate schedules: functions of the step.
 *
 * | name              | course                                                                                       |
 * | ----------------- | -------------------------------------------------------------------------------------------- |
 * | `constant`        | stays                                                                                        |
 * | `step`            | times gamma at every fall, counted from the run's start: PyTorch's `StepLR`                  |
 * | `multistep`       | times gamma at each milestone: `MultiStepLR`                                                 |
 * | `exponential`     | times gamma from epoch to epoch, step by step: `ExponentialLR`                               |
 * | `polynomial`      | (1 − share of the steps that is done) to a power: `PolynomialLR`                             |
 * | `cosine`          | half a cosine (Loshchilov and Hutter, 2017): `CosineAnnealingLR`                             |
 * | `cosine-restarts` | the same again and again, each cycle longer or lower: `CosineAnnealingWarmRestarts`, and     |
 * |                   | timm's `cycle_decay`                                                                         |
 * | `onecycle`        | from 1/25 of the rate to all of it and down to 1/250,000 (Smith and Topin, 2018), both along |
 * |                   | half a cosine, and momentum the other way round where it is to: `OneCycleLR`                |
 * | `plateau`         | times gamma where the monitored metric was no better for some epochs: `ReduceLROnPlateau`    |
 *
 * All but `onecycle`, which brings its own, rise linearly first: step k of w has (k + 1) / w of the rate, or what is
 * k / w of the way from a first rate. `cosine`, `cosine-restarts`, `polynomial` and `exponential` begin after that.
 * `cosine` and `polynomial` may end before the run does, and take the share of the steps that is done to a power
 * ("k-decay: a new method for learning rate schedule", Zhang and Li, 2020).
 *
 * @module
 */

import type { Plateau } from "../run/checkpoint.ts";

/** What a schedule of the user's own is told. */
export interface ScheduleStep {
  /** The step, from 0. */
  readonly step: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Steps in which the rate rises from near 0; the schedule is asked about those after them. */
  readonly warmupSteps: number;
  /** The rate that the schedule scales. */
  readonly learningRate: number;
}

/** A schedule of the user's own: the rate of a step. The same step has the same rate, so that a run can resume. */
export type ScheduleFunction = (at: ScheduleStep) => number;

/** A schedule by name. */
export type ScheduleName =
  | "constant"
  | "step"
  | "multistep"
  | "exponential"
  | "polynomial"
  | "cosine"
  | "cosine-restarts"
  | "onecycle"
  | "plateau";

/** Options of {@link learningRateAt}. */
export interface Schedule {
  /** Course of the rate after the warm-up. */
  readonly name: ScheduleName | ScheduleFunction;
  /** The rate that the schedule scales. */
  readonly learningRate: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Steps of an epoch: `exponential`; default all. */
  readonly epochSteps?: number;
  /** Steps in which the rate rises from near 0; default 0. */
  readonly warmupSteps?: number;
  /** Rate of the first of these steps; default what they rise by. */
  readonly warmupLearningRate?: number;
  /** Where it stops falling; default 0. */
  readonly minLearningRate?: number;
  /** `cosine`, `polynomial`: last steps, at the least rate; default 0. */
  readonly cooldownSteps?: number;
  /** `cosine`, `polynomial`: power of the share that is done; default 1. */
  readonly kDecay?: number;
  /** `step`: steps between two falls. */
  readonly fallEvery?: number;
  /** `multistep`: steps after which it falls. */
  readonly milestones?: readonly number[];
  /** `step`, `multistep`, `plateau`: factor of a fall; `exponential`: of an epoch. Default 0.1. */
  readonly gamma?: number;
  /** `polynomial`: default 1. */
  readonly power?: number;
  /** `cosine-restarts`: steps of the first cycle; default all. */
  readonly cycleSteps?: number;
  /** `cosine-restarts`: factor on the length from cycle to cycle; default 1. */
  readonly cycleMul?: number;
  /** `cosine-restarts`: factor on the rate from cycle to cycle; default 1. */
  readonly cycleDecay?: number;
  /** `plateau`: how often it has fallen; default 0. */
  readonly falls?: number;
}

/** Where momentum is while the rate is low, and at the rate's peak: PyTorch's `max_momentum` and `base_momentum`. */
const CYCLED_MOMENTUM = { low: 0.95, peak: 0.85 } as const;

/** Of the rate, what `onecycle` begins and ends with: PyTorch's `div_factor` and `final_div_factor`. */
const ONE_CYCLE = { begin: 1 / 25, end: 1 / 25 / 1e4 } as const;

/**
 * Learning rate of step `step`, counted from 0.
 *
 * @throws RangeError when a schedule of the user's own gives a rate that is none.
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { name, learningRate, totalSteps, warmupSteps = 0, minLearningRate = 0, gamma = 0.1 } = schedule;
  if (name === "onecycle") {
    return oneCycle(step, schedule, [learningRate * ONE_CYCLE.begin, learningRate, learningRate * ONE_CYCLE.end]);
  }
  if (step < warmupSteps) return warmedUp(step, warmupSteps, schedule);
  if (typeof name === "function") {
    const rate = name({ step, totalSteps, warmupSteps, learningRate });
    if (Number.isFinite(rate) && rate >= 0) return rate;
    throw new RangeError(`The schedule gives a learning rate of ${rate} at step ${step}: give a number of at least 0`);
  }
  const { cooldownSteps = 0, kDecay = 1 } = schedule;
  /** The share of the course between warm-up and cool-down that is done. */
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - cooldownSteps - warmupSteps)) ** kDecay;
  const after = (falls: number) => Math.max(minLearningRate, learningRate * gamma ** falls);
  switch (name) {
    case "constant":
      return learningRate;
    case "step":
      return after(Math.floor(step / (schedule.fallEvery ?? totalSteps)));
    case "multistep":
      return after(schedule.milestones?.filter((milestone) => step >= milestone).length ?? 0);
    case "exponential":
      return after((step - warmupSteps) / (schedule.epochSteps ?? totalSteps));
    case "plateau":
      return after(schedule.falls ?? 0);
    case "polynomial":
      return minLearningRate + (learningRate - minLearningRate) * (1 - done) ** (schedule.power ?? 1);
    case "cosine":
      return along(learningRate, minLearningRate, done);
    case "cosine-restarts":
      return restarted(step - warmupSteps, schedule);
  }
}

function warmedUp(step: number, steps: number, { learningRate, warmupLearningRate: first }: Schedule): number {
  return first === undefined ? learningRate * (step + 1) / steps : first + (learningRate - first) * step / steps;
}

/** From a rate to another along half a cosine, of which a share is done. */
function along(from: number, to: number, done: number): number {
  return to + (from - to) * 0.5 * (1 + Math.cos(Math.PI * done));
}

/** From a value to the peak's, and on to the last. */
function oneCycle(
  step: number,
  { totalSteps, warmupSteps = 0 }: Schedule,
  [begin, top, end]: readonly [begin: number, top: number, end: number],
): number {
  // The last step of a phase has its end.
  const peak = Math.max(0, warmupSteps - 1);
  if (step < peak) return along(begin, top, step / peak);
  return along(top, end, Math.min(1, (step - peak) / Math.max(1, totalSteps - 1 - peak)));
}

/** Momentum of step `step` of the schedule `onecycle`, counted from 0; undefined of another. */
export function momentumAt(step: number, schedule: Schedule): number | undefined {
  const { low, peak } = CYCLED_MOMENTUM;
  return schedule.name === "onecycle" ? oneCycle(step, schedule, [low, peak, low]) : undefined;
}

function restarted(step: number, schedule: Schedule): number {
  const { learningRate, minLearningRate = 0, cycleSteps, totalSteps, cycleMul = 1, cycleDecay = 1 } = schedule;
  let [begin, length, rate] = [0, cycleSteps ?? totalSteps, learningRate];
  while (step >= begin + length) {
    begin += length;
    length *= cycleMul;
    rate = Math.max(minLearningRate, rate * cycleDecay);
  }
  return along(rate, minLearningRate, (step - begin) / length);
}

/** A value is better by this share at least: PyTorch's. */
const THRESHOLD = 1e-4;

/**
 * What the schedule `plateau` knows after an epoch, as PyTorch's `ReduceLROnPlateau` does.
 *
 * @param before What it knew.
 * @param value Of the monitored metric; null where it is undefined, and so no better.
 * @param options Epochs that it may be no better, and which way is better.
 */
export function plateauAfter(
  { best, bad, falls }: Plateau = { bad: 0, falls: 0 },
  value: number | null,
  { patience, isLower }: { readonly patience: number; readonly isLower: boolean },
): Plateau {
  const isBetter = value !== null &&
    (best === undefined || (isLower ? value < best * (1 - THRESHOLD) : value > best * (1 + THRESHOLD)));
  if (isBetter) return { best: value, bad: 0, falls };
  const known = best === undefined ? {} : { best };
  return bad + 1 > patience ? { ...known, bad: 0, falls: falls + 1 } : { ...known, bad: bad + 1, falls };
}
