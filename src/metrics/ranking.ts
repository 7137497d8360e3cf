/**
 * Samples in the order of their scores, from which everything that ranks is counted: auROC, average precision, the ROC
 * and the precision–recall curve, and the threshold with the best F1.
 *
 * Equal scores are one group: no threshold parts them. The areas may count samples more than once,
 * since a bootstrap draws them so; sorting is done once for all of its resamples.
 *
 * @module
 */
import { checkIndices, checkLengths, checkRankable } from "./check.ts";

/** One point of a ROC curve. */
export interface RocPoint {
  /** Samples that score at least this are predicted positive; infinite at the curve's start. */
  readonly threshold: number;
  /** Share of the negatives that are predicted positive. */
  readonly fpr: number;
  /** Share of the positives that are predicted positive: the recall. */
  readonly tpr: number;
}

/** One point of a precision–recall curve. */
export interface PrecisionRecallPoint {
  /** Samples that score at least this are predicted positive. */
  readonly threshold: number;
  /** Share of the predicted ones that are positive. */
  readonly precision: number;
  /** Share of the positives that are predicted. */
  readonly recall: number;
}

/** Areas under the curves of a ranking. */
export interface Areas {
  /** The probability that a positive scores above a negative, ties counted as one half; null where there is no pair. */
  readonly auroc: number | null;
  /**
   * The mean of the precision over the positives, each taken at the threshold that finds it: the area under the steps
   * of the precision–recall curve (scikit-learn's `average_precision_score`); null where nothing is positive.
   */
  readonly averagePrecision: number | null;
}

/** Samples of one class against the rest, sorted by score. */
export class Ranking {
  /** Indices of the samples, the highest score first. */
  readonly #order: Uint32Array;
  /** Scores in that order. */
  readonly #scores: Float64Array;
  /** Labels in that order. */
  readonly #targets: Uint8Array;

  /**
   * Sorts the samples.
   *
   * @param scores Scores `[N]`: logits, probabilities, or anything that grows with them; infinities may be ranked.
   * @param targets True labels `[N]`, 0 or 1.
   * @throws {TypeError} If the lengths differ.
   * @throws {RangeError} If a score is NaN or a target is not 0 or 1; the message names the index.
   */
  constructor(scores: ArrayLike<number>, targets: ArrayLike<number>) {
    checkLengths("scores", scores, targets);
    checkRankable(scores);
    checkIndices("targets", targets, 2);
    const values = new Float64Array(scores);
    this.#order = descending(values);
    this.#scores = new Float64Array(values.length);
    this.#targets = new Uint8Array(values.length);
    // Loops: `from` with a function takes ten times as long.
    for (let at = 0; at < values.length; at++) {
      this.#scores[at] = values[this.#order[at]];
      this.#targets[at] = targets[this.#order[at]];
    }
  }

  /** Tells of the groups of equal score, the highest first. */
  #walk(visit: (score: number, tp: number, fp: number) => void): void {
    const [scores, targets] = [this.#scores, this.#targets];
    let tp = 0;
    for (let at = 0; at < scores.length;) {
      const score = scores[at];
      for (; at < scores.length && scores[at] === score; at++) tp += targets[at];
      visit(score, tp, at - tp);
    }
  }

  /**
   * The areas under both curves.
   *
   * @param weights How often each sample counts `[N]`; default once.
   */
  areas(weights?: Uint16Array): Areas {
    const [order, scores, targets] = [this.#order, this.#scores, this.#targets];
    // Twice U stays an integer: a pair in order counts twice, a tied one once.
    let twiceU = 0;
    let precisions = 0;
    let all = 0;
    let rest = 0;
    // As `#walk`, written out: the bootstrap comes here for every resample and column.
    for (let at = 0; at < order.length;) {
      const score = scores[at];
      let positives = 0;
      let negatives = 0;
      do {
        const weight = weights === undefined ? 1 : weights[order[at]];
        if (targets[at] === 1) positives += weight;
        else negatives += weight;
        at++;
      } while (at < order.length && scores[at] === score);
      all += positives;
      rest += negatives;
      twiceU += negatives * (2 * all - positives);
      if (positives > 0) precisions += positives * all / (all + rest);
    }
    return {
      auroc: all === 0 || rest === 0 ? null : twiceU / 2 / all / rest,
      averagePrecision: all === 0 ? null : precisions / all,
    };
  }

  /** The ROC curve, from (0, 0) to (1, 1); null where positives or negatives are missing. */
  roc(): RocPoint[] | null {
    const points = [{ threshold: Infinity, tp: 0, fp: 0 }];
    this.#walk((threshold, tp, fp) => void points.push({ threshold, tp, fp }));
    const { tp: positives, fp: negatives } = points[points.length - 1];
    if (positives === 0 || negatives === 0) return null;
    return points.map(({ threshold, tp, fp }) => ({ threshold, fpr: fp / negatives, tpr: tp / positives }));
  }

  /** The precision–recall curve, from the highest threshold to the lowest; null where nothing is positive. */
  precisionRecall(): PrecisionRecallPoint[] | null {
    const points: { threshold: number; precision: number; tp: number }[] = [];
    this.#walk((threshold, tp, fp) => void points.push({ threshold, precision: tp / (tp + fp), tp }));
    const positives = points.at(-1)?.tp ?? 0;
    if (positives === 0) return null;
    return points.map(({ threshold, precision, tp }) => ({ threshold, precision, recall: tp / positives }));
  }

  /**
   * The threshold with the highest F1; of equal ones the highest.
   *
   * @returns The threshold, midway to the next lower score, so that what scores a little less on other pictures is
   * still taken, and its F1; null where nothing is positive.
   */
  bestF1(): { readonly threshold: number; readonly f1: number } | null {
    const points = this.precisionRecall();
    if (points === null) return null;
    // Where nothing is found, precision is 0 as well.
    const values = points.map(({ precision, recall }) =>
      recall === 0 ? 0 : 2 * precision * recall / (precision + recall)
    );
    const best = values.indexOf(values.reduce((a, b) => Math.max(a, b)));
    const { threshold } = points[best];
    const lower = points[best + 1]?.threshold ?? threshold;
    return { threshold: threshold / 2 + lower / 2, f1: values[best] };
  }
}

/**
 * Indices of values, the highest first, equal ones in their order: a merge sort from the bottom up. A typed array's own
 * sort with a comparison takes several times as long, and there are as many sorts as classes.
 */
function descending(values: Float64Array): Uint32Array {
  let from = new Uint32Array(values.length);
  for (let i = 0; i < from.length; i++) from[i] = i;
  let to = new Uint32Array(values.length);
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length);
      const end = Math.min(start + 2 * width, values.length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const takesLeft = right >= end || (left < middle && values[from[left]] >= values[from[right]]);
        to[at] = takesLeft ? from[left++] : from[right++];
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
