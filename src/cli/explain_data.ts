/**
 * What `explain` does with a run's data instead of pictures: its most confident mistakes, the patches that channels
 * answer, the last features in two dimensions.
 *
 * @module
 */

import { basename, join } from "node:path";
import { Loader } from "../data/batches/loader.ts";
import { joinedFloats } from "../bytes.ts";
import type { Dataset } from "../data/dataset.ts";
import { classNames } from "../data/labels.ts";
import { counted, printable } from "../data/names.ts";
import { thumbnailOf } from "../data/pictures/thumbnail.ts";
import { UserError } from "../errors.ts";
import { embedded, featuresOf } from "../explain/embedding.ts";
import type { Explainer } from "../explain/explainer.ts";
import { filterSheet, patchSheet } from "../explain/filter_sheet.ts";
import { firstFilters, PatchSearch } from "../explain/filters.ts";
import { PROBE_BATCH } from "../explain/probe.ts";
import { type Explained, explanationSheet, PAGE_PANELS } from "../explain/sheet.ts";
import { makeFolder, writeAtomic } from "../files.ts";
import { randomStream, shuffle } from "../random.ts";
import { draw } from "../report/draw.ts";
import { type EmbeddedPicture, embeddingPage } from "../report/page/embedding_page.ts";
import { settingsIn } from "../run/config.ts";
import type { OpenedRun } from "../run/open_run.ts";
import { EXPLAINED, readTest } from "../run/record.ts";
import { resolveSettings } from "../run/resolve.ts";
import { writeRunReport } from "../run/run_report.ts";
import type { RgbPixels } from "../report/png.ts";
import type { Prediction } from "../run/prediction.ts";
import { confidentMistakePlaces, pixelsOf } from "../run/worst.ts";
import { factsOf } from "../train/settled_options.ts";
import { MISTAKES } from "../train/trainer.ts";
import { commandOf } from "./command_of.ts";
import { dataOf, type Tested } from "./eval.ts";
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
export async function explainMistakes(asked: Asked): Promise<number> {
  const { path, config, info, explainer, options, given, progress } = asked;
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
    const some = data.subset(mistakes.map(({ place }) => place));
    for await (const { images, first } of seen(some, asked, 1)) {
      const { label, place } = mistakes[first];
      const explanation = await explainer.explainImage(images, methodOptions(options, given));
      explained.push({ file: data.samples[place].file, explanation, label });
    }
  }
  if (explained.length > 0) {
    const title = "What led to the most confident mistakes";
    await writeAtomic(join(path, "test", EXPLAINED), (await draw(explanationSheet(title, explained, PAGE_PANELS))).png);
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

/** Patches of each channel. */
const PATCHES = 9;

/** Side of the pictures of an embedding, in pixels. */
const THUMBNAIL = 64;

/** Stream of the choice of pictures. */
const chosenStream = 0xe3bed;

/** Draws the first layer's filters, and with a layer the patches that its channels answer most. */
export async function explainFilters(asked: Asked, out: string): Promise<number> {
  const { path, explainer, options } = asked;
  const filters = firstFilters(explainer.model);
  const name = basename(path);
  // What cannot be is said before anything is written.
  const search = options.layer === undefined
    ? undefined
    : new PatchSearch(explainer.probe, options.layer, options.channels, PATCHES);
  await makeFolder(out);
  const file = join(out, "filters.png");
  await writeAtomic(file, (await draw(filterSheet(name, filters))).png);
  console.log(`${counted(filters.pictures.length, "filter")} of ${filters.layer}: ${printable(file)}`);
  if (!search) return 0;
  const { data, what } = await someData(asked);
  for await (const { images } of seen(data, asked)) {
    await search.look(images, (n) => pixelsOf(images, n, explainer.preprocessing, Infinity));
  }
  const { layer: { name: layer }, channels, patches, fieldSide } = search;
  const rows = channels.map((channel, c) => ({ channel, patches: patches[c] }));
  const of = `${counted(data.size, "picture")} of ${what}; a place sees ${fieldSide}×${fieldSide} pixels.`;
  const sheet = join(out, `patches.${layer}.png`);
  await writeAtomic(sheet, (await draw(patchSheet(name, layer, rows, of))).png);
  console.log(`patches of ${counted(channels.length, "channel")} of ${layer}: ${printable(sheet)}`);
  return 0;
}

/** Writes a page with the last features of a split in two dimensions. */
export async function explainEmbedding(asked: Asked, out: string): Promise<number> {
  const { path, explainer, options, progress } = asked;
  const { data: all, what } = await someData(asked);
  const places = shuffle([...all.samples.keys()], randomStream(chosenStream, options.seed)).slice(0, options.count);
  const data = all.subset(places.sort((a, b) => a - b));
  const parts: Float32Array[] = [];
  const pictures: Omit<EmbeddedPicture, "x" | "y">[] = [];
  for await (const { images, first, count } of seen(data, asked)) {
    const { features, logits } = await featuresOf(explainer.probe, images);
    parts.push(features);
    const width = logits.length / count;
    for (let n = 0; n < count; n++) {
      const prediction = explainer.says(logits.subarray(n * width, (n + 1) * width));
      const pixels = pixelsOf(images, n, explainer.preprocessing, Infinity);
      pictures.push(pointOf(data, first + n, prediction, pixels));
    }
  }
  const features = joinedFloats(parts);
  const layout = await embedded(
    features,
    data.size,
    options.seed,
    (done, total) => progress.share("laying out", { done, total }),
  );
  progress.clear();
  await makeFolder(out);
  const file = join(out, "embedding.html");
  const some = data.size < all.size ? `, ${data.size} of ${all.size} chosen at random` : "";
  const wrong = pictures.filter(({ isWrong }) => isWrong).length;
  const page = await embeddingPage({
    title: `${basename(path)}: ${counted(data.size, "picture")}`,
    summary: [
      `What the last layer of ${explainer.model.name} reads of ${what}${some}: ${
        features.length / data.size
      } numbers a ` +
      "picture, laid out by UMAP. What is alike to the model is near; how far groups are from each other says little.",
      data.task === "multilabel"
        ? "Colours are the likeliest label."
        : `Colours are the true classes. A dark edge has what is taken for another class: ${
          counted(wrong, "picture")
        }.`,
    ],
    classes: classNames(data.task, data.classes),
    pictures: pictures.map((picture, i) => ({ ...picture, x: layout[2 * i], y: layout[2 * i + 1] })),
  });
  await writeAtomic(file, page);
  console.log(`${counted(data.size, "picture")} in two dimensions: ${printable(file)}`);
  return 0;
}

/** A picture of an embedding: its truth, or of several labels, which are no single class, the likeliest. */
function pointOf(
  { task, classes, samples }: Dataset,
  place: number,
  { top, labels }: Prediction,
  { width, height, rgb }: RgbPixels,
): Omit<EmbeddedPicture, "x" | "y"> {
  const names = classNames(task, classes);
  const { file, label } = samples[place];
  const truth = task === "multilabel" ? names.indexOf(top.name) : label[0];
  return {
    ...{ file, class: truth },
    said: task === "multilabel" ? labels.join(", ") || "no label" : said(top),
    isWrong: task !== "multilabel" && names[truth] !== top.name,
    jpeg: thumbnailOf({ width, height, channels: 3, data: rgb }, THUMBNAIL, { interpolation: "bilinear", fit: "crop" }),
  };
}

const said = ({ name, probability }: Prediction["top"]) => `${name} ${(100 * probability).toFixed(1)}%`;

/** The pictures that are asked for: a part of the run's data, or of another set. */
async function someData({ path, config, info, options, progress }: Asked): Promise<Pick<Tested, "data" | "what">> {
  const { split, data } = options;
  const asked = { split, data, ignoreUnknown: false, allowChangedData: false };
  return await dataOf(path, config, info, asked, progress);
}

/** Pictures in their order, as an evaluation sees them: how many come at a time, and the place of the first. */
async function* seen(
  data: Dataset,
  { explainer: { preprocessing }, options, progress }: Asked,
  batch = PROBE_BATCH,
): AsyncGenerator<{ readonly images: Float32Array; readonly first: number; readonly count: number }> {
  using loader = await Loader.open(data, {
    ...preprocessing,
    ...{ batch, cache: { mode: "auto" }, shuffle: false, seed: 0, last: "pad", augment: "none" },
    onNote: (note) => progress.line(noteLine(note, options.verbose)),
  });
  for (let step = 0; step < loader.steps; step++) {
    const first = step * batch;
    const count = Math.min(batch, data.size - first);
    progress.share("looking", { done: first, total: data.size });
    const { images } = await loader.batchAt(0, step);
    yield { images: images.subarray(0, count * images.length / batch), first, count };
  }
  progress.clear();
}
