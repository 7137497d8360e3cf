/**
 * The curves of a run: its log in columns, read on as it grows. What is sent of them is bounded, however long they are.
 *
 * @module
 */

import { metricsPath } from "../track/jsonl.ts";
import { readLive } from "../track/live.ts";
import { Tail } from "./tail.ts";
import { numberIn, ownMetricsIn, recordOf } from "./watched_run.ts";

/** What stands across: steps, epochs, or the time of training alone, so that a run which was stopped has no gap. */
export type XAxis = "step" | "epoch" | "time";

/** Points of a curve; null where a value is undefined or was not finite. */
export type Points = readonly (readonly [x: number, y: number | null])[];

/** The records of one type, by columns. */
interface Columns {
  readonly step: number[];
  /** Seconds of training until then. */
  readonly time: number[];
  /** NaN where a value is undefined or was not finite. */
  readonly values: Map<string, number[]>;
}

/** Columns of training's records that have a curve. */
const TRAINED = ["loss", "learningRate", "imagesPerSecond", "lossScale"];

/** Columns of a validation's. */
const VALIDATED = ["accuracy", "loss", "f1", "auroc"];

/** A run's curves. */
export class Curves {
  readonly #run: string;
  readonly #tail: Tail;
  #columns = { train: emptyColumns(), val: emptyColumns() };
  #stepsPerEpoch = 0;
  /** Where training's last record was: its step, the seconds until then, and seconds of a step. */
  #last = { step: 0, time: 0, pace: 0 };
  #reading: Promise<void> = Promise.resolve();

  /** @param run Its directory. */
  constructor(run: string) {
    this.#run = run;
    this.#tail = new Tail(metricsPath(run));
  }

  /** What its training's losses are of. */
  kind = "";

  /** Reads what is new. */
  read(batch: number): Promise<void> {
    // One at a time, whoever asks.
    return this.#reading = this.#reading.then(() => this.#read(batch), () => this.#read(batch));
  }

  async #read(batch: number): Promise<void> {
    this.#stepsPerEpoch = (await readLive(this.#run))?.stepsPerEpoch ?? this.#stepsPerEpoch;
    const restart = () => {
      this.#columns = { train: emptyColumns(), val: emptyColumns() };
      this.#last = { step: 0, time: 0, pace: 0 };
    };
    for await (const lines of this.#tail.lines(restart)) {
      for (const line of lines) this.#take(recordOf(line), batch);
    }
  }

  #take(record: Readonly<Record<string, unknown>> | undefined, batch: number): void {
    const step = numberIn(record?.step);
    if (!record || step === null || (record.type !== "train" && record.type !== "val")) return;
    const isTrain = record.type === "train";
    const rate = numberIn(record.imagesPerSecond);
    const pace = isTrain && rate ? batch / rate : this.#last.pace;
    const time = this.#last.time + Math.max(0, step - this.#last.step) * pace;
    if (isTrain) {
      this.#last = { step, time, pace };
      if (typeof record.lossKind === "string") this.kind = record.lossKind;
    }
    // A validation ends an epoch: the most steps that any of them had.
    const epoch = numberIn(record.epoch);
    if (!isTrain && epoch) this.#stepsPerEpoch = Math.max(this.#stepsPerEpoch, step / epoch);
    const columns = this.#columns[record.type];
    const keys = isTrain ? TRAINED : [...VALIDATED, ...ownMetricsIn(record)];
    for (const key of keys) {
      if (!(key in record)) continue;
      const column = columns.values.get(key) ?? [];
      columns.values.set(key, column);
      // A column that begins late has nothing before.
      while (column.length < columns.step.length) column.push(NaN);
      column.push(numberIn(record[key]) ?? NaN);
    }
    columns.step.push(step);
    columns.time.push(time);
  }

  /** Keys of the columns of a type. */
  keys(type: "train" | "val"): string[] {
    return [...this.#columns[type].values.keys()];
  }

  /** A column; undefined where nothing is in it. */
  curve(type: "train" | "val", key: string, x: XAxis): Curve | undefined {
    const { step, time, values } = this.#columns[type];
    const column = values.get(key);
    if (!column?.some((value) => !Number.isNaN(value))) return undefined;
    const unit = x === "epoch" ? this.#stepsPerEpoch || step[step.length - 1] : 1;
    return { x: x === "time" ? time : step, unit, y: column };
  }

  /** Seconds of training until now. */
  get seconds(): number {
    return this.#last.time;
  }
}

/** Values over a column of steps or seconds. */
export interface Curve {
  /** Steps or seconds. */
  readonly x: readonly number[];
  /** How many of them are one on the axis. */
  readonly unit: number;
  /** The values, NaN where there is none. */
  readonly y: ArrayLike<number>;
}

function emptyColumns(): Columns {
  return { step: [], time: [], values: new Map() };
}

/**
 * The exponential moving average of values, without the pull of its start towards 0 (Kingma and Ba 2015, section 3).
 *
 * @param values The values; NaN stays, and does not count.
 * @param weight That of what came before, from 0 to below 1.
 */
export function smoothed(values: ArrayLike<number>, weight: number): Float64Array {
  const smooth = new Float64Array(values.length).fill(NaN);
  let [sum, share] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    sum = weight * sum + (1 - weight) * value;
    share = weight * share + (1 - weight);
    smooth[i] = sum / share;
  }
  return smooth;
}

/**
 * A curve in few points: of each of some equal stretches the lowest and the highest value, and one that is missing. No
 * peak is lost, however long the curve is.
 *
 * @param curve The curve.
 * @param most Points that it may have, about.
 */
export function bounded({ x, unit, y }: Curve, most: number): Points {
  const stretch = y.length <= most ? 1 : Math.ceil(y.length / (most / 3));
  const points: Points[number][] = [];
  for (let from = 0; from < y.length; from += stretch) {
    const kept = new Set<number>();
    let [low, high, gap] = [-1, -1, -1];
    for (let i = from; i < Math.min(from + stretch, y.length); i++) {
      if (Number.isNaN(y[i])) gap = i;
      else {
        if (low < 0 || y[i] < y[low]) low = i;
        if (high < 0 || y[i] > y[high]) high = i;
      }
    }
    for (const i of [low, high, gap]) if (i >= 0) kept.add(i);
    // The curve ends where it ends.
    if (from + stretch >= y.length) kept.add(y.length - 1);
    points.push(...[...kept].sort((a, b) => a - b).map((i) => pointAt(x[i] / unit, y[i])));
  }
  return points;
}

/** Six digits are more than a screen shows. */
function pointAt(x: number, y: number): Points[number] {
  return [Number(x.toPrecision(6)), Number.isNaN(y) ? null : Number(y.toPrecision(6))];
}
