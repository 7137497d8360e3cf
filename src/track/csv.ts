/**
 * `metrics.csv`: the records of `metrics.jsonl` as a table, for spreadsheets and data frames. A cell is empty where a
 * record has no such field, or null there. Numbers that are not finite are `NaN`, `Infinity` and `-Infinity`.
 *
 * @module
 */

import { stringify } from "@std/csv";
import { join } from "node:path";
import { appendText, readRecords, writeAtomic } from "../files.ts";
import { logRecord, metricsPath, type MetricsRecord, validationRecord } from "./jsonl.ts";
import type { LogFacts, RunFacts, Tracker, ValidationFacts } from "./tracker.ts";

/** Columns that every run has; metrics of the user's own come behind them. */
const COLUMNS = [
  ...["type", "epoch", "step", "loss", "lossKind", "learningRate", "skipped", "imagesPerSecond"],
  ...["lossScale", "overflows", "accuracy", "f1", "auroc"],
] as const;

/** Keeps the table of a run in its directory. */
export class CsvTracker implements Tracker {
  readonly name = "metrics.csv";
  readonly #run: string;
  readonly #path: string;
  #columns: readonly string[] = COLUMNS;

  /** @param run The run directory. */
  constructor(run: string) {
    this.#run = run;
    this.#path = join(run, "metrics.csv");
  }

  /** Begins the table. That of a resumed run is made again, from the records: an earlier version wrote none. */
  async begin({ resumedAt }: RunFacts): Promise<void> {
    if (!resumedAt) await writeAtomic(this.#path, lineOf(this.#columns));
  }

  /** Keeps the rows up to the step after which the run goes on. */
  async rewind(step: number): Promise<void> {
    const records = (await readRecords(metricsPath(this.#run))) as MetricsRecord[];
    const kept = records.filter((record) => record.step <= step);
    this.#columns = columnsOf(COLUMNS, ...kept);
    await writeAtomic(this.#path, [this.#columns, ...kept.map((record) => this.#row(record))].map(lineOf).join(""));
  }

  /** Adds a row of type `train`. */
  log(facts: LogFacts): Promise<void> {
    return this.#append(logRecord(facts));
  }

  /** Adds a row of type `val`. */
  validation(facts: ValidationFacts): Promise<void> {
    return this.#append(validationRecord(facts));
  }

  async #append(record: MetricsRecord): Promise<void> {
    const columns = columnsOf(this.#columns, record);
    if (columns.length > this.#columns.length) await this.#widen(columns);
    await appendText(this.#path, lineOf(this.#row(record)));
  }

  /** Adds columns behind the others: the rows before have nothing there. */
  async #widen(columns: readonly string[]): Promise<void> {
    const [, ...rows] = (await Deno.readTextFile(this.#path)).split("\r\n").slice(0, -1);
    const empty = ",".repeat(columns.length - this.#columns.length);
    this.#columns = columns;
    await writeAtomic(this.#path, [lineOf(columns), ...rows.map((row) => `${row}${empty}\r\n`)].join(""));
  }

  #row(record: MetricsRecord): string[] {
    return this.#columns.map((column) => String(record[column] ?? ""));
  }
}

/** The columns, and behind them the further fields of records. */
function columnsOf(columns: readonly string[], ...records: readonly MetricsRecord[]): string[] {
  // It lists where a number had to become a text, which a table has no need of.
  const fields = records.flatMap((record) => Object.keys(record).filter((name) => name !== "nonFinite"));
  return [...new Set([...columns, ...fields])];
}

/** A line of the file; no name may break it. */
function lineOf(cells: readonly string[]): string {
  return stringify([cells.map((cell) => cell.replaceAll(/[\r\n]+/g, " "))], { headers: false });
}
