/**
 * The pictures on which a model does worst, with their pixels: for trackers and reports that show them.
 *
 * @module
 */

import type { Batch } from "../data/batches/batch.ts";
import type { Loader } from "../data/batches/loader.ts";
import type { Dataset } from "../data/dataset.ts";
import { classNames } from "../data/labels.ts";
import { predictClasses, sigmoid, sigmoidCrossEntropy, softmax, softmaxCrossEntropy } from "../metrics/mod.ts";
import type { WorstPicture } from "../report/sheet.ts";
import type { Preprocessing } from "./checkpoint.ts";
import type { Predictions } from "./predictions.ts";

/** Longest side of a picture in pixels: it is looked at beside others. */
const MAX_SIDE = 128;

/** What was validated. */
export interface Validated {
  readonly data: Dataset;
  /** Streams the data, in their order. */
  readonly loader: Loader;
  readonly preprocessing: Pick<Preprocessing, "imageSize" | "mean" | "std">;
  readonly predictions: Predictions;
}

/** What the model says of a picture. */
type Answer = Omit<WorstPicture, "file" | "pixels">;

/**
 * The pictures with the highest loss, the highest first; of equals the one that stands first in the data.
 *
 * @param validated What was validated.
 * @param count How many.
 */
export async function worstPictures(validated: Validated, count: number): Promise<WorstPicture[]> {
  const answers = answersOf(validated);
  const order = [...answers.keys()].sort((a, b) => answers[b].loss - answers[a].loss || a - b);
  return await picturesOf(validated, answers, order.slice(0, count));
}

/**
 * The pictures that are answered wrongly, the highest probability first; of equals the one that stands first in the
 * data.
 *
 * @param validated What was tested.
 * @param count How many at most.
 */
export async function confidentMistakes(validated: Validated, count: number): Promise<WorstPicture[]> {
  const answers = answersOf(validated);
  return await picturesOf(validated, answers, mistakenOf(answers).slice(0, count));
}

/**
 * Places in the data of the pictures that are answered wrongly, as {@link confidentMistakes} has them.
 *
 * @param answered What was tested.
 * @returns Each with what it is and what it was taken for.
 */
export function confidentMistakePlaces(
  answered: Pick<Validated, "data" | "predictions">,
): (Answer & { readonly place: number })[] {
  const answers = answersOf(answered);
  return mistakenOf(answers).map((place) => ({ ...answers[place], place }));
}

/** Of the answers those that are wrong, the most confident first. */
function mistakenOf(answers: readonly Answer[]): number[] {
  return [...answers.keys()].filter((i) => answers[i].label !== answers[i].predicted)
    .sort((a, b) => answers[b].probability - answers[a].probability || a - b);
}

/** What the model says of every picture. */
function answersOf({ data, predictions }: Pick<Validated, "data" | "predictions">): Answer[] {
  const { task, classes, size } = data;
  const width = classes.length;
  const row = (values: Float32Array, i: number) => values.subarray(i * width, (i + 1) * width);
  return Array.from({ length: size }, (_, i) => {
    const [logits, targets] = [row(predictions.logits, i), row(predictions.targets, i)];
    return { ...answerOf(task, logits, targets, classes), loss: lossOf(task, logits, targets) };
  });
}

/** Some of the pictures, with what the model says of them. */
async function picturesOf(
  { data, loader, preprocessing }: Validated,
  answers: readonly Answer[],
  places: readonly number[],
): Promise<WorstPicture[]> {
  // Several of the pictures may be of one batch.
  const batches = new Map<number, Promise<Batch>>();
  return await Promise.all(places.map(async (i) => {
    const step = Math.floor(i / loader.batch);
    if (!batches.has(step)) batches.set(step, loader.batchAt(0, step));
    const { images } = await batches.get(step)!;
    return {
      file: data.samples[i].file,
      ...answers[i],
      pixels: pixelsOf(images, i % loader.batch, preprocessing),
    };
  }));
}

function lossOf(task: Dataset["task"], logits: Float32Array, targets: Float32Array): number {
  return (task === "multiclass"
    ? softmaxCrossEntropy(logits, [targets.indexOf(1)], logits.length)
    : sigmoidCrossEntropy(logits, targets))!;
}

function answerOf(
  task: Dataset["task"],
  logits: Float32Array,
  targets: Float32Array,
  classes: readonly string[],
): Omit<Answer, "loss"> {
  if (task === "multiclass") {
    const [predicted] = predictClasses(logits, logits.length);
    const probability = softmax(logits, logits.length)[predicted];
    return { label: classes[targets.indexOf(1)], predicted: classes[predicted], probability };
  }
  const names = (holds: (k: number) => boolean) => {
    if (task === "binary") return classNames(task, classes)[Number(holds(0))];
    return classes.filter((_, k) => holds(k)).join(", ") || "none";
  };
  // How far each logit is on the wrong side.
  const wrong = Array.from(logits, (logit, k) => targets[k] ? -logit : logit);
  const worst = wrong.indexOf(Math.max(...wrong));
  return {
    label: names((k) => targets[k] === 1),
    predicted: names((k) => logits[k] >= 0),
    probability: sigmoid(Math.abs(logits[worst])),
  };
}

/**
 * A picture of a batch as bytes: what was normalised is turned back, and large pictures are averaged.
 *
 * @param maxSide Its longest side in pixels.
 */
export function pixelsOf(
  images: Float32Array,
  row: number,
  { imageSize, mean, std }: Validated["preprocessing"],
  maxSide = MAX_SIDE,
): WorstPicture["pixels"] {
  const channels = mean.length;
  const factor = Math.max(1, Math.ceil(imageSize / maxSide));
  const side = Math.floor(imageSize / factor);
  const rgb = new Uint8Array(side * side * 3);
  for (let c = 0; c < 3; c++) {
    const channel = Math.min(c, channels - 1);
    const plane = (row * channels + channel) * imageSize * imageSize;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        let sum = 0;
        for (let j = 0; j < factor; j++) {
          const from = plane + (y * factor + j) * imageSize + x * factor;
          for (let i = 0; i < factor; i++) sum += images[from + i];
        }
        const value = sum / factor ** 2 * std[channel] + mean[channel];
        rgb[(y * side + x) * 3 + c] = Math.max(0, Math.min(255, Math.round(255 * value)));
      }
    }
  }
  return { width: side, height: side, rgb };
}
