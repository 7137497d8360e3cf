/**
 * A run as the list of the page has it, kept up to date by looking at its files: a few `stat`s where nothing is new.
 *
 * @module
 */

import { join, relative } from "node:path";
import { isFile } from "../data/paths.ts";
import { UserError } from "../errors.ts";
import { isHeld } from "../lock.ts";
import { sha256 } from "../hash.ts";
import type { TestReport } from "../metrics/mod.ts";
import { printable } from "../printable.ts";
import { metricNames, metricsOf } from "../report/text.ts";
import { readConfig, type RunConfig } from "../run/config.ts";
import { checkpointPath, epochName } from "../run/run_directory.ts";
import { metricsPath } from "../track/jsonl.ts";
import { livePath, readLive } from "../track/live.ts";
import { Tail, unlessGone } from "./tail.ts";

/** Where a run is: at work; with its last epoch done; ended before that; or not to be read. */
export type RunState = "training" | "finished" | "stopped" | "damaged";

/** A run in the list. Its texts are others': they are printable, and text is what a page may make of them. */
export interface RunRow {
  /** Names the run in addresses: a hash of its path. */
  readonly id: string;
  /** Its path below the folder that is shown. */
  readonly name: string;
  readonly state: RunState;
  /** What is damaged. */
  readonly why?: string;
  readonly task: string;
  readonly model: string;
  /** When it began, or went on, in milliseconds. */
  readonly began: number;
  /** The epoch it is in or has ended with, from 1; 0 before the first record. */
  readonly epoch: number;
  /** Epochs that are asked for. */
  readonly epochs: number | null;
  /** Steps that are done. */
  readonly step: number;
  /** Steps that there will be, of a run at work. */
  readonly steps: number | null;
  /** Seconds that training has left, by its last throughput. */
  readonly left: number | null;
  /** Metrics by name; null where one is undefined. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** Counts changes. */
  readonly version: number;
}

/** A value of a record, which has numbers that are not finite as texts. */
export function numberIn(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A line as a record; undefined of what is none. */
export function recordOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const record = JSON.parse(line);
    return typeof record === "object" && record !== null ? record : undefined;
  } catch {
    return undefined;
  }
}

/** How a line of `metrics.jsonl` of a window of training begins. Most lines are, and the last one tells enough. */
const TRAIN = '{"type":"train"';

/** Names of a validation's metrics; those of the user's own have their own. */
export const validationNames: Readonly<Record<string, string>> = {
  accuracy: "val accuracy",
  loss: "val loss",
  f1: "val F1",
  auroc: "val auROC",
};

/** A run whose files are looked at. */
export class WatchedRun {
  /** Its directory. */
  readonly path: string;
  /** As the list has it. */
  row: RunRow;
  /** `config.json`, once it was read. */
  config: RunConfig = {};
  readonly #tail: Tail;
  readonly #seen = new Map<string, number | undefined>();
  #logged: Record<string, number | null> = {};
  #tested: Record<string, number | null> = {};
  #total?: { readonly steps: number; readonly batch: number };

  /**
   * Names a run; nothing is read before {@link WatchedRun.look}.
   *
   * @param path Its directory.
   * @param folder The folder that is shown.
   */
  constructor(path: string, folder: string) {
    this.path = path;
    this.#tail = new Tail(metricsPath(path));
    const name = relative(folder, path) || path.split(/[\\/]/).at(-1)!;
    this.row = {
      ...{ id: sha256(path).slice(0, 12), name: printable(name), state: "stopped", task: "", model: "", began: 0 },
      ...{ epoch: 0, epochs: null, step: 0, steps: null, left: null, metrics: {}, version: 0 },
    };
  }

  /** Is it at work? Then it is looked at often. */
  get isActive(): boolean {
    return this.row.state === "training";
  }

  /** Looks at its files; tells whether something has changed. */
  async look(): Promise<boolean> {
    const { version: _, ...before } = this.row;
    let next = before;
    try {
      next = await this.#read(before);
    } catch (error) {
      next = { ...before, state: "damaged", why: printable(error instanceof UserError ? error.message : `${error}`) };
    }
    if (JSON.stringify(next) === JSON.stringify(before)) return false;
    this.row = { ...next, version: this.row.version + 1 };
    return true;
  }

