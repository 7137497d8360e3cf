/**
 * `predict`: what a run says about pictures.
 *
 * @module
 */

import { basename } from "node:path";
import { findPictures } from "../data/find_pictures.ts";
import { counted, printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { writeAtomic } from "../files.ts";
import { readCalibration } from "../run/calibration.ts";
import { EVALUATION_BATCH } from "../run/evaluate.ts";
import type { Prediction, Score } from "../run/prediction.ts";
import { Predictor } from "../run/predictor.ts";
import { type Invocation, type Options, userPath } from "./command.ts";
import { ClassMapFiles } from "./class_maps.ts";
import { ClassMapper, withClassMap } from "../run/class_map.ts";
import { type Answered, writeContactSheet } from "./contact_sheet.ts";
import { csvText } from "./csv_text.ts";
import { chooseDevice } from "./device.ts";
import type * as tables from "./flags.ts";
import { cannotUse } from "./idle.ts";
import { noteLine } from "./notes.ts";
import { openAsAsked } from "./opened_run.ts";
import { outputNames } from "./output_names.ts";
import { ProgressLine } from "./progress.ts";

/** Runs `predict`; gives the exit code: 1 when a picture could not be read. */
export async function run(invocation: Invocation<typeof tables.predict.flags>): Promise<number> {
  const { options, given, words: [path, ...patterns] } = invocation;
  if (options.json && options.csv) throw new UserError("Cannot use --json and --csv together: give one", 2);
  const form = formOf(options);
  if (given.has("topK") && form !== "text") {
    throw cannotUse("--top-k", `${form === "csv" ? "CSV" : "JSON"} has the probabilities of all classes`);
  }
  if (options.npy && options.dense === undefined) {
    throw cannotUse("--npy", "it would change nothing without --dense, which makes class maps");
  }
  const progress = new ProgressLine(false);
  progress.update(() => `reading ${printable(path)}`);
  const { model, info } = await openAsAsked(path, options);
  progress.clear();
  if (given.has("topK") && info.task !== "multiclass") throw cannotUse("--top-k", `the run's task is ${info.task}`);
  const words = patterns.filter((word) => word !== "-");
  const found = words.length > 0 || patterns.length === 0
    ? await findPictures(words, options.allowOutside)
    : { files: [], faults: new Map<string, string>(), notes: [] };
  // A path on standard input is a file, of which each says what is wrong with it.
  const files = [
    ...found.files.filter((file) => !found.faults.has(file)),
    ...words.length < patterns.length ? await listed() : [],
  ];
  const { out, html } = options;
  for (const [name, file] of [["--out", out], ["--html", html]] as const) {
    if (file !== undefined && files.includes(file)) {
      throw cannotUse(`${name} ${printable(file)}`, "it is one of the pictures");
    }
  }
  if (html !== undefined && html === out) throw cannotUse(`--html ${printable(html)}`, "--out is the same file");
  const show = { json: jsonOf, csv: csvOf, text: textOf }[form];
  // Lines on a terminal are progress enough.
  const shows = out !== undefined || options.html !== undefined || !Deno.stdout.isTerminal();
  const lines: string[] = [];
  // A sheet is instead of lines, unless these are asked for.
  const isSheetOnly = html !== undefined && out === undefined && form === "text" && !given.has("topK");
  const write = (line: string) =>
    isSheetOnly ? undefined : out === undefined ? console.log(line) : void lines.push(line);
  // A model that has no class map is refused before pictures are read.
  if (options.dense !== undefined) withClassMap(model);
  const answered: Answered[] = [];
  const faults = Array.from(found.faults, ([file, fault]) => `${file} ${fault}`);
  await using device = await chooseDevice(
    options.backend,
    (line) => (options.verbose || !line.startsWith("device ")) && progress.line(line),
  );

  let broken = found.faults.size;
  for (const note of found.notes) progress.line(noteLine(note, options.verbose));
  for (const [file, fault] of found.faults) progress.line(`fovea: ${printable(file)} ${fault}`);
  if (files.length === 0) return 1;
  if (form === "csv") write(csvText([["file", ...info.classes]]).trimEnd());
  const batch = Math.min(options.batch ?? EVALUATION_BATCH, files.length);
  const { temperature } = await readCalibration(path, info.epoch) ?? {};
  const { maxMegapixels } = options;
  await using predictor = new Predictor({ ...info, model, device, batch, maxMegapixels, temperature });
  using mapper = options.dense === undefined ? undefined : new ClassMapper(model, info.preprocessing, device);
  const decoding = { range: info.preprocessing.range, maxPixels: maxMegapixels * 1e6 };
  const maps = mapper &&
    new ClassMapFiles(options.dense!, mapper, { ...info, decoding, temperature: temperature ?? 1, npy: options.npy });
  const names = outputNames(files);
  for (let start = 0; start < files.length; start += batch) {
    const part = files.slice(start, start + batch);
    for (const [i, result] of (await predictor.predictSettled(part)).entries()) {
      if (result instanceof UserError) {
        progress.line(`fovea: ${result.message}`);
        faults.push(result.message);
        broken++;
      } else {
        if (html !== undefined) answered.push({ file: part[i], prediction: result });
        await maps?.write(part[i], names[start + i], result);
        write(show(part[i], result, predictor, options.topK));
      }
    }
    if (shows) progress.share("predicting", { done: start + part.length, total: files.length });
  }
  progress.clear();
  if (html !== undefined) {
    const { preprocessing: { interpolation, fit }, task, classes } = info;
    const sheet = {
      ...{ run: basename(path), task, classes, faults, resizing: { interpolation, fit } },
      decoding,
    };
    const line = await writeContactSheet(
      html,
      answered,
      sheet,
      (done, total) => progress.share("drawing", { done, total }),
    );
    progress.clear();
    progress.line(`sheet  ${line}`);
  }
  if (options.dense !== undefined) {
    progress.line(`${counted(files.length - broken, "class map")} written to ${printable(options.dense)}`);
  }
  if (out !== undefined) {
    await writeAtomic(out, lines.map((line) => `${line}\n`).join(""));
    progress.line(`${counted(files.length - broken, "prediction")} written to ${printable(out)}`);
  }
  return broken > 0 ? 1 : 0;
}

/** How predictions are written: as asked for, or as the file's name says. */
function formOf({ json, csv, out = "" }: Options<typeof tables.predict.flags>): "json" | "csv" | "text" {
  if (json || (!csv && /\.(json|jsonl|ndjson)$/i.test(out))) return "json";
  return csv || /\.csv$/i.test(out) ? "csv" : "text";
}

/** Paths that standard input lists: a line each, or with a NUL after each, as `find -print0` writes them. */
async function listed(): Promise<string[]> {
  const text = await new Response(Deno.stdin.readable).text();
  const names = text.split(text.includes("\0") ? "\0" : /\r?\n/).filter((name) => name !== "");
  if (names.length === 0) throw new UserError("Standard input lists no pictures: give a path on each line");
  return names.map(userPath);
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
