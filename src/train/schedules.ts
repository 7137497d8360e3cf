/**
 * Learning-rate schedules: functions of the step.
 *
 * @module
 */

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

/**
 * A schedule of the user's own: the learning rate of a step. The same step has the same rate, so that a run resumes.
 */
export type ScheduleFunction = (at: ScheduleStep) => number;

/** Options of {@link learningRateAt}. */
export interface Schedule {
  /** Course of the rate after the warm-up. */
  readonly name: "constant" | "step" | "cosine" | ScheduleFunction;
  /** The rate that the schedule scales. */
  readonly learningRate: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Steps in which the rate rises from near 0; default 0. */
  readonly warmupSteps?: number;
  /** `step`: steps between two falls. */
  readonly fallEvery?: number;
  /** `step`: factor of a fall; default 0.1. */
  readonly gamma?: number;
}

/**
 * Learning rate of step `step`, counted from 0.
 *
 * Warm-up is linear: step k of w has (k + 1) / w of the rate. After it, `cosine` falls to 0 along half a cosine
 * (Loshchilov and Hutter, 2017, without restarts), `step` multiplies by gamma at every fall, counted from the run's
 * start.
 *
 * @throws RangeError when a schedule of the user's own gives a rate that is none.
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { name, learningRate, totalSteps, warmupSteps = 0, fallEvery = totalSteps, gamma = 0.1 } = schedule;
  if (step < warmupSteps) return learningRate * (step + 1) / warmupSteps;
  if (typeof name === "function") {
    const rate = name({ step, totalSteps, warmupSteps, learningRate });
    if (Number.isFinite(rate) && rate >= 0) return rate;
    throw new RangeError(`The schedule gives a learning rate of ${rate} at step ${step}: give a number of at least 0`);
  }
  switch (name) {
    case "constant":
      return learningRate;
    case "step":
      return learningRate * gamma ** Math.floor(step / fallEvery);
    case "cosine": {
      const done = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done)));
    }
  }
}
