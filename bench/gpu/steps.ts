/**
 * The report's training steps, by the heuristic and tuned.
 *
 * @module
 */

import type { Precision } from "../../src/graph/graph.ts";
import type { Cell, Table } from "../table.ts";
import { isSilence, type Silence } from "./lines.ts";
import { flopsOf, graphOf, type StepWork, type Timed } from "./questions.ts";
import { least, ratio, secondsIn, share, type Timing } from "./timing.ts";

/** What a device says that may have room for a smaller batch: memory, a limit, or that it gave up. */
const TOO_LARGE = /memory|does not fit|too large|larger than|maximum buffer size|lost|SIGKILL/i;

/** A batch is halved so often at most. */
const HALVINGS = 3;

/** Times a step, of a smaller batch where this one is too large for the device. */
async function timeOrHalve(
  timing: Timing,
  whole: StepWork,
): Promise<{ work: StepWork; answer: Timed | Silence; remarks: string[] }> {
  const remarks: string[] = [];
  for (let work = whole, halvings = 0;; halvings++) {
    const answer = await timing.time(work);
    const isSmallest = halvings === HALVINGS || work.batch === 1;
    if (!isSilence(answer) || !TOO_LARGE.test(answer.why) || isSmallest) return { work, answer, remarks };
    remarks.push(`batch ${work.batch}: ${answer.why}`);
    work = { ...work, batch: Math.floor(work.batch / 2) };
  }
}

async function rowOf(timing: Timing, network: string, precision: Precision): Promise<Cell[]> {
  const { imageSize, batch, tuneSeconds } = timing.sizes;
  const { work, answer, remarks } = await timeOrHalve(timing, { kind: "step", network, imageSize, batch, precision });
  const start: Cell[] = [network, precision, `${work.batch}`];
  if (isSilence(answer)) {
    const blank = Array.from({ length: columns.length - start.length - 1 }, () => undefined);
    return [...start, ...blank, [...remarks, answer.why].join("; ")];
  }
  const torch = await timing.beside({ what: "train", network, imageSize, batch: work.batch, precision });
  if (isSilence(torch) && !timing.torch.isLeftOut) remarks.push(`PyTorch: ${torch.why}`);
  const tuned = await timing.tune(work, tuneSeconds);
  let better: number | undefined;
  if (isSilence(tuned)) remarks.push(`tuning: ${tuned.why}`);
  else {
    const { choices } = tuned;
    // Where nothing was chosen there is nothing else to time.
    const again = Object.keys(choices).length > 0 ? await timing.time(work, choices) : answer;
    if (isSilence(again)) remarks.push(`tuned: ${again.why}`);
    better = secondsIn(again);
    remarks.push(`${Object.keys(choices).length} choices in ${tuned.seconds.toFixed(0)} s`);
  }
  const seconds = least(answer.seconds, better);
  const rate = ratio(flopsOf(graphOf(work)), seconds);
  return [
    ...start,
    1000 * answer.seconds,
    ratio(better, 1, 1000),
    ratio(work.batch, seconds),
    ratio(rate, 1, 1e-12),
    share(ratio(rate, timing.peak)),
    ratio(secondsIn(torch), 1, 1000),
    share(ratio(secondsIn(torch), seconds)),
    `${answer.dispatches}`,
    `${Math.round(answer.memory / 2 ** 20)}`,
    answer.first,
    remarks.join("; "),
  ];
}

const columns = [
  ...["network", "precision", "batch", "ms by the rules", "ms tuned", "images/s", "TFLOP/s", "of the peak"],
  ...["PyTorch, ms", "of PyTorch's speed", "dispatches", "MiB", "s to the first", "remark"],
];

/** Times the steps of all networks in a precision. */
export async function steps(timing: Timing, precision: Precision): Promise<Table> {
  const rows: Cell[][] = [];
  for (const network of timing.sizes.networks) rows.push(await rowOf(timing, network, precision));
  return {
    title: `Training steps at ${timing.sizes.imageSize}², ${precision}`,
    columns,
    rows,
    notes: [
      "Images/s, TFLOP/s and shares are those of the faster one of rules and tuned. FLOPs are those of the ops as " +
      "they are defined, whatever Winograd saves. Seconds to the first step: compiling and uploading, by the rules.",
    ],
  };
}
