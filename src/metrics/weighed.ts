/**
 * The samples of a task, made ready to be weighed again and again: once with a weight of 1 each for a metric's value,
 * and once for each resample of the bootstrap. What does not depend on the weights, such as the order of the scores and
 * each sample's loss, is computed once.
 *
 * @module
 */
import { column } from "./column.ts";
import { balancedAccuracy, cohenKappa, matthewsCorrelation } from "./agreement.ts";
import { meanOfDefined } from "./auroc.ts";
import { calibrationError } from "./calibration.ts";
import { classCounts, type Counts } from "./confusion.ts";
import { sigmoidLoss, softmaxLoss } from "./loss.ts";
import { f1, macroAverage, occurring, precision, recall } from "./precision_recall.ts";
import { predictClasses, sigmoid, softmax } from "./predictions.ts";
import { type Areas, Ranking } from "./ranking.ts";

/** Values of the whole by name. */
export type Values = Record<string, number | null>;

/** A task's samples, made ready for being weighed again and again. Weights say how often each one counts. */
export interface Weighable {
  readonly samples: number;
  /** Columns of scores that are ranked. */
  readonly columns: number;
  /** All metrics of the whole; those that rank only where asked for. */
  measure(weights: Uint16Array, ranks: boolean): Values;
}

/** The mean of the areas of several rankings, over those that are defined. */
function meanAreas(rankings: readonly Ranking[], weights: Uint16Array): Areas {
  const areas = rankings.map((ranking) => ranking.areas(weights));
  return {
    auroc: meanOfDefined(areas.map(({ auroc }) => auroc)),
    averagePrecision: meanOfDefined(areas.map(({ averagePrecision }) => averagePrecision)),
  };
}

/** The weighted mean of a number per sample. */
function weighted(values: Float64Array, weights: Uint16Array): number | null {
  let [sum, total] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += weights[i] * values[i];
    total += weights[i];
  }
  return total === 0 ? null : sum / total;
}

/** One column of probabilities with what was so: a binary task, or a label. */
export class Column {
  readonly truth: Uint8Array;
  readonly predicted: Uint8Array;
  readonly probabilities: Float64Array;
  readonly ranking: Ranking;
  readonly losses: Float64Array;
  readonly errors: Float64Array;

  constructor(logits: Float64Array, truth: ArrayLike<number>, threshold: number) {
    this.truth = Uint8Array.from(truth);
    this.probabilities = logits.map(sigmoid);
    this.predicted = Uint8Array.from(logits, (logit) => Number(logit >= cutOf(threshold)));
    this.ranking = new Ranking(logits, truth);
    this.losses = logits.map((logit, i) => sigmoidLoss(logit, truth[i]));
    this.errors = this.probabilities.map((p, i) => (p - truth[i]) ** 2);
  }

  /** `[[tn, fp], [fn, tp]]`. */
  confusion(weights: Uint16Array): [[number, number], [number, number]] {
    const { truth, predicted } = this;
    const counts = new Float64Array(4);
    for (let i = 0; i < truth.length; i++) counts[2 * truth[i] + predicted[i]] += weights[i];
    const [tn, fp, fn, tp] = counts;
    return [[tn, fp], [fn, tp]];
  }
}

/** The logit at which a probability is reached; 0 exactly for one half. */
export function cutOf(threshold: number): number {
  return Math.log(threshold / (1 - threshold));
}

/** A task of one label. */
export class BinaryTask implements Weighable {
  readonly columns = 1;
  readonly samples: number;
  readonly column: Column;

  constructor(logits: Float64Array, truth: ArrayLike<number>, threshold: number) {
    this.column = new Column(logits, truth, threshold);
    this.samples = logits.length;
  }

  measure(weights: Uint16Array, ranks: boolean): Values {
    const { column } = this;
    const confusion = column.confusion(weights);
    const [[tn, fp], [fn, tp]] = confusion;
    const counts = { tp, fp, fn, tn };
    return {
      accuracy: shareOf(tp + tn, tp + tn + fp + fn),
      balancedAccuracy: balancedAccuracy(confusion),
      precision: precision(counts),
      recall: recall(counts),
      specificity: specificity(counts),
      f1: f1(counts),
      ...(ranks && column.ranking.areas(weights)),
      loss: weighted(column.losses, weights),
      brier: weighted(column.errors, weights),
      calibrationError: calibrationError(column.probabilities, column.truth, weights),
      kappa: cohenKappa(confusion),
      matthews: matthewsCorrelation(confusion),
    };
  }
}

/** What "among the k likeliest" is asked for. */
const TOP = [2, 3, 5];

/** A task of one class of several. */
export class MulticlassTask implements Weighable {
  readonly samples: number;
  readonly columns: number;
  readonly rankings: readonly Ranking[];
  /** Of the predicted class. */
  readonly confidences: Float64Array;
  /** Was the predicted class right? */
  readonly hits: Float64Array;
  readonly #truth: Uint32Array;
  readonly #predicted: Uint32Array;
  readonly #losses: Float64Array;
  readonly #errors: Float64Array;
  /** Classes that are likelier than the true one; of equals those before it. */
  readonly #likelier: Uint32Array;

