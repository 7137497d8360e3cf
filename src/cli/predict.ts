/**
 * `predict`: what a run says about pictures.
 *
 * @module
 */

import { findPictures } from "../data/find_pictures.ts";
import { printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { EVALUATION_BATCH } from "../run/evaluate.ts";
import type { Prediction, Score } from "../run/prediction.ts";
import { Predictor } from "../run/predictor.ts";
import type { Invocation } from "./command.ts";
import { csvText } from "./csv_text.ts";
import { chooseDevice } from "./device.ts";
import type * as tables from "./flags.ts";
import { openAsAsked } from "./opened_run.ts";
import { ProgressLine } from "./progress.ts";

/** Runs `predict`; gives the exit code: 1 when a picture could not be read. */
export async function run(invocation: Invocation<typeof tables.predict.flags>): Promise<number> {
  const { options, words: [path, ...patterns] } = invocation;
  if (options.json && options.csv) throw new UserError("Cannot use --json and --csv together: give one", 2);
  const { model, info } = await openAsAsked(path, options);
  const found = await findPictures(patterns, options.allowOutside);
  const files = found.files.filter((file) => !found.faults.has(file));
  const progress = new ProgressLine(false);
  const show = options.json ? jsonOf : options.csv ? csvOf : textOf;
  await using device = await chooseDevice(options.backend, (line) => options.verbose && progress.line(line));

  let broken = found.faults.size;
  for (const note of found.notes) progress.line(`note   ${note}`);
  for (const [file, fault] of found.faults) progress.line(`fovea: ${printable(file)} ${fault}`);
  if (files.length === 0) return 1;
  if (options.csv) console.log(csvText([["file", ...info.classes]]).trimEnd());
  const batch = Math.min(options.batch ?? EVALUATION_BATCH, files.length);
  await using predictor = new Predictor({ ...info, model, device, batch, maxMegapixels: options.maxMegapixels });
  for (let start = 0; start < files.length; start += batch) {
    const part = files.slice(start, start + batch);
    for (const [i, result] of (await predictor.predictSettled(part)).entries()) {
      if (result instanceof UserError) {
        progress.line(`fovea: ${result.message}`);
        broken++;
      } else {
        console.log(show(part[i], result, predictor, options.topK));
      }
    }
  }
  return broken > 0 ? 1 : 0;
}

/** Of each class or label; of a binary task, of the target alone. */
function scoresOf({ probabilities }: Prediction, { classes }: Predictor): Score[] {
  return classes.map((name) => ({ name, probability: probabilities[name] }));
}

/** The likeliest first. */
function ranked(prediction: Prediction, predictor: Predictor): Score[] {
  return scoresOf(prediction, predictor).sort((a, b) => b.probability - a.probability);
}

/** `photo.jpg  Blond_Hair 0.97, Brown_Hair 0.02`; of labels, those with a probability of at least one half. */
function textOf(file: string, prediction: Prediction, predictor: Predictor, topK: number): string {
  const scores = ranked(prediction, predictor);
  const shown = predictor.task === "multiclass"
    ? scores.slice(0, topK)
    : predictor.task === "binary"
    ? scores
    : scores.filter(({ name }) => prediction.labels.includes(name));
  const text = shown.map(({ name, probability }) => `${printable(name)} ${probability.toFixed(3)}`).join(", ");
  return `${printable(file)}  ${text || "no label"}`;
}

function jsonOf(file: string, prediction: Prediction, predictor: Predictor): string {
  const scores = ranked(prediction, predictor).map(({ name, probability }) => [name, probability]);
  const text = JSON.stringify({ file, probabilities: Object.fromEntries(scores) });
  // JSON may hold some control codes as they are; as escapes they mean the same.
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (c) => c.replace(/./gs, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

function csvOf(file: string, prediction: Prediction, predictor: Predictor): string {
  const cells = scoresOf(prediction, predictor).map(({ probability }) => probability.toPrecision(6));
  return csvText([[file, ...cells]]).trimEnd();
}
