/**
 * What a run directory says of a run, for those who read it: reports, comparisons, the live page. No model is opened,
 * and what is not there yet is absent, since a run may be read while it trains.
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { readCsvTable, type Table } from "../data/forms/table.ts";
import type { Task } from "../data/labels.ts";
import { splitNames } from "../data/split.ts";
import { UserError } from "../errors.ts";
import { ifThere } from "../files.ts";
import { encodeSafetensors, readSafetensors } from "../interop/safetensors_file.ts";
import type { TestReport } from "../metrics/mod.ts";
import type { ClassBalance } from "../report/page/run_page.ts";
import { readConfig, type RunConfig } from "./config.ts";
import type { Predictions } from "./evaluate.ts";

/** A test, as a folder of a run has it. */
export interface TestRecord {
  /** The folder. */
  readonly path: string;
  /** `metrics.json`. */
  readonly report: TestReport;
  /** What was answered; absent of tests by earlier versions. */
  readonly predictions?: Predictions;
  /** Files of the pictures, in the order of the answers. */
  readonly files?: readonly string[];
  /** A drawn sheet of the most confident mistakes, where there were any. */
  readonly mistakes?: Uint8Array;
  /** A drawn sheet of what led to them, where that was asked for. */
  readonly explained?: Uint8Array;
}

/** What a run directory says. */
export interface RunRecord {
  /** The directory. */
  readonly path: string;
  /** Name of its folder. */
  readonly name: string;
  /** `config.json`. */
  readonly config: RunConfig;
  /** What the logits mean. */
  readonly task: Task;
  /** Name of the model. */
  readonly model: string;
  /** Records of `metrics.jsonl`, those that could be read. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Epochs that were validated, and those that are asked for. */
  readonly epochs: { readonly done: number; readonly asked: number | undefined };
  /** Pictures of each class in each split, by `split.csv`. */
  readonly balance: readonly ClassBalance[];
  /** The test of the best weights, in `test/`. */
  readonly test?: TestRecord;
}

/**
 * Reads a run directory.
 *
 * @param path The directory.
 * @throws UserError when it is no run directory, or a file of it is damaged.
 */
export async function readRun(path: string): Promise<RunRecord> {
  const config = await readConfig(path);
  const log = await readLog(join(path, "metrics.jsonl"));
  const { task, model } = config;
  if (task === undefined || model === undefined) {
    throw new UserError(`${path} is not a run directory: its config.json names no task or no model`);
  }
  const asked = config.settings?.epochs ?? config.epochs;
  return {
    path,
    name: basename(resolve(path)),
    config,
    task,
    model: model.name,
    log,
    epochs: {
      done: log.reduce(
        (last, { type, epoch }) => type === "val" && typeof epoch === "number" ? Math.max(last, epoch) : last,
        0,
      ),
      asked: typeof asked === "number" ? asked : undefined,
    },
    balance: await readBalance(join(path, "split.csv"), task, config.classes),
    test: await readTest(join(path, "test")),
  };
}

/** Records of a log, of which the last line may be half written. */
async function readLog(path: string): Promise<Readonly<Record<string, unknown>>[]> {
  const text = await ifThere(Deno.readTextFile(path)) ?? "";
  return text.split("\n").flatMap((line) => {
    try {
      const record = JSON.parse(line);
      return typeof record === "object" && record !== null ? [record] : [];
    } catch {
      return [];
    }
  });
}

/** Counts the pictures of each class or label in each split. */
async function readBalance(path: string, task: Task, classes: readonly string[] = []): Promise<ClassBalance[]> {
  if (await ifThere(Deno.stat(path)) === undefined) return [];
  const table = await readCsvTable(path);
  const split = columnOf(table, "split");
  const counts = new Map<string, Record<string, number>>();
  const none = () => Object.fromEntries(splitNames.map((part) => [part, 0]));
  if (task === "multiclass") { for (const name of classes) counts.set(name, none()); }
  const count = (name: string, row: number) => {
    const own = counts.get(name) ?? none();
    own[split[row]] = (own[split[row]] ?? 0) + 1;
    counts.set(name, own);
  };
  if (task === "multiclass") {
    columnOf(table, "label").forEach(count);
  } else {
    const labels = table.header.map((name, c) => [name, c] as const)
      .filter(([name, c]) => c > 0 && name !== "split");
    for (const [name, c] of labels) {
      table.columns[c].forEach((cell, row) => {
        if (cell === "1") count(name, row);
        else if (task === "binary") count(`not ${name}`, row);
      });
    }
  }
  return Array.from(counts, ([name, own]) => ({ name, counts: own }));
}

function columnOf({ header, columns, path }: Table, name: string): readonly string[] {
  const at = header.lastIndexOf(name);
  if (at < 0) throw new UserError(`${path} has no column ${name}: it is not the split.csv of a run`);
  return columns[at];
}

/** Name of the file with what led to the most confident mistakes. */
export const EXPLAINED = "explained.png";

/** Name of the file with what was answered. */
const ANSWERS = "answers.safetensors";

/** What was answered, as a file: logits and targets `[N, K]`, and the pictures' files. */
export function encodeAnswers({ logits, targets }: Predictions, files: readonly string[]): Uint8Array[] {
  const shape = [files.length, files.length === 0 ? 0 : logits.length / files.length];
  const tensors = new Map([["logits", { shape, values: logits }], ["targets", { shape, values: targets }]]);
  return encodeSafetensors(tensors, { files: JSON.stringify(files) });
}

/** Reads a test's folder; undefined where there is none. */
export async function readTest(path: string): Promise<TestRecord | undefined> {
  const text = await ifThere(Deno.readTextFile(join(path, "metrics.json")));
  if (text === undefined) return undefined;
  const report = reportIn(text, join(path, "metrics.json"));
  const answers = await ifThere(Deno.stat(join(path, ANSWERS))) && await readSafetensors(join(path, ANSWERS));
  const mistakes = await ifThere(Deno.readFile(join(path, "mistakes.png")));
  const explained = await ifThere(Deno.readFile(join(path, EXPLAINED)));
  const drawn = { ...(mistakes && { mistakes }), ...(explained && { explained }) };
  if (!answers) return { path, report, ...drawn };
  const values = (name: string): Float32Array => {
    const tensor = answers.tensors.get(name);
    if (!tensor) throw new UserError(`${join(path, ANSWERS)} has no ${name}: test the run again`);
    return tensor.values as Float32Array;
  };
  return {
    path,
    report,
    predictions: { logits: values("logits"), targets: values("targets") },
    files: JSON.parse(answers.metadata.files ?? "[]"),
    ...drawn,
  };
}

function reportIn(text: string, path: string): TestReport {
  try {
    const report = JSON.parse(text);
    if (Array.isArray(report?.perClass) && typeof report.task === "string") return report;
  } catch {
    // said below
  }
  throw new UserError(`${path} is not what a test wrote: test the run again`);
}
