/**
 * Learning-rate schedules: functions of the step.
 *
 * @module
 */

/** Options of {@link learningRateAt}. */
export interface Schedule {
  /** Course of the rate after the warm-up. */
  readonly name: "constant" | "step" | "cosine";
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
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { name, learningRate, totalSteps, warmupSteps = 0, fallEvery = totalSteps, gamma = 0.1 } = schedule;
  if (step < warmupSteps) return learningRate * (step + 1) / warmupSteps;
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