  async #read(row: Omit<RunRow, "version">): Promise<Omit<RunRow, "version">> {
    const began = await this.#changed(join(this.path, "config.json"));
    let { task, model, epochs, epoch, step } = row;
    if (began !== undefined || row.state === "damaged") {
      this.config = await readConfig(this.path);
      const { model: of, settings, epochs: asked } = this.config;
      task = this.config.task ?? "";
      model = printable(of?.name ?? "");
      epochs = numberIn(settings?.epochs ?? asked);
    }
    const restart = () => {
      this.#logged = {};
      [epoch, step] = [0, 0];
    };
    for await (const lines of this.#tail.lines(restart)) {
      const last = lines.findLastIndex((line) => line.startsWith(TRAIN));
      for (const [l, line] of lines.entries()) {
        if (l !== last && line.startsWith(TRAIN)) continue;
        const record = recordOf(line);
        if (!record) continue;
        this.#take(record);
        epoch = Math.max(epoch, numberIn(record.epoch) ?? 0);
        step = Math.max(step, numberIn(record.step) ?? 0);
      }
    }
    if (await this.#changed(join(this.path, "test", "metrics.json")) !== undefined) await this.#readTest();
    // Who takes a lock writes its name into it.
    const isTouched = await this.#changed(join(this.path, ".lock")) !== undefined;
    const isAtWork = isTouched || row.state === "training" ? await isHeld(this.path) : false;
    if (isAtWork && await this.#changed(livePath(this.path)) !== undefined) {
      const live = await readLive(this.path);
      this.#total = live && { steps: live.epochs * live.stepsPerEpoch, batch: live.batch };
    }
    const steps = isAtWork ? this.#total?.steps ?? null : null;
    const rate = this.#logged["images/s"];
    const isDone = epochs !== null && await isFile(checkpointPath(this.path, epochName(epochs)));
    return {
      ...{ id: row.id, name: row.name, task, model, epochs, epoch, step, steps },
      state: isAtWork ? "training" : isDone ? "finished" : "stopped",
      began: began ?? row.began,
      left: steps !== null && rate ? Math.max(0, steps - step) * this.#total!.batch / rate : null,
      metrics: { ...this.#logged, ...this.#tested },
    };
  }

  #take(record: Readonly<Record<string, unknown>>): void {
    if (record.type === "train") {
      this.#logged["train loss"] = numberIn(record.loss);
      this.#logged["learning rate"] = numberIn(record.learningRate);
      this.#logged["images/s"] = numberIn(record.imagesPerSecond);
    } else if (record.type === "val") {
      const accuracy = numberIn(record.accuracy);
      const best = this.#logged["best val accuracy"] ?? null;
      this.#logged["best val accuracy"] = accuracy === null ? best : Math.max(best ?? accuracy, accuracy);
      for (const [key, name] of Object.entries(validationNames)) this.#logged[name] = numberIn(record[key]);
      for (const key of ownMetricsIn(record)) this.#logged[`val ${printable(key.slice(4))}`] = numberIn(record[key]);
    }
  }

  async #readTest(): Promise<void> {
    this.#tested = {};
    const text = await Deno.readTextFile(join(this.path, "test", "metrics.json")).catch(unlessGone);
    const report = recordOf(text ?? "");
    if (!report) return;
    const metrics = metricsOf({ intervals: {}, ...report } as unknown as TestReport);
    this.#tested = Object.fromEntries(metrics.map(({ key, value }) => [`test ${metricNames[key]}`, numberIn(value)]));
  }

  /** When a file was last changed, if that is news; 0 of one that is gone now. */
  async #changed(path: string): Promise<number | undefined> {
    const time = (await Deno.stat(path).catch(unlessGone))?.mtime?.getTime();
    if (this.#seen.get(path) === time) return undefined;
    this.#seen.set(path, time);
    return time ?? 0;
  }
}

/** Keys of the user's own metrics in a record. */
export function ownMetricsIn(record: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(record).filter((key) => key.startsWith("own."));
}
