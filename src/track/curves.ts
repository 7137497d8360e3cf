/**
 * `curves.svg` and `curves.png`: the records of `metrics.jsonl` as a picture, drawn when the run is over.
 *
 * @module
 */

import { join } from "node:path";
import { readRecords } from "../files.ts";
import { curvesChart } from "../report/curves.ts";
import { writeChart } from "../report/draw.ts";
import { metricsPath } from "./jsonl.ts";
import type { Tracker } from "./tracker.ts";

/** Draws the curves of a run into its directory. Stands behind the tracker that writes the records. */
export class CurvesTracker implements Tracker {
  readonly name = "curves.png";
  readonly #run: string;

  /** @param run The run directory. */
  constructor(run: string) {
    this.#run = run;
  }

  /** Draws what was recorded. */
  async end(): Promise<void> {
    const records = await readRecords(metricsPath(this.#run));
    await writeChart(join(this.#run, "curves"), curvesChart(records));
  }
}
