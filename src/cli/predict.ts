/**
 * `predict`: what a run says about pictures.
 *
 * @module
 */

import { glob } from "node:fs/promises";
import { wholeOf } from "../augment/host/picture_view.ts";
import { middlePart, normalTables, placePicture } from "../data/batches/batch.ts";
import { printable } from "../data/names.ts";
import { Inside, isFile, isFolder, listPictures } from "../data/paths.ts";
import { decodeFile, toStored } from "../data/store/reader.ts";
import { squareOf, toGrey } from "../data/pictures/resize.ts";
import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { sigmoid, softmax } from "../metrics/mod.ts";
import type { Model } from "../models/model.ts";
import { type CheckpointInfo, modelOf } from "../run/checkpoint.ts";
import { checkpointPath, loadCheckpoint, readConfig } from "../run/run_directory.ts";
import { evaluationGraph } from "../run/evaluation_graph.ts";
import type { Invocation } from "./command.ts";
import { csvText } from "./csv_text.ts";
import { chooseDevice } from "./device.ts";
import { checkpointName } from "./eval.ts";
import type * as tables from "./flags.ts";
import { ProgressLine } from "./progress.ts";

/** What a run says of one picture: each class or label with its probability, the likeliest first. */
interface Prediction {
  readonly file: string;
  readonly scores: readonly { readonly name: string; readonly probability: number }[];
}

/** Pictures in a batch unless another number is asked for. */
const DEFAULT_BATCH = 32;

/** Runs `predict`; gives the exit code: 1 when a picture could not be read. */
export async function run(invocation: Invocation<typeof tables.predict.flags>): Promise<number> {
  const { options, words: [path, ...patterns] } = invocation;
  if (options.json && options.csv) throw new UserError("Cannot use --json and --csv together: give one", 2);
  await readConfig(path);
  const name = checkpointName(options.checkpoint);
  const checkpoint = await loadCheckpoint(path, name);
  const model = modelOf(checkpoint, checkpointPath(path, name));
  const files = await filesOf(patterns);
  const progress = new ProgressLine(false);
  const isText = !options.json && !options.csv;
  await using device = await chooseDevice(options.backend, (line) => options.verbose && progress.line(line));

  let broken = 0;
  if (options.csv) console.log(csvText([["file", ...checkpoint.info.classes]]).trimEnd());
  const batch = Math.min(options.batch ?? DEFAULT_BATCH, files.length);
  for await (const result of predictAll(device, model, checkpoint.info, files, batch)) {
    if (result instanceof UserError) {
      progress.line(`fovea: ${result.message}`);
      broken++;
    } else {
      console.log(
        isText
          ? textOf(result, checkpoint.info, options.topK)
          : options.json
          ? jsonOf(result)
          : csvOf(result, checkpoint.info),
      );
    }
  }
  return broken > 0 ? 1 : 0;
}

/** Pictures that the words name: files, the pictures of folders, and patterns with `*`. */
async function filesOf(patterns: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const pattern of patterns) {
    if (await isFile(pattern)) files.push(pattern);
    else if (await isFolder(pattern)) {
      const found = await listPictures(await Inside.open(pattern), ".", true);
      if (found.length === 0) throw new UserError(`${printable(pattern)} has no pictures (.jpg, .jpeg or .png)`);
      files.push(...found.map((name) => `${pattern}/${name}`));
    } else {
      const found = await Array.fromAsync(glob(pattern));
      if (found.length === 0) {
        throw new UserError(
          `There is no picture ${printable(pattern)}; give files, folders or patterns such as '*.jpg'`,
        );
      }
      files.push(...found.sort());
    }
  }
  return files;
}

/** Predictions in the order of the files; an error in the place of a picture that cannot be read. */
async function* predictAll(
  device: Device,
  model: Model,
  { preprocessing, task, classes }: CheckpointInfo,
  files: readonly string[],
  batch: number,
): AsyncGenerator<Prediction | UserError> {
  const { imageSize, mean, std } = preprocessing;
  const pixels = model.channels * imageSize * imageSize;
  const tables = normalTables(mean, std);
  using session = device.open();
  for (const { name } of model.parameters) session.write(name, model.weights.get(name)!);
  const program = session.compile(evaluationGraph(model, batch));
  for (let start = 0; start < files.length; start += batch) {
    const images = new Float32Array(batch * pixels);
    const errors = new Map<number, UserError>();
    const part = files.slice(start, start + batch);
    part.forEach((file, row) => {
      try {
        const picture = squareOf(toStored(decodeFile(file), preprocessing), preprocessing);
        const input = model.channels === 1 ? toGrey(picture) : picture;
        const out = images.subarray(row * pixels, (row + 1) * pixels);
        placePicture(middlePart(wholeOf(input), imageSize), tables, out);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        errors.set(row, error);
      }
    });
    program.run({ images });
    const { logits } = await program.outputs();
    for (const [row, file] of part.entries()) {
      const own = logits.subarray(row * classes.length, (row + 1) * classes.length);
      const probabilities = task === "multiclass" ? softmax(own, classes.length) : Float64Array.from(own, sigmoid);
      const scores = classes.map((name, c) => ({ name, probability: probabilities[c] }));
      yield errors.get(row) ?? { file, scores: scores.sort((a, b) => b.probability - a.probability) };
    }
  }
}

/** `photo.jpg  Blond_Hair 0.97, Brown_Hair 0.02`; of labels, those with a probability of at least one half. */
function textOf({ file, scores }: Prediction, { task }: CheckpointInfo, topK: number): string {
  const shown = task === "multiclass"
    ? scores.slice(0, topK)
    : task === "binary"
    ? scores
    : scores.filter(({ probability }) => probability >= 0.5);
  const text = shown.map(({ name, probability }) => `${printable(name)} ${probability.toFixed(3)}`).join(", ");
  return `${printable(file)}  ${text || "no label"}`;
}

function jsonOf({ file, scores }: Prediction): string {
  return JSON.stringify({
    file,
    probabilities: Object.fromEntries(scores.map(({ name, probability }) => [name, probability])),
  });
}

function csvOf({ file, scores }: Prediction, { classes }: CheckpointInfo): string {
  const cells = classes.map((name) => scores.find((score) => score.name === name)!.probability.toPrecision(6));
  return csvText([[file, ...cells]]).trimEnd();
}
