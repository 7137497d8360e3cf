/**
 * What `explain` does with a run's own data: its most confident mistakes.
 *
 * @module
 */

import { join } from "node:path";
import { Loader } from "../data/batches/loader.ts";
import type { Dataset } from "../data/dataset.ts";
import { counted, printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import type { Explainer } from "../explain/explainer.ts";
import { type Explained, explanationSheet } from "../explain/sheet.ts";
import { writeAtomic } from "../files.ts";
import { draw } from "../report/draw.ts";
import { settingsIn } from "../run/config.ts";
import type { OpenedRun } from "../run/open_run.ts";
import { EXPLAINED, readTest } from "../run/record.ts";
import { resolveSettings } from "../run/resolve.ts";
import { writeRunReport } from "../run/run_report.ts";
import { confidentMistakePlaces } from "../run/worst.ts";
import { factsOf } from "../train/options.ts";
import { MISTAKES } from "../train/trainer.ts";
import { commandOf } from "./command_of.ts";
import { dataOf } from "./eval.ts";
import { type ExplainFlags, methodOptions } from "./explain_options.ts";
import { noteLine } from "./notes.ts";
import type { ProgressLine } from "./progress.ts";

/** A run with what is asked about it. */
export interface Asked extends OpenedRun {
  readonly explainer: Explainer;
  readonly options: ExplainFlags;
  readonly given: ReadonlySet<string>;
  readonly progress: ProgressLine;
}

/** Draws what led to the test's most confident mistakes, and puts it into `report.html`. */
export async function explainMistakes(
  { path, config, info, explainer, options, given, progress }: Asked,
): Promise<number> {
  const test = await readTest(join(path, "test"));
  if (!test?.predictions) {
    throw new UserError(
      `${printable(path)} has no test whose answers are kept: test it with eval, and explain it then`,
    );
  }
  const { data } = await dataOf(path, config, info, { ...noOther, allowChangedData: false }, progress);
  const { files = [] } = test;
  if (files.length !== data.size || data.samples.some(({ file }, i) => file !== files[i])) {
    throw new UserError(
      `The test of ${printable(path)} is of other pictures than its data have: test it anew with eval`,
    );
  }
  const mistakes = confidentMistakePlaces({ data, predictions: test.predictions }).slice(0, MISTAKES);
  const explained: Explained[] = [];
  if (mistakes.length > 0) {
    using loader = await plainLoader(data.subset(mistakes.map(({ place }) => place)), explainer, options, progress);
    for (const [i, { label, place }] of mistakes.entries()) {
      progress.share("explaining", { done: i, total: mistakes.length });
      const { images } = await loader.batchAt(0, i);
      const explanation = await explainer.explainImage(images, methodOptions(options, given));
      explained.push({ file: data.samples[place].file, explanation, label });
    }
  }
  progress.clear();
  if (explained.length > 0) {
    const title = "What led to the most confident mistakes";
    await writeAtomic(join(path, "test", EXPLAINED), (await draw(explanationSheet(title, explained))).png);
  }
  const report = await writeRunReport(path, commandOf(resolveSettings(settingsIn(config, path)), factsOf(data)));
  console.log(
    explained.length === 0
      ? `the test has no mistakes; report: ${printable(report)}`
      : `${counted(explained.length, "mistake")} explained by ${explained[0].explanation.method}: ${printable(report)}`,
  );
  return 0;
}

/** The run's own data. */
const noOther = { split: undefined, data: undefined, ignoreUnknown: false } as const;

/** Pictures one by one, as an evaluation sees them. */
async function plainLoader(
  data: Dataset,
  { preprocessing }: Explainer,
  { verbose }: ExplainFlags,
  progress: ProgressLine,
): Promise<Loader> {
  return await Loader.open(data, {
    ...preprocessing,
    ...{ batch: 1, cache: { mode: "auto" }, shuffle: false, seed: 0, last: "pad", augment: "none", workers: 1 },
    onNote: (note) => progress.line(noteLine(note, verbose)),
  });
}
