/**
 * How the peers inside Deno are timed.
 *
 * @module
 */

import { median } from "../table.ts";

/** Median seconds of `runs` runs, after one that compiles. */
export async function medianSeconds(runs: number, run: () => Promise<unknown>): Promise<number> {
  await run();
  const times: number[] = [];
  for (let k = 0; k < runs; k++) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}