  constructor(logits: Float64Array, truth: ArrayLike<number>, classes: number) {
    const probabilities = softmax(logits, classes);
    this.#truth = Uint32Array.from(truth);
    this.columns = classes;
    this.samples = truth.length;
    this.#predicted = predictClasses(logits, classes);
    this.rankings = Array.from(
      { length: classes },
      (_, c) => new Ranking(column(probabilities, c, classes), Uint8Array.from(truth, (t) => Number(t === c))),
    );
    this.confidences = Float64Array.from(this.#predicted, (c, i) => probabilities[i * classes + c]);
    this.hits = Float64Array.from(this.#predicted, (c, i) => Number(c === truth[i]));
    this.#losses = new Float64Array(truth.length);
    this.#errors = new Float64Array(truth.length);
    this.#likelier = new Uint32Array(truth.length);
    for (let i = 0; i < truth.length; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      const own = row[truth[i]];
      this.#losses[i] = softmaxLoss(row, 0, classes, truth[i]);
      for (let c = 0; c < classes; c++) {
        this.#errors[i] += (probabilities[i * classes + c] - Number(c === truth[i])) ** 2;
        if (row[c] > own || (row[c] === own && c < truth[i])) this.#likelier[i]++;
      }
    }
  }

  confusion(weights: Uint16Array): number[][] {
    const counts = Array.from({ length: this.columns }, () => new Array<number>(this.columns).fill(0));
    for (let i = 0; i < this.samples; i++) counts[this.#truth[i]][this.#predicted[i]] += weights[i];
    return counts;
  }

  measure(weights: Uint16Array, ranks: boolean): Values {
    const confusion = this.confusion(weights);
    const counts = occurring(classCounts(confusion));
    const tops = TOP.filter((k) => k < this.columns).map((k) => [
      `top${k}`,
      weighted(Float64Array.from(this.#likelier, (likelier) => Number(likelier < k)), weights),
    ]);
    return {
      accuracy: weighted(this.hits, weights),
      balancedAccuracy: balancedAccuracy(confusion),
      precision: macroAverage(counts, precision),
      recall: macroAverage(counts, recall),
      f1: macroAverage(counts, f1),
      ...(ranks && meanAreas(this.rankings, weights)),
      loss: weighted(this.#losses, weights),
      brier: weighted(this.#errors, weights),
      calibrationError: calibrationError(this.confidences, this.hits, weights),
      kappa: cohenKappa(confusion),
      matthews: matthewsCorrelation(confusion),
      ...Object.fromEntries(tops),
    };
  }
}

/** A task of any number of labels. */
export class MultilabelTask implements Weighable {
  readonly samples: number;
  readonly columns: number;
  readonly labels: readonly Column[];
  /** Is every label right? */
  readonly #whole: Float64Array;

  constructor(logits: Float64Array, targets: ArrayLike<number>, labels: number, thresholds: readonly number[]) {
    this.columns = labels;
    this.samples = targets.length / labels;
    this.labels = thresholds.map((threshold, l) =>
      new Column(column(logits, l, labels), column(targets, l, labels), threshold)
    );
    this.#whole = Float64Array.from(
      { length: this.samples },
      (_, i) => Number(this.labels.every(({ truth, predicted }) => truth[i] === predicted[i])),
    );
  }

  measure(weights: Uint16Array, ranks: boolean): Values {
    const counts = this.labels.map((label) => countsIn(label.confusion(weights)));
    const samples = counts[0].tp + counts[0].fp + counts[0].fn + counts[0].tn;
    const right = counts.reduce((sum, { tp, tn }) => sum + tp + tn, 0);
    const accuracy = shareOf(right, samples * this.columns);
    const over = (measured: (label: Column) => number | null) => meanOfDefined(this.labels.map(measured));
    const some = samples === 0 ? [] : counts;
    return {
      accuracy,
      subsetAccuracy: weighted(this.#whole, weights),
      hammingLoss: accuracy === null ? null : 1 - accuracy,
      precision: macroAverage(some, precision),
      recall: macroAverage(some, recall),
      f1: macroAverage(some, f1),
      ...(ranks && meanAreas(this.labels.map(({ ranking }) => ranking), weights)),
      loss: over(({ losses }) => weighted(losses, weights)),
      brier: over(({ errors }) => weighted(errors, weights)),
      calibrationError: over(({ probabilities, truth }) => calibrationError(probabilities, truth, weights)),
    };
  }
}

/** The counts in a binary confusion matrix. */
export const countsIn = ([[tn, fp], [fn, tp]]: readonly (readonly number[])[]): Counts => ({ tp, fp, fn, tn });

/** A quotient; null where it has no denominator. */
export function shareOf(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/**
 * The share of the samples that are not of a class that were not predicted so: `tn / (tn + fp)`.
 *
 * @param counts Counts of the class.
 * @returns A share from 0 to 1, or null when every sample is of the class.
 */
export function specificity({ tn, fp }: Counts): number | null {
  return shareOf(tn, tn + fp);
}
