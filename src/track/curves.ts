/**
 * `curves.svg` and `curves.png`: the records of `metrics.jsonl` as a picture, drawn when the run is over.
 *
 * @module
 */

import { join } from "node:path";
import { readRecords } from "../files.ts";
import { curvesChart } from "../report/curves.ts";
import { type Monitor, monitors } from "../metrics/monitored.ts";
import { writeChart } from "../report/draw.ts";
import { metricsPath } from "./jsonl.ts";
import type { RunFacts, Tracker } from "./tracker.ts";

/** Draws the curves of a run into its directory. Stands behind the tracker that writes the records. */
export class CurvesTracker implements Tracker {
  readonly name = "curves.png";
  readonly #run: string;
  #monitor?: Monitor;

  /** @param run The run directory. */
  constructor(run: string) {
    this.#run = run;
  }

  /** Remembers by which metric the best epoch is chosen. */
  begin({ config }: RunFacts): void {
    const { monitor } = Object(config.settings) as { readonly monitor?: unknown };
    this.#monitor = monitors.find((name) => name === monitor);
  }

  /** Draws what was recorded. */
  async end(): Promise<void> {
    const records = await readRecords(metricsPath(this.#run));
    await writeChart(join(this.#run, "curves"), curvesChart(records, this.#monitor));
  }
}
