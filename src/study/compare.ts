/**
 * Compares runs: what each reached, what it cost, what it was set to, and for two runs on the same pictures whether the
 * difference could be chance.
 *
 * @module
 */

import {
  type Difference,
  type McNemar,
  mcnemar,
  measureOf,
  pairedBootstrap,
  predictClasses,
  predictLabels,
} from "../metrics/mod.ts";
import { createModel } from "../models/mod.ts";
import { cutsOf } from "../run/answers.ts";
import type { RunRecord, TestRecord } from "../run/record.ts";
import { settingNames } from "../run/resolve.ts";
import { UserError } from "../errors.ts";

/** What a run cost. */
export interface Cost {
  /** Numbers that its model learns; null of a model that is not known here. */
  readonly parameters: number | null;
  /** Multiply-adds of a picture. */
  readonly multiplyAdds: number | null;
  /** Median over its training steps. */
  readonly imagesPerSecond: number | null;
  /** Seconds of its training steps; validations do not count. */
  readonly seconds: number | null;
}

/** A run among others. */
export interface ComparedRun {
  /** Its name, which no other has. */
  readonly name: string;
  /** What its directory says. */
  readonly record: RunRecord;
  /** What it cost. */
  readonly cost: Cost;
}

/** Two runs on the same pictures. */
export interface Pair {
  /** Names of the two. */
  readonly names: readonly [string, string];
  /** McNemar's test; of a multi-label task, of the pictures with every label right. */
  readonly mcnemar: McNemar;
  /** Differences of the metrics, the first run's less the second's. */
  readonly differences: Readonly<Record<string, Difference>>;
}

/** Two runs that cannot be compared picture by picture. */
export interface RefusedPair {
  /** Names of the two. */
  readonly names: readonly [string, string];
  /** Why, as a clause. */
  readonly refused: string;
}

/** A setting that runs differ in. */
export interface DifferingSetting {
  /** The setting. */
  readonly name: string;
  /** Its value in each run, in the runs' order; null where it did not apply. */
  readonly values: readonly unknown[];
}

/** Runs side by side. */
export interface Comparison {
  /** The runs, in the order in which they were given. */
  readonly runs: readonly ComparedRun[];
  /** Each two of them. */
  readonly pairs: readonly (Pair | RefusedPair)[];
  /** Settings that are not the same in all. */
  readonly settings: readonly DifferingSetting[];
}

/** How a comparison is made. */
export interface CompareOptions {
  /** Resamples of the bootstrap; default 1000. */
  readonly resamples?: number;
  /** Start of its random numbers; default 1. */
  readonly seed?: number;
}

/**
 * Compares runs.
 *
 * @param records What their directories say, at least one.
 * @param options How.
 * @throws UserError when they are of different tasks.
 */
export function compareRuns(records: readonly RunRecord[], options: CompareOptions = {}): Comparison {
  const other = records.find(({ task }) => task !== records[0].task);
  if (other) {
    throw new UserError(
      `Cannot compare ${records[0].name} with ${other.name}: the task of one is ${
        records[0].task
      }, of the other ${other.task}`,
    );
  }
  const names = namesOf(records);
  const runs = records.map((record, r) => ({ name: names[r], record, cost: costOf(record) }));
  const pairs = runs.flatMap((first, i) => runs.slice(i + 1).map((second) => pairOf(first, second, options)));
  return { runs, pairs, settings: differing(records) };
}

/** Names that tell the runs apart: those of their folders, with those above where these are equal. */
function namesOf(records: readonly RunRecord[]): string[] {
  const parts = records.map(({ path }) =>
    path.replaceAll("\\", "/").split("/").filter((part) => part !== "" && part !== ".")
  );
  for (let depth = 1;; depth++) {
    const names = parts.map((all) => all.slice(-depth).join("/"));
    if (new Set(names).size === names.length) return names;
    if (parts.every((all) => all.length <= depth)) return names.map((name, r) => `${name} (${r + 1})`);
  }
}

