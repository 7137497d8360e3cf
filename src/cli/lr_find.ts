/**
 * `lr-find`: lets the learning rate rise until the loss diverges, draws the curve, and proposes a rate.
 *
 * @module
 */

import { join } from "node:path";
import { counted, printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { makeFolder, writeAtomic } from "../files.ts";
import { svgOf, writeChart } from "../report/draw.ts";
import { ratesChart, rateText } from "../report/rates_chart.ts";
import { findLearningRate, type RatePoint } from "../train/lr_find.ts";
import { type Invocation, parseCommand, userPath } from "./command.ts";
import { commandOf } from "./command_of.ts";
import * as tables from "./flags.ts";
import { cannotUse } from "./idle.ts";
import { type Opened, run as train } from "./train.ts";
import { ProgressBarTracker } from "./trackers.ts";

/** The curve is drawn anew after so many updates. */
const DRAW_EVERY = 10;

/** Runs `lr-find`; gives the exit code. */
export async function run({ options, given }: Invocation<typeof tables.lrFind.flags>): Promise<number> {
  const { from, to } = options;
  if (from >= to) throw cannotUse(`--from ${from}`, `the rate is to rise to --to ${to}; give less`);
  const now = new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  const out = options.out ?? userPath(join("runs", `lr-find-${now}`));
  const whole = { ...parseCommand(tables.train, []).options, ...options, out };
  const names = new Set(Object.keys(tables.train.flags));
  const asked = new Set([...given].filter((name) => names.has(name)) as (keyof typeof tables.train.flags)[]);
  return await train({ options: whole, given: asked, words: [] }, undefined, (opened) => search(opened, options, out));
}

/** Searches, and says what was found. */
async function search(
  { trainer, split, settings, data, progress }: Opened,
  { from, to, updates }: { readonly from: number; readonly to: number; readonly updates: number },
  out: string,
): Promise<number> {
  const path = join(out, "lr-find");
  const title = `Learning rate of ${settings.model}`;
  await makeFolder(out);
  progress.line(`search ${counted(updates, "update")}, from a learning rate of ${rateText(from)} to ${rateText(to)}`);
  const onPoint = async (points: readonly RatePoint[]) => {
    const { learningRate, smoothed } = points.at(-1) ?? { learningRate: from, smoothed: NaN };
    progress.share(`searching: lr ${rateText(learningRate)}, loss ${smoothed.toFixed(4)},`, {
      ...{ done: points.length, total: updates },
    }, "search");
    if (points.length === 0 || points.length % DRAW_EVERY !== 0) return;
    await writeAtomic(`${path}.svg`, await svgOf(ratesChart(title, { points })));
  };
  const trackers = [new ProgressBarTracker(progress)];
  const found = await findLearningRate(
    { ...trainer, trackers },
    { from, to, updates, onPoint },
    split.train,
    split.val,
  );
  progress.clear();
  const { points, diverged, proposal } = found;
  await writeAtomic(`${path}.json`, `${JSON.stringify(found, null, 2)}\n`);
  if (points.length > 0) await writeChart(path, ratesChart(title, found));
  if (trainer.signal?.aborted) return 130;
  if (!proposal) {
    throw new UserError(
      `Cannot propose a learning rate: the loss has not fallen in ${counted(points.length, "update")}; give a lower ` +
        "--from, or more --updates",
    );
  }
  const [steepest, minimum] = [proposal.steepest, proposal.minimum].map(rateText);
  console.log(
    `${
      diverged
        ? `the loss diverges at ${rateText(points.at(-1)!.learningRate)}`
        : `the loss does not diverge up to ${rateText(to)}`
    }\n` +
      `steepest fall at ${steepest}; a tenth of the minimum's rate is ${minimum}\n` +
      `curve: ${printable(path)}.svg and .png\n` +
      commandOf({ ...settings, learningRate: Number(steepest) }, data),
  );
  return 0;
}
