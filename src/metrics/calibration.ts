/**
 * Are probabilities what they say? Reliability by bins, the calibration error, the Brier score, and the temperature
 * that mends probabilities which are too sure or not sure enough.
 *
 * @module
 */
import { checkClasses, checkFinite, checkIndices, checkLengths } from "./check.ts";

/** Bins of equal width in which probabilities are compared with what was so. */
export const BINS = 15;

/** The predictions of which the probability lies in one bin. */
export interface ReliabilityBin {
  /** Lower edge, which belongs to the bin below. */
  readonly from: number;
  /** Upper edge, which belongs to this bin. */
  readonly to: number;
  /** Predictions in the bin. */
  readonly count: number;
  /** Mean of their probabilities; null in an empty bin. */
  readonly confidence: number | null;
  /** Share of them that came true; null in an empty bin. */
  readonly frequency: number | null;
}

/** The bin of a probability. */
function binOf(probability: number, bins: number): number {
  return Math.min(bins - 1, Math.max(0, Math.ceil(probability * bins) - 1));
}

/**
 * Compares probabilities with what was so, in bins of equal width (scikit-learn's `calibration_curve`).
 *
 * @param probabilities Probabilities `[N]` of something.
 * @param outcomes Was it so? `[N]`, 0 or 1.
 * @param bins Number of bins.
 * @throws {TypeError} If the lengths differ.
 * @throws {RangeError} If an outcome is not 0 or 1; the message names the index.
 */
export function reliability(
  probabilities: ArrayLike<number>,
  outcomes: ArrayLike<number>,
  bins: number = BINS,
): ReliabilityBin[] {
  checkLengths("probabilities", probabilities, outcomes);
  checkIndices("outcomes", outcomes, 2);
  const counts = new Float64Array(bins);
  const sums = new Float64Array(bins);
  const trues = new Float64Array(bins);
  for (let i = 0; i < outcomes.length; i++) {
    const bin = binOf(probabilities[i], bins);
    counts[bin]++;
    sums[bin] += probabilities[i];
    trues[bin] += outcomes[i];
  }
  return Array.from(counts, (count, b) => ({
    from: b / bins,
    to: (b + 1) / bins,
    count,
    confidence: count === 0 ? null : sums[b] / count,
    frequency: count === 0 ? null : trues[b] / count,
  }));
}

/**
 * The expected calibration error: the mean distance of the probabilities of a bin from the share that came true,
 * weighted by the bins' predictions (Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017 for the top class of several).
 *
 * @param probabilities Probabilities `[N]` of something.
 * @param outcomes Was it so? `[N]`, 0 or 1.
 * @param weights Weight of each prediction `[N]`; default 1.
 * @param bins Number of bins.
 * @returns A number from 0 to 1, or null when there is no prediction.
 */
export function calibrationError(
  probabilities: ArrayLike<number>,
  outcomes: ArrayLike<number>,
  weights?: ArrayLike<number>,
  bins: number = BINS,
): number | null {
  const gaps = new Float64Array(bins);
  let total = 0;
  for (let i = 0; i < outcomes.length; i++) {
    const weight = weights === undefined ? 1 : weights[i];
    gaps[binOf(probabilities[i], bins)] += weight * (probabilities[i] - outcomes[i]);
    total += weight;
  }
  return total === 0 ? null : gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total;
}

/** The temperature that {@link fitTemperature} found. */
export interface Temperature {
  /** What logits are divided by: above 1 for a model that was too sure. */
  readonly temperature: number;
  /** Cross-entropy in nats before. */
  readonly before: number;
  /** Cross-entropy in nats after. */
  readonly after: number;
}

/** Temperatures that are looked among: where all predictions are right, the best one would be 0. */
const RANGE = [0.05, 20] as const;

/**
 * Finds the temperature with the lowest cross-entropy (Guo et al. 2017): one number for all classes, so no decision
 * changes. The cross-entropy is convex in its inverse, and bisection of the slope finds the one minimum.
 *
 * @param logits Logits `[N, classes]`, flat; `[N]`, or of any shape, where each is a sigmoid's.
 * @param targets True classes `[N]`; of sigmoids, 0 or 1 for each logit.
 * @param classes The number of classes of a softmax; 1 for sigmoids.
 * @returns The temperature, at least 0.05 and at most 20; null where there is nothing to fit.
 * @throws {TypeError} If the lengths do not fit.
 * @throws {RangeError} If a logit is not finite or a target is no class index; the message names the index.
 *
 * @example
 * ```ts
 * import { fitTemperature } from "@fovea/fovea";
 *
 * // Four of five right at a probability of 0.982: the logits are 2.9 times too large.
 * fitTemperature([4, 4, 4, 4, 4], [1, 1, 1, 1, 0], 1)?.temperature; // 2.8853900817779286
 * ```
 */
export function fitTemperature(
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): Temperature | null {
  checkClasses(classes);
  checkLengths("logits", logits, targets, classes);
  checkFinite(logits);
  checkIndices("targets", targets, Math.max(2, classes));
  if (targets.length === 0) return null;
  const at = (inverse: number) =>
    classes === 1 ? sigmoidAt(logits, targets, inverse) : softmaxAt(logits, targets, inverse, classes);
  let [low, high] = [Math.log(1 / RANGE[1]), Math.log(1 / RANGE[0])];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (at(Math.exp(middle)).slope < 0) low = middle;
    else high = middle;
  }
  const inverse = Math.exp((low + high) / 2);
  return { temperature: 1 / inverse, before: at(1).loss, after: at(inverse).loss };
}

/** Mean cross-entropy of the logits times a number, and its slope in that number. */
interface Slope {
  readonly loss: number;
  readonly slope: number;
}

function sigmoidAt(logits: ArrayLike<number>, targets: ArrayLike<number>, inverse: number): Slope {
  let [loss, slope] = [0, 0];
  for (let i = 0; i < targets.length; i++) {
    const x = logits[i] * inverse;
    const e = Math.exp(-Math.abs(x));
    loss += Math.max(x, 0) - x * targets[i] + Math.log1p(e);
    slope += logits[i] * ((x >= 0 ? 1 / (1 + e) : e / (1 + e)) - targets[i]);
  }
  return { loss: loss / targets.length, slope: slope / targets.length };
}

function softmaxAt(logits: ArrayLike<number>, targets: ArrayLike<number>, inverse: number, classes: number): Slope {
  let [loss, slope] = [0, 0];
  for (let i = 0; i < targets.length; i++) {
    const row = i * classes;
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[row + c] * inverse);
    let [total, weighted] = [0, 0];
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(logits[row + c] * inverse - largest);
      total += e;
      weighted += e * logits[row + c];
    }
    const own = logits[row + targets[i]];
    loss += Math.log(total) + (largest - own * inverse);
    slope += weighted / total - own;
  }
  return { loss: loss / targets.length, slope: slope / targets.length };
}