function costOf({ config, log }: RunRecord): Cost {
  const steps = log.filter(({ type, imagesPerSecond }) => type === "train" && Number.isFinite(imagesPerSecond))
    .map(({ imagesPerSecond }) => imagesPerSecond as number).toSorted((a, b) => a - b);
  const { name, ...options } = config.model!;
  let model: ReturnType<typeof createModel> | undefined;
  try {
    model = createModel(name, options as unknown as Parameters<typeof createModel>[1]);
  } catch {
    // A model of the user's own.
  }
  return {
    parameters: model?.size ?? null,
    multiplyAdds: model?.multiplyAdds ?? null,
    imagesPerSecond: steps.length > 0 ? steps[Math.floor(steps.length / 2)] : null,
    seconds: secondsOf(log, config.settings?.batch ?? config.batch),
  };
}

/** Time of all training steps: each record's images a second are of the steps since the record before. */
function secondsOf(log: RunRecord["log"], batch: unknown): number | null {
  if (typeof batch !== "number") return null;
  let [seconds, last] = [0, 0];
  for (const { type, step, imagesPerSecond } of log) {
    if (type !== "train" || typeof step !== "number" || typeof imagesPerSecond !== "number") continue;
    seconds += (step - last) * batch / imagesPerSecond;
    last = step;
  }
  return last === 0 ? null : seconds;
}

function pairOf(first: ComparedRun, second: ComparedRun, options: CompareOptions): Pair | RefusedPair {
  const names = [first.name, second.name] as const;
  const refused = whyNot(first.record, second.record);
  if (refused !== undefined) return { names, refused };
  const [a, b] = [first.record.test!, second.record.test!];
  const samples = a.files!.length;
  return {
    names,
    mcnemar: mcnemar(rightIn(a), rightIn(b)),
    differences: pairedBootstrap(samples, measured(a), measured(b), options),
  };
}

/** Why two runs cannot be compared picture by picture; undefined where they can. */
function whyNot(first: RunRecord, second: RunRecord): string | undefined {
  for (const { name, test } of [first, second]) {
    if (!test) return `${name} has no test`;
    if (!test.predictions || !test.files) {
      return `the test of ${name} is of an earlier version: test it again with eval`;
    }
  }
  const [a, b] = [first.test!, second.test!];
  const classes = ({ report }: TestRecord) => report.perClass.map(({ name }) => name).join("\n");
  if (classes(a) !== classes(b)) return "their classes differ";
  const differs = a.files!.findIndex((file, i) => b.files![i] !== file);
  if (a.files!.length !== b.files!.length || differs >= 0) {
    return "they were tested on different pictures: their splits differ";
  }
  if (a.files!.length === 0) return "their test splits are empty";
  const label = a.predictions!.targets.findIndex((target, i) => b.predictions!.targets[i] !== target);
  return label >= 0 ? "the labels of their test pictures differ" : undefined;
}

/** Columns of logits of a test. */
function widthOf({ report: { task, perClass } }: TestRecord): number {
  return task === "binary" ? 1 : perClass.length;
}

/** Targets as the metrics take them: of a multi-class task, class numbers. */
function targetsOf(test: TestRecord): ArrayLike<number> {
  const { targets } = test.predictions!;
  return test.report.task === "multiclass" ? predictClasses(targets, widthOf(test)) : targets;
}

function measured(test: TestRecord) {
  const { report, predictions } = test;
  return measureOf(report.task, predictions!.logits, targetsOf(test), widthOf(test), {
    temperature: report.temperature,
    thresholds: report.thresholds,
  });
}

/** Was each picture answered right? Of several labels: every one. */
function rightIn(test: TestRecord): Uint8Array {
  const { report, predictions } = test;
  const { logits } = predictions!;
  const targets = targetsOf(test);
  if (report.task === "multiclass") {
    return Uint8Array.from(predictClasses(logits, widthOf(test)), (c, i) => Number(c === targets[i]));
  }
  const width = widthOf(test);
  const predicted = predictLabels(logits, cutsOf(report));
  return Uint8Array.from(
    { length: logits.length / width },
    (_, i) =>
      Number(Array.from({ length: width }, (_, l) => i * width + l).every((at) => predicted[at] === targets[at])),
  );
}

/** Settings that are not the same in all runs, in the order of the table. */
function differing(records: readonly RunRecord[]): DifferingSetting[] {
  return settingNames.flatMap((name) => {
    const values = records.map(({ config }) => config.settings?.[name] ?? null);
    return new Set(values.map((value) => JSON.stringify(value))).size > 1 ? [{ name, values }] : [];
  });
}
